"""The command line: ``symprice tour`` and ``symprice derive``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import ParseError, SympriceError

__all__ = ["main"]

EXAMPLES = """\
examples:
  symprice tour
  symprice derive 'NTVar(sigmoid(b))' --param b --express p='sigmoid(b)'
  symprice derive 'NTCov(log(P)*Q, -L)' --observable P Q L --steps
  symprice derive 'NTCov(w*x + b, w*y + b)' --param w b --symbol x y --latex
"""


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
        "tour", help="derive, print and check every formula of the founding material"
    )
    tour.add_argument(
        "--output", type=Path, default=Path("build/tour"), help="folder to write to (%(default)s)"
    )
    tour.add_argument("--rows", nargs="+", metavar="S1", help="only these rows")
    tour.add_argument("--quiet", action="store_true", help="print only the verdicts")

    derive = commands.add_parser(
        "derive",
        help="derive one formula",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    derive.add_argument("formula", help="as typed in Python, for instance 'NTVar(sigmoid(b))'")
    derive.add_argument(
        "--param", nargs="+", default=[], metavar="b", help="names of trainable scalars"
    )
    derive.add_argument(
        "--observable", nargs="+", default=[], metavar="P", help="names of unspecified properties"
    )
    derive.add_argument(
        "--symbol", nargs="+", default=[], metavar="x", help="names of constants and inputs"
    )
    derive.add_argument(
        "--express",
        nargs="+",
        default=[],
        metavar="p=FORMULA",
        help="write the result in these quantities",
    )
    form = derive.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print LaTeX")
    form.add_argument("--numpy", action="store_true", help="print NumPy source")
    form.add_argument("--steps", action="store_true", help="print every step with its rule")
    form.add_argument("--json", action="store_true", help="print a JSON object with all of it")
    derive.add_argument(
        "--no-check", action="store_true", help="do not hold the result against numbers"
    )
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
        if arguments.command == "tour":
            from .tour.run import tour

            return tour(arguments.output, rows=arguments.rows, quiet=arguments.quiet)
        from .formula import derive_command

        return derive_command(arguments)
    except ParseError as error:
        print(
            f"symprice: {error}\n{error.caret()}" if error.text else f"symprice: {error}",
            file=sys.stderr,
        )
    except SympriceError as error:
        print(f"symprice: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader has seen enough, as with `| head`
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"symprice: cannot write {error.filename}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        print("symprice: interrupted", file=sys.stderr)
        return 130
    return 2
