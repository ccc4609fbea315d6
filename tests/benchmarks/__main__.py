"""``python -m tests.benchmarks``: run all benchmarks, print the tables, write build/bench.json."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

import numpy
import scipy
import sympy
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.benchmarks import covariance, importing


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--quick", action="store_true", help="small sizes, no slow peers")
    arguments = parser.parse_args()
    console = Console()
    versions = {
        "python": platform.python_version(),
        "sympy": sympy.__version__,
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "processor": platform.processor() or platform.machine(),
    }
    console.print(" · ".join(f"{name} {version}" for name, version in versions.items()))
    results = {}
    for benchmark in (importing, covariance):
        name = benchmark.__name__.rpartition(".")[2]
        rows = benchmark.run(quick=arguments.quick)
        results[name] = rows
        title = escape(benchmark.__doc__.splitlines()[0])
        table = Table(title=title, title_justify="left")
        for column in rows[0]:
            table.add_column(column, justify="right" if column != "what" else "left")
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        console.print(table)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"versions": versions, "results": results}, indent=2))
    console.print(f"written: {arguments.output}")


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
