"""Progress bars: where work takes long, or where one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["advancing"]

# Seconds before a progress bar appears by itself.
_DELAY = 3.0


@contextmanager
def advancing(count: int, progress: bool | None, unit: str) -> Iterator[Callable[[], Any]]:
    """A bar of ``count`` units and what moves it on: always, never, or, where ``progress`` is None,
    where it takes long. It is gone when the work ends or is interrupted.

    Examples
    ========

    >>> with advancing(2, None, 'point') as advance:
    ...     _ = advance(), advance()
    """
    if progress is False or (progress is None and count < 2):
        yield lambda: None
        return
    from tqdm.auto import tqdm

    delay = _DELAY if progress is None else 0
    with tqdm(total=count, delay=delay, unit=unit, leave=False) as bar:
        try:
            yield bar.update
        finally:
            bar.total = bar.n  # else tqdm leaves it in a notebook, in red, as what went wrong
