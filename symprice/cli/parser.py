"""A formula typed as text becomes a SymPy expression, and nothing else can come of it.

A precedence parser over a fixed set of operators and a table of functions. No part of the text is
ever run as Python, and no attribute is looked up by a name from it.

=========================  =======================================================================
``2``, ``0.5``, ``1e-3``   numbers, always exact: ``0.5`` is one half
``b``, ``w_1``, ``eta``    declared names; a single Greek letter stands for its spelled name
``pi``, ``E``              constants, unless these names are declared
``+ - * /``                as in Python; a product is always written with ``*``
``**`` or ``^``            powers, from the right: ``2**3**2`` is ``2**9``; ``-a**2`` is ``-(a**2)``
``exp(a)``, ``f(a, b)``    functions of the table; ``metric=G`` where the function takes it; those
                           of one scalar take a column entry by entry
``[a, b]``, ``(a, b)``     a column vector
``[[a, b], [c, d]]``       a matrix, row by row
=========================  =======================================================================

Nesting, exponents and integers are bounded before a value is built, its nodes right after.
Constants are real and fit into a double. Every fault is one ``ParseError`` that shows its place.
"""

from __future__ import annotations

import operator
import re
import signal
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial, reduce
from threading import current_thread, main_thread
from typing import Any, NamedTuple, NoReturn, TypeVar

import sympy
from sympy import Add, Basic, E, Expr, ImmutableDenseMatrix, Mul, Pow, Rational, S, pi
from sympy.matrices.matrixbase import MatrixBase

from ..errors import ParseError
from ..timelimit import within
from .bounds import DIGITS, Bounds
from .functions import Functions, Signature, default_functions
from .matrices import spread, times
from .tokens import Token, quote, spelled, tokens

__all__ = ["CONSTANTS", "parse", "parse_assignment"]

T = TypeVar("T")

CONSTANTS: Mapping[str, Basic] = {"pi": pi, "E": E}
_SUM, _PRODUCT, _SIGN, _POWER = 1, 2, 3, 4
_BINDING = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "**": _POWER, "^": _POWER}
_EXPONENTIAL = (sympy.exp, sympy.sinh, sympy.cosh)
_HYPERBOLIC = (sympy.tanh, sympy.sinh, sympy.cosh)


def parse(
    text: str,
    names: Mapping[str, Basic] | None = None,
    functions: Functions | None = None,
    *,
    max_length: int = 2000,
    max_depth: int = 60,
    max_nodes: int = 5000,
    max_power: int = 1000,
    max_seconds: float = 10,
) -> Basic:
    """The SymPy expression that a formula spells, from declared names and a table of functions.

    ``functions`` replaces ``default_functions()``: SymPy's function classes in it take scalars,
    other callables take vectors too, and ``metric=...`` if they have a parameter of this name.
    The bounds are on the characters, the nesting, the nodes of the expression and its exponents;
    and on the time SymPy may take, where a deadline can be set: in the main thread, under POSIX.

    Raises
    ======

    ParseError : for every fault of the text, with its position and what to write instead.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.cli.parser import parse
    >>> b, w = parameters('b w', real=True)
    >>> parse('0.5*w^2 - tanh(b)/2', {'b': b, 'w': w})
    w**2/2 - tanh(b)/2
    >>> parse('2b', {'b': b})
    Traceback (most recent call last):
    ...
    symprice.errors.ParseError: an operator is missing before 'b': write 2*b for a product
    """
    if len(text) > max_length:
        limit = f"a formula has at most {max_length} characters, received {len(text)}"
        raise ParseError(f"{limit}: name its parts", text, max_length)
    table = default_functions() if functions is None else functions
    bounds = Bounds(max_depth, max_nodes, max_power)
    return _Parser(text, names or {}, table, bounds).formula(max_seconds)


def parse_assignment(
    text: str,
    names: Mapping[str, Basic] | None = None,
    functions: Functions | None = None,
    **limits: Any,
) -> tuple[str, Basic]:
    """The name and the expression of ``name=formula``; the limits are those of ``parse``.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.cli.parser import parse_assignment
    >>> parse_assignment('p = exp(-b)', {'b': parameters('b')})
    ('p', exp(-b))
    """
    head, sign, formula = text.partition("=")
    name, start = spelled(head.strip(" ")), len(head) - len(head.lstrip(" "))
    table = default_functions() if functions is None else functions
    if not sign or not re.fullmatch("(?!__)[A-Za-z_][A-Za-z_0-9]*", name):
        raise ParseError("asked for name=formula: write it as in p=exp(-b)", text, start)
    if name in CONSTANTS or name in table:
        raise ParseError(f"{name} means something already: choose another name", text, start)
    try:  # spaces keep the places where they are
        return name, parse(" " * (len(head) + 1) + formula, names, table, **limits)
    except ParseError as error:
        raise ParseError(str(error), text, error.position) from error.__cause__


class _Argument(NamedTuple):
    value: Any
    position: int
    keyword: str = ""


class _Parser:
    """One text being read: its tokens, what may occur in it, how far it may go."""

    def __init__(
        self, text: str, names: Mapping[str, Basic], functions: Functions, bounds: Bounds
    ) -> None:
        self.text, self.names, self.functions, self.bounds = text, names, functions, bounds
        self.tokens = list(tokens(text))
        self.at = self.depth = 0

    def fail(self, message: str, place: Token | _Argument) -> NoReturn:
        raise ParseError(message, self.text, place.position)

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def advance(self) -> Token:
        token = self.token
        self.at += token.kind != "end"
        return token

    # --- operators --------------------------------------------------------------------------------
    def formula(self, seconds: float) -> Basic:
        read, unfinished = partial(self.expression, _SUM), object()
        try:
            interruptible = current_thread() is main_thread() and hasattr(signal, "SIGALRM")
            value = within(seconds, read, unfinished) if interruptible else read()
        except RecursionError:
            self.fail("nested too deeply: name its parts", self.token)
        if value is unfinished:
            self.fail(
                f"this takes more than {seconds} s: name its parts, declare names real", self.token
            )
        if self.token.kind != "end":
            self.unexpected()
        return value

    def expression(self, binding: int) -> Any:
        """As much as holds together by operators that bind at least so tightly."""
        value = self.operand()
        while (strength := _BINDING.get(self.token.text, 0)) >= binding:
            value = self.power(value) if strength == _POWER else self.chain(value, strength)
        return value

    def nested(self, binding: int = _SUM) -> Any:
        """An expression one level further down."""
        self.depth += 1
        if self.depth > self.bounds.max_depth:
            self.fail(f"nested more than {self.bounds.max_depth} deep: name its parts", self.token)
        value = self.expression(binding)
        self.depth -= 1
        return value

    def operand(self) -> Any:
        token = self.advance()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.call(token) if self.token.text == "(" else self.named(token)
        if token.text in ("+", "-"):
            value = self.quantity(self.nested(_SIGN), token)
            return value if token.text == "+" else self.build(token, operator.neg, value)
        if token.text == "[" and self.token.text == "[":
            rows = self.items(token, self.row)
            if len({len(row) for row in rows}) > 1:
                self.fail("the rows differ in length: write [[a, b], [c, d]]", token)
            return ImmutableDenseMatrix(rows)
        if token.text in ("(", "["):
            items = self.items(token, self.argument)
            if token.text == "(" and len(items) == 1 and not items[0].keyword:
                return items[0].value
            return ImmutableDenseMatrix(self.scalars(token, items))
        what = f"{quote(token.text)} stands" if token.text else "the formula ends"
        self.fail(f"{what} where a number, a name or a bracket should be", token)

    def chain(self, first: Any, strength: int) -> Any:
        """A sum or a product of any length: built at once, because SymPy sorts each time."""
        start = self.token
        values = [self.quantity(first, start)]
        while _BINDING.get(self.token.text) == strength:
            sign, place = self.advance(), self.token
            value = self.quantity(self.expression(strength + 1), place)
            if sign.text == "/":
                value = self.raised(value, S.NegativeOne, place)
            values.append(self.build(sign, operator.neg, value) if sign.text == "-" else value)
        matrices = sum(value.is_Matrix for value in values)
        if not matrices:
            return self.build(start, Add if strength == _SUM else Mul, *values)
        if strength == _PRODUCT:
            return reduce(partial(self.build, start, times), values)
        if matrices < len(values):
            values = self.attempt(start, spread, values)
        return reduce(partial(self.build, start, operator.add), values)

    def power(self, base: Any) -> Any:
        sign, place = self.advance(), self.token
        exponent = self.quantity(self.nested(_SIGN), place)
        return self.raised(self.quantity(base, sign), exponent, place)

    def raised(self, base: Any, exponent: Any, place: Token) -> Any:
        if base.is_Matrix or exponent.is_Matrix:
            self.fail("a matrix has no powers and quotients here: write M*M", place)
        self.refuse(place, self.bounds.exponent, base, exponent)
        return self.build(place, Pow, base, exponent)

    # --- brackets ---------------------------------------------------------------------------------
    def items(self, opening: Token, read: Callable[[], T]) -> list[T]:
        """What stands between an opening bracket, already read, and its partner."""
        closing = ")" if opening.text == "(" else "]"
        found: list[T] = []
        while self.token.text != closing or found:
            found.append(read())
            if self.token.text == closing:
                break
            if self.token.text in (")", "]", ""):
                self.fail(f"this {opening.text} is not closed: write {closing}", opening)
            if self.token.text != ",":
                self.unexpected()
            self.advance()
        self.advance()
        return found

    def argument(self) -> _Argument:
        name, start = "", self.token
        if start.kind == "name" and self.tokens[self.at + 1].text == "=":
            name = self.advance().text
            self.advance()
        return _Argument(self.nested(), start.position, name)

    def row(self) -> list[Expr]:
        opening = self.advance()
        if opening.text != "[":
            self.fail("a row of a matrix starts with [: write [[a, b], [c, d]]", opening)
        return self.scalars(opening, self.items(opening, self.argument))

    def scalars(self, opening: Token, items: list[_Argument]) -> list[Expr]:
        """The entries of a vector."""
        if not items:
            self.fail("nothing stands between these brackets: write (a) or [a, b]", opening)
        for item in items:
            if item.keyword or self.quantity(item.value, item).is_Matrix:
                self.fail("an entry is a scalar: write [a, b] or [[a, b], [c, d]]", item)
        return [item.value for item in items]

    # --- names and functions ----------------------------------------------------------------------
    def call(self, name: Token) -> Any:
        """A function of the table, at its arguments."""
        if name.text not in self.functions:
            self.no_function(name)
        function, opening = self.functions[name.text], self.advance()
        items = self.items(opening, self.argument)
        takes, end = Signature.of(function), self.tokens[self.at - 1]
        values = [item for item in items if not item.keyword]
        options: dict[str, Any] = {}
        for item in items:
            if item.keyword and (not takes.metric or item.keyword != "metric" or options):
                allowed = "one keyword, metric=" if takes.metric else "no keyword"
                self.fail(f"{name.text} takes {allowed}: leave {quote(item.keyword)} out", item)
            if item.keyword:
                options[item.keyword] = item.value
            elif not takes.vectors and self.quantity(item.value, item).is_Matrix:
                if item.value.cols > 1 or len(items) > 1:
                    self.fail(f"{name.text} takes scalars: apply it to each entry", item)
        if not takes.least <= len(values) <= takes.most:
            place = values[int(takes.most)] if len(values) > takes.most else end
            self.fail(f"{name.text} takes {takes.counts()}, received {len(values)}", place)
        for item in values:
            for value in item.value.flat() if item.value.is_Matrix else [item.value]:
                if function in _EXPONENTIAL:
                    self.refuse(item, self.bounds.exponent, E, value)
                if function in _HYPERBOLIC:
                    self.refuse(item, self.bounds.hyperbolic, function, value)
        if not takes.vectors and values and values[0].value.is_Matrix:
            return self.build(name, values[0].value.applyfunc, function)
        return self.build(name, partial(function, **options), *(item.value for item in values))

    def no_function(self, name: Token) -> NoReturn:
        if name.text in self.names or name.text in CONSTANTS:
            self.fail(f"{quote(name.text)} is no function: write {name.text}*(...)", self.token)
        known = ", ".join(sorted(self.functions))
        nearest = _nearest(name.text, self.functions)
        self.fail(f"no function {quote(name.text)}: {nearest}write one of {known}", name)

    def named(self, name: Token) -> Any:
        """A declared quantity or a constant."""
        for table in (self.names, CONSTANTS):
            if name.text in table:
                return table[name.text]
        if name.text in self.functions:
            self.fail(f"{name.text} is a function: write {name.text}(...)", name)
        word = name.text if len(name.text) <= 40 else "b"
        declared = ", ".join(sorted(self.names)) or "nothing"
        self.fail(
            f"{quote(name.text)} is not declared, {declared} is: {_nearest(name.text, self.names)}"
            f"declare it with --param {word}, --observable {word} or --symbol {word}",
            name,
        )

    def number(self, token: Token) -> Rational:
        mantissa, _, power = token.text.lower().partition("e")
        whole, _, part = mantissa.partition(".")
        if len(whole + part) > DIGITS or len(power) > 4 or abs(int(power or 0)) > DIGITS:
            self.fail(f"a number has at most {DIGITS} digits", token)
        shift = int(power or 0) - len(part)
        value = Rational(int(whole + part) * 10 ** max(shift, 0), 10 ** max(-shift, 0))
        self.refuse(token, self.bounds.value, value)
        return value

    # --- what is built, and what is refused -------------------------------------------------------
    def quantity(self, value: Any, place: Token | _Argument) -> Any:
        """The value itself, if it can be calculated with."""
        if not isinstance(value, Expr):
            self.fail(f"{value} is no quantity to calculate with", place)
        return value

    def attempt(self, place: Token | _Argument, make: Callable[..., T], *args: Any) -> T:
        """A call into SymPy, or into a function of the table: what it raises has a place."""
        try:
            return make(*args)
        except Exception as error:
            deep = "nested too deeply: name its parts"
            message = deep if isinstance(error, RecursionError) else str(error)
            name = f"{place.text}: " if isinstance(place, Token) and place.kind == "name" else ""
            message = name + (message or type(error).__name__)
            raise ParseError(message, self.text, place.position) from error

    def build(self, place: Token, make: Callable[..., Any], *args: Any) -> Any:
        """What ``make`` builds of the arguments, if it is within bounds."""
        value = self.attempt(place, make, *args)
        if isinstance(value, MatrixBase):
            value = ImmutableDenseMatrix(value)
        if not isinstance(value, Basic):
            self.fail(f"{place.text} gives no formula but a {type(value).__name__}", place)
        self.refuse(place, self.bounds.value, value)
        return value

    def refuse(self, place: Token | _Argument, find: Callable[..., str | None], *args: Any) -> None:
        """Fail if there is a fault to be found."""
        if fault := self.attempt(place, find, *args):
            self.fail(fault, place)

    def unexpected(self) -> NoReturn:
        """What is wrong with a token that cannot follow a complete expression."""
        before, token = self.tokens[self.at - 1].text, self.token
        if token.text in (")", "]"):
            self.fail(f"this {token.text} closes nothing: leave it out", token)
        if token.text == ",":
            self.fail("a comma stands between arguments or entries: write [a, b]", token)
        if token.text == "=":
            self.fail("one formula is read here: write it without a name and =", token)
        product = f"{'(...)' if before in (')', ']') else before}*"
        product += "(...)" if token.text in ("(", "[") else token.text
        missing = f"an operator is missing before {quote(token.text)}"
        self.fail(f"{missing}: write {product} for a product", token)


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = get_close_matches(name[:40], list(known), 1)
    return f"did you mean {close[0]}? " if close else ""
