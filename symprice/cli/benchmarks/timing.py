"""Times taken in turn: every round runs every contestant, so what slows the machine slows all."""

from __future__ import annotations

import math
import operator
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# What a sample lasts at least: shorter contestants are called several times in a row.
SHORTEST_SAMPLE = 0.02
# Threads of linear algebra libraries spin for a while after their work; they are let fall asleep.
PAUSE = 0.05

# Runs a contestant a number of times and gives the seconds of one.
Contestant = Callable[[int], float]


def contestant(function: Callable[..., Any], *args: Any) -> Contestant:
    """A function of this process and its arguments, timed."""

    def run(calls: int) -> float:
        started = time.perf_counter()
        for _ in range(calls):
            function(*args)
        return (time.perf_counter() - started) / calls

    return run


class Times(NamedTuple):
    """Seconds of one call, a sample a round."""

    samples: list[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.samples)

    @property
    def best(self) -> float:
        """The least disturbed one."""
        return min(self.samples)

    def ratio(self, other: Times) -> float:
        """The median over the rounds of this time over the other's time in the same round."""
        pairs = zip(self.samples, other.samples, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)


def alternate(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, Times]:
    """The times of contestants that take turns; they must have run before, which compiles them."""
    calls = {
        name: math.ceil(SHORTEST_SAMPLE / max(run(1), 1e-7)) for name, run in contestants.items()
    }
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            time.sleep(PAUSE)
            samples[name].append(run(calls[name]))
    return {name: Times(found) for name, found in samples.items()}


def fastest(candidates: Mapping[str, Contestant], tries: int = 1) -> tuple[str, Contestant]:
    """The one of several ways to do the same that is fastest here, with its name."""
    for run in candidates.values():
        run(1)
    best = {name: min(run(1) for _ in range(tries)) for name, run in candidates.items()}
    name = min(best, key=best.__getitem__)
    return name, candidates[name]


class Wanted(NamedTuple):
    """A bound on a ratio, as ('>=', 30)."""

    relation: str
    bound: float

    def __str__(self) -> str:
        return f"{'≥' if self.relation == '>=' else '≤'} {self.bound:g}"

    def met(self, value: float) -> bool:
        """Whether a ratio keeps the bound."""
        return (operator.ge if self.relation == ">=" else operator.le)(value, self.bound)


class Comparison(NamedTuple):
    """One line of a table: what is compared with which other contestant, and what is wanted."""

    what: str
    other: str | None = None
    wanted: Wanted | None = None
    note: str = ""


def rows(
    comparisons: list[Comparison], times: Mapping[str, Times], **columns: Any
) -> list[dict[str, Any]]:
    """The lines of a table, in milliseconds; who did not run has the reason as note."""
    lines = []
    for what, other, wanted, note in comparisons:
        mine, others = times.get(what), times.get(other or "")
        ratio = mine.ratio(others) if mine and others else None
        lines.append(
            {
                **columns,
                "what": what,
                "median ms": 1000 * mine.median if mine else "—",
                "best ms": 1000 * mine.best if mine else "—",
                "ratio": "" if ratio is None else ratio,
                "to": "" if ratio is None else other,
                "wanted": "" if wanted is None else str(wanted),
                "met": "" if wanted is None or ratio is None else _yes(wanted.met(ratio)),
                "note": note,
            }
        )
    return lines


def _yes(value: bool) -> str:
    return "yes" if value else "no"
