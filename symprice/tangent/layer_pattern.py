"""What a layer of a closed form has in common with the next one: its formulas, with the layer's
number as an index.

The definitions of one layer become templates, `h_l = W_l a_{l-1} + b_l`; every other layer is held
to them, renumbered, and where the first and the last differ, what stands there instead is found by
the same comparison. Nothing here knows what a layer is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sympy import (
    Add,
    Identity,
    MatAdd,
    MatMul,
    MatrixSymbol,
    S,
    Symbol,
    Transpose,
    preorder_traversal,
)
from sympy.matrices.exceptions import ShapeError as SizesDiffer

from ..errors import NoRuleError
from ..indexed.entries import Entry, Index
from ..indexed.families import Member
from ..symbols import Name, NameMatrix
from .layer_names import REFERENCE, Pairs, by_layer, highest, place

__all__ = ["LayerPattern"]

PRIMED = "_prime"
ALIKE = "with primes the same"  #: of definitions that are not written out for the second input

# The symbol that an array stands for at the layer of a number.
Lookup = Callable[[Any, int], Any]


def without_identities(expr: Any) -> Any:
    """A product with its factors `I` left out; `Iᵀ` is `I`."""
    if not expr.args or not expr.has(Identity):
        return expr
    expr = expr.func(*map(without_identities, expr.args))
    if isinstance(expr, Transpose) and isinstance(expr.arg, Identity):
        return expr.arg
    if not isinstance(expr, MatMul):
        return expr
    factor, matrices = expr.as_coeff_matrices()
    kept = [m for m in matrices if not isinstance(m, Identity)] or matrices[:1]
    return kept[0] if factor == 1 and len(kept) == 1 else MatMul(factor, *kept)


class LayerPattern:
    """The templates of a closed form of ``depth`` layers, in the index ``l`` of the layer.

    Parameters
    ==========

    closed : the closed form of a covariance.
    depth : how many layers it has.
    outputs : the number of entries of its properties.
    index : the Index of the layer. (An index is 0 in the first place, so layer 1 has l = 0.)
    width : a Name for the width of what enters a layer, used where the first layer's differs.

    Raises
    ======

    NoRuleError : where the pattern does not hold; it says at which layer.
    """

    def __init__(self, closed: Any, depth: int, outputs: Any, index: Index, width: Name) -> None:
        self.index, self.depth = index, depth
        self.bottom: dict[str, Any] = {}  # what stands for layer 0, by family
        self.top: dict[str, Any] = {}  # what an adjoint of the last layer is
        layers = by_layer(closed)
        self.given = layers.get(0, [])
        self.width = width
        self._symbols = _by_name(closed)
        self._families: dict[tuple[str, type], str] = {}
        reference = layers.get(REFERENCE, [])
        if not reference:
            raise self.error(REFERENCE, "there are no definitions")
        self.hidden = reference[0][0].shape[0]
        self.values: dict[str, Any] = {}
        self.names: dict[str, Any] = {}
        for name, value in reference:
            family, _ = self._place(name)
            self.names[family] = self.labelled(name, REFERENCE)
            self.values[family] = self.labelled(value, REFERENCE)
        self._find_the_last(layers.get(depth, []), outputs)
        self._fit_the_first(dict(layers.get(1, [])), closed.expr)
        self.hold(closed, depth)

    # --- templates --------------------------------------------------------------------------------
    def labelled(self, expr: Any, number: int) -> Any:
        """What stands at the layer of a number, for every layer."""
        rule = {}
        for symbol in expr.free_symbols:
            if (found := place(symbol)) is not None:
                array = type(symbol)(found[0].format(""), *symbol.shape)
                rule[symbol] = Member(array, self.index + (found[1] - number))
                self._families[array.name, type(array)] = found[0]
        return expr.xreplace(rule)

    def family(self, array: Any) -> str:
        """The family that an array without a number stands for."""
        return self._families[array.name, type(array)]

    def written(
        self, template: Any, number: int, lookup: Lookup, moreover: Mapping[Any, Any] | None = None
    ) -> Any:
        """A template at one layer, in the symbols of a lookup(array, number)."""
        rule = dict(moreover or {})
        for node in template.atoms(Member, Entry):
            if self.index in node.atoms(Index):
                rule[node] = lookup(node.args[0], number + int(node.args[-1] - self.index))
        return without_identities(template.xreplace(rule))

    def is_backward(self, family: str) -> bool:
        """Whether a definition is made of the layer above it."""
        return any(node.labels[-1] - self.index == 1 for node in self.values[family].atoms(Member))

    # --- the first and the last layer -------------------------------------------------------------
    def _find_the_last(self, last: Pairs, outputs: Any) -> None:
        """What takes the place of the adjoints above the last layer: I, or their definition."""
        above = dict(last)
        for template in self.values.values():
            for node in template.atoms(Member):
                family, offset = self.family(node.array), node.labels[-1] - self.index
                if offset != 1 or family.format(self.depth) in self._symbols:
                    continue
                self.top[family] = Identity(outputs)
        for name, value in above.items():
            family, _ = self._place(name)
            if family in self.values and self.is_backward(family):
                self.top[family] = self.labelled(value, self.depth)

    def _fit_the_first(self, first: Mapping[Any, Any], total: Any) -> None:
        for family in self.values:
            name = self._symbols.get(family.format(1))
            if name not in first:
                raise self.error(1, f"nothing corresponds to {family.format(REFERENCE)}")
            self.values[family] = self._fitted(self.values[family], first[name], name)
        template = self.labelled(_of_layer(total, REFERENCE), REFERENCE)
        self.term = self._fitted(template, _of_layer(total, 1), "its term of the sum")

    def _fitted(self, template: Any, actual: Any, what: Any) -> Any:
        """The template, with widths of its own where the first layer says so."""
        versions = [template]
        if isinstance(self.hidden, Symbol):
            kept = {s: s for s in template.atoms(MatrixSymbol, Member, Identity)}
            versions.append(
                template.xreplace({**kept, self.hidden: Entry(self.width, self.index - 1)})
            )
        for version in versions:
            for bottom in self._options(version, actual):
                lookup = self.lookup(self._symbols, self.depth, {**self.bottom, **bottom})
                try:
                    found = self.written(version, 1, lookup)
                except (SizesDiffer, IndexError):
                    continue
                if found == actual:
                    self.bottom.update(bottom)
                    return version
        hint = ""
        if not isinstance(self.hidden, Symbol):
            hint = "; a width that occurs in a formula has to be a Symbol"
        raise self.error(1, f"{what} is {actual}, which is not as in layer {REFERENCE}{hint}")

    def _options(self, template: Any, actual: Any) -> Iterable[dict[str, Any]]:
        """What may stand for layer 0: a part of the definition of layer 1."""
        missing = {
            family
            for node in template.atoms(Member)
            if node.labels[-1] - self.index == -1
            and (family := self.family(node.array)) not in self.bottom
        }
        if not missing:
            return [{}]
        if len(missing) > 1:
            return []
        (family,) = missing
        columns = [part for part in preorder_traversal(actual) if _is_column(part)]
        return ({family: part} for part in columns)

    def is_mirrored(self) -> bool:
        """Whether what is primed obeys the formulas of what is not, with primes."""
        for formulas in (self.values, self.top):
            plain = {f: v for f, v in formulas.items() if not f.endswith(PRIMED)}
            if formulas.keys() - plain.keys() != {f + PRIMED for f in plain}:
                return False
            if any(self._primed(v) != formulas[f + PRIMED] for f, v in plain.items()):
                return False
        return True

    def _primed(self, value: Any) -> Any:
        rule = {}
        for node in value.atoms(Member):
            twin = self.family(node.array) + PRIMED
            if twin in self.values or twin in self.bottom:
                rule[node] = Member(NameMatrix(twin.format(""), *node.shape), *node.labels)
        return value.xreplace(rule)

    # --- comparison -------------------------------------------------------------------------------
    def hold(self, closed: Any, depth: int) -> None:
        """Compare every layer of a closed form with the templates."""
        layers, symbols = by_layer(closed), _by_name(closed)
        lookup = self.lookup(symbols, depth)
        for symbol in symbols.values():
            self._hold_size(symbol, depth)
        for n in range(1, depth + 1):
            found = dict(layers.get(n, ()))
            for name, value in found.items():
                family, _ = self._place(name)
                if family not in self.values:
                    raise self.error(n, f"{name} = {value} corresponds to nothing in layer 2")
                at_top = n == depth and family in self.top
                template = self.top[family] if at_top else self.values[family]
                expected = self.written(template, n, lookup)
                if value != expected:
                    raise self.error(n, f"{name} = {value}, which would be {expected}")
            if n < depth and len(found) < len(self.values):
                raise self.error(n, f"there are only {', '.join(map(str, found))}")
        terms = [self.written(self.term, n, lookup) for n in range(1, depth + 1)]
        there = set(_terms(closed.expr))
        for n, term in enumerate(terms, start=1):
            if not there.issuperset(_terms(term)):
                raise self.error(n, f"the sum has no term {term}")
        if there != {part for term in terms for part in _terms(term)}:
            raise self.error(depth, "the sum has further terms")

    def holds_output(self, prop: Any, depth: int) -> Any:
        """The family that the value of a property belongs to at its last layer."""
        symbols = _by_name(prop)
        bottom = {family: Identity(1) for family in self.bottom}
        for family, template in self.values.items():
            if prop.expr == symbols.get(family.format(depth)):
                return family
            if not self.is_backward(family):
                try:
                    value = self.written(template, depth, self.lookup(symbols, depth, bottom))
                except NoRuleError:
                    continue
                if value == prop.expr:
                    return family
        raise self.error(depth, f"the property is {prop.expr}, which is no layer's value")

    def lookup(
        self, symbols: Mapping[str, Any], depth: int, bottom: Mapping[str, Any] | None = None
    ) -> Lookup:
        """The symbols of a closed form by family and number."""
        bottom = self.bottom if bottom is None else bottom

        def found(array: Any, number: int) -> Any:
            if array == self.width:
                return next(iter(bottom.values())).shape[0] if number == 0 else self.hidden
            family = self.family(array)
            text = family.format(number)
            if text in symbols:
                return symbols[text]
            if number == 0 and family in bottom:
                return bottom[family]
            if number == depth and family in self.top:
                return self.top[family]
            raise self.error(number, f"there is no {text}")

        return found

    # --- one depth --------------------------------------------------------------------------------
    @property
    def widths(self) -> dict[Any, Any]:
        """How many entries enter a layer, where a formula needs it."""
        if not any(value.has(self.width) for value in (self.term, *self.values.values())):
            return {}
        entering = next(iter(self.bottom.values())).shape[0]
        return {
            Entry(self.width, S.NegativeOne): entering,
            Entry(self.width, self.index): self.hidden,
        }

    def unrolled(self, covariance: Any, depth: int) -> tuple[Any, Pairs]:
        """The sum and the definitions at a depth, written out in loops over the layers.

        ``covariance`` is the unevaluated one of that depth, for the shapes of its parameters.
        """
        symbols = {s.name: s for s in covariance.free_symbols if place(s) is not None}
        symbols |= {name.name: name for name, _ in self.given}
        lookup, pairs = self.lookup(symbols, depth), list(self.given)

        def define(family: str, n: int) -> None:
            named = n == depth and family in self.top
            value = self.written((self.top if named else self.values)[family], n, lookup)
            symbols[family.format(n)] = name = NameMatrix(family.format(n), *value.shape)
            pairs.append((name, value))

        plain = all(isinstance(value, Identity) for value in self.top.values())
        layers = range(1, depth + (not plain))
        for n in layers:
            for family in self.values:
                if not self.is_backward(family):
                    define(family, n)
        for n in reversed(layers):
            for family in self.values:
                if self.is_backward(family):
                    define(family, n)
        terms = [self.written(self.term, n, lookup) for n in range(1, depth + 1)]
        return _added(terms), pairs

    def _hold_size(self, symbol: Any, depth: int) -> None:
        """Hidden layers have one width."""
        family, number = place(symbol) or ("", 0)
        own = self._symbols.get(family.format(REFERENCE))
        if REFERENCE < number < depth and own is not None and own.shape != symbol.shape:
            rows, columns = symbol.shape
            raise self.error(
                number, f"{symbol} is {rows} × {columns}, and {own} {own.shape[0]} × {own.shape[1]}"
            )

    def _place(self, symbol: Any) -> tuple[str, int]:
        found = place(symbol)
        assert found is not None  # by_layer has looked
        return found

    def error(self, number: int, text: str) -> NoRuleError:
        """Where the pattern ends."""
        return NoRuleError(
            "asked for a formula for every depth, but the pattern of the layers does not hold at "
            f"layer {number}: {text}. Write it of a plain multilayer perceptron with equal hidden "
            "layers, as MLP(d, m, m, m, m, 1)"
        )


def _by_name(closed: Any) -> dict[str, Any]:
    """The names and the parameters of a closed form that belong to a layer."""
    symbols = {*closed.definitions, *closed.free_symbols}
    found = [(where, symbol) for symbol in symbols if (where := place(symbol)) is not None]
    found.sort(key=lambda pair: (pair[0][1], pair[0][0]))
    return {symbol.name: symbol for _, symbol in found}


def _terms(total: Any) -> tuple[Any, ...]:
    return MatAdd.make_args(total) if getattr(total, "is_Matrix", False) else Add.make_args(total)


def _of_layer(total: Any, number: int) -> Any:
    """The terms of a sum whose highest layer is the one of a number."""
    return _added([term for term in _terms(total) if highest(term) == number])


def _added(terms: list[Any]) -> Any:
    if terms and getattr(terms[0], "is_Matrix", False):
        return terms[0] if len(terms) == 1 else MatAdd(*terms)
    return Add(*terms)


def _is_column(part: Any) -> bool:
    return bool(getattr(part, "is_Matrix", False)) and part.shape[1] == 1
