"""Policies given by a formula for log π, and those of SymPy's random symbols."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from sympy import (
    Add,
    Dummy,
    FiniteSet,
    Integer,
    Integral,
    Interval,
    Mul,
    Piecewise,
    Range,
    Rational,
    S,
    Set,
    Sum,
    Symbol,
    default_sort_key,
    exp,
    expand_log,
    lambdify,
    log,
    powsimp,
    together,
)
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify
from sympy.stats.joint_rv import JointDistribution

from ..errors import PolicyError
from ..symbols import TRAINED, Observable, Parameter
from ..timelimit import within
from .arguments import scalar
from .distribution import DistributionPolicy, exponential
from .reductions import reduced
from .sympy_integration import attempted

__all__ = ["WrittenPolicy", "of_random_symbol", "written"]


class WrittenPolicy(DistributionPolicy):
    """A policy whose log π is a formula that the user wrote: ``Policy.from_log_prob``.

    Examples
    ========

    >>> from sympy import Interval, Symbol, log
    >>> from symprice import Parameter, Policy
    >>> a, k = Symbol('a', positive=True), Parameter('k', positive=True)
    >>> pi = Policy.from_log_prob(log(k) + (k - 1)*log(a), a, Interval.open(0, 1))
    >>> pi.score(), pi.fisher()
    (log(a) + 1/k, k**(-2))
    """

    patience: ClassVar[float] = 1.5

    def __new__(cls, expr: Any, action: Any, support: Any) -> Any:
        law = scalar(expr, "log π")
        if not isinstance(action, Symbol) or not isinstance(support, Set):
            raise PolicyError(
                f"asked for a policy from log π = {law} with the action {action!r} and the support "
                f"{support!r}: write a Symbol and a set, as Interval(0, oo) or S.Naturals0"
            )
        if not _is_in_a_row(support):
            raise PolicyError(
                f"asked for a policy on {support}, which is neither an interval nor whole numbers "
                "in a row: write Interval(0, 1), S.Naturals0, Range(0, n), or a list of actions"
            )
        if law.xreplace({action: Dummy(real=True, nonzero=True)}).is_real is False:
            raise PolicyError(f"asked for a policy with log π = {law}: it is real")
        return super().__new__(cls, law, action, support)

    @property
    def support(self) -> Any:
        """The set of actions."""
        return self.args[2]

    @property
    def action(self) -> Any:
        """The symbol of the action."""
        return self.args[1]

    @property
    def _bound(self) -> Any:
        return self.args[1]

    @property
    def heads(self) -> tuple[Any, ...]:
        """The Parameters and Observables in the formula; its symbols, where it has none."""
        free = (self.args[0].free_symbols | self.args[2].free_symbols) - {self.action}
        chosen = {s for s in free if isinstance(s, (Parameter, Observable))} or free
        return tuple(sorted(chosen, key=default_sort_key))

    def stand_ins(self) -> tuple[Any, ...]:
        """The symbols themselves."""
        return self.heads

    def with_heads(self, heads: Any) -> Any:
        """The policy with other values for its symbols."""
        values = dict(zip(self.heads, heads, strict=True))
        return type(self)(self.args[0].xreplace(values), self.action, self.args[2].xreplace(values))

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols in the formula but the action."""
        return (self.args[0].free_symbols | self.args[2].free_symbols) - {self.action}

    def log_density(self, a: Any) -> Any:
        """The formula."""
        return self.args[0].xreplace({self.action: a})

    def mean_in_heads(self, expr: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E of an expression: of a law that is a family in another variable, by its rules."""
        found = reduced(self.args[0], self.action, self.support)
        if found is not None and not expr.has(AppliedUndef):
            own = Dummy("x", **found.family.action.assumptions0)
            moved = expr.xreplace({a: found.image.xreplace({found.family.action: own})})
            # On an interval from 0 to 1, 1 - x is positive, which SymPy does not see.
            opened = moved.replace(log, lambda x: expand_log(log(together(x)), force=True))
            value = found.family.mean(opened.xreplace({own: found.family.action}))
            if not value.has(Integral, Sum):
                return value
        return super().mean_in_heads(expr, a, check)

    def draw(self, rng: Any, n: int) -> Any:
        """n actions: of a family in another variable, or by inverting a table."""
        from .inversion import drawn

        found = reduced(self.args[0], self.action, self.support)
        if found is not None:
            own = found.family.action
            return lambdify([own], found.image, modules="numpy")(found.family.draw(rng, n))

        return drawn(self, rng, n)

    def require_normalised(self) -> WrittenPolicy:
        """The policy itself; an error where its probabilities are known not to sum to one."""
        total = self.integral(_sympify(1), self.action)
        if not total.free_symbols:
            value = within(2.0, lambda: _number(total))
        else:
            found = attempted(total, 1.0)
            value = _by_points(total) if found is None else _number_of(found)
        if value is not None and abs(value - 1) > 1e-6:
            symbols = ", ".join(sorted(map(str, total.free_symbols)))
            where = f" at some {symbols}" if symbols else ""
            what = f"the sum, a formula in {symbols}" if symbols else "this"
            raise PolicyError(
                f"asked for a policy with log π = {self.args[0]} on {self.support}, whose "
                f"probabilities sum to {value}{where}: subtract the logarithm of {what}"
            )
        return self


def written(expr: Any, action: Any, support: Any) -> Any:
    """The policy of a formula for log π; of a list of actions a categorical one."""
    listed = isinstance(support, (list, tuple, set, FiniteSet))
    if isinstance(support, Range) and support.size.is_Integer:
        listed = support.step != 1
    if not listed or not isinstance(action, Symbol):
        return WrittenPolicy(expr, action, support).require_normalised()
    from .finite import CategoricalPolicy

    law, outcomes = scalar(expr, "log π"), sorted(map(_sympify, support), key=default_sort_key)
    return CategoricalPolicy(
        probabilities=[exponential(law.subs(action, x)) for x in outcomes], actions=outcomes
    )


def _is_in_a_row(support: Any) -> bool:
    """Whether the actions are an interval, or all whole numbers between two ends."""
    if isinstance(support, Range):
        return bool(support.step == 1)
    return isinstance(support, Interval) or support in (
        S.Reals,
        S.Integers,
        S.Naturals,
        S.Naturals0,
    )


def _number(total: Any) -> Any:
    try:
        return float(total.evalf(12))
    except Exception:
        return None


def _by_points(total: Any) -> Any:
    """The number at a point of the symbols, if it is 1 neither there nor at a second point."""
    found = []
    for shift in (0, 4):
        places = enumerate(sorted(total.free_symbols, key=str), start=shift)
        point = {
            s: Integer(k + 1) if s.is_integer else Rational(5 + 2 * k, 7 + 3 * k) for k, s in places
        }
        moved = total.xreplace(
            {s: v if s.is_negative is not True else -v for s, v in point.items()}
        )
        value = within(2.0, partial(_number, moved))
        if value is None or abs(value - 1) <= 1e-6:
            return None
        found.append(value)
    return found[0]


def _number_of(found: Any) -> Any:
    point = {s: _sympify(5 + 2 * k) / 7 for k, s in enumerate(sorted(found.free_symbols, key=str))}
    return _number(found.xreplace(point))


def of_random_symbol(variable: Any) -> Any:
    """The policy of a random symbol of sympy.stats; a named family where there is one."""
    space = variable.pspace
    law = space.distribution
    make = _named().get(type(law).__name__)
    found = None if make is None else make(*law.args)
    if found is not None:
        return found
    if isinstance(law, JointDistribution):
        raise PolicyError(
            f"asked for the policy of {variable}, a {type(law).__name__}: of laws of several "
            "numbers, MultivariateGaussianPolicy(mean, covariance) and DirichletPolicy("
            "concentration) are known"
        )
    if space.is_Finite:
        from .finite import CategoricalPolicy

        given = space.density.dict if hasattr(space.density, "dict") else law.dict
        table = {_sympify(outcome): _sympify(weight) for outcome, weight in given.items()}
        outcomes = sorted(table, key=default_sort_key)
        _require_fixed(variable, outcomes)
        return CategoricalPolicy(probabilities=[table[a] for a in outcomes], actions=outcomes)
    support = _SUPPORTS.get(type(law).__name__, law.set)
    a = Symbol("a", **_assumed(support))
    density = law.pdf(a)
    if isinstance(density, Piecewise):
        # Outside of the support stands a 0.
        pieces = [piece for piece in density.args if piece.expr != 0]
        density = pieces[0].expr if len(pieces) == 1 else density
    written = expand_log(log(powsimp(density)), force=True)
    return WrittenPolicy(expand_log(_of_positive(written, a)), a, support)


def _of_positive(law: Any, a: Any) -> Any:
    """log π with the logarithms of what is negative in one: -p/log(1-p) is positive, its factors
    are not.
    """
    apart = []
    for term in Add.make_args(law):
        logs = [f for f in Mul.make_args(term) if isinstance(f, log)]
        if term.is_number and term.is_real is False:
            apart.append(exp(term))
        elif len(logs) == 1 and not logs[0].has(a) and _is_negative(logs[0].args[0]):
            apart.append(logs[0].args[0] ** (term / logs[0]))
        else:
            continue
        law -= term
    return law + log(Mul(*apart)) if apart else law


def _is_negative(x: Any) -> bool:
    """Whether a formula of the parameters is negative where all of them are 1/3."""
    value = x.xreplace(dict.fromkeys(x.free_symbols, Rational(1, 3)))
    return bool(value.is_real and value.is_negative)


def _require_fixed(variable: Any, outcomes: list[Any]) -> None:
    """Raise where an outcome moves with a parameter; a symbol among symbols is a word."""
    words = all(isinstance(a, Symbol) and not isinstance(a, TRAINED) for a in outcomes)
    moving = [] if words else [a for a in outcomes if a.free_symbols]
    if moving:
        raise PolicyError(
            f"asked for the policy of {variable}, whose outcomes are "
            f"{', '.join(map(str, outcomes))}: the support depends on {moving[0]}, and the mean "
            "moves with it where no probability does. Write fixed outcomes, or a policy with "
            "numbers as actions and the outcomes as their rewards, which may depend on θ"
        )


def _assumed(support: Any) -> dict[str, bool]:
    """What is known of an action in a set."""
    from_zero = support.inf.is_nonnegative
    if not isinstance(support, Interval) and support.is_subset(S.Integers):
        sign = {"positive": True} if support.inf.is_positive else {"nonnegative": True}
        return {"integer": True, **(sign if from_zero else {})}
    return {"positive": True} if from_zero else {"real": True}


# Where SymPy states a larger set than the law has.
_SUPPORTS = {"KumaraswamyDistribution": Interval.open(0, 1)}


def _named() -> dict[str, Callable[..., Any]]:
    """The family of a law of SymPy from its arguments; None where it is not one for these."""
    from .circular import VonMisesPolicy
    from .counting import BinomialPolicy, NegativeBinomialPolicy, PoissonPolicy
    from .finite import BernoulliPolicy
    from .gaussian import GaussianPolicy, LogNormalPolicy
    from .multivariate import MultivariateGaussianPolicy
    from .positive import ExponentialPolicy, GammaPolicy, WeibullPolicy
    from .symmetric import LaplacePolicy, LogisticPolicy
    from .unit_interval import BetaPolicy
    from .vectors import DirichletPolicy

    return {
        "NormalDistribution": GaussianPolicy,
        "MultivariateNormalDistribution": MultivariateGaussianPolicy,
        "MultivariateBetaDistribution": DirichletPolicy,
        "LogNormalDistribution": LogNormalPolicy,
        "ExponentialDistribution": ExponentialPolicy,
        "GammaDistribution": lambda k, scale: GammaPolicy(k, scale=scale),
        "WeibullDistribution": lambda scale, k: WeibullPolicy(k, scale),
        "BetaDistribution": BetaPolicy,
        "LaplaceDistribution": LaplacePolicy,
        "LogisticDistribution": LogisticPolicy,
        "VonMisesDistribution": VonMisesPolicy,
        "PoissonDistribution": PoissonPolicy,
        "NegativeBinomialDistribution": NegativeBinomialPolicy,
        # With other outcomes than success and failure they are no numbers of successes.
        "BinomialDistribution": lambda n, p, *outcomes: (
            BinomialPolicy(n, p) if outcomes == (1, 0) else None
        ),
        "BernoulliDistribution": lambda p, *outcomes: (
            BernoulliPolicy(probability=p) if outcomes == (1, 0) else None
        ),
    }
