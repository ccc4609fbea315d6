"""``symprice derive``: one formula from the shell, in one of the three outputs."""

from __future__ import annotations

import argparse
import json
import keyword
import re
import sys
from typing import Any

from sympy import Basic, Eq, ImmutableDenseMatrix, Symbol, sstr
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Derivation, Rule, Step
from ..errors import NameClashError, ShapeError
from ..symbols import Observable, Parameter
from .functions import default_functions
from .parser import CONSTANTS, parse, parse_assignment

__all__ = ["declare_names", "derivation_of", "derive_command", "names_of", "quantities_of"]

_MOST = 9  # rows and columns of a declared matrix: an index has one digit


class NamedQuantities(Rule):
    """The result written in the quantities that were named."""


def derive_command(arguments: argparse.Namespace) -> int:
    """Derive, express, print and check one formula; 1 where the check fails."""
    known, quantities = quantities_of(arguments)
    formula = parse(arguments.formula, known)

    derivation = derivation_of(formula, quantities)
    result = derivation.result if quantities else derivation.result.doit()
    report = None if arguments.no_check else derivation.check()
    _print(arguments, formula, derivation, result, report)
    if report is not None and not report:
        print(f"symprice: {report}", file=sys.stderr)
        return 1
    return 0


def derivation_of(formula: Any, quantities: dict[Any, Any]) -> Derivation:
    """The steps to a formula, the last of them to the quantities that were named."""
    from .. import derive, express

    derivation = derive(formula)
    if not quantities:
        return derivation
    given = [Eq(symbol, quantity, evaluate=False) for symbol, quantity in quantities.items()]
    last = derivation.steps[-1].after
    step = Step(NamedQuantities(), last, express(formula, quantities), given)
    return Derivation([*derivation.steps, step])


def declare_names(command: argparse.ArgumentParser) -> None:
    """The options that say what the names in a formula are."""
    for option, metavar, told in (
        ("--param", "b", "names of trainable scalars; W:2x3, c:3 for a matrix, a column"),
        ("--observable", "P", "names of unspecified properties"),
        ("--symbol", "x", "names of constants and inputs; x:3 for a column"),
        ("--express", "p=FORMULA", "names of quantities; the result is written in them"),
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
        for word in (part for text in given for part in text.replace(",", " ").split()):
            name, colon, shape = word.partition(":")
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
            if not colon:
                found[name] = kind(name, real=True)
                continue
            found[name] = _of_shape(name, shape, kind)
            for entry in found[name].flat():
                if str(entry) in found:
                    raise NameClashError(f"{entry} is an entry of {name} and a name of its own")
                found[str(entry)] = entry
    return found


def quantities_of(arguments: argparse.Namespace) -> tuple[dict[str, Basic], dict[Any, Any]]:
    """What every name means, the quantities of ``--express`` in those before them; and the scalars
    among these quantities by their symbols, for results that are written in them.
    """
    known, quantities = names_of(arguments), {}
    for given in arguments.express:
        name, quantity = parse_assignment(given, known)
        if name in known:
            raise NameClashError(f"{name} was declared twice: as what is it meant?")
        known[name] = quantity
        if not (isinstance(quantity, MatrixBase) or quantity.is_number):  # n=3 is a size
            quantities[Symbol(name, real=True)] = quantity
    return known, quantities


def _of_shape(name: str, shape: str, kind: type[Symbol]) -> ImmutableDenseMatrix:
    """A column or a matrix with entries of a kind, from 3 or 2x3."""
    sizes = re.fullmatch(r"([1-9]\d{0,3})(?:x([1-9]\d{0,3}))?", shape)
    if sizes is None:
        raise ShapeError(
            f"{shape!r} is no shape of {name}: write {name}:3 for a column, {name}:2x3 for a matrix"
        )
    rows, columns = int(sizes[1]), int(sizes[2] or 1)
    if max(rows, columns) > _MOST:
        raise ShapeError(f"asked for {name} of the shape {shape}: {_MOST} rows and columns at most")
    written = f"{name}_{{}}{{}}" if sizes[2] else f"{name}_{{}}"
    return ImmutableDenseMatrix(
        rows, columns, lambda i, j: kind(written.format(i + 1, j + 1), real=True)
    )


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
