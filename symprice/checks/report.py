"""What a check found: a Report is true where all agreed, and says what, where, and how well.

It tells what does not hold from what could not be decided, as for want of time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

__all__ = ["Report"]

_MARKS = {"holds": "✓", "does not hold": "✗", "undecided": "?"}
# Readable on white and on black.
_COLORS = {"holds": "#148a42", "does not hold": "#e03a3a", "undecided": "#7a7a7a"}


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
    undecided : those of the problems that could not be checked: nothing is said against them.
    notes : what a reader should know about a report that is true.

    Examples
    ========

    >>> from symprice.checks import Report
    >>> good = Report('1 = 1', worst=1e-31, points=20, digits=30, checked=20)
    >>> bool(good), bool(good + Report('1 = 2', problems=('1 is not 2',)))
    (True, False)
    >>> late = Report('1 = 3', problems=('no time',), undecided=('no time',))
    >>> bool(late), late.outcome, late.verdict
    (False, 'undecided', 'undecided: no time')
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
    undecided: tuple[str, ...] = ()
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
        empty = [
            f"{report.subject or 'one part'}: nothing was compared"
            for report in every
            if not report.checked and not report.problems
        ]
        problems = [problem for report in every for problem in report.problems] + empty
        undecided = [problem for report in every for problem in report.undecided] + empty
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
            undecided=tuple(undecided),
            notes=tuple(dict.fromkeys(note for report in every for note in report.notes)),
        )

    @property
    def outcome(self) -> str:
        """'holds', 'does not hold' where something disagrees, else 'undecided'."""
        if self:
            return "holds"
        return "does not hold" if set(self.problems) - set(self.undecided) else "undecided"

    @property
    def verdict(self) -> str:
        """The report in one line."""
        if not self.problems and not self.checked:
            return "undecided: nothing was compared"
        numbers = "1 number" if self.checked == 1 else f"{self.checked} numbers"
        if self.problems:
            first, *others = self._told()
            line = f"{self.outcome}: {first.splitlines()[0]}"
            line += f" (and {len(others)} more)" if others else ""
            if self.outcome == "undecided" and self.checked:
                line += f"; {numbers} compared, which agree"
            return line
        places = "1 point" if self.points == 1 else f"{self.points} points"
        line = f"holds: {numbers} compared at {places}"
        line += f", worst relative error {self.worst:.1e}"
        if self.code_worst is not None:
            line += f", of the code {self.code_worst:.1e}"
        return line

    def _told(self) -> list[str]:
        """The problems, what disagrees first."""
        return sorted(self.problems, key=lambda problem: problem in self.undecided)

    def _details(self) -> list[str]:
        lines = [self.subject] if self.subject else []
        if len(self.problems) > 1 or any("\n" in problem for problem in self.problems):
            lines += self._told()
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

    def _repr_html_(self) -> str:
        color = _COLORS[self.outcome]
        head = f'<b style="color: {color}">{_MARKS[self.outcome]} {escape(self.verdict)}</b>'
        told = "".join(
            f'<li style="white-space: pre-wrap">{escape(line)}</li>' for line in self._details()
        )
        return f"<div>{head}{f'<ul>{told}</ul>' if told else ''}</div>"

    def _repr_markdown_(self) -> str:
        mark = _MARKS[self.outcome]
        details = "".join("\n* `" + line.replace("\n", "`\n  `") + "`" for line in self._details())
        return f"**{mark} {self.verdict}**\n{details}" if details else f"**{mark} {self.verdict}**"

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers, texts and lists, as for JSON."""
        return {
            "holds": bool(self),
            "outcome": self.outcome,
            "subject": self.subject,
            "worst": self.worst,
            "where": self.where,
            "points": self.points,
            "digits": self.digits,
            "checked": self.checked,
            "code_worst": self.code_worst,
            "redrawn": self.redrawn,
            "problems": list(self.problems),
            "undecided": list(self.undecided),
            "notes": list(self.notes),
        }
