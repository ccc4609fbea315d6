"""Policies with continuous or countable actions: a family states its law, the rest follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from sympy import (
    Add,
    Dummy,
    Integral,
    Interval,
    Mul,
    S,
    Set,
    Sum,
    Symbol,
    exp,
    log,
)
from sympy.core.function import AppliedUndef

from ..errors import PolicyError
from .arguments import observed, trained
from .base import Policy
from .expecting import expected
from .integrals import ActionIntegral, ActionSum
from .large_numbers import with_values
from .regions import over_regions
from .short import short
from .sympy_integration import attempted
from .tails import require_finite

__all__ = ["Action", "DistributionPolicy", "exponential", "realised"]


class Action(Symbol):
    """The symbol of an action in a formula: `a`, bound by the policy that takes it.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> GaussianPolicy(0, 1).action
    a
    """

    __slots__ = ()

    #: To printers: a comparison with it is one of labels.
    is_action = True


class DistributionPolicy(Policy):
    """A policy with continuous or countable actions; the base of all families.

    A family states its ``log_density`` and ``support`` in its ``heads`` (the parameters of its
    formulas), the expectations that it knows, and how to sample. Scores, Fisher information,
    entropy, divergences, gradients and their variances are derived.
    """

    #: Seconds that SymPy may try to integrate what no rule of the family closes.
    patience: ClassVar[float] = 0.3

    # --- what a family states ---------------------------------------------------------------------
    @property
    def heads(self) -> tuple[Any, ...]:
        """The parameters of the distribution in order: what is trained, or a network gives."""
        raise self._unstated("heads")

    def with_heads(self, heads: Any) -> DistributionPolicy:
        """The same family with other parameters."""
        raise self._unstated("with_heads")

    def stand_ins(self) -> tuple[Any, ...]:
        """A symbol for each head, with the assumptions of its domain."""
        raise self._unstated("stand_ins")

    @property
    def support(self) -> Any:
        """The actions that can be taken."""
        raise self._unstated("support")

    def log_density(self, a: Any) -> Any:
        """log π(a) at an action in the support."""
        raise self._unstated("log_density")

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E of a product that depends on the action; None where the family has no rule."""
        return None

    def scores(self, a: Any) -> list[Any]:
        """∂log π(a) by each head, of a policy whose heads are symbols."""
        law = self.log_density(a)
        return [short(law.diff(z)) for z in self.heads]

    def information(self, i: int, j: int) -> Any:
        """E[s_i s_j] where the family knows a shorter way than the expectation; else None."""
        return None

    def centred(self, reward: Any, a: Any) -> Any:
        """The reward less that of one action, where a family has it without a difference of nearly
        equal numbers and its expectations stay integrals; else None.
        """
        return None

    def draw(self, rng: Any, n: int) -> Any:
        """n actions, where all heads are numbers."""
        raise self._unstated("draw")

    def reparameterised(self, noise: Any) -> tuple[Any, DistributionPolicy] | None:
        """The action as a smooth function of noise, and the law of the noise; None without one."""
        return None

    # --- symbols ----------------------------------------------------------------------------------
    @property
    def actions(self) -> Any:
        """The set of actions, the support."""
        return self.support

    @property
    def action(self) -> Symbol:
        """The symbol `a` of an action in formulas."""
        return Action("a", **_assumptions(self.support))

    @property
    def bounds(self) -> tuple[Any, Any]:
        """The smallest and the largest action, or the infinities."""
        return self.support.inf, self.support.sup

    @property
    def is_countable(self) -> bool:
        """Whether actions are whole numbers, and expectations sums."""
        support = self.support
        return not isinstance(support, Interval) and bool(support.is_subset(S.Integers))

    @property
    def parameters(self) -> tuple[Any, ...]:
        """The Parameters that the policy depends on, in order of first appearance."""
        return trained(*self.heads)

    @property
    def observables(self) -> tuple[Any, ...]:
        """The Observables that the policy depends on, in order of first appearance."""
        return observed(*self.heads)

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols in the parameters of the distribution."""
        return set().union(*(head.free_symbols for head in self.heads))

    @property
    def pure(self) -> DistributionPolicy:
        """The same family with a symbol of its own for each head: where the rules run."""
        return self.with_heads(self.stand_ins())

    def inserted(self, expr: Any) -> Any:
        """A formula in the stand-ins, in the heads of this policy."""
        values = dict(zip(self.stand_ins(), self.heads, strict=True))
        return with_values(expr, {**values, **self._renamed()})

    def _renamed(self) -> dict[Any, Any]:
        return {self._bound: self.action}

    @property
    def _bound(self) -> Any:
        return _bound_action(tuple(sorted(_assumptions(self.support).items())))

    # --- what follows -----------------------------------------------------------------------------
    def log_prob(self, action: Any = None) -> Any:
        """The log-likelihood log π(a): at the symbol `a` where no action is given."""
        formula = self.inserted(self.pure.log_density(self._bound))
        return self.at(formula, action)

    def prob(self, action: Any = None) -> Any:
        """The probability or density π(a)."""
        formula = self.inserted(exponential(self.pure.log_density(self._bound)))
        return self.at(formula, action)

    def at(self, formula: Any, action: Any) -> Any:
        """A formula in the symbol of the action, at an action."""
        if action is None:
            return formula
        from .arguments import scalar

        value = scalar(action, "an action")
        if self.support.contains(value) is S.false:
            raise PolicyError(
                f"asked for the action {value} of {self}, whose support is {self.support}"
            )
        return with_values(formula, {self.action: value})

    def score(self, action: Any = None, wrt: Any = None) -> Any:
        """The score ∇log π(a): a scalar by one variable, a column by several."""
        from .chain import score

        return self.at(score(self, wrt), action)

    def fisher(self, wrt: Any = None) -> Any:
        """The Fisher information E[s sᵀ] of the scores s: by several variables a matrix."""
        from .chain import fisher

        return fisher(self, wrt)

    def expectation(self, f: Any) -> Any:
        """E[f(a)] for a function of an action or an expression in `a`; what no rule closes stays
        an integral or a sum.
        """
        return self.mean(self.in_action(f))

    def in_action(self, f: Any) -> Any:
        """What was given, as an expression in the symbol of the action."""
        from .rewards import in_action

        return in_action(self, f)

    def mean(self, expr: Any, conditions: list[Any] | None = None) -> Any:
        """E of an expression in the symbol of the action; what must be positive for it to be finite
        is added to ``conditions``.
        """
        a, pure = self._bound, self.pure
        # A head that is a symbol goes by its stand-in, whose domain is known.
        pairs = zip(self.heads, self.stand_ins(), strict=True)
        known = {head: z for head, z in pairs if isinstance(head, Symbol)}
        inner = expr.xreplace({self.action: a, **known})
        inner, back = realised(inner, (a, *self.stand_ins()))
        values = dict(zip(self.stand_ins(), self.heads, strict=True))

        def check(bound: Any) -> Any:
            value = bound.xreplace(back).xreplace(values)
            # What holds wherever the law is one is no condition, whatever a head is known to be.
            if conditions is not None and not bound.is_positive:
                conditions.append(value)
            return value

        found = pure.mean_in_heads(inner, a, check)
        return self.inserted(found.xreplace(back))

    def mean_in_heads(self, expr: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E of an expression, of a policy whose heads are symbols."""
        known, left = expected(expr, a, lambda term: self.mean_of(term, a, check))
        if left != 0:
            # Where no term is known the integrand stays as it was written.
            kept = left if known != 0 else expr
            require_finite(kept, exponential(self.log_density(a)), a, self.bounds, check)
            integral = self.integral(kept, a)
            closed = None
            if self.patience and not left.has(AppliedUndef):
                closed = attempted(integral, self.patience)
            known += integral if closed is None else closed
        return short(known)

    def whole(self, expr: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E of an expression, closed or as one integral: the terms of an entropy are large where
        it is small, and in pieces it would lose their digits.
        """
        found = self.mean_in_heads(expr, a, check)
        return self.integral(expr, a) if found.has(Integral, Sum) else short(found)

    def integral(self, expr: Any, a: Any) -> Any:
        """E of an expression in ``a`` as an integral or a sum over the support."""
        weight = exponential(self.log_density(a))
        low, high = self.bounds
        way = -1 if expr.could_extract_minus_sign() else 1
        if self.is_countable:
            return way * ActionSum(way * expr * weight, (a, low, high))
        pieces = over_regions(way * expr * weight, a, low, high)
        return Add(*(way * ActionIntegral(f, (a, *ends)) for f, *ends in pieces))

    def entropy(self) -> Any:
        """The entropy -E[log π(a)], in nats; of a density the differential entropy."""
        pure = self.pure
        return self.inserted(pure.whole(-pure.log_density(self._bound), self._bound, self.inserted))

    def kl_divergence(self, other: Any) -> Any:
        """The divergence E[log π(a) - log π'(a)] from this policy to another one, in nats."""
        from .divergence import kl_divergence

        return kl_divergence(self, other)

    def sample(self, rng: Any, n: int, at: Mapping[Any, Any] | None = None) -> Any:
        """n actions as an array, drawn with a generator of NumPy; ``at`` gives symbols numbers."""
        heads = [head.subs(dict(at or {})).doit() for head in self.heads]
        open_symbols = set().union(*(head.free_symbols for head in heads))
        if open_symbols:
            names = ", ".join(sorted(map(str, open_symbols)))
            raise PolicyError(
                f"asked for samples of {self} with no number for {names}: write "
                f"sample(rng, n, at={{{names.split(', ')[0]}: 0.5, ...}})"
            )
        return self.with_heads(heads).draw(rng, n)


def realised(expr: Any, apart: tuple[Any, ...]) -> tuple[Any, dict[Any, Any]]:
    """The expression with real symbols for those of which it is not said, and the way back."""
    foreign = {
        s: Dummy(s.name, real=True)
        for s in expr.free_symbols - set(apart)
        if isinstance(s, Symbol) and s.is_real is None
    }
    return expr.xreplace(foreign), {dummy: s for s, dummy in foreign.items()}


def exponential(total: Any) -> Any:
    """exp of a sum of logarithms and others: exp(a log x + y) is x^a exp(y)."""
    rest, product = [], S.One
    for term in Add.make_args(total):
        logs = [f for f in Mul.make_args(term) if isinstance(f, log)]
        if len(logs) == 1:
            product *= logs[0].args[0] ** (term / logs[0])
        else:
            rest.append(term)
    return product * exp(Add(*rest))


def _assumptions(support: Any) -> dict[str, bool]:
    counts = isinstance(support, Set) and not isinstance(support, Interval)
    if counts and support.is_subset(S.Naturals0):
        return {"integer": True, "nonnegative": True}
    if support.inf == 0 and isinstance(support, Interval):
        return {"positive": True}
    return {"real": True}


_BOUND: dict[Any, Any] = {}


def _bound_action(assumptions: Any) -> Any:
    return _BOUND.setdefault(assumptions, Dummy("a", **dict(assumptions)))
