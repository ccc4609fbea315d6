"""What is counted while a check runs, so that a check that is cut short can say how far it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mpmath

from .report import Report
from .sides import Pair

__all__ = ["Settings", "Tally"]


@dataclass(frozen=True)
class Settings:
    """How a check is made."""

    points: int = 20
    digits: int = 30
    seed: int = 0
    tolerance: Any = None
    code: bool = True

    def tolerance_for(self, pair: Pair) -> Any:
        """The relative error that passes: eight digits less than asked for; Floats have fewer."""
        if self.tolerance is not None:
            return mpmath.mpf(self.tolerance)
        digits = self.digits - 8 if pair.floats is None else min(self.digits - 8, pair.floats - 3)
        return mpmath.mpf(10) ** -digits


@dataclass
class Tally:
    """The counts of a check."""

    subject: str
    settings: Settings
    worst: Any = field(default_factory=lambda: mpmath.mpf(0))
    where: str = ""
    points: int | None = None
    checked: int = 0
    code_worst: float | None = None
    redrawn: int = 0
    problems: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    advance: Callable[[], Any] = lambda: None  #: moves the progress bar on

    def compared(self, count: int, error: Any, where: Callable[[], str]) -> None:
        """Numbers were compared, with this largest relative error."""
        self.checked += count
        if error > self.worst or not self.where:
            self.worst, self.where = error, where()

    def fail(self, problem: str) -> None:
        """Something disagrees."""
        self.problems.append(problem)

    def leave(self, problem: str) -> None:
        """Something could not be checked: nothing is said against it."""
        self.problems.append(problem)
        self.undecided.append(problem)

    def note(self, text: str) -> None:
        """Something a reader should know."""
        if text not in self.notes:
            self.notes.append(text)

    def finished(self, points: int) -> None:
        """A claim was compared at so many points."""
        self.points = points if self.points is None else min(self.points, points)

    def report(self) -> Report:
        """The counts so far."""
        problems, undecided = list(self.problems), list(self.undecided)
        if not self.checked and not problems:
            problems = [
                f"nothing could be compared in {self.subject}: "
                + ("; ".join(self.notes) or "it claims nothing")
            ]
            undecided = problems
        return Report(
            subject=self.subject,
            worst=float(self.worst),
            where=self.where,
            points=self.points or 0,
            digits=self.settings.digits,
            checked=self.checked,
            code_worst=self.code_worst,
            redrawn=self.redrawn,
            problems=tuple(problems),
            undecided=tuple(undecided),
            notes=tuple(self.notes),
        )
