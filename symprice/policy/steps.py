"""The derivation of a policy gradient, step by step as in the textbook."""

from __future__ import annotations

from typing import Any

from sympy import (
    Add,
    Derivative,
    Eq,
    Function,
    ImmutableDenseMatrix,
    Symbol,
    diff,
    expand_mul,
    log,
)
from sympy.core.function import AppliedUndef

from ..closedform import hoist
from ..derivation import Rule, Step
from .collecting import collect, weights
from .pairs import are_uneven, covariance
from .rules import (
    Arithmetic,
    CentredSlopes,
    Collection,
    CommonPart,
    ExpectationOfScores,
    LogLikelihood,
    LogLikelihoodTrick,
    MeanOfScores,
    PairsOfActions,
    PathwiseTerm,
    Score,
    SubstitutionOfRewards,
)
from .setting import Setting
from .written import carried_out, written

__all__ = ["DirectSteps", "stacked"]


def stacked(entries: list[Any]) -> Any:
    """The one entry, or the column of several."""
    return entries[0] if len(entries) == 1 else ImmutableDenseMatrix(len(entries), 1, entries)


class DirectSteps:
    """The steps from ∇J to its short form, by variables that are symbols.

    Rewards are written r(a) until they are inserted; those that are symbols already stay as they
    are. The short form is in ``result``, one entry for each variable, in the names of the setting.
    """

    def __init__(self, setting: Setting, rewards: tuple[Any, ...]) -> None:
        self.setting, self.rewards = setting, list(rewards)
        self.variables = setting.variables
        self.unspecified = self._unspecified()
        self.scores = setting.scores()
        self.steps: list[Step] = []
        tricked = self._trick()
        self._log_likelihoods()
        expected = self._column([Add(*self._terms(v, self.unspecified)) for v in self.variables])
        self._step(ExpectationOfScores(), tricked, expected)
        if self.unspecified != self.rewards:
            expected = self._substitution(expected)
        self.result = self._collection(expected)

    def _unspecified(self) -> list[Any]:
        symbols = [
            r
            for r in self.rewards
            if isinstance(r, (Symbol, AppliedUndef)) and r not in self.variables
        ]
        if len(set(symbols)) == len(self.rewards):
            return self.rewards
        moving = [v for v in self.variables if any(r.has(v) for r in self.rewards)]
        return [Function("r")(action, *moving) for action in self.setting.policy.actions]

    def _trick(self) -> Any:
        """∇J as Σ π r ∇log π, after the pathwise term where there is one."""
        pi, r = self.setting.policy.probabilities, self.unspecified
        expected = Add(*(p * x for p, x in zip(pi, r, strict=True)))
        before = stacked([Derivative(expected, v) for v in self.variables])
        rule = LogLikelihoodTrick()
        parted, tricked = [], []
        for v in self.variables:
            moved = [(Derivative(p, v), x) for p, x in zip(pi, r, strict=True) if p.has(v)]
            pathwise = self._pathwise(v, r)
            parted.append(Add(*(change * x for change, x in moved), *pathwise))
            tricked.append(Add(*(rule.apply(change) * x for change, x in moved), *pathwise))
        if any(self._pathwise(v, r) for v in self.variables):
            self._step(PathwiseTerm(), before, stacked(parted))
            before = stacked(parted)
        self._step(rule, before, stacked(tricked))
        return stacked(tricked)

    def _pathwise(self, v: Any, r: list[Any], derivative: Any = Derivative) -> list[Any]:
        """π(a) ∂r(a), where a reward depends on the variable."""
        pi = self.setting.policy.probabilities
        return [p * derivative(x, v) for p, x in zip(pi, r, strict=True) if x.has(v)]

    def _log_likelihoods(self) -> None:
        policy = self.setting.policy
        symbolic = [Function("pi")(action) for action in policy.actions]
        given = [
            Eq(f, p, evaluate=False) for f, p in zip(symbolic, policy.probabilities, strict=True)
        ]
        before, after = (stacked([log(p) for p in ps]) for ps in (symbolic, policy.probabilities))
        self._step(LogLikelihood(), before, after, given)
        before = ImmutableDenseMatrix(self.setting.log_derivatives())
        self._step(Score(), before, self._closed(ImmutableDenseMatrix(self.scores)))

    def _terms(self, v: Any, r: list[Any], derivative: Any = Derivative) -> list[Any]:
        """The terms of E[r s] + E[∂r], in names."""
        column = [row[self.variables.index(v)] for row in self.scores]
        products = [
            w * x for w, x in zip(weights(self.setting.probabilities, column), r, strict=True)
        ]
        pathwise = self._pathwise(v, r, derivative)
        return products + [self.setting.with_names(term) for term in pathwise]

    def _substitution(self, before: Any) -> Any:
        given = [
            Eq(f, x, evaluate=False) for f, x in zip(self.unspecified, self.rewards, strict=True)
        ]
        after = self._column([written(self._terms(v, self.rewards, diff)) for v in self.variables])
        self._step(SubstitutionOfRewards(), before, after, given)
        return after

    def _collection(self, before: Any) -> list[Any]:
        """The short form of each entry."""
        pi = self.setting.probabilities
        before = self._without_scores(before)
        rewards = [self.setting.with_names(r) for r in self.rewards]
        mean = Add(*(p * r for p, r in zip(pi, rewards, strict=True)))
        if self.setting.named and len(set(rewards)) == 1:
            # Probabilities sum to one.
            mean = rewards[0]
        elif self.setting.named:
            definitions = self.setting.definitions
            mean = definitions.define(self.setting.names.fresh("J"), hoist(mean, definitions))
        parted, collected, paired = [], [], []
        centred: dict[int, Any] = {}
        for i, v in enumerate(self.variables):
            scores = [row[i] for row in self.scores]
            split, short = collect(pi, rewards, scores, mean, self.setting)
            moved = self._pathwise(v, self._moving(v), diff)
            pathwise = [self.setting.with_names(term) for term in moved]
            parted.append(Add(split, *pathwise))
            collected.append(Add(short, *pathwise))
            pairs = self.setting.named and are_uneven(scores)
            paired.append(
                Add(covariance(pi, scores, rewards), *pathwise) if pairs else collected[i]
            )
            if (found := self.setting.centred(i, scores)) is not None:
                terms = zip(pi, rewards, found[1], strict=True)
                centred[i] = Add(*(p * (r - mean) * s for p, r, s in terms), *pathwise)
        result = [carried_out(entry) for entry in paired]
        if parted != collected:
            before = self._next(CommonPart(), before, parted)
        before = self._next(Collection(), before, collected)
        before = self._next(PairsOfActions(), before, paired)
        before = self._next(Arithmetic(), before, result)
        if centred:
            result = [centred.get(i, entry) for i, entry in enumerate(result)]
            self._next(CentredSlopes(), before, result)
        return result

    def _moving(self, v: Any) -> list[Any]:
        """The rewards as far as their pathwise term is not c E[∇log π] = 0."""
        probabilities = self.setting.policy.probabilities
        c = MeanOfScores().coefficient(self.rewards, list(probabilities))
        if c == 0 or c.has(v):
            return self.rewards
        pairs = zip(self.rewards, probabilities, strict=True)
        return [expand_mul(r) - expand_mul(c * log(p)) for r, p in pairs]

    def _without_scores(self, before: Any) -> Any:
        """The step in which c E[∇log π] falls out."""
        if all(self._moving(v) == self.rewards for v in self.variables):
            return before
        entries = []
        for v in self.variables:
            column = [row[self.variables.index(v)] for row in self.scores]
            pairs = zip(weights(self.setting.probabilities, column), self.rewards, strict=True)
            moved = self._pathwise(v, self._moving(v), diff)
            rest = [self.setting.with_names(term) for term in moved]
            entries.append(written([*(w * self.setting.with_names(r) for w, r in pairs), *rest]))
        return self._next(MeanOfScores(), before, entries)

    def _column(self, entries: list[Any]) -> Any:
        return self._closed(stacked(entries))

    def _closed(self, expr: Any) -> Any:
        """The expression with the definitions of the names in it."""
        definitions = self.setting.definitions
        return definitions.closing(hoist(expr, definitions))

    def _step(self, rule: Rule, before: Any, after: Any, given: Any = ()) -> None:
        self.steps.append(Step(rule, before, after, given))

    def _next(self, rule: Rule, before: Any, entries: list[Any]) -> Any:
        """The next expression of the chain, where the rule changes anything."""
        after = self._column(entries)
        if after != before:
            self._step(rule, before, after)
        return after
