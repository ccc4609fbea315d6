"""The command line: ``symprice`` and its commands, ``tour``, ``derive``, ``check`` and others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import ParseError, SympriceError
from .formula import declare_names
from .plain import make_printable

__all__ = ["main"]

# The characters that an error shows on either side of the place.
_AROUND = 36

EXAMPLES = """\
examples:
  symprice tour
  symprice derive 'NTVar(sigmoid(b))' --param b --express p='sigmoid(b)'
  symprice derive 'NTCov(log(P)*Q, -L)' --observable P Q L --steps
  symprice derive 'NTCov(w*x + b, w*y + b)' --param w b --symbol x y --latex
  symprice check 'NTVar(sigmoid(b)) = p*(1 - p)' --param b --express p='sigmoid(b)'
  symprice paper 'NTVar(sigmoid(b))' --param b
  symprice attribute trained.npz --class 3
  symprice study digits
  symprice bench --quick --only deriving
"""

STATUS = """
exit status: 0, 1 where a check failed, or 2 for input that cannot be used.
"""
DERIVE = f"""\
examples:
  symprice derive 'NTVar(sigmoid(b))' --param b --express p='sigmoid(b)'
  symprice derive 'NTCov(log(P)*Q, -L)' --observable P Q L --steps
  symprice derive 'NTCov(w*x + b, w*y + b)' --param w b --symbol x y --latex
  symprice derive 'NTVar(tanh(transpose(w)*x))' --param w:2 --symbol x:2 --numpy
{STATUS}"""
TOUR = f"""\
examples:
  symprice tour
  symprice tour --rows S1 S11 --output results
  symprice tour --quiet
  symprice tour --json > tour.json
{STATUS}"""


def _parser() -> argparse.ArgumentParser:
    from .. import __version__

    parser = argparse.ArgumentParser(
        prog="symprice",
        description="Closed forms for the theory of learning: derived, printed, emitted, checked.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"symprice {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    tour = commands.add_parser(
        "tour",
        help="derive, print and check every formula of the founding material",
        epilog=TOUR,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tour.add_argument(
        "--output", type=Path, default=Path("build/tour"), help="folder to write to (%(default)s)"
    )
    tour.add_argument("--rows", nargs="+", metavar="S1", help="only these rows")
    shown = tour.add_mutually_exclusive_group()
    shown.add_argument("--quiet", action="store_true", help="print only the verdicts")
    shown.add_argument("--json", action="store_true", help="print a JSON object of the verdicts")

    derive = commands.add_parser(
        "derive",
        help="derive one formula",
        epilog=DERIVE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    derive.add_argument(
        "formula", nargs="?", help="as typed in Python, for instance 'NTVar(sigmoid(b))'"
    )
    declare_names(derive)
    form = derive.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print LaTeX")
    form.add_argument("--numpy", action="store_true", help="print NumPy source")
    form.add_argument("--steps", action="store_true", help="print every step with its rule")
    form.add_argument("--json", action="store_true", help="print a JSON object with all of it")
    derive.add_argument(
        "--no-check", action="store_true", help="do not hold the result against numbers"
    )
    from . import attributing, benching, checking, writing
    from .study import command

    attributing.register(commands)
    benching.register(commands)
    command.register(commands)
    checking.register(commands)
    writing.register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 where a check failed, 2 for input that cannot
    be used.

    Examples
    ========

    >>> from symprice.cli.main import main
    >>> main(['derive', 'NTVar(w**2)', '--param', 'w'])
    4*w**2
    0
    """
    arguments = _parser().parse_args(argv)
    try:
        make_printable()
        if arguments.command == "tour":
            from .tour.run import tour

            return tour(arguments.output, arguments.rows, arguments.quiet, arguments.json)
        if hasattr(arguments, "run"):
            status: int = arguments.run(arguments)
            return status
        from .formula import derive_command

        if arguments.formula is None:
            raise ParseError(
                "asked to derive, received no formula: write it before the options, as in "
                "symprice derive 'NTVar(b)' --param b; after ' -- ' where it starts with a minus"
            )
        return derive_command(arguments)
    except ParseError as error:
        print(f"symprice: {error}", *_excerpt(error), sep="\n", file=sys.stderr)
    except SympriceError as error:
        print(f"symprice: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader has seen enough, as with `| head`
        sys.stderr.close()
        return 0
    except OSError as error:
        what = "write" if error.filename is None else f"open {error.filename}"
        print(f"symprice: cannot {what}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print("symprice: interrupted", file=sys.stderr)
        return 130
    return 2


def _excerpt(error: ParseError) -> list[str]:
    """The place that was refused, on a line that no terminal folds, and a caret below it."""
    if not error.text:
        return []
    start = max(error.position - _AROUND, 0)
    before, after = error.text[start : error.position], error.text[error.position :][:_AROUND]
    opening = "..." if start else ""
    closing = "..." if len(error.text) > error.position + _AROUND else ""
    return [f"{opening}{before}{after}{closing}", " " * len(opening + before) + "^"]
