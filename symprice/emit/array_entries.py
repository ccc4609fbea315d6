"""Entries in array code: which axis of a stored array a position runs over.

A position that is an index is the axis itself; an integer picks a place; a sum of indices, as in a
convolution, gathers the entries at all of its values.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, KroneckerDelta, Mod, Mul, S

from ..errors import NoRuleError
from ..indexed.entries import Entry, Index, Within
from .array_graph import MUL, Array, Graph, Node
from .array_products import ROW, Products
from .array_sizes import Sizes

__all__ = ["Entries"]


_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Entries:
    """Reads entries off stored arrays, whose axes are labels and numbers of positions."""

    def __init__(self, graph: Graph, language: Any, sizes: Sizes, products: Products) -> None:
        self.graph, self.language = graph, language
        self.sizes, self.products = sizes, products
        #: The size of every label of a family.
        self.label_sizes: dict[Any, tuple[Any, ...]] = {}

    def entry(self, stored: Array, expr: Entry) -> Array:
        """The entries of a stored array at the positions of an ``Entry``."""
        node, axes = stored.node, list(stored.axes)
        array = expr.array
        sizes = [size for size in getattr(array, "shape", ()) if size != 1]
        sizes += self.label_sizes.get(array, ())
        for place in sorted(a for a in stored.axes if not isinstance(a, str)):
            position = expr.positions[place]
            at = axes.index(place)
            whole = place >= len(sizes) or getattr(position, "size", None) == sizes[place]
            if isinstance(position, Index) and whole:
                axes[at] = position
            elif position.is_Integer:
                node = self._picked(node, at, len(axes), str(position))
                del axes[at]
            else:
                node, axes = self._gathered(node, axes, at, position, sizes[place])
        if len(set(axes)) < len(axes):
            return self._diagonal(node, axes)
        return Array(node, tuple(axes))

    def _picked(self, node: Node, at: int, ndim: int, place: str) -> Node:
        if at == 0 and ndim <= 2:
            return self.language.picked(node, at, place)
        return self.language.picked_last(node, ndim - 1 - at, place)

    def _gathered(
        self, node: Node, axes: list[Any], at: int, position: Any, size: Any
    ) -> tuple[Node, list[Any]]:
        places = self.places(position)
        if not places.axes:
            return self.language.at_place(node, at, len(axes), places.node), [
                *axes[:at],
                *axes[at + 1 :],
            ]
        if not (isinstance(position, Mod) and position.args[1] == size):
            lowest, highest = _range(position)
            if not (lowest.is_nonnegative and (size - 1 - highest).is_nonnegative):
                # What lies outside is masked; any place that exists will do for it.
                places = Array(self._modulo(places.node, size), places.axes)
        taken = self.language.taken(node, at, len(axes), places.node, len(places.axes))
        return taken, [*axes[:at], *places.axes, *axes[at + 1 :]]

    def _diagonal(self, node: Node, axes: list[Any]) -> Array:
        kept = list(dict.fromkeys(axes))
        letter = dict(zip(kept, _LETTERS, strict=False))
        letters = "".join(letter[axis] for axis in axes)
        view = self.language.diagonal(node, letters, "".join(letter[a] for a in kept))
        if view is not None:
            return Array(view, tuple(kept))
        others = {}
        for place, axis in enumerate(axes):
            if axis in axes[:place]:
                axes[place] = Index(f"_again{place}", axis.size)
                others[axes[place]] = axis
        deltas = [self.delta(KroneckerDelta(*pair)) for pair in others.items()]
        return self.products.contraction([Array(node, tuple(axes)), *deltas], others)

    # --- positions --------------------------------------------------------------------------------
    def places(self, position: Any) -> Array:
        """An array of integers: the values of a position at all places of its indices."""
        if isinstance(position, Index):
            return Array(self.language.places(self.sizes.text(position.size)), (position,))
        if not position.atoms(Index):
            return Array(self.sizes.node(self.graph, position))
        if isinstance(position, Add):
            terms = [self.places(term) for term in position.args]
            axes = sorted((axis for term in terms for axis in term.axes), key=_sequences_first)
            nodes = [self.products.aligned(term, axes) for term in terms]
            return Array(self.graph.add(nodes), tuple(axes))
        if isinstance(position, Mul):
            return self.products.multiplied([self.places(factor) for factor in position.args])
        if isinstance(position, Mod):
            inner, size = position.args
            array = self.places(inner)
            return Array(self._modulo(array.node, size), array.axes)
        raise NoRuleError(f"asked for NumPy code of the position {position}")

    def _modulo(self, node: Node, size: Any) -> Node:
        return self.graph.text("{l0} % {f1}", node, self.sizes.node(self.graph, size), tight=MUL)

    # --- indicators -------------------------------------------------------------------------------
    def delta(self, expr: KroneckerDelta) -> Array:
        """The identity matrix, or where two positions are equal."""
        # The rows of a matrix come before its columns.
        i, j = sorted(expr.args[:2], key=lambda p: str(p) != ROW)
        if isinstance(i, Index) and isinstance(j, Index) and i.size == j.size:
            return Array(self.language.identity(self.sizes.text(i.size)), (i, j))
        return self._compared("==", self.places(i), self.places(j))

    def within(self, expr: Within) -> Array:
        """1 where a position exists."""
        position, size = expr.args
        places = self.places(position)
        zero = self.graph.number(S.Zero)
        end = self.sizes.node(self.graph, size)
        lowest, highest = _range(position)
        conditions = []
        if not lowest.is_nonnegative:
            conditions.append(self.language.compared(">=", places.node, zero))
        if not (size - 1 - highest).is_nonnegative:
            conditions.append(self.language.compared("<", places.node, end))
        condition = conditions[0]
        for other in conditions[1:]:
            condition = self.language.both(condition, other)
        return Array(self.language.indicator(condition), places.axes)

    def _compared(self, sign: str, one: Array, other: Array) -> Array:
        axes = self.products.axes_of([one, other])
        left, right = (self.products.aligned(array, axes) for array in (one, other))
        return Array(self.language.indicator(self.language.compared(sign, left, right)), axes)

    def not_after(self, index: Index, limit: Index) -> Array:
        """The condition that one index is not above another."""
        axes = (limit, index)
        places = [self.products.aligned(self.places(i), axes) for i in (limit, index)]
        return Array(self.language.compared(">=", *places), axes)


def _sequences_first(index: Index) -> tuple[Any, ...]:
    """One order for equal sums, whatever their indices are called: along a sequence, then along a
    kernel.
    """
    return index.size.is_Integer, not index.size.is_Add, str(index.size), index.name


def _range(position: Any) -> tuple[Any, Any]:
    """The lowest and the highest value of a sum of indices."""
    lowest: Any = S.Zero
    highest: Any = S.Zero
    for term in Add.make_args(position):
        factor, index = term.as_coeff_Mul()
        if isinstance(index, Index):
            ends = (S.Zero, factor * (index.size - 1))
            low, high = ends if factor.is_positive else ends[::-1]
        else:
            low = high = term
        lowest, highest = lowest + low, highest + high
    return lowest, highest
