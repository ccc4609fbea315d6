"""Closed forms: a short formula *where* names are defined.

A ``ClosedForm`` is an expression (a scalar or a matrix) with bound names: a network's output, a
covariance, an adjoint. Its definitions are a flat list, each shallow, each in terms of the ones
before it: so its length is the number of operations, whatever the depth, and nothing that is shared
is ever written twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import starmap
from typing import Any

from sympy import Basic, Expr, ImmutableDenseMatrix, MatrixExpr, MatrixSymbol, S, Tuple
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import PRECEDENCE

from .binding import Binder, LetArithmetic, substituted
from .errors import ShapeError
from .indexed.entries import Entry, indices_of
from .indexed.families import Family, Member
from .indexed.writing import at_labels
from .outputs import Outputs
from .symbols import Name, NameMatrix, Parameter

__all__ = ["ClosedForm", "ClosedFormMatrix", "Definitions", "hoist", "labelled"]


class Definitions:
    """A growing list of definitions that shares equal values and never gives one name two meanings.

    This is the hash-consing of the package: ``define`` returns the name that a value already has.
    """

    def __init__(self, taken: Iterable[Any] = ()) -> None:
        self._taken = set(taken)
        # Two names that are spelled alike are one to a reader, whatever their shapes.
        self._spelled = {getattr(symbol, "name", None) for symbol in self._taken}
        self._values: dict[Name, Basic] = {}
        self._names: dict[Basic, Name] = {}
        #: What the closed forms have become whose definitions are here.
        self.moved: dict[Basic, Basic] = {}

    def define(self, name: Name, value: Basic) -> Basic:
        """A name for ``value``: the one it has, else ``name``, else ``name`` with a prime."""
        if value.is_Atom or value.is_symbol or isinstance(value, Member):
            return value
        known = self._names.get(value)
        if known is not None:
            return known
        stem, _, primes = name.name.partition("_prime")
        fresh, count = name, int(primes or 1) if stem != name.name else 0
        while fresh.name in self._spelled:
            count += 1
            fresh = _called(name, f"{stem}_prime{count if count > 1 else ''}")
        self._spelled.add(fresh.name)
        self._values[fresh] = value
        self._names[value] = fresh
        return fresh

    @property
    def taken(self) -> set[Any]:
        """The names that no definition may get."""
        return self._taken

    def __contains__(self, name: Basic) -> bool:
        return name in self._values

    def __getitem__(self, name: Basic) -> Basic:
        return self._values[name]

    def items(self) -> Iterable[tuple[Name, Basic]]:
        """The definitions in order."""
        return self._values.items()

    def named(self) -> Mapping[Basic, Name]:
        """The name of every value."""
        return self._names

    def closing(self, expr: Any) -> Any:
        """The closed form of ``expr`` with the definitions that it needs; ``expr`` if none."""
        needed: list[tuple[Name, Basic]] = []
        wanted = set(expr.free_symbols)
        for name, value in reversed(list(self._values.items())):
            if name in wanted:
                needed.append((name, value))
                wanted |= value.free_symbols
        if not needed:
            return expr
        cls = ClosedFormMatrix if isinstance(expr, (MatrixBase, MatrixExpr)) else ClosedForm
        return cls(expr, Tuple(*(Tuple(*pair) for pair in reversed(needed))))


def _called(name: Any, text: str) -> Any:
    """Another name of the same kind and shape."""
    return NameMatrix(text, *name.shape) if isinstance(name, NameMatrix) else Name(text)


def hoist(expr: Basic, into: Definitions) -> Basic:
    """``expr`` with the definitions of every closed form inside it moved to ``into``."""
    memo: dict[Basic, Basic] = {}

    def visit(node: Basic) -> Basic:
        if node in memo:
            return memo[node]
        result = node
        if isinstance(node, _Where):
            if node not in into.moved:
                names: dict[Basic, Basic] = {}
                for name, value in node.args[1]:
                    names[name] = labelled(into, name, visit(_renaming(value, names)))
                into.moved[node] = visit(_renaming(node.args[0], names))
            result = into.moved[node]
        elif node.args and not isinstance(node, Binder) and node.has(_Where):
            result = node.func(*(visit(arg) for arg in node.args))
        memo[node] = result
        return result

    return visit(expr)


def labelled(into: Definitions, name: Any, value: Any) -> Any:
    """A name for a value; where it depends on indices, the member of a family with that name."""
    labels = sorted(indices_of(value), key=str)
    if not labels or isinstance(value, (Member, Entry)):
        return value if labels else into.define(name, value)
    family = into.define(name, Family(value, *labels))
    return (Member if isinstance(family, MatrixSymbol) else Entry)(family, *labels)


def _renaming(expr: Basic, names: Mapping[Basic, Basic]) -> Basic:
    # Before what is bound inside joins the list: afterwards its names could not be told from these.
    moved = {name: names[name] for name in expr.free_symbols if names.get(name, name) != name}
    return expr.xreplace(moved) if moved else expr


class _Where(Outputs, Binder):
    """What scalar and matrix closed forms have in common."""

    __slots__ = ()

    args: Any
    precedence = PRECEDENCE["Atom"]

    @property
    def expr(self) -> Any:
        """The main formula, in terms of the names."""
        return self.args[0]

    @property
    def definitions(self) -> dict[Name, Any]:
        """The definitions in order: name to value."""
        return dict(self.args[1])

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols that the closed form is a function of: its names are bound."""
        return self._cached("_free", self._find_free_symbols)

    @property
    def origin(self) -> Any:
        """What it is the closed form of, as ``NTCov(f, g)``; None where it is a definition."""
        return self.args[2] if len(self.args) > 2 else None

    def without_origin(self) -> Any:
        """The same formula, no longer said to be the closed form of something."""
        return self if self.origin is None else self.func(*self.args[:2])

    def subs(self, *args: Any, **kwargs: Any) -> Any:
        """Substitution, at a cost linear in the definitions however many symbols are replaced."""
        found = substituted(self.without_origin(), args, kwargs)
        return super().subs(*args, **kwargs) if found is None else found

    def _eval_subs(self, old: Any, new: Any) -> Any:
        # What the formula came from is not followed through a substitution.
        return (
            Binder._eval_subs(self, old, new)
            if self.origin is None
            else self.without_origin()._subs(old, new)
        )

    def _xreplace(self, rule: Any) -> Any:
        if self in rule:
            return rule[self], True
        changed, has_changed = Binder._xreplace(self.without_origin(), rule)
        return (changed, True) if has_changed else (self, False)

    def _renamed(self, taken: Iterable[Any]) -> Any:
        fresh = Definitions(self.free_symbols.union(taken))
        return fresh.closing(hoist(self, fresh))

    def _cached(self, key: str, compute: Any) -> Any:
        # Derived from args alone, so equality, hashing and pickling do not see it.
        store = self.__dict__
        if key not in store:
            store[key] = compute()
        return store[key]

    def _find_free_symbols(self) -> set[Any]:
        free = set(self.expr.free_symbols)
        for _, value in self.args[1]:
            free |= value.free_symbols
        return free - {name for name, _ in self.args[1]}

    @property
    def bound_symbols(self) -> list[Name]:
        """The names that the definitions bind, in order."""
        return [name for name, _ in self.args[1]]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The Parameters in order of their first use."""

        def first_uses() -> tuple[Parameter, ...]:
            seen: dict[Parameter, None] = {}
            for value in (*(value for _, value in self.args[1]), self.expr):
                found = value.atoms(Parameter)
                for parameter in sorted(found - seen.keys(), key=lambda p: p.sort_key()):
                    seen[parameter] = None
            return tuple(seen)

        return self._cached("_parameters", first_uses)

    def sort_key(self, order: Any = None) -> Any:
        """A key by the free symbols: SymPy's own would read every definition, many times over."""
        names = tuple(sorted(str(symbol) for symbol in self.free_symbols))
        return self._cached(
            "_key", lambda: (self.class_key(), (1, (names,)), S.One.sort_key(), S.One)
        )

    def doit(self, **hints: Any) -> Any:
        """One expression: every definition inlined."""
        values: dict[Basic, Basic] = {}
        for name, value in self.args[1]:
            values[name] = value.xreplace(values)
        expr = self.expr.xreplace(values)
        return expr.doit(**hints) if hints.get("deep", True) else expr

    def count_ops(self, visual: bool = False) -> Any:
        """The number of operations of the formula and its definitions, each counted once."""
        return sum(
            (value.count_ops(visual) for value in (*(v for _, v in self.args[1]), self.expr)),
            start=_sympify(0),
        )

    def _sympystr(self, printer: Any) -> str:
        pairs = ", ".join(
            f"({printer._print(name)}, {printer._print(value)})" for name, value in self.args[1]
        )
        comma = "," if len(self.args[1]) == 1 else ""
        origin = "" if self.origin is None else f", {printer._print(self.origin)}"
        return f"{type(self).__name__}({printer._print(self.expr)}, ({pairs}{comma}){origin})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        pairs = starmap(at_labels, self.args[1])
        where = r",\; ".join(f"{printer._print(n)} = {printer._print(v)}" for n, v in pairs)
        tex = rf"\left({printer._print(self.expr)}\right)"
        tex = tex if exp is None else rf"{tex}^{{{exp}}}"
        return rf"{tex}_{{{where}}}"

    def _pretty(self, printer: Any) -> Any:
        from sympy.printing.pretty.stringpict import prettyForm, stringPict

        form = printer._print(self.expr)
        for index, (name, value) in enumerate(starmap(at_labels, self.args[1])):
            label = "       " if index else "where  "
            parts = (printer._print(name), " = ", printer._print(value))
            line = stringPict(*stringPict(label).right(*parts))
            form = prettyForm(*stringPict(*form.below(line)).left(""))
        return form


def _checked(definitions: Any) -> Tuple:
    pairs = Tuple(*(Tuple(*_pair(pair)) for pair in _items(definitions)))
    defined: set[Basic] = set()
    for name, value in pairs:
        if name in defined or name in value.free_symbols:
            raise ShapeError(
                f"asked for a closed form that defines {name} twice or by itself: every name is "
                "defined once, in terms of the names before it"
            )
        defined.add(name)
    return pairs


def _items(definitions: Any) -> Iterable[Any]:
    return definitions.items() if isinstance(definitions, Mapping) else definitions


def _pair(pair: Any) -> tuple[Any, Any]:
    name, value = pair
    return _sympify(name), _sympify(value)


class ClosedForm(_Where, Expr):
    """A scalar formula with named definitions: ``expr`` where ``name = value``, ….

    Parameters
    ==========

    expr : a scalar expression in the names.
    definitions : a dict or pairs ``(Name, value)``, each value in terms of the names before it.
    origin : what it is the closed form of, if anything: ``closed_form`` says so, and ``check``
    holds it to that.

    An expression like any other: it can be added, differentiated, substituted into, and put into a
    covariance. ``doit()`` inlines the names.

    Examples
    ========

    >>> from sympy import Symbol, tanh
    >>> from symprice import ClosedForm, Name
    >>> x, h = Symbol('x'), Name('h')
    >>> f = ClosedForm(h**2 + h, {h: tanh(x)})
    >>> f.doit()
    tanh(x)**2 + tanh(x)
    >>> f.free_symbols
    {x}
    """

    is_commutative = True

    def __new__(cls, expr: Any, definitions: Any = (), origin: Any = None) -> ClosedForm:
        expr = _sympify(expr)
        if not isinstance(expr, Expr) or isinstance(expr, MatrixExpr):
            raise ShapeError(
                f"asked for a scalar closed form of {expr}: a Matrix takes ClosedFormMatrix(...)"
            )
        tail = () if origin is None else (_sympify(origin),)
        return Expr.__new__(cls, expr, _checked(definitions), *tail)

    def _eval_derivative(self, symbol: Any) -> Any:
        return self._accumulated_derivative(symbol)

    def _eval_evalf(self, prec: int) -> Any:
        values: dict[Basic, Basic] = {}
        for name, value in self.args[1]:
            values[name] = value.xreplace(values)._evalf(prec)
        return self.expr.xreplace(values)._evalf(prec)

    def _eval_nseries(self, x: Any, n: Any, logx: Any, cdir: Any = 0) -> Any:
        return self.doit()._eval_nseries(x, n=n, logx=logx, cdir=cdir)

    def _eval_as_leading_term(self, x: Any, logx: Any = None, cdir: Any = 0) -> Any:
        return self.doit().as_leading_term(x, logx=logx, cdir=cdir)

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> Any:
        return self.doit().rewrite(rule, **hints)

    def _eval_is_real(self) -> bool | None:
        return all(symbol.is_real for symbol in self.free_symbols) or None


class ClosedFormMatrix(_Where, LetArithmetic, MatrixExpr):
    """A matrix formula with named definitions: the matrix twin of ``ClosedForm``.

    Examples
    ========

    >>> from sympy import Matrix, Symbol, tanh
    >>> from symprice import ClosedFormMatrix, Name
    >>> x, h = Symbol('x'), Name('h')
    >>> f = ClosedFormMatrix(Matrix([h, h**2]), {h: tanh(x)})
    >>> f.shape
    (2, 1)
    >>> f[1, 0].doit()
    tanh(x)**2
    """

    def __new__(cls, expr: Any, definitions: Any = (), origin: Any = None) -> ClosedFormMatrix:
        expr = _sympify(expr)
        if isinstance(expr, MatrixBase):
            expr = ImmutableDenseMatrix(expr)
        if not isinstance(expr, (MatrixBase, MatrixExpr)):
            raise ShapeError(
                f"asked for a matrix closed form of the scalar {expr}: "
                f"write ClosedForm({expr}, ...) instead"
            )
        tail = () if origin is None else (_sympify(origin),)
        return MatrixExpr.__new__(cls, expr, _checked(definitions), *tail)

    @property
    def shape(self) -> Any:
        """The shape of the main formula."""
        return tuple(map(_sympify, self.expr.shape))

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        from .indexed.naming import closed_entry

        return closed_entry(self, _sympify(i), _sympify(j))

    def _eval_derivative(self, symbol: Any) -> Any:
        return self._accumulated_derivative(symbol)

    def __len__(self) -> int:
        return int(self.shape[0] * self.shape[1])
