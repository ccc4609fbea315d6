"""``symprice derive``: one formula from the shell, in one of the three outputs."""

from __future__ import annotations

import argparse
import json
import keyword
import sys
from typing import Any

from sympy import Basic, Eq, Symbol, sstr

from ..derivation import Derivation, Rule, Step
from ..errors import NameClashError
from ..symbols import Observable, Parameter
from .functions import default_functions
from .parser import CONSTANTS, parse, parse_assignment

__all__ = ["declare_names", "derive_command", "names_of"]


class NamedQuantities(Rule):
    """The result written in the quantities that were named."""


def derive_command(arguments: argparse.Namespace) -> int:
    """Derive, express, print and check one formula; 1 where the check fails."""
    from .. import derive, express

    names = names_of(arguments)
    formula = parse(arguments.formula, names)
    quantities: dict[Any, Any] = {}
    for given in arguments.express:
        name, quantity = parse_assignment(given, names)
        quantities[Symbol(name, real=True)] = quantity

    derivation = derive(formula)
    result: Any = derivation.result.doit()
    steps = list(derivation.steps)
    if quantities:
        expressed = express(formula, quantities)
        steps.append(
            Step(
                NamedQuantities(),
                steps[-1].after,
                expressed,
                [Eq(s, q, evaluate=False) for s, q in quantities.items()],
            )
        )
        result = expressed
    derivation = Derivation(steps)

    report = None if arguments.no_check else derivation.check()
    _print(arguments, formula, derivation, result, report)
    if report is not None and not report:
        print(f"symprice: {report}", file=sys.stderr)
        return 1
    return 0


def declare_names(command: argparse.ArgumentParser) -> None:
    """The options that say what the names in a formula are."""
    for option, metavar, told in (
        ("--param", "b", "names of trainable scalars"),
        ("--observable", "P", "names of unspecified properties"),
        ("--symbol", "x", "names of constants and inputs"),
        ("--express", "p=FORMULA", "write the result in these quantities"),
    ):
        command.add_argument(
            option, nargs="+", action="extend", default=[], metavar=metavar, help=told
        )


def names_of(arguments: argparse.Namespace) -> dict[str, Basic]:
    """The symbols that the options declare, by name."""
    found: dict[str, Basic] = {}
    kinds: list[tuple[list[str], type[Symbol]]] = [
        (arguments.param, Parameter),
        (arguments.observable, Observable),
        (arguments.symbol, Symbol),
    ]
    for given, kind in kinds:
        for name in (part for text in given for part in text.replace(",", " ").split()):
            if keyword.iskeyword(name):
                raise NameClashError(
                    f"{name} is a word of Python, which code could not hold: choose another name, "
                    f"as {name}_1"
                )
            if not name.isidentifier() or name.startswith("__"):
                raise NameClashError(
                    f"{name!r} cannot be a name: write a letter, then letters, digits, underscores"
                )
            if name in default_functions() or name in CONSTANTS:
                raise NameClashError(
                    f"{name} means something already, a function or a constant of formulas: choose "
                    f"another name, as {name}_1"
                )
            if name in found:
                raise NameClashError(f"{name} was declared twice: as what is it meant?")
            found[name] = kind(name, real=True)
    return found


def _print(
    arguments: argparse.Namespace, formula: Any, derivation: Derivation, result: Any, report: Any
) -> None:
    from .. import source, to_latex

    if arguments.json:
        found = {
            "formula": sstr(formula),
            "result": sstr(result),
            "latex": to_latex(result),
            "steps": [
                {
                    "rule": step.rule.name,
                    "law": step.rule.law,
                    "before": sstr(step.before),
                    "after": sstr(step.after),
                }
                for step in derivation.steps
            ],
            "check": None if report is None else report.to_dict(),
        }
        print(json.dumps(found, indent=2))
    elif arguments.latex:
        print(to_latex(result))
    elif arguments.numpy:
        print(source(None, result), end="")
    elif arguments.steps:
        from ..emit.terminal import show

        show(derivation, report)
    else:
        print(sstr(result))
