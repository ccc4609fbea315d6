"""The list of formulas with sources: its calls name what exists, every row has its source."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import symprice

PAGE = Path(__file__).parents[1] / "docs" / "formulas.md"
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and not line.startswith("|---")
]
CALLS = sorted({call for row in ROWS for call in re.findall(r"`([^`]+)`", row[1])})
CLASSES = [v for v in (getattr(symprice, n) for n in symprice.__all__) if inspect.isclass(v)]


def test_every_row_has_a_source_with_a_year_or_none() -> None:
    assert len(ROWS) > 80 and all(len(row) == 3 and all(row) for row in ROWS)
    for *_, source in ROWS:
        told = source in ("—", "the same") or source.startswith("source")
        assert told or re.search(r"\b(17|18|19|20)\d\d\b", source), source


@pytest.mark.parametrize("call", CALLS)
def test_calls_name_what_exists(call: str) -> None:
    for node in ast.walk(ast.parse(call)):
        if isinstance(node, ast.Attribute):
            assert any(hasattr(cls, node.attr) for cls in CLASSES), node.attr
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id != "net":
            function = getattr(symprice, node.func.id)
            signature = inspect.signature(function)
        else:
            continue
        positional = [None] * len(node.args)
        signature.bind(*positional, **{word.arg: None for word in node.keywords if word.arg})
