"""A deadline for what SymPy may never finish."""

from __future__ import annotations

import _weakrefset
import gc
import signal
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from .errors import TimeLimitExceeded

__all__ = ["within"]

T = TypeVar("T")

_AGAIN, _SOON = 1.0, 0.01  # seconds
_WEAK = {weakref.__file__, _weakrefset.__file__}


def within(seconds: float, compute: Callable[[], T], default: Any = None) -> T | Any:
    """``compute()``, or ``default`` when it has not returned after ``seconds``.

    Uses SIGALRM, which only the main thread of a POSIX process has; elsewhere nothing can interrupt
    Python code, so ``default`` is returned at once rather than run the risk of a hang.

    Examples
    ========

    >>> from symprice.timelimit import within
    >>> within(5, lambda: 6*7)
    42
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        return default

    expired = ended = False

    def expire(signum: int, frame: Any) -> None:
        nonlocal expired
        # Where nothing is computed any more there is nothing to stop, and nobody to catch it.
        if ended or (expired and frame.f_code is within.__code__):
            return
        if _swallows(frame):
            signal.setitimer(signal.ITIMER_REAL, _SOON, _AGAIN)
            return
        expired = True
        raise TimeLimitExceeded

    started = time.monotonic()
    previous = signal.signal(signal.SIGALRM, expire)
    # Again and again, for exceptions that C code swallows.
    outer = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)[0]
    try:
        result = compute()
        ended = True
        return result
    except TimeLimitExceeded:
        if not expired:
            raise
        return default
    finally:
        ended = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if outer:  # a deadline of the caller's: what is left of it, at least a moment
            left = outer - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3), _AGAIN)


def _swallows(frame: Any) -> bool:
    """Whether a destructor, a callback of the collector or one of a weak collection is running:
    exceptions are lost there.
    """
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code in callbacks or code.co_filename in _WEAK:
            return True
        frame = frame.f_back
    return False
