"""``symprice study digits``: everything of the study, from one command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["register", "study_command"]

EXAMPLES = """\
examples:
  symprice study digits
  symprice study digits --output results --quick

It writes figures (PNG), report.md and numbers.json. The data come with scikit-learn; nothing is
downloaded: pip install 'symprice[study]'. The same numbers come out every time, up to rounding.
"""


def register(commands: Any) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "study",
        help="hold the formulas against a network that is trained on real data",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("name", choices=["digits"], help="which study")
    command.add_argument(
        "--output",
        type=Path,
        default=Path("build/digits"),
        help="folder to write to (%(default)s)",
    )
    command.add_argument("--quick", action="store_true", help="few steps, to see that it runs")


def study_command(arguments: argparse.Namespace) -> int:
    """Run the study, write it, say where."""
    from rich.console import Console

    from .digits import study
    from .report import report, write

    arguments.output.mkdir(parents=True, exist_ok=True)  # what cannot be is found out first
    console = Console()
    found = study(quick=arguments.quick, say=lambda text: console.print(f"{text} …"))
    written = write(found, arguments.output)
    console.print(report(found), markup=False, highlight=False)
    console.print("written: " + ", ".join(str(path) for path in written))
    return 0
