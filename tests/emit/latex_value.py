r"""The number that a LaTeX formula means: a small reader of its own, for tests.

It knows `\frac`, `\sqrt`, powers, brackets, juxtaposition and named functions, and shares no code
with what writes the formulas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import mpmath

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
_SPACES = {r"\,", r"\!", r"\ ", r"\quad", r"\qquad", r"\;", r"\:", "&", r"\notag"}


def _normal_cdf(x: Any) -> Any:
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


_FUNCTIONS = {
    r"\exp": mpmath.exp, r"\log": mpmath.log, r"\sin": mpmath.sin, r"\cos": mpmath.cos,
    r"\tan": mpmath.tan, r"\sinh": mpmath.sinh, r"\cosh": mpmath.cosh, r"\tanh": mpmath.tanh,
    r"\arcsin": mpmath.asin, r"\arccos": mpmath.acos, r"\arctan": mpmath.atan, r"\max": max,
    r"\min": min, r"\Phi": _normal_cdf, r"\Gamma": mpmath.gamma,
    r"\sigma": lambda x: 1 / (1 + mpmath.exp(-x)), "arsinh": mpmath.asinh, "artanh": mpmath.atanh,
    "erf": mpmath.erf, "ReLU": lambda x: max(x, 0),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}  # fmt: skip
_ENDS = {"+", "-", ")", "}", ",", "/", r"\right", "|", "]", "="}


def value(latex: str, variables: Mapping[str, Any]) -> Any:
    r"""The value of a formula, with values for the names in it.

    >>> value(r"\frac{x^{2}}{2} \left(1 - \sigma(x)\right)", {"x": 0})
    mpf('0.0')
    """
    reader = _Reader(latex, variables)
    result = reader.sum()
    if reader.next() is not None:
        raise ValueError(f"cannot read {latex!r} beyond {reader.tokens[: reader.at]}")
    return result


def display(latex: str, variables: Mapping[str, Any]) -> Any:
    r"""The value of the last line of a display, with the definitions of the lines before it."""
    body = re.sub(r"\\(?:begin|end)\{\w+\*?\}|\\label\{[^}]*\}", "", latex)
    known = dict(variables)
    statements: list[str] = []
    for row in re.split(r"\\\\", body):
        if re.search(r"&?=", row):
            statements.append(row)
        else:
            statements[-1] += row
    result = None
    for statement in statements:
        left, right = re.split(r"&?=", statement, maxsplit=1)
        result = value(right, known)
        known[left.replace("&", "").strip()] = result
    return result


class _Reader:
    def __init__(self, latex: str, variables: Mapping[str, Any]) -> None:
        self.tokens = [token for token in _TOKEN.findall(latex) if token not in _SPACES]
        self.at = 0
        names = {tuple(_TOKEN.findall(name)): mpmath.mpmathify(v) for name, v in variables.items()}
        self.names = dict(sorted(names.items(), key=lambda pair: -len(pair[0])))

    def next(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, expected: str) -> None:
        if self.next() != expected:
            raise ValueError(f"expected {expected} at {self.tokens[self.at :][:8]}")
        self.at += 1

    def sum(self) -> Any:
        total = mpmath.mpf(0)
        first = True
        while first or self.next() in ("+", "-"):
            sign = 1
            while self.next() in ("+", "-"):
                sign *= -1 if self.next() == "-" else 1
                self.at += 1
            total += sign * self.product()
            first = False
        return total

    def product(self) -> Any:
        result = self.power()
        while self.next() is not None and self.next() not in _ENDS:
            sign = 1
            if self.next() == r"\cdot":
                self.at += 1
                if self.next() == "-":
                    self.at, sign = self.at + 1, -1
            result *= sign * self.power()
        return result

    def power(self) -> Any:
        base = self.atom()
        while self.next() == "^":
            self.at += 1
            base = base ** self.exponent()
        return base

    def exponent(self) -> Any:
        if self.next() != "{":
            return self.atom()
        self.at += 1
        result = self.sum()
        if self.next() == "/":
            self.at += 1
            result /= self.sum()
        self.take("}")
        return result

    def braces(self) -> Any:
        self.take("{")
        result = self.sum()
        self.take("}")
        return result

    def atom(self) -> Any:
        for name, known in self.names.items():
            if tuple(self.tokens[self.at : self.at + len(name)]) == name:
                self.at += len(name)
                return known
        token = self.next()
        if token is None:
            raise ValueError("the formula ends too soon")
        if token == r"\operatorname":
            end = self.tokens.index("}", self.at)
            name = "".join(self.tokens[self.at + 2 : end])
            self.at = end + 1
            return self.call(name)
        if token in _FUNCTIONS:
            self.at += 1
            return self.call(token)
        if token == "{":
            return self.braces()
        self.at += 1
        match token:
            case r"\frac":
                return self.braces() / self.braces()
            case r"\sqrt":
                index = mpmath.mpf(2)
                if self.next() == "[":
                    self.at += 1
                    index = self.sum()
                    self.take("]")
                return self.braces() ** (1 / index)
            case r"\left":
                return self.fenced()
            case "(":
                result = self.sum()
                self.take(")")
                return result
            case r"\pi":
                return +mpmath.pi
            case "e":
                return +mpmath.e
        if token[0].isdigit():
            return mpmath.mpf(token)
        raise ValueError(f"cannot read {token!r} in {' '.join(self.tokens)}")

    def fenced(self) -> Any:
        opening = self.next()
        self.at += 1
        result = self.sum()
        self.take(r"\right")
        self.take({"(": ")", "|": "|"}[opening or ""])
        return abs(result) if opening == "|" else result

    def call(self, name: str) -> Any:
        exponent = mpmath.mpf(1)
        if self.next() == "^":
            self.at += 1
            exponent = self.exponent()
        return _FUNCTIONS[name](*self.arguments()) ** exponent

    def arguments(self) -> list[Any]:
        braced = self.next() == "{"
        self.at += braced
        grown = self.next() == r"\left"
        self.at += grown
        if self.next() != "(":
            return [self.power()]  # \log\sigma(x)
        self.at += 1
        found = [self.sum()]
        while self.next() == ",":
            self.at += 1
            found.append(self.sum())
        if grown:
            self.take(r"\right")
        self.take(")")
        if braced:
            self.take("}")
        return found
