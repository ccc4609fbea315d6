"""``symprice study digits``: everything of the study, from one command."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["register", "study_command"]

EXAMPLES = """\
examples:
  symprice study digits
  symprice study digits --output results --quick
  symprice study digits --json > digits.json

It writes figures (PNG), report.md and numbers.json. The data come with scikit-learn; nothing is
downloaded: pip install 'symprice[study]'. The same numbers come out every time, up to rounding.

exit status: 0, or 2 for input that cannot be used.
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
    command.add_argument("--json", action="store_true", help="print a JSON object of the numbers")
    command.set_defaults(run=study_command)


def study_command(arguments: argparse.Namespace) -> int:
    """Run the study, write it, say where."""
    from ...errors import NoRuleError

    try:
        # scikit-learn brings NumPy, SciPy and threadpoolctl, which limits what is loaded by then.
        importlib.import_module("sklearn.utils")
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise NoRuleError(
            "asked for a study of data that come with scikit-learn, which is not installed: "
            "pip install 'symprice[study]'"
        ) from None
    from .digits import study
    from .report import numbers, report, write

    def say(text: str) -> None:
        print(f"{text} …", file=sys.stderr if arguments.json else sys.stdout, flush=True)

    arguments.output.mkdir(parents=True, exist_ok=True)  # what cannot be is found out first
    # The matrices are small: threads would wait for each other.
    with threadpool_limits(limits=1):
        found = study(quick=arguments.quick, say=say)
    written = write(found, arguments.output)
    if arguments.json:
        told = {"written": [str(path) for path in written], "numbers": numbers(found)}
        print(json.dumps(told, indent=2))
        return 0
    print(report(found))
    print("written:", *written, sep="\n  ")
    return 0
