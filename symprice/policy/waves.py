"""Moments where actions are directions and rewards are sums of waves, `Σ c cos(n a + φ)`.

With x = a - μ a reward is `r = C + S` of cosines and sines of n x. Scores are `κ sin x` by μ and
`cos x - E cos x` by κ; products of two sines are differences of cosines. So with `W_n` for
`cos n x - E cos n x` all moments about the mean are means of products of few `W_n`, and constants
`(I_{n-1} - I_{n+1})/I₀ = 2n I_n/(κ I₀)`.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from sympy import Add, Dummy, S, cos, expand, sin
from sympy.simplify.fu import TR7, TR8

from .about_mean import AboutMean
from .bessel import BesselRatio
from .cosine_moments import CosineMoment

__all__ = ["about_mean_of_waves", "waves_of"]

#: Coefficients of products of W_n, by the sorted numbers n.
Moment = dict[tuple[int, ...], Any]


def waves_of(expr: Any, a: Any, loc: Any) -> dict[int, tuple[Any, Any]] | None:
    """Σ p_n cos n(a-μ) + q_n sin n(a-μ) as {n: (p_n, q_n)}; None of anything else.

    Examples
    ========

    >>> from sympy import cos, symbols
    >>> from symprice.policy.waves import waves_of
    >>> a, mu = symbols('a mu')
    >>> waves_of(3 + cos(2*a), a, mu)
    {0: (3, 0), 2: (cos(2*mu), -sin(2*mu))}
    """
    x = Dummy("x", real=True)
    turned = expand(TR8(TR7(expand(expr.subs(a, x + loc)))), trig=False)
    found: dict[int, tuple[Any, Any]] = {}
    for part in Add.make_args(turned):
        coefficient, wave = part.as_independent(x, as_Add=False)
        n, *pair = (0, S.One, S.Zero) if wave == 1 else _order(wave, x)
        if n is None:
            return None
        known = found.get(n, (S.Zero, S.Zero))
        found[n] = tuple(k + coefficient * c for k, c in zip(known, pair, strict=True))
    return found


def _order(wave: Any, x: Any) -> tuple[int | None, Any, Any]:
    """n and the coefficients of cos n x and sin n x, of a wave of n x + φ."""
    if isinstance(wave, (cos, sin)):
        inner = expand(wave.args[0])
        n = inner.coeff(x, 1)
        phase = inner - n * x
        if n.is_Integer and not phase.has(x):
            way = 1 if n > 0 else -1
            if isinstance(wave, cos):
                return abs(int(n)), cos(phase), -way * sin(phase)
            return abs(int(n)), sin(phase), way * cos(phase)
    return None, S.Zero, S.Zero


class _Directions:
    """Means of polynomials in the W_n."""

    def __init__(self, k: Any) -> None:
        self.k = k

    def mean(self, moment: Moment) -> Any:
        """E of a sum of products."""
        return Add(*(c * CosineMoment(self.k, *orders) for orders, c in moment.items()))

    def sines(self, n: int, m: int) -> Moment:
        """sin n x sin m x."""
        low, high = abs(n - m), n + m
        # I_low - I_high in steps of two.
        between = (2 * j * BesselRatio(j, self.k) / self.k for j in range(low + 1, high, 2))
        found: Moment = {(): Add(*between) / 2, (high,): -S.Half}
        return found if low == 0 else {**found, (low,): S.Half}

    def times_sines(self, pairs: dict[tuple[int, int], Any]) -> Moment:
        """Σ c sin n x sin m x."""
        return _plus(*({o: c * d for o, d in self.sines(*nm).items()} for nm, c in pairs.items()))


def _times(f: Moment, g: Moment) -> Moment:
    return _plus(
        *(
            {tuple(sorted((*left, *right))): c * d}
            for (left, c), (right, d) in product(f.items(), g.items())
        )
    )


def _plus(*moments: Moment) -> Moment:
    found: Moment = {}
    for moment in moments:
        for orders, c in moment.items():
            found[orders] = found.get(orders, S.Zero) + c
    return found


def about_mean_of_waves(gradient: Any) -> AboutMean | None:
    """The moments by one parameter of a von Mises law and for a reward that is a sum of waves; else
    None.

    Examples
    ========

    >>> from sympy import cos
    >>> from symprice import Parameter, VonMisesPolicy, policy_gradient
    >>> from symprice.policy.waves import about_mean_of_waves
    >>> pi = VonMisesPolicy(0, Parameter('kappa', positive=True))
    >>> about_mean_of_waves(policy_gradient(pi, lambda a: cos(a))).variance('optimal')
    -CosineMoment(kappa, 1, 1)**2 + CosineMoment(kappa, 1, 1, 1, 1) - \
CosineMoment(kappa, 1, 1, 1)**2/CosineMoment(kappa, 1, 1)
    """
    from .circular import VonMisesPolicy

    policy = gradient.policy
    if not isinstance(policy, VonMisesPolicy) or len(gradient.wrt) != 1:
        return None
    c = policy.canonical
    if gradient.reward.free_symbols & set(gradient.wrt):
        return None
    found = waves_of(gradient.reward, policy.action, c.loc)
    if found is None:
        return None
    law, k = _Directions(c.concentration), c.concentration
    cosines: Moment = {(n,): p for n, (p, _) in found.items() if n and p != 0}
    sines = {n: q for n, (_, q) in found.items() if n and q != 0}
    both = _times(cosines, cosines)
    squared = law.times_sines({(n, m): sines[n] * sines[m] for n, m in product(sines, repeat=2)})
    expected = Add(*(p * BesselRatio(n, k) for n, (p, _) in found.items()))
    spread = law.mean(_plus(both, squared))
    if gradient.wrt[0] == c.loc:
        score = law.sines(1, 1)
        by_sines = law.times_sines({(n, 1): q for n, q in sines.items()})
        centred = {orders: q for orders, q in by_sines.items() if orders}
        return AboutMean(
            expected,
            spread,
            slope=Add(*(n * q * BesselRatio(n, k) for n, q in sines.items())),
            covariance=k**2 * law.mean(_times(cosines, score)),
            square=k * BesselRatio(1, k),
            least=k**2 * law.mean(_plus(_times(both, score), _times(centred, centred))),
        )
    first: Moment = {(1,): S.One}
    slope = law.mean(_times(cosines, first))
    second = _times(first, first)
    return AboutMean(
        expected,
        spread,
        slope=slope,
        covariance=law.mean(_times(cosines, second)),
        square=CosineMoment(k, 1, 1),
        least=law.mean(_times(_plus(both, squared), second)) - slope**2,
    )
