"""The names in which several formulas are shown together.

All definitions of their closed forms become one list; a network inside a covariance is shown by a
short name, f at one input and f' at another; probabilities of a softmax become π.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sympy import Basic, MatrixSymbol, Symbol
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.matrices.matrixbase import MatrixBase

from ..binding import Binder
from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..indexed.entries import Entry, Index, indices_of
from ..indexed.families import Family, Member
from ..indexed.naming import prepared
from ..networks.logits import SoftmaxEntry
from ..nodes import Node
from ..symbols import TRAINED, Name, NameMatrix, ObservableVector
from .formula_letters import letters_of

__all__ = ["ShortNames"]

CLOSED = (ClosedForm, ClosedFormMatrix)
_LETTERS = ("f", "g", "F", "G", "u", "v", "q")
# So often a probability has to occur before it gets a letter.
_OFTEN = 3


class ShortNames:
    """The vocabulary of some expressions: how each is shown, and where the names are defined.

    Parameters
    ==========

    expressions : what will be shown; closed forms, and formulas with closed forms in them.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import ClosedForm, NTCov, Name, Parameter
    >>> x, y = symbols('x y')
    >>> f = ClosedForm(Parameter('v')*Name('a'), {Name('a'): tanh(x)})
    >>> kernel = NTCov(f, f.subs(x, y))
    >>> names = ShortNames([kernel])
    >>> names.shown(kernel)
    NTCov(f, f_prime)
    >>> names.where()
    [(f, a*v), (f_prime, a_prime*v), (a, tanh(x)), (a_prime, tanh(y))]
    """

    def __init__(self, expressions: Iterable[Basic]) -> None:
        whole = list(expressions)
        self._taken = {name for expr in whole for name in _names_in(expr)}
        laws = sorted(
            {node for expr in whole for node in _nodes(expr) if hasattr(node, "called")}, key=str
        )
        self._letters = letters_of(laws, self._taken)
        losses = {law.called()["L"] for law in laws}
        self._losses = {loss for loss in losses if isinstance(loss, ClosedForm)}
        given = [self._as_shown(expr) for expr in whole]
        self._definitions = Definitions()
        self._networks: dict[Basic, Basic] = {}
        self._bodies: dict[Basic, Basic] = {}
        self._entries: dict[Basic, Basic] = {}
        self._defined: dict[Basic, Basic] = {}
        self._probabilities: dict[Basic, Basic] = {}
        self._shown: list[Basic] = []
        for expr in given:
            for closed in _inside_nodes(expr):
                self._introduce(closed)
        # Networks first: then f is made of h and a, and f' of h' and a'.
        for closed, name in self._networks.items():
            if name == closed.expr:
                hoist(closed, self._definitions)
            elif name not in self._entries:
                symbol = getattr(name, "array", name)
                ready = prepared(closed) if _has_arrays(closed) else closed
                body = Family(hoist(ready, self._definitions), *_labels(closed))
                self._bodies.setdefault(symbol, body)
        hoisted = [self._hoisted(expr) for expr in given]
        known = self._definitions.named()
        for name, body in list(self._bodies.items()):
            if (array := _alias(body)) is not None:  # the output of a network, named by a loss
                del self._bodies[name]
                alone = isinstance(name, Name) and not isinstance(body, Family)
                self._defined[name] = Name(array.name) if alone else array
                self._entries[self._defined[name]] = array
        # A network that a formula defines is called as it is called there.
        for name, body in list(self._bodies.items()):
            if body in known:
                del self._bodies[name]
                text = known[body].name
                alias = name if isinstance(name, Name) else ObservableVector(text, *name.shape)
                self._defined[name] = Name(text) if alias is name else alias
                self._entries[self._defined[name]] = known[body]
        self._abbreviate(
            [*hoisted, *self._bodies.values(), *dict(self._definitions.items()).values()]
        )
        self._unstack()

    def shown(self, expr: Basic) -> Any:
        """``expr`` in the short names."""
        result = self._hoisted(self._as_shown(expr)).xreplace(self._display)
        self._shown.append(result)
        return result

    def where(self) -> list[tuple[Any, Any]]:
        """Pairs (name, value) of the names that occur in what was shown; networks first."""
        pairs = [*self._bodies.items(), *_by_kind(dict(self._definitions.items()))]
        values = {
            self._display.get(name, name): value.xreplace(self._display) for name, value in pairs
        }
        values |= {name: entry for entry, name in self._probabilities.items()}
        wanted: set[Basic] = set().union(*(expr.free_symbols for expr in self._shown))
        while True:
            more = _free(values[name] for name in values if name in wanted)
            more |= {vector for entry, vector in self._entries.items() if entry in wanted}
            if more <= wanted:
                break
            wanted |= more
        return [(name, value) for name, value in values.items() if name in wanted]

    def fresh(self, letter: str) -> str:
        """``letter``, or ``letter`` with a number where the formulas use it already."""
        name, count = letter, 0
        while name in self._taken:
            count += 1
            name = f"{letter}_{count}"
        self._taken.add(name)
        return name

    def _as_shown(self, expr: Basic) -> Basic:
        if isinstance(expr, Relational):  # which SymPy would decide
            return expr.func(*map(self._as_shown, expr.args), evaluate=False)
        shown = _as_shown(expr)
        return shown.xreplace(self._letters) if self._letters else shown

    def _hoisted(self, expr: Basic) -> Basic:
        return hoist(_replaced(expr, self._networks), self._definitions)

    def _introduce(self, closed: Basic) -> None:
        """A short name for a network: primed if it is one that has a name, at another input."""
        if closed in self._networks:
            return
        if isinstance(closed.expr, Name):  # it has one
            self._networks[closed] = closed.expr
            return
        labels = _labels(closed)
        for other, name in list(self._networks.items()) if labels else ():
            moved = dict(zip(_labels(other), labels, strict=False))
            if len(moved) == len(labels) and other.xreplace(moved) == closed:
                self._networks[closed] = name.func(name.array, *labels)
                return
        kind = _at_any_input(closed)
        twins = [name for other, name in self._networks.items() if _at_any_input(other) == kind]
        if twins:
            stem = str(getattr(twins[0], "array", twins[0]).name)
            text = f"{stem}_prime{len(twins) if len(twins) > 1 else ''}"
        else:
            letters = ("L", *_LETTERS) if closed in self._losses else _LETTERS
            text = next((x for x in letters if x not in self._taken), "") or self.fresh("f")
        self._taken.add(text)
        if isinstance(closed, ClosedForm):
            self._networks[closed] = Entry(Name(text), *labels) if labels else Name(text)
            return
        vector = ObservableVector(text, *closed.shape)
        self._networks[closed] = Member(vector, *labels)
        if isinstance(closed.expr, MatrixBase) and not labels:
            stem, mark, primes = text.partition("_prime")
            for i in range(len(closed)):
                entry = Name(f"{stem}_{i + 1}{mark}{primes}")
                self._networks.setdefault(closed[i, 0], entry)
                self._entries[entry] = vector

    @property
    def _display(self) -> dict[Basic, Basic]:
        return {**self._probabilities, **self._clear, **self._defined}

    def _unstack(self) -> None:
        """Names with primes on primes get one that no other name is printed as."""
        defined = [name for name, _ in self._definitions.items()]
        self._clear: dict[Basic, Basic] = {}
        used = {name.name for name in defined} | self._taken
        for name in defined:
            if name.name.count("_prime") < 2:
                continue
            stem = name.name[: name.name.index("_prime")]
            count = next(n for n in range(2, len(used) + 3) if f"{stem}_prime{n}" not in used)
            used.add(f"{stem}_prime{count}")
            text = f"{stem}_prime{count}"
            self._clear[name] = (
                NameMatrix(text, *name.shape) if isinstance(name, NameMatrix) else Name(text)
            )

    def _abbreviate(self, expressions: list[Basic]) -> None:
        """The letter π for probabilities that occur often."""
        for name, value in self._definitions.items():
            if isinstance(value, SoftmaxEntry):
                self._probabilities[value] = name
        counts: dict[tuple[Basic, ...], int] = {}
        found: dict[Basic, None] = {}
        for expr in expressions:
            for entry in _occurrences(expr, SoftmaxEntry):
                found[entry] = None
                counts[entry.logits] = counts.get(entry.logits, 0) + 1
        logits = [z for z, count in counts.items() if count >= _OFTEN]
        if any(name == "pi" or name.startswith("pi_") for name in self._taken):
            return
        for entry in sorted(found, key=lambda e: int(e.index)):
            if entry.logits in logits:
                place = logits.index(entry.logits)
                primes = "_prime" * (place > 0) + (str(place) if place > 1 else "")
                self._probabilities[entry] = Name(f"pi_{entry.index}{primes}")


def _as_shown(expr: Basic) -> Basic:
    """An expression without what its nodes keep to themselves, as the loss in dP/dt."""
    hidden = {n: n.as_shown() for n in _nodes(expr) if hasattr(n, "as_shown")}
    hidden = {n: shown for n, shown in hidden.items() if shown != n}
    return expr.xreplace(hidden) if hidden else expr


def _alias(body: Basic) -> Basic | None:
    """The name that a network is nothing but, at its labels; None where it is more."""
    named, labels = body, ()
    if isinstance(body, Family):
        named, labels = body.expr, tuple(body.labels)
    if isinstance(named, (Entry, Member)) and tuple(named.args[1:]) == labels:
        return named.args[0]
    return None


def _inside_nodes(expr: Basic) -> Iterator[Basic]:
    """The closed forms that stand in a covariance, vectors before their entries."""
    found: dict[Basic, None] = {}
    seen: set[Basic] = set()

    def visit(node: Basic, inside: bool) -> None:
        if inside and isinstance(node, CLOSED):
            found[node] = None
            return
        if (node, inside) in seen or (isinstance(node, Binder) and not isinstance(node, CLOSED)):
            return
        seen.add((node, inside))
        for arg in node.args:
            visit(arg, inside or isinstance(node, Node))

    visit(expr, False)
    return iter(sorted(found, key=lambda closed: not isinstance(closed, ClosedFormMatrix)))


def _by_kind(definitions: dict[Name, Basic]) -> list[tuple[Name, Basic]]:
    """The definitions by kind (h1_1, h1_2, …), if each still follows what it uses."""
    kinds: dict[str, list[Name]] = {}
    for name in definitions:
        kinds.setdefault(re.sub(r"_\d+(?=_prime|$)", "", name.name), []).append(name)
    order = [name for names in kinds.values() for name in names]
    place = {name: i for i, name in enumerate(order)}
    sound = all(
        place[used] < place[name]
        for name in order
        for used in definitions[name].free_symbols & place.keys()
    )
    return [(name, definitions[name]) for name in order] if sound else list(definitions.items())


def _replaced(expr: Basic, values: dict[Basic, Basic]) -> Basic:
    """``expr`` with what is in ``values`` replaced, but not inside what binds names of its own."""
    if expr in values:
        return values[expr]
    if not expr.args or expr.is_symbol:
        return expr
    if isinstance(expr, Binder) and not isinstance(expr, CLOSED):
        return expr
    args = [_replaced(arg, values) for arg in expr.args]
    changed = any(new is not old for new, old in zip(args, expr.args, strict=True))
    return expr.func(*args) if changed else expr


def _at_any_input(closed: Any) -> Basic:
    """The closed form with all that is not trained made the same: equal for f(x) and f(y)."""
    closed = _without_labels(closed) if closed.has(Index) else closed
    blank = Symbol("_")
    blanks = {
        s: MatrixSymbol("_", *s.shape) if isinstance(s, MatrixSymbol) else blank
        for s in closed.free_symbols
        if not isinstance(s, TRAINED) and isinstance(s, (Symbol, MatrixSymbol))
    }
    sizes = {s for matrix in blanks for s in getattr(matrix, "shape", ())}
    return closed.without_origin().xreplace({s: b for s, b in blanks.items() if s not in sizes})


def _has_arrays(closed: Any) -> bool:
    """Whether a network is one of arrays, whose formulas name every function in it."""
    return any(isinstance(s, MatrixSymbol) for s in closed.free_symbols)


def _labels(closed: Any) -> list[Any]:
    """The indices that a network depends on, as that of the data."""
    return sorted(indices_of(closed), key=lambda index: index.name)


def _without_labels(node: Any) -> Any:
    """The network of one member of a family."""
    if isinstance(node, Member):
        return node.array
    if isinstance(node, Entry):
        return Symbol(node.array.name)
    if isinstance(node, Family):
        return _without_labels(node.expr)
    return node.func(*map(_without_labels, node.args)) if node.has(Index) else node


def _names_in(expr: Basic) -> set[str]:
    found: set[str] = set()
    for node in _nodes(expr):
        if isinstance(node, (Symbol, MatrixSymbol)):
            found.add(node.name)
        elif isinstance(node, AppliedUndef):
            found.add(node.func.__name__)
    return found


def _nodes(expr: Basic) -> set[Any]:
    """All that occurs in an expression, each once."""
    seen: set[Any] = set()
    stack = [expr]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.args)
    return seen


def _occurrences(expr: Basic, kind: type[Basic]) -> Iterator[Any]:
    if isinstance(expr, kind):
        yield expr
        return
    for arg in expr.args:
        yield from _occurrences(arg, kind)


def _free(values: Iterable[Basic]) -> set[Basic]:
    return set().union(*(value.free_symbols for value in values))
