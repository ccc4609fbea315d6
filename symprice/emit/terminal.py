"""Results in a terminal: chains with the names of their rules, closed forms, verdicts."""

from __future__ import annotations

from typing import Any
from unicodedata import combining

from .lines import ChainLine, lines_of
from .unicode_printer import text

__all__ = ["as_text", "render", "show", "text"]

# A longer left side stands on a line of its own.
_SIDE = 24
_SIGNS = {r"\neq": "≠", r"\leq": "≤", r"\geq": "≥"}


def render(obj: Any, report: Any = None) -> Any:
    """A derivation, a closed form, a formula or a report as something that rich prints.

    Parameters
    ==========

    obj : what ``to_latex`` takes, or a Report.
    report : the Report of a check of it; its verdict is printed below.

    Examples
    ========

    >>> from rich.console import Console
    >>> from symprice import NTVar, Parameter, derive, sigmoid
    >>> Console(width=60).print(render(derive(NTVar(sigmoid(Parameter('b'))))))
    NTVar(σ(b))  = σ(b)²(1 - σ(b))² NTVar(b)  chain rule
                 = σ(b)²(1 - σ(b))²           coordinates
    """
    from rich.console import Group
    from rich.text import Text

    if _is_report(obj):
        return _verdict(obj)
    shown = lines_of(obj, text)
    parts: list[Any] = []
    table = None
    for line in shown:
        left = line.left
        if not left and not line.relation:  # a formula by itself
            parts.append(Text(line.right))
            continue
        if len(left) > _SIDE:
            parts.append(Text(left))
            left, table = "", None
        if table is None:
            parts.append(table := _table())
        right = f"{_SIGNS.get(line.relation, line.relation)} {line.right}".strip()
        table.add_row(Text(left), Text(right), Text(_remark(line)))
    if shown.where:
        where = _table("dim", None, None)
        for i, (name, value) in enumerate(shown.where):
            where.add_row(Text("" if i else "where"), Text(name), Text(f"= {value}"))
        parts.append(where)
        if shown.closing is not None:
            parts.append(Text(f"{' ' * len('where')}  {shown.closing.text}", "dim"))
    if report is not None:
        parts.append(_verdict(report))
    return Group(*parts)


def as_text(obj: Any) -> str:
    """The lines of a result, aligned at the relation, with the names of the rules behind them.

    Examples
    ========

    >>> from symprice import NTCov, derive, observables
    >>> P, L = observables('P L')
    >>> print(as_text(derive(NTCov(2*P, -L))))
    NTCov(2P, -L) = -2NTCov(P, L)  bilinearity
    """
    shown = lines_of(obj, text)
    rows: list[tuple[str, str, str]] = []
    for line in shown:
        left = line.left
        if len(left) > _SIDE:
            rows.append((left, "", ""))
            left = "  "
        relation = _SIGNS.get(line.relation, line.relation)
        rows.append((left, f"{relation} {line.right}".strip(), _remark(line)))
    rows += [("where" if not i else "", f"{n} = {v}", "") for i, (n, v) in enumerate(shown.where)]
    rows += [("", shown.closing.text, "")] if shown.closing is not None else []
    margin = max((_cells(left) for left, right, _ in rows if right), default=0)
    width = max((_cells(right) for _, right, remark in rows if remark), default=0)
    indent = margin + 1 if margin else 0
    return "\n".join(
        f"{_padded(left, indent)}{_padded(right, width)}  {remark}".rstrip() if right else left
        for left, right, remark in rows
    )


def show(obj: Any, report: Any = None, *, console: Any = None) -> None:
    """Print ``render(obj, report)`` in the terminal.

    Examples
    ========

    >>> from sympy.abc import x
    >>> show(x**2 + 1)
    x² + 1
    """
    from rich.console import Console

    (console or Console(highlight=False)).print(render(obj, report))


def _cells(line: str) -> int:
    """How many places a line takes: the bar of z̄ stands above its letter."""
    return sum(not combining(letter) for letter in line)


def _padded(line: str, width: int) -> str:
    return line + " " * (width - _cells(line))


def _table(*styles: str | None) -> Any:
    """Three columns: sides that keep their lines, and formulas that fold."""
    from rich.table import Table

    found = Table.grid(padding=(0, 2))
    first, second, third = styles or (None, None, "dim")
    found.add_column(style=first, no_wrap=True)
    found.add_column(style=second, overflow="fold")
    found.add_column(style=third, overflow="fold")
    return found


def _remark(line: ChainLine) -> str:
    """The rule and what it was given."""
    given = ", ".join(line.given)
    return f"{line.rule}: {given}" if given and line.rule else line.rule or given


def _is_report(obj: Any) -> bool:
    return isinstance(getattr(obj, "verdict", None), str) and hasattr(obj, "worst")


def _verdict(report: Any) -> Any:
    """✓, ✗ or ? and what was compared; what disagrees on lines of its own."""
    from rich.text import Text

    mark = ("✓ ", "green") if report else ("✗ ", "red")
    if getattr(report, "outcome", "") == "undecided":
        mark = ("? ", "yellow")
    first, *details = str(report).splitlines() or [""]
    found = Text.assemble(mark, (first, ""))
    for line in details:
        found.append(f"\n{line}", style="dim")
    return found
