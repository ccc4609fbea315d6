"""Sums and products of arrays whose axes have names, as matrix products where they are some."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sympy import S

from .array_graph import Array, Graph, Node
from .array_plan import Costs, best_order
from .array_sizes import Sizes

__all__ = ["COLUMN", "ROW", "Products"]

# The names of the axes of a matrix.
ROW, COLUMN = "_row", "_column"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Products:
    """Arithmetic of ``Array``: aligned by their axes, labels of batches in front."""

    def __init__(self, graph: Graph, language: Any, sizes: Sizes, order: Sequence[str]) -> None:
        self.graph, self.language, self.sizes = graph, language, sizes
        self.order = list(order)
        self.costs = Costs(sizes.estimate, sizes.is_width, sizes.is_known)
        #: Whether there was a choice, which other sizes would decide otherwise.
        self.has_chosen = False
        self._made: dict[Node, float] = {}

    # --- alignment --------------------------------------------------------------------------------
    def axes_of(self, arrays: Iterable[Array]) -> tuple[Any, ...]:
        """All axes, in an order that asks for as few transpositions as possible."""
        merged: list[Any] = []
        for array in sorted(arrays, key=lambda a: (-len(a.axes), self._rank(a))):
            for place, axis in enumerate(array.axes):
                if axis in merged:
                    continue
                after = [merged.index(a) for a in array.axes[place + 1 :] if a in merged]
                merged.insert(min(after, default=len(merged)), axis)
        return self.labels_first(merged)

    def labels_first(self, axes: Sequence[Any]) -> tuple[Any, ...]:
        """The labels in their order, then the others as they stand."""
        labels = [label for label in self.order if label in axes]
        return (*labels, *(axis for axis in axes if not isinstance(axis, str)))

    def _rank(self, array: Array) -> list[int]:
        return [self.order.index(a) for a in array.axes if isinstance(a, str)] or [len(self.order)]

    def aligned(self, array: Array, axes: Sequence[Any]) -> Node:
        """The array with these axes, of length 1 where it has none."""
        own = [axis for axis in axes if axis in array.axes]
        number, rest = self.graph.split(array.node)
        node = self.language.transposed(rest, [array.axes.index(axis) for axis in own])
        node = self.language.expanded(node, [axis in array.axes for axis in axes])
        return node if number is None else self.graph.mul([number, node])

    def full(self, array: Array, axes: Sequence[Any]) -> Node:
        """The same as ``aligned``, with the axes of length 1 in front as well."""
        own = [axis for axis in axes if axis in array.axes]
        node = self.language.transposed(array.node, [array.axes.index(axis) for axis in own])
        return self.language.with_units(node, [axis in array.axes for axis in axes])

    def spread(self, array: Array, axes: Sequence[Any]) -> Array:
        """The array with all of these axes, at their full lengths."""
        node = self.aligned(array, axes)
        if set(array.axes) != set(axes):
            node = self.language.spread(node, [self.sizes.of_axis(axis) for axis in axes])
        return Array(node, tuple(axes))

    def add(self, terms: Sequence[Array]) -> Array:
        """The sum of arrays; those with equal axes are added first."""
        if len(terms) == 1:
            return terms[0]
        axes = self.axes_of(terms)
        groups = self._grouped(terms)
        parts = []
        for own, members in groups:
            order = self.axes_of(members)
            nodes = [self.aligned(member, order) for member in members]
            small = len(own) < len(axes) and len(members) > 1
            parts += (
                [self.aligned(Array(self.graph.add(nodes), order), axes)]
                if small
                else [self.aligned(Array(node, order), axes) for node in nodes]
            )
        return Array(self.graph.add(parts), axes)

    def multiplied(self, factors: Sequence[Array]) -> Array:
        """The product of arrays, entry by entry."""
        axes = self.axes_of(factors)
        return Array(self.graph.mul([self.aligned(factor, axes) for factor in factors]), axes)

    def _grouped(self, arrays: Sequence[Array]) -> list[tuple[frozenset[Any], list[Array]]]:
        groups: dict[frozenset[Any], list[Array]] = {}
        for array in arrays:
            groups.setdefault(frozenset(array.axes), []).append(array)
        return sorted(groups.items(), key=lambda item: len(item[0]))

    # --- contractions -----------------------------------------------------------------------------
    def contraction(self, factors: Sequence[Array], bound: Iterable[Any]) -> Array:
        """The sum of a product over bound indices."""
        bound = set(bound)
        numbers = [f for f in factors if not f.axes]
        arrays = [f for f in factors if f.axes]
        arrays, bound, multiples = self._presummed(arrays, bound)
        numbers += multiples
        numbers += [f for f in arrays if not f.axes]
        arrays = [f for f in arrays if f.axes]
        if not bound:
            arrays = [
                self.multiplied(members) if len(members) > 1 else members[0]
                for _, members in self._grouped(arrays)
            ]
        if not arrays:
            return self.multiplied(numbers) if numbers else Array(self.graph.number(S.One))
        kept = frozenset(a for f in arrays for a in f.axes) - bound
        self.has_chosen |= len(arrays) > 2
        tree = best_order(
            [frozenset(f.axes) for f in arrays],
            kept,
            self.costs,
            [f.node for f in arrays],
        )
        result = self._computed(tree, arrays, bound)
        return self.multiplied([*numbers, result]) if numbers else result

    def _presummed(
        self, arrays: list[Array], bound: set[Any]
    ) -> tuple[list[Array], set[Any], list[Array]]:
        """Sums over what only one array has, or none."""
        multiples = []
        left = set(bound)
        for index in sorted(bound, key=lambda index: index.name):
            owners = [place for place, array in enumerate(arrays) if index in array.axes]
            if not owners:
                multiples.append(Array(self.sizes.node(self.graph, index.size)))
                left.discard(index)
        for place, array in enumerate(arrays):
            others = {a for k, other in enumerate(arrays) if k != place for a in other.axes}
            own = [axis for axis in array.axes if axis in left and axis not in others]
            if own:
                arrays[place] = self.summed(array, own)
                left -= set(own)
        return arrays, left, multiples

    def summed(self, array: Array, axes: Sequence[Any]) -> Array:
        """The sum over some axes."""
        rest = tuple(axis for axis in array.axes if axis not in axes)
        # A sum of squares is a scalar product, where nothing else is left.
        if not rest and len(array.axes) == 1 and self._is_square(array.node):
            (base,) = array.node.args
            return Array(self.language.product(base, base))
        places = [array.axes.index(axis) for axis in axes]
        node = self.language.summed(array.node, sorted(places), len(array.axes))
        return Array(node, rest)

    def _is_square(self, node: Node) -> bool:
        return (
            node.kind == "pow"
            and node.content == 2
            and node not in self.graph.names
            and (node.args[0].view or node.args[0] in self.graph.names)
        )

    def _computed(self, tree: Any, arrays: list[Array], bound: set[Any]) -> Array:
        """The arrays, pair by pair."""
        uses: dict[Any, int] = {}
        for array in arrays:
            for axis in array.axes:
                uses[axis] = uses.get(axis, 0) + 1

        def value(branch: Any) -> Array:
            if not isinstance(branch, tuple):
                return arrays[branch]
            left, right = value(branch[0]), value(branch[1])
            shared = [axis for axis in left.axes if axis in right.axes]
            over = [axis for axis in shared if axis in bound and uses[axis] == 2]
            for axis in shared:
                uses[axis] -= 1
            made = self.pair(left, right, over)
            cost = self.costs.of(*(frozenset(a.axes) for a in (left, right, made)))
            self._made.setdefault(made.node, cost)
            return made

        return value(tree)

    def cost(self, array: Array) -> float:
        """What it costs to compute an array, beside what has a name."""
        seen: set[Node] = set()
        stack = [array.node]
        total = 0.0
        while stack:
            node = stack.pop()
            if node not in seen and node not in self.graph.names:
                seen.add(node)
                total += self._made.get(node, 0.0)
                stack.extend(node.args)
        return total

    def pair(self, left: Array, right: Array, over: Sequence[Any]) -> Array:
        """The sum of the product of two arrays over axes that both have."""
        if not over:
            return self.multiplied([left, right])
        left, right = self._in_order(left, right)
        shared = [a for a in left.axes if a in right.axes and a not in over]
        mine = [a for a in left.axes if a not in right.axes]
        others = [a for a in right.axes if a not in left.axes]
        if not mine and not others and (shared or len(over) > 1):
            return self.summed(self.multiplied([left, right]), over)
        if shared:
            return self._batched(left, right, shared, mine, others, list(over))
        if len(over) == 1 and len(left.axes) <= 2 and len(right.axes) <= 2:
            return self._matrix_product(left, right, over[0])
        if len(over) > 1 and len(mine) < 2 and len(others) < 2:
            return self._flat_product(left, right, mine, others)
        result = self.labels_first([*mine, *others])
        letters = self._letters([left, right])
        node = self.language.contracted(
            (left.node, "".join(letters[a] for a in left.axes)),
            (right.node, "".join(letters[a] for a in right.axes)),
            "".join(letters[a] for a in result),
            "".join(letters[a] for a in over),
        )
        return Array(node, result)

    def _in_order(self, left: Array, right: Array) -> tuple[Array, Array]:
        """What is trained stands on the right; of batches, the first label on the left; then what
        has the rows of the result.
        """

        def key(array: Array) -> tuple[Any, ...]:
            is_right = any(getattr(axis, "name", axis) == COLUMN for axis in array.axes)
            return array.node.trained, self._rank(array), is_right

        return (right, left) if key(right) < key(left) else (left, right)

    def _matrix_product(self, left: Array, right: Array, over: Any) -> Array:
        one = left.node
        if len(left.axes) == 2 and left.axes[0] == over:
            one = self.language.transposed(one, [1, 0])
        other = right.node
        if len(right.axes) == 2 and right.axes[1] == over:
            other = self.language.transposed(other, [1, 0])
        rest = (*(a for a in left.axes if a != over), *(a for a in right.axes if a != over))
        return Array(self.language.product(one, other), rest)

    def _flat_product(self, left: Array, right: Array, mine: list[Any], others: list[Any]) -> Array:
        """The sum over several axes, as a product of matrices with one long axis."""
        over = [axis for axis in left.axes if axis not in mine]
        nodes = []
        for array, own in ((left, mine), (right, others)):
            order = [array.axes.index(axis) for axis in (*own, *over)]
            node = self.language.transposed(array.node, order)
            nodes.append(self.language.reshaped(node, [*map(self.sizes.of_axis, own), "-1"]))
            self.graph.must_have_names.add(nodes[-1])
        one, other = nodes
        if others:
            other = self.language.transposed(other, [1, 0])
        return Array(self.language.product(one, other), (*mine, *others))

    def _letters(self, arrays: Sequence[Array]) -> dict[Any, str]:
        """A letter for every axis: a label that is one letter is its own."""
        axes = list(dict.fromkeys(axis for array in arrays for axis in array.axes))
        own = {a: a for a in axes if isinstance(a, str) and len(a) == 1 and a in _LETTERS}
        free = iter(c for c in "ijklpqrstuvw" + _LETTERS + _LETTERS.upper() if c not in own)
        taken: set[str] = set(own)
        for axis in axes:
            if axis not in own:
                own[axis] = next(c for c in free if c not in taken)
                taken.add(own[axis])
        return own

    def _batched(
        self,
        left: Array,
        right: Array,
        shared: list[Any],
        mine: list[Any],
        others: list[Any],
        over: list[Any],
    ) -> Array:
        """A product of matrices for every place of the shared axes."""
        one = self._stack_of_matrices(left, shared, mine, over)
        other = self._stack_of_matrices(right, shared, over, others)
        node = self.language.product(one, other)
        merged = len(mine) > 1 or len(others) > 1
        if not mine:
            node = self.language.picked_last(node, 1, "0")
        if not others:
            node = self.language.without_unit(node)
        axes = (*shared, *mine, *others)
        if merged:
            node = self.language.reshaped(node, [self.sizes.of_axis(a) for a in axes])
        return Array(node, axes)

    def _stack_of_matrices(
        self, array: Array, shared: list[Any], rows: list[Any], columns: list[Any]
    ) -> Node:
        axes = [*shared, *rows, *columns]
        node = self.language.transposed(array.node, [array.axes.index(axis) for axis in axes])
        if len(rows) > 1 or len(columns) > 1:
            lengths = [self.sizes.of_axis(axis) for axis in shared]
            for group in (rows, columns):
                if group:
                    lengths.append("*".join(_as_factor(self.sizes.of_axis(a)) for a in group))
            node = self.language.reshaped(node, lengths)
        present = [*[True] * len(shared), bool(rows), bool(columns)]
        return self.language.with_units(node, present)


def _as_factor(text: str) -> str:
    return f"({text})" if any(sign in text for sign in (" ", "//")) else text
