"""``symprice bench``: what things cost on this machine, beside their peers in the same run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import ShapeError
from .benchmarks import NAMES

__all__ = ["bench_command", "register"]

EXAMPLES = """\
benchmarks:
{names}

examples:
  symprice bench --quick
  symprice bench --only deriving pricing
  symprice bench --only gram --json > gram.json
  symprice bench --peers --output bench.json --page bench.md
  symprice bench --read bench.json

A time is the median of rounds in which those that are compared take turns; a ratio is the median
over the rounds of its time over that of what stands under 'to'. Peers that are not installed are
skipped, and said to be. All of it takes the better part of an hour, with --quick a few minutes.

exit status: 0, or 2 for input that cannot be used.
"""


def register(commands: Any) -> None:
    """Add the command to the command line."""
    names = "\n".join(f"  {name:14}{told}" for name, told in NAMES.items())
    command = commands.add_parser(
        "bench",
        help="measure what things cost, beside their peers",
        epilog=EXAMPLES.format(names=names),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--only", nargs="+", choices=list(NAMES), metavar="NAME", help="only these"
    )
    command.add_argument("--quick", action="store_true", help="small sizes, no slow peers")
    command.add_argument(
        "--peers",
        action="store_true",
        help="make the environments of neural-tangents and tensorgrad where they are missing "
        "(gigabytes, once)",
    )
    command.add_argument(
        "--peer-folder", type=Path, default=Path("build/peers"), help="where (%(default)s)"
    )
    command.add_argument("--json", action="store_true", help="print a JSON object, no tables")
    command.add_argument("--output", type=Path, metavar="FILE.json", help="write it to a file, too")
    command.add_argument("--page", type=Path, metavar="FILE.md", help="write the tables as a page")
    command.add_argument(
        "--read", type=Path, metavar="FILE.json", help="show an earlier run instead of running"
    )
    command.set_defaults(run=bench_command)


def bench_command(arguments: argparse.Namespace) -> int:
    """Run, print, write."""
    from rich.console import Console

    from .benchmarks import collected, documents
    from .benchmarks.peers import Environments

    environments = Environments(arguments.peer_folder, arguments.peers)
    for path in filter(None, (arguments.output, arguments.page)):
        path.parent.mkdir(parents=True, exist_ok=True)  # what cannot be is found out first
    found: dict[str, Any] = {
        "versions": collected.versions(),
        "machine": collected.machine(),
        "results": {},
    }
    if arguments.read:
        found = _read(arguments.read)
    console = Console(quiet=arguments.json)
    console.print(" · ".join(f"{name} {version}" for name, version in found["versions"].items()))
    console.print(found["machine"])
    for name in arguments.only or NAMES:
        if not arguments.read:
            found["results"][name] = collected.rows_of(name, arguments.quick, environments)
        if rows := found["results"].get(name):
            for part in collected.tables(collected.title_of(name), rows):
                console.print(part)
    text = json.dumps(found, indent=2, ensure_ascii=False)
    if arguments.json:
        print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
        console.print(f"written: {arguments.output}")
    if arguments.page:
        arguments.page.write_text(documents.page(found), encoding="utf-8")
        console.print(f"written: {arguments.page}")
    return 0


def _read(path: Path) -> dict[str, Any]:
    """The results of an earlier run."""
    refused = f"asked to read {path}, which holds no results: write them with --output"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # no JSON, or no text
        raise ShapeError(refused) from None
    if not isinstance(found, dict) or set(found) != {"versions", "machine", "results"}:
        raise ShapeError(refused)
    return found
