"""Progress bars: where work takes long, or where one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["advancing", "progressing"]

T = TypeVar("T")

# Seconds before a progress bar appears by itself.
_DELAY = 3.0


def progressing(items: Iterable[T], count: int, progress: bool | None, unit: str) -> Iterator[T]:
    """The items, with a bar: always, never, or, where ``progress`` is None, where it takes long.

    Examples
    ========

    >>> list(progressing(range(3), 3, False, 'step'))
    [0, 1, 2]
    """
    with advancing(count, progress, unit) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def advancing(count: int, progress: bool | None, unit: str) -> Iterator[Callable[[], Any]]:
    """A bar of ``count`` units and what moves it on; it is gone when the work ends or is stopped.

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
        yield bar.update
