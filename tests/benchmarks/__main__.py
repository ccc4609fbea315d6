"""``python -m tests.benchmarks``: run the benchmarks, print the tables, write build/bench.json."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.benchmarks import (
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
from tests.benchmarks.peers import PEERS, Environments

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
DISTRIBUTIONS = ("sympy", "numpy", "scipy", "jax", "torch", "array-api-compat")


def main() -> None:
    """Run, print, write."""
    arguments = _arguments()
    console = Console()
    if arguments.read:
        found = json.loads(arguments.read.read_text())
    else:
        environments = Environments(arguments.peer_folder, arguments.peers)
        found = {"versions": _versions(), "machine": machine(), "results": {}}
    console.print(" · ".join(f"{name} {version}" for name, version in found["versions"].items()))
    console.print(found["machine"])
    for name in arguments.only or MODULES:
        if not arguments.read:
            found["results"][name] = _runner(name, environments)(quick=arguments.quick)
        if rows := found["results"].get(name):
            for part in _tables(str(MODULES[name].__doc__).splitlines()[0], rows):
                console.print(part)
    if not arguments.read:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(found, indent=2, ensure_ascii=False))
        console.print(f"written: {arguments.output}")
    if arguments.write_docs:
        documents.PAGE.write_text(documents.page(found))
        console.print(f"written: {documents.PAGE}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.benchmarks")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--quick", action="store_true", help="small sizes, no slow peers")
    parser.add_argument(
        "--only", nargs="+", choices=list(MODULES), metavar="NAME", help=f"of {', '.join(MODULES)}"
    )
    names = " and ".join(peer.name for peer in PEERS)
    parser.add_argument(
        "--peers",
        action="store_true",
        help=f"make the environments of {names} where they are missing (gigabytes, once)",
    )
    parser.add_argument("--peer-folder", type=Path, default=Path("build/peers"))
    parser.add_argument(
        "--read", type=Path, metavar="JSON", help="show an earlier run instead of running"
    )
    parser.add_argument(
        "--write-docs", action="store_true", help=f"write {documents.PAGE} from the results"
    )
    arguments = parser.parse_args()
    if arguments.write_docs and (arguments.only or arguments.quick):
        parser.error("--write-docs shows one whole run: leave --only and --quick out")
    return arguments


def _runner(name: str, environments: Environments) -> Callable[..., Any]:
    module = MODULES[name]
    if module in (importing, covariance):
        return module.run
    return lambda quick: module.run(quick=quick, environments=environments)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


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


def _tables(title: str, rows: list[dict[str, Any]]) -> Iterator[Any]:
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


if __name__ == "__main__":
    main()
