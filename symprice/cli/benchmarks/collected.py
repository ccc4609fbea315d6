"""The benchmarks that there are, and what is told of the machine and of their rows."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from . import (
    architectures,
    attribution,
    covariance,
    deriving,
    documents,
    gram,
    importing,
    mdps,
    policies,
    pricing,
)
from .peers import Environments

__all__ = ["MODULES", "machine", "rows_of", "tables", "title_of", "versions"]

MODULES = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        importing,
        covariance,
        deriving,
        pricing,
        gram,
        architectures,
        attribution,
        mdps,
        policies,
    )
}
DISTRIBUTIONS = ("sympy", "numpy", "scipy", "jax", "torch", "array-api-compat", "numba")


def rows_of(name: str, quick: bool, environments: Environments) -> list[dict[str, Any]]:
    """The rows of one benchmark, run now."""
    module: Any = MODULES[name]
    if module in (importing, covariance):
        found = module.run(quick=quick)
    else:
        found = module.run(quick=quick, environments=environments)
    return list(found)


def title_of(name: str) -> str:
    """The first line of what a benchmark says of itself."""
    return str(MODULES[name].__doc__).splitlines()[0]


def versions() -> dict[str, str]:
    """Of the interpreter and of what is compared."""
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> str:
    """The processor, its cores and the memory, as far as the system tells."""
    name = platform.processor() or platform.machine()
    known = Path("/proc/cpuinfo")
    if known.exists():
        models = [line for line in known.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    parts = [name, f"{os.cpu_count()} cores"]
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        parts.append(f"{size / 2**30:.0f} GiB of memory")
    except (AttributeError, ValueError, OSError):
        pass
    return ", ".join([*parts, platform.system()])


def tables(title: str, rows: list[dict[str, Any]]) -> Iterator[Any]:
    """A table for each network; its notes below, where they have room."""
    for words, members in documents.groups(rows).items():
        table = Table(title=escape(words or title), title_justify="left")
        shown = documents.columns(members)
        notes = shown.pop("note", None)
        for column, numeric in shown.items():
            table.add_column(column, justify="right" if numeric else "left")
        for row in members:
            table.add_row(*(escape(documents.cell(row[key])) for key in shown))
        yield table
        if notes is not None:
            yield from (escape(f"{row['what']}: {row['note']}") for row in members if row["note"])
