"""What a check found: a Report is true where all agreed, and says what, where, and how well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """The result of a check; truthy if and only if something was compared and all of it agrees.

    Attributes
    ==========

    subject : what was checked.
    worst : the largest relative error of a comparison with the oracle.
    where : the comparison and the point of that error.
    points : how many points of the declared domain were used.
    digits : how many digits the oracle was asked for.
    checked : how many numbers were compared.
    code_worst : the largest relative error of the code in float64; None where no code was run.
    redrawn : how many points were drawn again, because the left side is undefined there.
    problems : what disagrees or could not be checked; the report is true only where this is empty.
    notes : what a reader should know about a report that is true.

    Examples
    ========

    >>> from symprice.checks import Report
    >>> good = Report('1 = 1', worst=1e-31, points=20, digits=30, checked=20)
    >>> bool(good), bool(good + Report('1 = 2', problems=('1 is not 2',)))
    (True, False)
    """

    subject: str = ""
    worst: float = 0.0
    where: str = ""
    points: int = 0
    digits: int = 0
    checked: int = 0
    code_worst: float | None = None
    redrawn: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.checked > 0 and not self.problems

    def __add__(self, other: Report) -> Report:
        if not isinstance(other, Report):
            return NotImplemented
        return Report.merge((self, other))

    @staticmethod
    def merge(reports: Iterable[Report]) -> Report:
        """One report of several: true where all of them are."""
        every = list(reports)
        if not every:
            return Report()
        worst = max(every, key=lambda report: report.worst)
        ran = [report.code_worst for report in every if report.code_worst is not None]
        used = [report for report in every if report.checked] or every
        problems = [problem for report in every for problem in report.problems]
        problems += [
            f"{report.subject or 'one part'}: nothing was compared"
            for report in every
            if not report.checked and not report.problems
        ]
        return replace(
            every[0],
            subject="; ".join(dict.fromkeys(report.subject for report in every if report.subject)),
            worst=worst.worst,
            where=worst.where,
            points=min(report.points for report in used),
            digits=min(report.digits for report in used),
            checked=sum(report.checked for report in every),
            code_worst=max(ran) if ran else None,
            redrawn=sum(report.redrawn for report in every),
            problems=tuple(problems),
            notes=tuple(dict.fromkeys(note for report in every for note in report.notes)),
        )

    @property
    def verdict(self) -> str:
        """The report in one line."""
        if self.problems:
            more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
            return f"does not hold: {self.problems[0].splitlines()[0]}{more}"
        if not self.checked:
            return "nothing was compared"
        numbers = "1 number" if self.checked == 1 else f"{self.checked} numbers"
        line = f"holds: {numbers} compared at {self.points} points"
        line += f", worst relative error {self.worst:.1e}"
        if self.code_worst is not None:
            line += f", of the code {self.code_worst:.1e}"
        return line

    def _details(self) -> list[str]:
        lines = [self.subject] if self.subject else []
        if len(self.problems) > 1 or any("\n" in problem for problem in self.problems):
            lines += self.problems
        elif self.where and self.worst:
            lines.append(f"worst at {self.where}")
        if self.redrawn:
            lines.append(
                f"{self.redrawn} points were drawn again, as the left side is undefined there"
            )
        return [*lines, *self.notes]

    def __str__(self) -> str:
        indented = ("  " + line.replace("\n", "\n  ") for line in self._details())
        return "\n".join((self.verdict, *indented))

    def __repr__(self) -> str:
        return f"<Report: {self.verdict}>"

    def _repr_markdown_(self) -> str:
        mark = "✓" if self else "✗"
        details = "".join("\n* `" + line.replace("\n", "`\n  `") + "`" for line in self._details())
        return f"**{mark} {self.verdict}**\n{details}" if details else f"**{mark} {self.verdict}**"

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers, texts and lists, as for JSON."""
        return {
            "holds": bool(self),
            "subject": self.subject,
            "worst": self.worst,
            "where": self.where,
            "points": self.points,
            "digits": self.digits,
            "checked": self.checked,
            "code_worst": self.code_worst,
            "redrawn": self.redrawn,
            "problems": list(self.problems),
            "notes": list(self.notes),
        }
