"""The lines of NumPy code in which vectors over the parameters are lists of arrays, one for each
parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..errors import NoRuleError
from .code_layout import assignment
from .code_names import CodeNames
from .matrix_source import MatrixSource, write_matrix_source

__all__ = ["VectorLines", "listed"]


class VectorLines:
    """The lines of one function, the functions that it calls, and what they import.

    Parameters
    ==========

    parameters : the trained symbols, in the order of every vector.
    codes : {symbol: name in code} of all arguments.
    name : what the function is called.
    """

    def __init__(self, parameters: list[Any], codes: dict[Any, str], name: str) -> None:
        self.parameters, self.codes = parameters, codes
        self.names = CodeNames(codes)
        for code in ("params", name):
            self.names.fresh(code)
        self.lines: list[str] = []
        self.functions: list[str] = []
        self.imports: dict[str, None] = {"import numpy as np": None}
        self._ends: list[str] = []
        self._counts: dict[str, int] = {}

    def shape(self, parameter: Any) -> str:
        """The shape of the array of a parameter."""
        return f"{self.codes[parameter]}.shape" if hasattr(parameter, "shape") else "()"

    def flat(self, arrays: list[str]) -> str:
        """A vector as one array."""
        return f"np.concatenate(({', '.join(f'np.reshape({a}, -1)' for a in arrays)},))"

    def cut(self, flat: str, lead: str = "") -> list[str]:
        """One array as the arrays of a vector; with ``lead``, of as many vectors as it has rows."""
        found = []
        letter = "rows" if lead else "u"
        begin = ""
        for end, p in zip(self.ends(), self.parameters, strict=True):
            part = f"{flat}[{':, ' if lead else ''}{begin}:{end}]"
            shape = self.shape(p)
            if lead:
                shape = f"({lead}, *{shape})" if hasattr(p, "shape") else f"({lead},)"
            found.append(self.assigned(f"{letter}_{p.name}", f"np.reshape({part}, {shape})"))
            begin = end
        return found

    def ends(self) -> list[str]:
        """The names of the places at which the parts of a flat vector end."""
        if not self._ends:
            sizes = map(self.size, self.parameters)
            before, names = "", []
            for size in sizes:
                names.append(self.assigned("n", f"{before} + {size}" if before else size))
                before = names[-1]
            self._ends = names
        return self._ends

    def size(self, parameter: Any) -> str:
        """How many entries a parameter has."""
        return f"{self.codes[parameter]}.size" if hasattr(parameter, "shape") else "1"

    def eye(self) -> str:
        """The identity over all parameters."""
        return f"np.eye({self.ends()[-1]})"

    def assigned(self, wanted: str, value: str) -> str:
        """A name for a value, in a line of its own."""
        numbered = len(wanted) == 1
        code = self.names.numbered(wanted) if numbered else self.names.fresh(wanted)
        self.lines += assignment(code, value)
        return code

    def number(self, expr: Any) -> str:
        """A number or a symbol that is an argument."""
        if expr in self.codes:
            return self.codes[expr]
        if expr.is_number:
            return repr(float(expr))
        raise NoRuleError(
            f"asked for NumPy code of the constant {expr} in a metric: write a number or a symbol"
        )

    def targets(self, letter: str, symbols: list[Any]) -> dict[Any, str]:
        self._counts[letter] = count = self._counts.get(letter, 0) + 1
        return {p: self.names.fresh(f"{letter}{count}_{p.name}") for p in symbols}

    def shaped(self, parameter: Any, targets: dict[Any, str]) -> str:
        """An array of the shape of its parameter: a single row comes as an array of one axis."""
        if parameter not in targets:
            return f"np.zeros({self.shape(parameter)})"
        if getattr(parameter, "shape", (0,))[0] != 1:
            return targets[parameter]
        return f"np.reshape({targets[parameter]}, {self.shape(parameter)})"

    def combined(self, terms: list[tuple[int, list[str]]]) -> list[str]:
        """A sum of vectors with signs."""
        found = []
        for p, *arrays in zip(self.parameters, *(arrays for _, arrays in terms), strict=True):
            signed = zip((sign for sign, _ in terms), arrays, strict=True)
            text = " ".join(f"{'-' if sign < 0 else '+'} {array}" for sign, array in signed)
            text = text.removeprefix("+ ") if text[0] == "+" else f"-{text[2:]}"
            found.append(self.assigned(f"v_{p.name}", text))
        return found

    # --- functions --------------------------------------------------------------------------------
    def add_function(self, kind: str, closed: Any, batch: Any = None) -> MatrixSource:
        name = self.names.fresh(kind)
        written = write_matrix_source(closed, batch, name)
        lines = written.text.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("def "))
        self.imports.update(dict.fromkeys(line for line in lines[:start] if line.strip()))
        for function in re.split(r"\n\n\n", "\n".join(lines[start:]).strip()):
            if f"{function}\n\n\n" not in self.functions:
                self.functions.append(f"{function}\n\n")
        return written

    def named(self, written: MatrixSource) -> str:
        found = re.findall(r"^def (\w+)\(", written.text, re.M)
        return str(found[-1])

    def codes_of(self, written: MatrixSource, codes: dict[Any, str]) -> Iterable[str]:
        for a in written.arguments:
            if not a.is_trained:
                yield codes.get(a.symbol) or self.codes[a.symbol]


def listed(names: Iterable[str]) -> str:
    """The targets of an assignment of a tuple."""
    found = list(names)
    return f"{found[0]}," if len(found) == 1 else ", ".join(found)
