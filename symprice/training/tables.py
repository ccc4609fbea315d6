"""Tables of numbers, for terminals and notebooks."""

from __future__ import annotations

import html as _html
from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["Column", "as_table", "shown"]

# So many lines are shown; of longer tables the first and the last ones.
LONGEST = 24


class Column(NamedTuple):
    """A column: its head, its values, and how a value is written."""

    head: str
    values: Sequence[Any]
    form: str = ""

    def cell(self, row: int) -> str:
        """A value as text."""
        return format(self.values[row], self.form)


def rows_shown(count: int) -> list[int | None]:
    """The lines of a table; None where lines are left out."""
    if count <= LONGEST:
        return list(range(count))
    half = LONGEST // 2
    return [*range(half), None, *range(count - half, count)]


def as_table(result: Any, **settings: Any) -> Any:
    """A table of rich; settings are those of the columns."""
    from rich.table import Table

    columns = result._columns(**settings)
    table = Table()
    for column in columns:
        table.add_column(column.head, justify="right" if column.form else "left", no_wrap=True)
    for row in rows_shown(len(columns[0].values)):
        table.add_row(*("…" if row is None else column.cell(row) for column in columns))
    return table


def shown(result: Any, html: bool = False, **settings: Any) -> str:
    """The table with the notes of the result below, as text or as HTML."""
    if html:
        return _as_html(result)
    from io import StringIO

    from rich.console import Console

    target = StringIO()
    Console(file=target, width=120, color_system=None).print(as_table(result, **settings))
    return "\n".join([target.getvalue().rstrip("\n"), *result._notes()])


def _as_html(result: Any) -> str:
    columns = result._columns()
    sides = ["right" if column.form else "left" for column in columns]
    head = "".join(
        f'<th style="text-align: {side}">{_html.escape(column.head)}</th>'
        for side, column in zip(sides, columns, strict=True)
    )
    body = ""
    for row in rows_shown(len(columns[0].values)):
        cells = ("…" if row is None else _html.escape(column.cell(row)) for column in columns)
        body += "<tr>" + "".join(
            f'<td style="text-align: {side}">{cell}</td>'
            for side, cell in zip(sides, cells, strict=True)
        )
        body += "</tr>"
    notes = "".join(f"<p>{_html.escape(note)}</p>" for note in result._notes())
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
