"""Whether a formula is 0 for all values of its symbols: by a normal form, never by belief.

A formula of arrays is multiplied out into sums over indices, with the definitions put in, and
equal sums are equal expressions (`indexed.sums`). A formula of scalars is multiplied out, then
written in exponentials over one denominator. A rectifier is `relu(u) = u step(u)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from sympy import (
    Add,
    Function,
    KroneckerDelta,
    Mul,
    Pow,
    S,
    exp,
    simplify,
    tanh,
    together,
)
from sympy.matrices.matrixbase import MatrixBase

from ..errors import NoRuleError
from ..indexed.entries import Entry, Index, placed
from ..indexed.lowering import entry, scalar
from ..indexed.sums import SumOver, opened, summed
from ..networks.activations import leaky_relu, relu, sigmoid, step
from ..tangent.closing import closed_form
from ..timelimit import within

__all__ = ["NormalFormOf", "entries_of", "proved_zero"]

# So many numberings are tried where the indices of a sum play the same role.
_LEAVES = 100


def proved_zero(expr: Any, seconds: float = 20) -> bool:
    """Whether ``expr`` was shown to vanish identically; False says nothing.

    Parameters
    ==========

    expr : a scalar or a matrix, with covariances, networks and definitions in it.
    seconds : for each attempt.

    What holds for all but finitely many hyperplanes of a rectifier's arguments counts as
    identically: where it is differentiable.

    Examples
    ========

    >>> from sympy import sinh, exp, symbols
    >>> from symprice import relu
    >>> from symprice.solutions.vanishing import proved_zero
    >>> x = symbols('x', real=True)
    >>> proved_zero(2*sinh(x) - exp(x) + exp(-x)), proved_zero(x*relu(x).diff(x) - relu(x))
    (True, True)
    >>> proved_zero(x**2 - 1)
    False
    """
    closed = within(seconds, lambda: closed_form(expr))
    if closed is None:
        return False
    # The message of a missing rule is of no use here: the next attempt, or numbers, decide.
    for attempt in (_by_sums, _by_fractions, _by_simplification):
        try:
            if within(seconds, partial(attempt, closed), False):
                return True
        except (NoRuleError, NotImplementedError):
            continue
    return False


def _by_sums(closed: Any) -> bool:
    """Multiplied out, over the entries of arrays."""
    form = NormalFormOf(dict(closed.args[1]))
    return all(form.of(each) == 0 for each in entries_of(closed.expr))


def _by_fractions(closed: Any) -> bool:
    """Exponentials over one denominator, whose numerator vanishes."""
    for each in _entries(closed):
        value = each.replace(sigmoid, lambda u: 1 / (1 + exp(-u)))
        value = value.replace(tanh, lambda u: 1 - 2 / (1 + exp(2 * u)))
        numerator = together(value.rewrite(exp)).as_numer_denom()[0]
        if numerator.expand(power_exp=True) != 0:
            return False
    return True


def _by_simplification(closed: Any) -> bool:
    """SymPy's simplification, which knows more identities; the caller sets the time."""
    return all(within(_LONG, partial(simplify, each)) == 0 for each in _entries(closed))


_LONG = 3600.0


def _entries(closed: Any) -> list[Any]:
    """The entries of a formula of scalars, definitions put in."""
    value = closed.doit()
    if isinstance(value, MatrixBase):
        return list(value.flat())
    if getattr(value, "is_Matrix", False) or value.has(Entry, Index, SumOver):
        raise NoRuleError(f"{value} is a formula of arrays")
    return [value]


def entries_of(expr: Any) -> Iterable[Any]:
    """The entries of a matrix at free indices; a scalar is its only one."""
    if isinstance(expr, MatrixBase):
        return [scalar(each) for each in expr.flat()]
    if not getattr(expr, "is_Matrix", False):
        return [scalar(expr)]
    names = ("row", "column")
    places = [
        S.Zero if size == 1 else Index(name, size)
        for name, size in zip(names, expr.shape, strict=True)
    ]
    return [entry(expr, *places)]


class NormalFormOf:
    """The definitions of a formula, and the normal forms of what is made of them."""

    def __init__(self, definitions: dict[Any, Any]) -> None:
        self.definitions = definitions
        self.memo: dict[Any, Any] = {}

    def of(self, expr: Any) -> Any:
        """The normal form of a scalar; 0 if it vanishes, as far as a normal form tells."""
        return Add(*map(_without_free_deltas, Add.make_args(self.flat(expr))))

    def flat(self, expr: Any) -> Any:
        """A sum of products of entries, of sums over indices, and of functions of names."""
        if expr not in self.memo:
            self.memo[expr] = self._flat(expr)
        return self.memo[expr]

    def _flat(self, expr: Any) -> Any:
        if isinstance(expr, Add):
            return Add(*map(self.flat, expr.args))
        if isinstance(expr, Mul):
            return _times([self.flat(factor) for factor in expr.args])
        if isinstance(expr, Pow) and expr.exp.is_Integer and expr.exp.is_positive:
            return _times([self.flat(expr.base)] * int(expr.exp))
        if isinstance(expr, SumOver):
            body, indices = opened(expr)
            terms = Add.make_args(self.flat(body))
            return Add(*(_renumbered(summed(term, indices)) for term in terms))
        if isinstance(expr, Entry):
            return self._entry(expr)
        if expr in self.definitions:
            return self.flat(scalar(self.definitions[expr]))
        if isinstance(expr, (relu, leaky_relu)):
            u = expr.args[0]
            slope = S.Zero if isinstance(expr, relu) else expr.fdiff(1).subs(step(u), 0)
            return _times([self.flat(u), self.flat(slope + (1 - slope) * step(u))])
        if not isinstance(expr, (Function, Pow)):
            return expr
        inside = expr.func(*map(self.flat, expr.args))
        if isinstance(inside, step) and inside.args[0].could_extract_minus_sign():
            return 1 - step(-inside.args[0])
        return inside

    def _entry(self, expr: Entry) -> Any:
        """What a definition says of an entry; a softmax stays behind its name."""
        value = self.definitions.get(expr.array)
        if value is None:
            return expr
        try:
            return self.flat(_lowered(value, expr.positions))
        except NoRuleError:
            return expr


def _lowered(value: Any, positions: tuple[Any, ...]) -> Any:
    """The entry of the value of a definition, at positions and labels."""
    labels = getattr(value, "labels", ())
    own = len(positions) - len(labels)
    body = value(*positions[own:]) if labels else value
    if not getattr(body, "is_Matrix", False):
        return scalar(body)
    return entry(body, *placed(body.shape, positions[:own]))


def _times(factors: list[Any]) -> Any:
    """A product of sums as a sum of products."""
    terms = [S.One]
    for factor in factors:
        terms = list(Add.make_args(Add(*(a * b for a in terms for b in Add.make_args(factor)))))
    return Add(*terms)


def _without_free_deltas(term: Any) -> Any:
    """δ_ij f_j = δ_ij f_i, for the indices that stand free."""
    factors = list(Mul.make_args(term))
    for delta in [f for f in factors if isinstance(f, KroneckerDelta)]:
        i, j = sorted(delta.args, key=lambda index: index.sort_key())
        old, new = (j, i) if isinstance(j, Index) else (i, j)
        factors = [f if f == delta else f.xreplace({old: new}) for f in factors]
    return Mul(*factors)


def _renumbered(term: Any) -> Any:
    """A product with the indices of each sum numbered in the same way in all equal sums."""
    sums = {f: _numbered(f) for f in Mul.make_args(term) if isinstance(f, SumOver)}
    return Mul(*(sums.get(factor, factor) for factor in Mul.make_args(term)))


def _numbered(total: SumOver) -> SumOver:
    """The sum with its indices in a canonical order: that of their roles, ties tried out."""
    body, indices = opened(total)
    inner = {index for each in body.atoms(SumOver) for index in each.indices}
    numbers = (index.name.removeprefix("_") for index in inner)
    first = 1 + max((int(text) for text in numbers if text.isdigit()), default=0)
    found = []
    for order in islice(_orders(Mul.make_args(body), indices, {}), _LEAVES):
        own = [Index(f"_{n}", index.size) for n, index in enumerate(order, start=first)]
        found.append(SumOver(body.xreplace(dict(zip(order, own, strict=True))), *own))
    return min(found, key=str)


def _orders(
    factors: tuple[Any, ...], indices: tuple[Any, ...], colours: dict[Any, int]
) -> Iterator[tuple[Any, ...]]:
    """The orders of the indices that their roles in the product leave possible."""
    colours = _refined(factors, indices, colours)
    tied: dict[int, list[Any]] = {}
    for index in indices:
        tied.setdefault(colours[index], []).append(index)
    classes = [tied[colour] for colour in sorted(tied)]
    first = next((group for group in classes if len(group) > 1), None)
    if first is None:
        yield tuple(group[0] for group in classes)
        return
    for chosen in first:
        marked = {index: 2 * colour for index, colour in colours.items()}
        yield from _orders(factors, indices, marked | {chosen: 2 * colours[chosen] - 1})


def _refined(
    factors: tuple[Any, ...], indices: tuple[Any, ...], colours: dict[Any, int]
) -> dict[Any, int]:
    """Colours by where an index stands and by the colours of the indices beside it."""
    colours = {index: colours.get(index, 0) for index in indices}
    while True:
        looks: dict[Any, Any] = {}
        for index in indices:
            masks = {other: Index(f"_c{colours[other]}", other.size) for other in indices}
            masks[index] = Index("_own", index.size)
            own = (str(f.xreplace(masks)) for f in factors if index in f.atoms(Index))
            looks[index] = (colours[index], str(index.size), tuple(sorted(own)))
        ranks = {look: rank for rank, look in enumerate(sorted(set(looks.values())))}
        refined = {index: ranks[look] for index, look in looks.items()}
        if len(set(refined.values())) == len(set(colours.values())):
            return refined
        colours = refined
