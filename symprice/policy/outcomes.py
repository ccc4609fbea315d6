"""Random variables under a policy: functions of score, reward and pathwise term, and their means.

One interface for finitely many actions, where a random variable is a list of values, and for
densities, where it is an expression in the action.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import combinations
from typing import Any

from sympy import Add, Dummy, KroneckerDelta, Mul, S

from ..closedform import ClosedForm, Definitions, hoist
from ..errors import PolicyError
from .chain import shaped
from .collecting import tidied
from .distribution import Action, DistributionPolicy
from .head_names import named_heads
from .integrals import ActionIntegral, ActionSum
from .logits import Logits
from .other_actions import OtherActions
from .rules import CommonPart, primitive
from .setting import Names, Setting, by_logits, is_network
from .short import short

__all__ = [
    "Function",
    "Outcomes",
    "entries_of",
    "in_symbol",
    "of_component",
    "spread",
    "square",
    "with_baseline",
]

Function = Callable[[list[Any], Any, list[Any]], Any]


class Outcomes:
    """The scores s, the reward r and its gradient g at an action, and means over actions.

    The probabilities of a softmax go by their names, `π_1, …`, and the expected reward by `J`:
    ``closed`` says what the names in a formula mean.
    """

    def __init__(self, gradient: Any) -> None:
        self.heads = named_heads(gradient)
        if self.heads is not None:
            gradient = self.heads.gradient
        self.gradient, self.policy = gradient, gradient.policy
        self.variables = list(gradient.wrt)
        self.is_finite = not isinstance(self.policy, DistributionPolicy)
        self.definitions = Definitions(gradient.free_symbols)
        self.setting: Setting | None = None
        #: Of each variable the slopes u of the logits and u - E[u], where E[u] has a name.
        self.centred: list[tuple[list[Any], list[Any]] | None] = []
        self.logits: Logits | None = None
        if self.is_finite:
            self.actions = list(self.policy.actions)
            self.rewards = list(gradient.rewards)
        else:
            self.actions = [self.policy.action]
            self.rewards = [gradient.reward]
        # Before probabilities get names, behind which the variables could not be seen.
        self.slopes = [
            [short(r.diff(v)) if v.is_Symbol and r.has(v) else S.Zero for v in self.variables]
            for r in self.rewards
        ]
        if self.is_finite:
            self._finite_scores()
        else:
            self.probabilities: list[Any] = []
            self.scores = [entries_of(self.policy.score(wrt=gradient.wrt))]

    def _finite_scores(self) -> None:
        policy, variables = self.policy, tuple(self.variables)
        if by_logits(policy, variables):
            self.logits = Logits(policy, Names(self.gradient))
            self._named_by(self.logits.setting)
            self.variables = list(self.logits.setting.variables)
            return
        if is_network(policy):
            self.probabilities = list(policy.probabilities)
            self.scores = [entries_of(policy.score(a, wrt=variables)) for a in self.actions]
            return
        self._named_by(Setting(policy, variables, Names(self.gradient)))

    def _named_by(self, setting: Setting) -> None:
        self.setting, self.definitions = setting, setting.definitions
        self.probabilities = setting.probabilities
        self.scores = setting.scores()
        columns = [list(column) for column in zip(*self.scores, strict=True)]
        self.centred = [setting.centred(i, column) for i, column in enumerate(columns)]
        if any(self.centred):
            pairs = zip(columns, self.centred, strict=True)
            self.scores = [list(r) for r in zip(*(f[1] if f else c for c, f in pairs), strict=True)]
        self.rewards = [setting.with_names(r) for r in self.rewards]
        self.slopes = [[setting.with_names(g) for g in row] for row in self.slopes]

    # --- values and means -------------------------------------------------------------------------
    def at(self, f: Function) -> Any:
        """The random variable as an expression in the symbol of the action."""
        values = self.values(f)
        return in_symbol(self.policy, values) if self.is_finite else values[0]

    def values(self, f: Function) -> list[Any]:
        """f(s, r, g) at each action, of a density at the symbol of the action."""
        triples = zip(self.scores, self.rewards, self.slopes, strict=True)
        return [f(s, r, g) for s, r, g in triples]

    def mean(self, f: Function) -> Any:
        """E[f(s, r, g)]."""
        if self.is_finite and (known := self._of_scores_alone(f)) is not None:
            return known
        values = self.values(f)
        if self.is_finite:
            total = Add(*(p * v for p, v in zip(self.probabilities, values, strict=True)))
            return total if any(self.centred) else short(total)
        # Expectations in a baseline are numbers here: nothing in them is multiplied out.
        held = {e: Dummy("J", real=True) for e in values[0].atoms(ActionIntegral, ActionSum)}
        back = {dummy: e for e, dummy in held.items()}
        return self.policy.mean(values[0].xreplace(held)).xreplace(back)

    @property
    def twin(self) -> Any:
        """The same gradient by symbols where logits or heads were taken by place; else None."""
        if self.heads is not None:
            return self.heads.gradient
        if self.logits is None:
            return None
        policy = self.policy.with_logits(self.logits.symbols)
        return type(self.gradient)(policy, self.gradient.args[1], self.logits.symbols)

    def tidy(self, expr: Any) -> Any:
        """The short form, of probabilities with 1 - p in it rather than p - 1."""
        if any(self.centred):
            return expr
        return tidied(expr) if self.is_finite else short(expr)

    def variance(self, f: Function, mean: Any) -> Any:
        """Var f, where ``mean`` is E f; of finitely many actions over pairs of them, or from a name
        for the mean.
        """
        if any(self.centred):
            values = self.values(f)
            pairs = list(zip(self.probabilities, values, strict=True))
            centre = self.name("xbar", Add(*(p * x for p, x in pairs)))
            return Add(*(p * (x - centre) ** 2 for p, x in pairs))
        if self.is_finite:
            return spread(self.values(f), self.probabilities)
        return short(self.mean(lambda s, r, g: f(s, r, g) ** 2) - mean**2)

    def raw_mean(self, f: Function) -> Any:
        """E[f(s, r, g)] by its definition: a sum over the actions, or an integral."""
        values = self.values(f)
        if self.is_finite:
            return Add(*(p * v for p, v in zip(self.probabilities, values, strict=True)))
        if not self.policy.action.is_Symbol:
            return self.policy.mean(values[0])
        return self.over_actions(values[0] * self.policy.prob())

    def over_actions(self, expr: Any) -> Any:
        """The integral or the sum of an expression over the actions of a density."""
        kind = ActionSum if self.policy.is_countable else ActionIntegral
        return kind(expr, (self.policy.action, *self.policy.bounds))

    @cached_property
    def _shared(self) -> list[Any] | None:
        """What the scores of all actions share by component, where probabilities have names."""
        if not self.named or self.moves:
            return None
        columns = [list(column) for column in zip(*self.scores, strict=True)]
        split = [CommonPart().split(column, self.probabilities) for column in columns]
        return None if None in split else [part[1] for part in split if part is not None]

    def _of_scores_alone(self, f: Function) -> Any:
        """E[f(s)] = f(c) + Σ π(a) (f(s(a)) - f(c)), where c is what the scores of all actions
        share, so that few actions are left in the sum; None where rewards matter, whose differences
        would lose digits so.
        """
        shared, none = self._shared, [S.Zero] * len(self.variables)
        if shared is None or f(shared, Dummy(), none) != f(shared, Dummy(), none):
            return None
        base = f(shared, S.Zero, none)
        moved = [
            p * (f(s, S.Zero, none) - base)
            for p, s in zip(self.probabilities, self.scores, strict=True)
            if f(s, S.Zero, none) != base
        ]
        return short(base + Add(*map(short, moved)))

    @property
    def objective(self) -> Any:
        """J, by name where probabilities have names."""
        if self.setting is None or not (self.setting.named or self.logits):
            return self.gradient.expected
        if len(set(self.rewards)) == 1:
            # Probabilities sum to one.
            return self.rewards[0]
        total = Add(*(p * r for p, r in zip(self.probabilities, self.rewards, strict=True)))
        return self.definitions.define(self.setting.names.fresh("J"), total)

    @property
    def slope(self) -> list[Any]:
        """∇J by component."""
        if self.logits is not None:
            return [self.mean(_score_by_reward(i)) for i in range(len(self.variables))]
        formula = self.gradient._formula()
        return entries_of(self.hoisted(formula) if self.named else formula.doit())

    @property
    def moves(self) -> bool:
        """Whether rewards depend on the variables."""
        return any(g != 0 for row in self.slopes for g in row)

    @cached_property
    def others(self) -> OtherActions | None:
        """Means over the actions that were not taken; None where this is no softmax of logits."""
        if not self.named or self.moves or self.setting is None:
            return None
        return OtherActions(self) if len(self.setting.policy.logits) == len(self.actions) else None

    @property
    def named(self) -> bool:
        """Whether probabilities go by names."""
        return self.setting is not None and bool(self.setting.named)

    def name(self, letter: str, value: Any) -> Any:
        """A name for a value where probabilities have names, else the value."""
        if self.setting is None or not self.named:
            return value
        return self.definitions.define(self.setting.names.fresh(letter), value)

    def hoisted(self, expr: Any) -> Any:
        """A closed form in the names of this setting."""
        return hoist(expr, self.definitions)

    def closed(self, entries: list[Any], columns: int = 1) -> Any:
        """Entries in names as one formula: a scalar or a matrix, with the meanings of the names."""
        if self.logits is not None:
            entries, definitions = self.logits.inserted(entries)
            return definitions.closing(hoist(shaped(entries, columns), definitions))
        found = shaped(entries, columns)
        if self.heads is not None:
            return self.heads.inserted(found)
        return self.definitions.closing(hoist(found, self.definitions)) if self.is_finite else found

    def with_names(self, expr: Any) -> Any:
        """An expression in which what has a name goes by it."""
        return expr if self.setting is None else self.setting.with_names(expr)

    def plain(self, expr: Any) -> Any:
        """An expression in which no names are left."""
        closed = self.closed([expr])
        return closed.doit() if isinstance(closed, ClosedForm) else closed


def _score_by_reward(component: int) -> Function:
    """r s_i, whose mean is the slope by a component."""
    return lambda s, r, g: r * s[component]


def spread(values: list[Any], probabilities: list[Any]) -> Any:
    """Var x = Σ_{j<k} π_j π_k (x_j - x_k)²: no digits are lost where it is small."""
    pairs = combinations(zip(values, probabilities, strict=True), 2)
    return short(Add(*(p * q * short(x - y) ** 2 for (x, p), (y, q) in pairs)))


def entries_of(found: Any) -> list[Any]:
    """The entries of a column or of a closed form of one; of a scalar itself."""
    if hasattr(found, "tolist"):
        return list(found)
    rows = getattr(found, "shape", None)
    return [found[i, 0] for i in range(int(rows[0]))] if rows else [found]


def in_symbol(policy: Any, values: list[Any]) -> Any:
    """Values by action as an expression in the symbol `a`: affine for the actions 0 and 1, else
    with `[a = k]`.
    """
    actions = list(policy.actions)
    a = _symbol(actions)
    if len(actions) == 2 and set(actions) == {S.Zero, S.One}:
        low, high = values[actions.index(S.Zero)], values[actions.index(S.One)]
        return _two(a, low, high)
    counts = {v: values.count(v) for v in values}
    common = max(counts, key=lambda v: counts[v]) if max(counts.values()) > 1 else None
    base = S.Zero if common is None else common
    return base + Add(
        *(
            short(v - base) * KroneckerDelta(a, x)
            for x, v in zip(actions, values, strict=True)
            if v != base
        )
    )


def score_in_symbol(policy: Any, scores: list[Any]) -> Any:
    """The scores of all actions as an expression in the symbol `a`, in short form: `a - p` of the
    actions 0 and 1, else `[a = k] - π_k`.
    """
    columns = [entries_of(s) for s in scores]
    if any(entry.has(ClosedForm) for column in columns for entry in column):
        raise PolicyError(
            f"asked for the score of {policy} at any action, whose logits are those of a network: "
            "name the action, as score(1)"
        )
    return shaped([_shortest(policy, list(row)) for row in zip(*columns, strict=True)], 1)


def _shortest(policy: Any, values: list[Any]) -> Any:
    """c + Σ [a = k] (f(k) - c), with the value c that leaves the fewest and shortest terms."""
    a = _symbol(policy.actions)
    if set(policy.actions) == {S.Zero, S.One}:
        high, low = (values[policy.actions.index(x)] for x in (S.One, S.Zero))
        return short(low + a * short(high - low))
    found = []
    for base in dict.fromkeys(values):
        terms = [
            short(v - base) * KroneckerDelta(a, x)
            for x, v in zip(policy.actions, values, strict=True)
            if v != base
        ]
        found.append(base + Add(*terms))
    return min(found, key=lambda expr: expr.count_ops())


def _symbol(actions: Any) -> Any:
    return Action("a", integer=True) if all(x.is_Integer for x in actions) else Action("a")


def _two(a: Any, low: Any, high: Any) -> Any:
    """a f(1) + (1 - a) f(0): a term for each action, in which nothing cancels."""
    return Add(*(_times(share, value) for share, value in ((a, high), (1 - a, low))))


def _times(share: Any, value: Any) -> Any:
    """The product with the numbers in front: 10 a (1 - p)."""
    found = tidied(value)
    content, rest = primitive(found) if isinstance(found, Add) else (S.One, found)
    return Mul(content, share, rest)


def of_component(i: int, f: Callable[[Any, Any, Any], Any]) -> Function:
    """A function of the i-th entries of the score and of the gradient of the reward."""
    return lambda s, r, g: f(s[i], r, g[i])


def with_baseline(b: Any, i: int) -> Function:
    """(r - b) s + g by component."""
    return of_component(i, lambda s, r, g: (r - b) * s + g)


def square(f: Function) -> Function:
    """The square of a random variable."""
    return lambda s, r, g: f(s, r, g) ** 2
