"""Directed graphs given as {node: parents}: order, cycles, directed paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import NoRuleError

__all__ = ["ancestors", "count_paths", "directed_paths", "ordered"]

Parents = Mapping[Any, Sequence[Any]]


def ordered(parents: Parents) -> list[Any]:
    """The nodes that have parents, each after those that it is made of; ties by name.

    Raises
    ======

    NoRuleError : if nodes cause each other in a circle, which is named.
    """
    left = sorted(parents, key=lambda node: node.sort_key())
    done: list[Any] = []
    while left:
        ready = [node for node in left if not set(parents[node]) & set(left)]
        if not ready:
            circle = " → ".join(map(str, _circle(parents, left)))
            raise NoRuleError(
                f"asked for a causal model in which {circle} is a circle: a variable cannot be its "
                "own cause. Write feedback as training (a rate), or solve the equations of the "
                "circle for its variables first"
            )
        done.append(ready[0])
        left.remove(ready[0])
    return done


def _circle(parents: Parents, left: list[Any]) -> list[Any]:
    """A circle among nodes that each have a parent among them, from cause to effect."""
    walk = [left[0]]
    while True:
        cause = next(node for node in left if node in parents[walk[-1]])
        if cause in walk:
            return [*walk[walk.index(cause) :], cause][::-1]
        walk.append(cause)


def ancestors(parents: Parents, node: Any) -> set[Any]:
    """A node and all that it is made of."""
    found = {node}
    stack = [node]
    while stack:
        new = set(parents.get(stack.pop(), ())) - found
        found |= new
        stack.extend(new)
    return found


def directed_paths(parents: Parents, start: Any, end: Any) -> Iterator[tuple[Any, ...]]:
    """All directed paths ``(start, …, end)``; of a node to itself the one of length 0.

    Examples
    ========

    >>> from symprice.causal.graph import directed_paths
    >>> list(directed_paths({'c': ['a', 'b'], 'b': ['a']}, 'a', 'c'))
    [('a', 'c'), ('a', 'b', 'c')]
    """
    if start == end:
        yield (end,)
        return
    for parent in parents.get(end, ()):
        if start in ancestors(parents, parent):
            for path in directed_paths(parents, start, parent):
                yield (*path, end)


def count_paths(parents: Parents, start: Any, end: Any) -> int:
    """The number of directed paths, without listing them."""
    known = {start: 1}

    def count(node: Any) -> int:
        if node not in known:
            known[node] = sum(count(parent) for parent in parents.get(node, ()))
        return known[node]

    return count(end)
