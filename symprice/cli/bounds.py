"""What a formula of the command line may become: SymPy computes as it builds, so it is bounded.

Exponents are held small before a power is built, because SymPy writes out integer powers at once.
Constants must be real and fit into a double: SymPy asks for their signs, and would take for ever
to find that of ``exp(exp(exp(22))) - 1``, or of a sum of roots that is zero in disguise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log10, prod
from typing import Any

from sympy import Add, Basic, Expr, I, Integer, S, cosh, log
from sympy.matrices.matrixbase import MatrixBase

__all__ = ["Bounds"]

DIGITS = 308  # of an integer, before and after the point of a constant: what a double holds
POWER = 100  # of what may be complex: SymPy expands it by the binomial theorem
TERMS = 1000  # of real and imaginary parts that SymPy writes out, see Bounds.hyperbolic
_LARGE = Integer(10) ** DIGITS
_INFINITE = frozenset({S.ComplexInfinity, S.Infinity, S.NegativeInfinity, S.NaN})


@dataclass(frozen=True)
class Bounds:
    """The bounds on what is built from text; each method returns what is wrong, or nothing.

    Examples
    ========

    >>> from sympy import Integer, log
    >>> from symprice.cli.bounds import Bounds
    >>> Bounds().exponent(Integer(9), Integer(387420489))
    'an exponent is at most 1000 here'
    >>> Bounds().value(log(Integer(-2)))
    'log(2) + I*pi is not a real number: change a sign'
    """

    max_depth: int = 60
    max_nodes: int = 5000
    max_power: int = 1000

    def exponent(self, base: Expr, exponent: Expr) -> str | None:
        """Before ``base**exponent`` is built."""
        if base.is_zero and exponent.is_negative:
            return "division by zero: write a divisor that is not 0"
        for term in Add.make_args(exponent):
            # exp(c*log(n)) becomes the power n**c, so a coefficient of a logarithm counts as well.
            coefficient = term.as_coeff_Mul()[0] if term.has(log) else S.Zero
            size = abs(_number(term) if term.is_number else coefficient)
            if not size.is_comparable:
                continue
            if size > self.max_power:
                return f"an exponent is at most {self.max_power} here"
            if base.is_Rational and base and log10(max(abs(base.p), base.q)) * size > DIGITS:
                return f"a number has at most {DIGITS} digits here"
        return None

    def hyperbolic(self, function: Any, argument: Expr) -> str | None:
        """Before tanh, sinh or cosh is built.

        Unless it knows that the argument is real, SymPy expands its real and imaginary part, and
        those of all that is within it: the terms multiply with every level and power. For cosh it
        always does.
        """
        unreal = _unreal(argument)
        if (unreal or function is cosh) and _terms(argument) > TERMS:
            remedy = f"declare {unreal} real, or " if unreal else ""
            return f"too deep an argument for {function.__name__}: {remedy}name its parts"
        return None

    def value(self, value: Basic) -> str | None:
        """After a value is built."""
        for count, (node, depth) in enumerate(_nodes(value)):
            if count >= self.max_nodes:
                return f"the formula has more than {self.max_nodes} nodes: name its parts"
            if depth > self.max_depth:
                return f"nested more than {self.max_depth} deep: name its parts"
            if node in _INFINITE:
                return "the value is infinite or undefined: write one that is finite"
            if node is I:
                return f"{_shown(value)} is not a real number: change a sign"
            if node.is_Rational and max(abs(node.p), node.q) > _LARGE:
                return f"a number has at most {DIGITS} digits here"
            if node.is_Pow and node.exp.is_Rational and (fault := self._power(node)):
                return fault
        entries = value.flat() if isinstance(value, MatrixBase) else [value]
        return next(filter(None, map(_constant, entries)), None)

    def _power(self, power: Any) -> str | None:
        """What is wrong with a power as it was built: factors join, and exponents add up."""
        if abs(power.exp) > self.max_power:
            return f"an exponent is at most {self.max_power} here"
        if abs(power.exp) > POWER and (unreal := _unreal(power.base)):
            return f"an exponent is at most {POWER} unless {unreal} is declared real"
        if power.base.is_Rational and power.base < 0:
            return f"{_shown(power)} is not a real number: change a sign"
        return None


def _shown(value: Basic) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _unreal(expr: Basic) -> str:
    """The first name that may stand for a complex number, or nothing."""
    return min((str(s) for s in expr.free_symbols if not s.is_extended_real), default="")


def _constant(value: Any) -> str | None:
    """What is wrong with a constant; nothing with what is none."""
    if not isinstance(value, Expr) or value.is_Rational or not value.is_number:
        return None
    number = _number(value)
    if number.has(I):
        return f"{_shown(value)} is not a real number: change a sign"
    if number.is_zero or (number.is_Float and number._prec == 1):  # no digit is certain
        return f"the constant {_shown(value)} cannot be told from zero: write 0, or simplify it"
    if number.is_Float and not 1 / _LARGE < abs(number) < _LARGE:
        return f"the constant {_shown(value)} does not fit into a double: write its logarithm"
    return None


def _number(constant: Expr) -> Expr:
    """Its numerical value; itself where there is none to be had."""
    try:
        return constant if constant.is_Rational else constant.evalf(15)
    except Exception:  # a function that has no numbers
        return constant


def _nodes(value: Basic) -> Iterator[tuple[Any, int]]:
    """All nodes, each with the number of those it stands in; without recursion."""
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        parts = node.flat() if isinstance(node, MatrixBase) else node.args
        stack.extend((part, depth + 1) for part in parts)


def _terms(expr: Any) -> float:
    """About how many terms the real and imaginary part of an expression have, written out."""
    terms = [_terms(part) for part in expr.args]
    if expr.is_Add:
        return sum(terms)
    if expr.is_Pow and expr.exp.is_Integer:  # so long the binomial takes, too
        return min(terms[0] * (abs(int(expr.exp)) + 1) ** 2, TERMS + 1)
    if not terms:
        return 1 if expr.is_extended_real else 2
    return min(prod(terms) * (1 if expr.is_Mul else 4), TERMS + 1)
