"""Is it true? ``check`` holds a result against an evaluation that shares no code with it."""

from __future__ import annotations

import signal
import threading
from typing import Any

from ..emit.progress import advancing
from ..errors import NoRuleError, SympriceError
from ..timelimit import within
from .claims import claims, subject_of
from .comparing import Comparison
from .generated import check_code
from .points import Draw
from .realise import Realisation
from .report import Report
from .sides import Item
from .tally import Settings, Tally

__all__ = ["check"]


def check(
    x: Any,
    *,
    points: int = 20,
    digits: int = 30,
    seed: int = 0,
    tolerance: float | None = None,
    code: bool = True,
    timeout: float | None = 60,
    progress: bool | None = None,
) -> Report:
    """Hold a result against definitions and difference quotients at random points of its domain.

    Parameters
    ==========

    x : an expression with covariances (its closed form is compared), a closed form, a Step, a
        Derivation (every step is compared), an Eq, a result that has a derivation, or a list of
        these. Observables and unspecified functions become random smooth functions, symbolic sizes
        small integers.
    points : how many random points; the assumptions of the symbols say where.
    digits : how many digits the oracle computes.
    seed : other points, other functions.
    tolerance : the relative error that passes; 10^-(digits - 8) where not given.
    code : whether the NumPy code of the formula is run as well, and compared in float64.
    timeout : seconds; what is not done by then is reported as unchecked. None waits for ever.
    progress : whether to show a bar; None for where it takes long. Interrupted, nothing is left.

    Returns a Report: truthy where all agrees. What could not be checked makes it falsy too; then
    its ``outcome`` is 'undecided', where nothing disagrees.

    Examples
    ========

    >>> from sympy import Eq
    >>> from symprice import NTVar, Parameter, check, derive, sigmoid
    >>> b = Parameter('b')
    >>> bool(check(derive(NTVar(sigmoid(b)))))
    True
    >>> report = check(Eq(NTVar(sigmoid(b)), sigmoid(b)*(1 - sigmoid(b))))
    >>> bool(report)
    False
    """
    settings = Settings(points, digits, seed, tolerance, code)
    tally = Tally(subject_of(x), settings)
    if points < 1 or digits < 10:
        raise NoRuleError(
            f"asked for {points} points at {digits} digits: write at least 1 point and 10 digits"
        )
    work = _Progress(x, tally, progress)
    if timeout is None:
        work.run()
    elif not _can_be_limited():
        tally.leave(
            "a time limit can be kept in the main thread of a POSIX process only: write "
            "timeout=None to check without one"
        )
    elif not within(timeout, work.run, False):
        tally.leave(f"the time limit of {timeout:g} s passed: {work.left()}")
    return tally.report()


def _can_be_limited() -> bool:
    main = threading.current_thread() is threading.main_thread()
    return main and hasattr(signal, "SIGALRM")


class _Progress:
    """The work of a check in order, so that a check that is cut short can say what is left."""

    def __init__(self, thing: Any, tally: Tally, shown: bool | None = False) -> None:
        self.thing, self.tally, self.shown = thing, tally, shown
        self.items: list[Item] | None = None
        self.done = 0

    def left(self) -> str:
        """What was not checked."""
        if self.items is None:
            return "the closed form was not found in time"
        waiting = [item.label for item in self.items[self.done :]]
        return (
            f"{', '.join(waiting)} left unchecked"
            if waiting
            else "the generated code was left unchecked"
        )

    def run(self) -> bool:
        """Compare everything; True when it is done."""
        try:
            items, formulas = claims(self.thing)
        except Exception as error:
            self.tally.leave(f"could not be checked: {_in_a_line(error)}")
            return True
        self.items = items
        count = len(items) * self.tally.settings.points
        with advancing(count, self.shown, "point") as self.tally.advance:
            self._compare(items, formulas)
        return True

    def _compare(self, items: list[Item], formulas: list[tuple[str, Any]]) -> None:
        """One item after another, then the code."""
        draws: list[Draw] = []
        for item in items:
            try:
                comparison = Comparison(item, self.tally.settings, self.tally)
                comparison.run()
                draws = comparison.good
            except Exception as error:
                self.tally.leave(f"{item.label}: could not be checked: {_in_a_line(error)}")
            self.done += 1
        if self.tally.settings.code:
            for label, formula in formulas:
                try:
                    check_code(formula, label, draws or self._own_draws(formula), self.tally)
                except Exception as error:
                    self.tally.leave(f"{label}: the code could not be checked: {_in_a_line(error)}")

    def _own_draws(self, formula: Any) -> list[Draw]:
        """Points for a formula that makes no other claim than its code."""
        settings = self.tally.settings
        realisation = Realisation([formula], settings.seed)
        return [Draw(realisation, settings.seed, index) for index in range(settings.points)]


def _in_a_line(error: Exception) -> str:
    """An exception in a line; the package's own speak for themselves."""
    text = str(error).splitlines()[0] if str(error) else "no reason given"
    return text if isinstance(error, SympriceError) else f"{type(error).__name__}: {text}"
