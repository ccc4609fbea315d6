"""Variances where the score is a centred logarithm of the action, `log a - E[log a]`.

Under the tilted law, with density in proportion to `a^m π(a)`, that logarithm has the mean `d_m`
and the variance `V + e_m`. Of a Beta or Gamma law d and e are rational functions: all digammas
cancel, and V, a trigamma or a difference of two, is the Fisher information. So for `r = Σ p_m a^m`

    E[r s] = Σ p_m E[a^m] d_m,    E[r s²] = Σ p_m E[a^m] (V + e_m + d_m²),

and nothing large is left that cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from sympy import QQ, Add, Dummy, Mul, Poly, S, expand_log, factor, log, polygamma
from sympy.core.sympify import _sympify
from sympy.polys.polyerrors import CoercionFailed, PolynomialError

from .about_mean import AboutMean
from .large_numbers import expanded_functions, with_values

__all__ = ["about_mean_of_logarithms", "log_score_baseline", "log_score_variance"]

# Rewards of a higher degree are left to other rules, with coefficients in symbols and several
# concentrations those of more than a few.
_DEGREE, _FEW = 4, 2


def log_score_variance(gradient: Any, baseline: Any) -> Any:
    """Var[(r - b) s] by one parameter; None where the score is no centred logarithm, or where the
    reward is no polynomial in the action. ``baseline`` is a formula, or 'optimal'.

    Examples
    ========

    >>> from symprice import GammaPolicy, Parameter, policy_gradient
    >>> from symprice.policy.logarithms import log_score_variance
    >>> k = Parameter('k', positive=True)
    >>> log_score_variance(policy_gradient(GammaPolicy(k, 1), lambda a: a), 0)
    k*(k + 1)*polygamma(1, k) + 1
    """
    more = set() if baseline == "optimal" else _sympify(baseline).free_symbols
    return _attempted(gradient, lambda tilted, reward: tilted.variance(reward, baseline), more)


def log_score_baseline(gradient: Any) -> Any:
    """E[s² r]/E[s²] by one parameter, where the score is a centred logarithm; else None.

    Examples
    ========

    >>> from symprice import GammaPolicy, Parameter, policy_gradient
    >>> from symprice.policy.logarithms import log_score_baseline
    >>> k = Parameter('k', positive=True)
    >>> log_score_baseline(policy_gradient(GammaPolicy(k, 2), lambda a: a))
    k/2
    """
    return _attempted(gradient, lambda tilted, reward: tilted.baseline(reward), set())


def about_mean_of_logarithms(gradient: Any) -> AboutMean | None:
    """The moments about the mean by one parameter, where the score is a centred logarithm and the
    reward a polynomial in the action; else None.

    Examples
    ========

    >>> from symprice import GammaPolicy, Parameter, policy_gradient
    >>> from symprice.policy.logarithms import about_mean_of_logarithms
    >>> k = Parameter('k', positive=True)
    >>> found = about_mean_of_logarithms(policy_gradient(GammaPolicy(k, 1), lambda a: a))
    >>> found.spread, found.slope, found.covariance
    (k, 1, 0)
    """
    return _attempted(
        gradient,
        lambda tilted, reward: tilted.about_mean(reward),
        gradient.reward.free_symbols - {gradient.policy.action},
    )


def _attempted(gradient: Any, asked: Callable[[_Tilted, Poly], Any], more: set[Any]) -> Any:
    policy = gradient.policy
    if len(gradient.wrt) != 1 or not hasattr(policy, "canonical"):
        return None
    place = _place(gradient, policy.action)
    if place is None:
        return None

    try:
        reward = Poly(gradient.reward, policy.action)
        if reward.degree() > _DEGREE or reward.free_symbols & set(gradient.wrt):
            return None
        tilted = _Tilted(policy, place, more | reward.free_symbols_in_domain)
        return None if tilted.is_long(reward) else asked(tilted, reward)
    except (CoercionFailed, PolynomialError, ValueError):  # something is no rational function
        return None


def _place(gradient: Any, a: Any) -> tuple[int, int] | None:
    """Which of log a and log(1-a) the score is."""
    score = gradient.policy.score(wrt=gradient.wrt)
    for place, logarithm in (((1, 0), log(a)), ((0, 1), log(1 - a))):
        if score.coeff(logarithm) == 1 and not (score - logarithm).has(a):
            return place
    return None


class _Tilted:
    """Moments of powers of an action with its centred logarithm, as polynomials in V, the variance
    of that: lists of coefficients in the field of rational functions.
    """

    def __init__(self, policy: Any, place: tuple[int, int], more: set[Any]) -> None:
        s, q = Dummy("s"), Dummy("q")
        self.tilts, way = (s, q), s if place == (1, 0) else q
        # SymPy would carry out a gamma function of a large number.
        given = vars(policy.canonical)
        held = {v: Dummy("n", positive=True) for v in given.values() if v.is_number}
        self.numbers = {symbol: v for v, symbol in held.items()}
        c = SimpleNamespace(**{name: held.get(v, v) for name, v in given.items()})
        self.weight = policy.tilt(s, q if place == (0, 1) else S.Zero, S.Zero, c)
        cumulants = expand_log(log(self.weight), force=True)
        self.first, self.second = (cumulants.diff(way, n) for n in (1, 2))
        self.centre, self.information = (self._at(f, 0) for f in (self.first, self.second))
        symbols = sorted((self.weight.free_symbols | more) - {s, q, *self.numbers}, key=str)
        self.field = QQ.frac_field(*symbols)

    def is_long(self, reward: Poly) -> bool:
        """Whether quotients in several concentrations and coefficients would be multiplied."""
        inner = (f.args[1].free_symbols for f in self.first.atoms(polygamma))
        concentrations = set().union(*inner) - {*self.tilts, *self.numbers}
        coefficients = reward.free_symbols_in_domain
        return len(concentrations) > 1 and bool(coefficients) and reward.degree() > _FEW

    def _at(self, f: Any, m: int) -> Any:
        found = expanded_functions(with_values(f, dict(zip(self.tilts, (m, 0), strict=True))))
        return with_values(found, self.numbers)

    def rational(self, expr: Any) -> Any:
        """A rational function as an element of the field."""
        return self.field.from_sympy(expr)

    def moment(self, m: int) -> Any:
        """E[a^m]."""
        return self.rational(self._at(self.weight, m))

    def shift(self, m: int) -> Any:
        """d_m."""
        return self.rational((self._at(self.first, m) - self.centre).expand())

    def more(self, m: int) -> Any:
        """e_m + d_m²."""
        own = self.rational((self._at(self.second, m) - self.information).expand())
        return own + self.shift(m) ** 2

    def square(self, terms: list[Any]) -> tuple[Any, Any]:
        """E[r s²] as x + y V."""
        zero = self.field.zero
        constant = sum((p * self.moment(m) * self.more(m) for m, p in terms), zero)
        return constant, sum((p * self.moment(m) for m, p in terms), zero)

    def variance(self, reward: Poly, baseline: Any) -> Any:
        """Var[(r - b) s], collected by powers of V."""
        terms, squares = self._terms(reward), self._terms(reward**2)
        slope = sum((p * self.moment(m) * self.shift(m) for m, p in terms), self.field.zero)
        above, by_above = self.square(terms)
        total, by_total = self.square(squares)
        total -= slope**2
        if baseline == "optimal":
            # E[r s²]²/E[s²] = (x + y V)²/V
            parts = [-(above**2), total - 2 * above * by_above, by_total - by_above**2]
        else:
            b = self.rational(baseline)
            parts = [
                self.field.zero,
                total - 2 * b * above,
                by_total - 2 * b * by_above + b**2,
            ]
        return self._by_powers(parts)

    def about_mean(self, reward: Poly) -> AboutMean:
        """The moments of reward and score; `E[(r - J) s²]` has no part in V."""
        terms, squares = self._terms(reward), self._terms(reward**2)
        zero = self.field.zero
        expected = sum((p * self.moment(m) for m, p in terms), zero)
        spread = sum((p * self.moment(m) for m, p in squares), zero) - expected**2
        slope = sum((p * self.moment(m) * self.shift(m) for m, p in terms), zero)
        covariance = self.square(terms)[0]
        least = self.square(squares)[0] - slope**2 - 2 * expected * covariance
        mean, varies, moved, above, rest = (
            factor(e.as_expr()) for e in (expected, spread, slope, covariance, least)
        )
        known = self.information
        return AboutMean(mean, varies, moved, above, known, rest + varies * known)

    def baseline(self, reward: Poly) -> Any:
        """E[r s²]/E[s²]."""
        return self._by_powers(self.square(self._terms(reward)))

    def _terms(self, reward: Poly) -> list[Any]:
        return [(m, self.rational(p)) for (m,), p in reward.terms()]

    def _by_powers(self, parts: Sequence[Any]) -> Any:
        """Σ c_n V^(n-1)."""
        return Add(
            *(
                Mul(*Mul.make_args(factor(c.as_expr())), self.information ** (n - 1))
                for n, c in enumerate(parts)
            )
        )
