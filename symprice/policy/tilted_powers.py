"""Moments where the action is an exponential, `a = exp(c + h t)`, in a statistic t of the noise.

A power `a^m` then tilts the law of the noise by the step `x = m h`. Where t is the logarithm of a
standard exponential u (Weibull) or a standard normal ε (log-normal), means under the tilted law
close, and two tilts multiply with a quotient Q that is close to 1 where steps are small:

    E[exp(x t)] = Γ(1+x),      Q(x, y) = Γ(1+x+y)/(Γ(1+x) Γ(1+y))
    E[exp(x ε)] = exp(x²/2),   Q(x, y) = exp(x y).

With φ(x) the mean of s² and ψ(x) that of s under the tilted law, the variance of `(r - J) s` for
`r = Σ p_m a^m` is the sum over m and n of

    p_m E[a^m] p_n E[a^n] [(Q - 1) φ(x+y) + φ(x+y) - φ(x) - φ(y) + φ(0) - ψ(x) ψ(y)]

in which everything in the brackets is of the order of x y, and no difference is taken as written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

from sympy import (
    Add,
    Dummy,
    Mul,
    Poly,
    Pow,
    S,
    binomial,
    collect,
    count_ops,
    exp,
    expand,
    expand_log,
    factorial2,
    gamma,
    log,
    polygamma,
    rf,
)
from sympy.core.sympify import _sympify
from sympy.polys.polyerrors import BasePolynomialError

from .about_mean import AboutMean
from .distribution import exponential
from .family import FamilyPolicy
from .gamma_differences import GammaQuotient, PolygammaDifference
from .gaussian import GaussianPolicy
from .positive import ExponentialPolicy
from .short import merged_exponentials, short
from .varying import Varying, of_polygamma, of_polynomial

__all__ = ["about_mean_of_powers", "spread_of_powers"]

# Up to this shape differences as they are written lose no more than three digits.
_PLAIN = 20
_LARGEST = 8


class _Noise:
    """A law of noise: its statistic t, tilts, and means of statistics under them."""

    def statistic(self, noise: Any) -> Any:
        """t as a function of the noise."""
        raise NotImplementedError

    def weight(self, x: Any) -> Any:
        """E[exp(x t)]."""
        raise NotImplementedError

    def quotient(self, x: Any, y: Any) -> Any:
        """Q(x, y)."""
        raise NotImplementedError

    def excess(self, x: Any, y: Any) -> Any:
        """A symbol for Q(x, y) - 1, while formulas are put into shape."""
        return _EXCESS.setdefault(self.quotient(x, y), Dummy("q", positive=True))

    def mean(self, f: Any, t: Any) -> Varying | None:
        """E of a polynomial in t and exp(t) under the tilted law; None of anything else."""
        raise NotImplementedError


class _Exponential(_Noise):
    """u is standard exponential and t its logarithm."""

    def statistic(self, noise: Any) -> Any:
        return log(noise)

    def weight(self, x: Any) -> Any:
        return gamma(1 + x)

    def quotient(self, x: Any, y: Any) -> Any:
        return GammaQuotient(x, y)

    def mean(self, f: Any, t: Any) -> Varying | None:
        """`E[u^i t^j]` is the j-th derivative of `(1+x)…(i+x) Γ(1+x)`, over Γ(1+x)."""
        u = Dummy("u", positive=True)
        terms = _terms(f.replace(lambda e: e.func == exp, lambda e: u ** (e.args[0] / t)), u, t)
        if terms is None or any(j > 2 for _, j in terms):
            return None
        x, first = Dummy("x"), of_polygamma(0)
        bell = [_constant(1), first, of_polygamma(1).plus(first.times(first))]
        parts = []
        for order, of_gamma in enumerate(bell):
            total = Add(
                *(
                    c * binomial(j, order) * expand(rf(1 + x, i)).diff(x, j - order)
                    for (i, j), c in terms.items()
                    if j >= order
                )
            )
            if expand(total) != 0:
                parts.append(_in(expand(total), x).times(of_gamma))
        return reduce(Varying.plus, parts, _constant(0))


class _Normal(_Noise):
    """ε is standard normal, and t is ε itself."""

    def statistic(self, noise: Any) -> Any:
        return noise

    def weight(self, x: Any) -> Any:
        return exp(x**2 / 2)

    def quotient(self, x: Any, y: Any) -> Any:
        return exp(x * y)

    def mean(self, f: Any, t: Any) -> Varying | None:
        """ε + x under the standard law."""
        terms = None if f.has(exp) else _terms(f, Dummy("u"), t)
        if terms is None:
            return None
        x = Dummy("x")
        moved = Add(
            *(
                c * binomial(j, 2 * k) * factorial2(2 * k - 1) * x ** (j - 2 * k)
                for (_, j), c in terms.items()
                for k in range(j // 2 + 1)
            )
        )
        return _in(expand(moved), x)


_EXCESS: dict[Any, Any] = {}
_NOISES: dict[Any, _Noise] = {ExponentialPolicy: _Exponential(), GaussianPolicy: _Normal()}


def _constant(c: Any) -> Varying:
    return of_polynomial(lambda x: _sympify(c))


def _in(polynomial: Any, x: Any) -> Varying:
    return of_polynomial(lambda at: polynomial.subs(x, at))


def _terms(f: Any, *variables: Any) -> dict[tuple[int, ...], Any] | None:
    """The coefficients of a polynomial by its powers; None of anything else."""
    try:
        return dict(Poly(f, *variables).terms())
    except BasePolynomialError:
        return None


class _Path(NamedTuple):
    """The action as exp(c + h t)."""

    noise: _Noise
    t: Any
    start: Any
    step: Any

    def in_noise(self, expr: Any, a: Any) -> Any:
        """An expression in powers and logarithms of the action, by t."""
        whole = self.start + self.step * self.t

        def power(e: Any) -> Any:
            exponent = expand((e.exp if isinstance(e, Pow) else 1) * whole)
            moved = exponent.coeff(self.t, 1) * self.t
            return exponential(exponent - moved) * exp(moved)

        opened = expand_log(expr, force=True).xreplace({log(a): whole})
        opened = opened.replace(lambda e: isinstance(e, Pow) and e.base == a, power)
        return expand(opened.xreplace({a: power(a)}) if opened.has(a) else opened)

    def tilts(self, reward: Any, a: Any) -> dict[Any, Any] | None:
        """Σ p a^m as {m h: p E[a^m]}; None of anything else."""
        found: dict[Any, Any] = {}
        for term in Add.make_args(expand(reward)):
            p, rest = term.as_independent(a, as_Add=False)
            base, m = rest.as_base_exp() if rest != 1 else (a, S.Zero)
            if base != a or not (m.is_Rational and 0 <= m <= _LARGEST):
                return None
            x = m * self.step
            weight = exponential(m * self.start) * self.noise.weight(x)
            found[x] = found.get(x, S.Zero) + p * merged_exponentials(weight)
        return found

    def covariance(
        self, parts: dict[Any, Any], square: Varying, slope: Callable[[Any, Any], Any]
    ) -> Any:
        """Σ_x Σ_y w_x w_y (Q E_{x+y}[s²] - E_x[s] E_y[s]); ``slope`` is that for Q = 1."""
        total = S.Zero
        for (x, v), (y, w) in combinations_with_replacement(parts.items(), 2):
            more = self.noise.excess(x, y) * square.at(x + y)
            total += (1 if x == y else 2) * v * w * (more + slope(x, y))
        return total


def _path_of(policy: Any) -> _Path | None:
    """The action of a policy as an exponential; None where it is none."""
    if not isinstance(policy, FamilyPolicy):
        return None
    eps = Dummy("epsilon", positive=True)
    found = policy.reparameterised(eps)
    if found is None or (noise := _NOISES.get(type(found[1]))) is None:
        return None
    t = Dummy("t", real=True)
    whole = expand(expand_log(log(found[0]), force=True)).subs(noise.statistic(eps), t)
    start, step = whole.subs(t, 0), whole.coeff(t, 1)
    if whole.has(eps) or step == 0 or expand(whole - start - step * t) != 0:
        return None
    return _Path(noise, t, start, step)


def about_mean_of_powers(gradient: Any) -> AboutMean | None:
    """The moments by one parameter, where the action is an exponential in noise, the reward a sum
    of its powers that does not move with the parameter, and the score a polynomial; else None.

    Examples
    ========

    >>> from symprice import Parameter, WeibullPolicy, policy_gradient
    >>> from symprice.policy.tilted_powers import about_mean_of_powers
    >>> lam = Parameter('lambda', positive=True)
    >>> found = about_mean_of_powers(policy_gradient(WeibullPolicy(1, lam), lambda a: a))
    >>> found.variance(0), found.best()
    (13, 3*lambda)
    """
    policy, a = gradient.policy, gradient.policy.action
    if len(gradient.wrt) != 1 or gradient.reward.free_symbols & set(gradient.wrt):
        return None
    path = _path_of(policy)
    parts = None if path is None else path.tilts(gradient.reward, a)
    if path is None or parts is None:
        return None
    score = path.in_noise(policy.score(wrt=gradient.wrt), a)
    factor, rest = _content(score, path.t)
    square = path.noise.mean(expand(rest**2), path.t)
    first = path.noise.mean(rest, path.t)
    if square is None or first is None:
        return None
    moved = {x: w for x, w in parts.items() if x != 0}
    return AboutMean(
        expected=Add(*parts.values()),
        spread=path.covariance(moved, _constant(1), lambda x, y: S.Zero),
        slope=factor * Add(*(w * first.at(x) for x, w in moved.items())),
        covariance=factor**2 * Add(*(w * square.rise(x) for x, w in moved.items())),
        square=factor**2 * square.start,
        least=factor**2
        * path.covariance(
            moved, square, lambda x, y: square.bend(x, y) - first.at(x) * first.at(y)
        ),
        tidy=lambda expr: _tidy(expr, path.step),
    )


def spread_of_powers(policy: Any, variable: Any, reward: Any) -> Any:
    """The variance of `∂r(T(ε, θ))/∂θ` for an action T(ε, θ) that is an exponential in noise and a
    reward that is a sum of its powers; else None.

    Examples
    ========

    >>> from symprice import Parameter, WeibullPolicy
    >>> from symprice.policy.tilted_powers import spread_of_powers
    >>> k = Parameter('k', positive=True)
    >>> lam = Parameter('lambda', positive=True)
    >>> policy = WeibullPolicy(k, lam)
    >>> spread_of_powers(policy, lam, policy.action)
    (GammaQuotient(1/k, 1/k) - 1)*gamma(1 + 1/k)**2
    """
    a, path = policy.action, _path_of(policy)
    if path is None or reward.has(variable):
        return None
    parts = path.tilts(reward, a)
    if parts is None:
        return None
    # ∂(p a^m) = p a^m m ∂(c + h t)
    moved = expand(path.start.diff(variable) + path.step.diff(variable) * path.t)
    factor, rest = _content(moved, path.t)
    square, first = (path.noise.mean(f, path.t) for f in (expand(rest**2), rest))
    if square is None or first is None:
        return None
    weights = {x: w * short(x / path.step) for x, w in parts.items() if x != 0}
    found = factor**2 * path.covariance(
        weights, square, lambda x, y: square.at(x + y) - first.at(x) * first.at(y)
    )
    return _tidy(found, path.step)


def _content(score: Any, t: Any) -> tuple[Any, Any]:
    """A factor in front of a sum in t and exp(t), and that sum over it."""
    terms = Add.make_args(score)
    factor = min((term.as_independent(t, as_Add=False)[0] for term in terms), key=count_ops)
    factor = -factor if factor.could_extract_minus_sign() else factor
    return factor, expand(score / factor)


def _tidy(expr: Any, step: Any) -> Any:
    """The short form, where only products are taken apart; of differences of polygamma functions
    only for a shape that is a small number, because nothing cancels there.
    """
    excess = {symbol: quotient - 1 for quotient, symbol in _EXCESS.items()}
    if step.is_number and 1 <= _PLAIN * step:
        expr = expr.xreplace(excess).replace(GammaQuotient, GammaQuotient.definition)
        return short(expr.replace(PolygammaDifference, PolygammaDifference.definition))
    if not expr.has(PolygammaDifference, polygamma):
        held = [symbol for symbol in excess if expr.has(symbol)]
        factors = Mul.make_args(short(expr))
        expr = Mul(*(collect(f, held) if isinstance(f, Add) else f for f in factors))
    return expr.xreplace({symbol: excess[symbol] for symbol in expr.free_symbols & set(excess)})
