"""``symprice paper``: formulas from the shell to a paper with their derivations."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .formula import declare_names, derivation_of, quantities_of
from .parser import parse

__all__ = ["paper_command", "register"]

EXAMPLES = """\
examples:
  symprice paper 'NTVar(sigmoid(b))' --param b --title 'One neuron'
  symprice paper 'NTVar(sigmoid(b))' --param b --express p='sigmoid(b)' --notation learning
  symprice paper 'NTCov(log(P)*Q, -L)' 'NTVar(P*Q)' --observable P Q L --columns 2

It writes paper.tex, paper.bib, paper.md, paper.html and, where there is a TeX, paper.pdf.

exit status: 0, 1 where a check failed or TeX complained, or 2 for input that cannot be used.
"""


def register(commands: Any) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "paper",
        help="write a paper with the derivations of formulas",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("formulas", nargs="+", metavar="formula", help="as for derive")
    declare_names(command)
    command.add_argument("--title", default="Derivations", help="of the paper")
    command.add_argument("--authors", default="", help="of the paper")
    command.add_argument("--columns", type=int, default=1, choices=(1, 2))
    command.add_argument("--notation", default="theory", choices=("theory", "learning"))
    command.add_argument(
        "--output", type=Path, default=Path("build/paper"), help="folder (%(default)s)"
    )
    command.add_argument("--json", action="store_true", help="print a JSON object")
    command.set_defaults(run=paper_command)


def paper_command(arguments: argparse.Namespace) -> int:
    """Derive, check, write; 1 where a check fails or TeX complains."""
    from ..emit.latex_printer import paper as tex_of
    from ..emit.papers import paper

    names, quantities = quantities_of(arguments)
    items: list[Any] = []
    reports = []
    for number, text in enumerate(arguments.formulas, start=1):
        formula = parse(text, names)
        derivation = derivation_of(formula, quantities)
        reports.append(derivation.check())
        items += [f"# The formula ${tex_of(formula)}$", (f"eq:{number}", derivation), reports[-1]]
    found = paper(
        items,
        title=arguments.title,
        authors=arguments.authors,
        columns=arguments.columns,
        notation=arguments.notation,
    )
    written = found.save(arguments.output)
    complaints = found.complaints(arguments.output) if "pdf" in written else []
    if arguments.json:
        told = {
            "written": {kind: str(path) for kind, path in written.items()},
            "checks": [report.to_dict() for report in reports],
            "complaints": complaints,
        }
        print(json.dumps(told, indent=2))
    else:
        for path in written.values():
            print(path)
        for line in [*complaints, *(str(report) for report in reports if not report)]:
            print(line)
    return 0 if all(reports) and not complaints else 1
