"""The functions of generated code that lose no digits where the textbook formula does.

Each stands for one call: of NumPy, of SciPy, or of a few lines that are written above the function
when it uses them. They exist between rewriting and printing only, and no rule of SymPy applies to
them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sympy import Expr, Function, Integer

from .quadrature_code import QUADRATURE, QUADRATURE_NEEDS

__all__ = [
    "HELPERS",
    "HELPERS_NEED",
    "BesselComplement",
    "Careful",
    "CosineVariance",
    "DigammaRest",
    "RelativeGap",
    "EntryOf",
    "Expm1",
    "Log1mExp",
    "Log1p",
    "LogAddExp",
    "LogBinomial",
    "LogGamma",
    "LogNormalCdf",
    "LogPoisson",
    "LogRatio",
    "LogSech2",
    "LogSoftmaxes",
    "PolygammaBend",
    "PolygammaRise",
    "ScaledBessel",
    "StirlingRest",
    "Softmaxes",
    "TrigammaGap",
    "WrightOmega",
    "XLog1py",
    "XLogY",
]


class Careful(Function):
    """A call of the function ``call``; ``letter`` begins the names of its values."""

    call: ClassVar[str] = ""
    letter: ClassVar[str] = "ln"


class Log1p(Careful):
    """log(1 + x)."""

    call = "numpy.log1p"


class Expm1(Careful):
    """exp(x) - 1."""

    call = "numpy.expm1"
    letter = "e"


class LogAddExp(Careful):
    """log(exp(x) + exp(y))."""

    call = "numpy.logaddexp"


class XLogY(Careful):
    """x log(y), 0 where x is 0."""

    call = "scipy.special.xlogy"


class XLog1py(Careful):
    """x log(1 + y), 0 where x is 0."""

    call = "scipy.special.xlog1py"


class LogNormalCdf(Careful):
    """log Φ(x)."""

    call = "scipy.special.log_ndtr"


class LogGamma(Careful):
    """log Γ(x) for x > 0; SymPy's own is log(gamma(x)) again at a whole number."""

    call = "scipy.special.gammaln"


class LogPoisson(Careful):
    """x log λ - λ - log Γ(x + 1), of x, λ and log λ."""

    call = "helper.log_poisson"


class LogBinomial(Careful):
    """log Γ(x+y+1) - log Γ(x+1) - log Γ(y+1) + x log p + y log q, of x, y, log p and log q."""

    call = "helper.log_binomial"


class ScaledBessel(Careful):
    """exp(-|x|) I_n(x), of n and x."""

    call = "scipy.special.ive"
    letter = "u"


class BesselComplement(Careful):
    """1 - I₁(x)/I₀(x) for x ≥ 0."""

    call = "helper.bessel_complement"
    letter = "u"


class CosineVariance(Careful):
    """Var cos(a) = (1 + I₂/I₀)/2 - (I₁/I₀)² of a direction with concentration x > 0."""

    call = "helper.cosine_variance"
    letter = "u"


class StirlingRest(Careful):
    """log Γ(x) - ((x - 1/2) log x - x + log(2π)/2)."""

    call = "helper.stirling_rest"
    letter = "u"


class DigammaRest(Careful):
    """ψ(x) - log x."""

    call = "helper.digamma_rest"
    letter = "u"


class TrigammaGap(Careful):
    """ψ'(x) - ψ'(x + d), of x and d > 0."""

    call = "helper.trigamma_gap"
    letter = "u"


class PolygammaRise(Careful):
    """ψ⁽ⁿ⁾(1+x) - ψ⁽ⁿ⁾(1), of n and x ≥ 0; for n = -1 of log Γ."""

    call = "helper.polygamma_rise"
    letter = "u"


class PolygammaBend(Careful):
    """ψ⁽ⁿ⁾(1+x+y) - ψ⁽ⁿ⁾(1+x) - ψ⁽ⁿ⁾(1+y) + ψ⁽ⁿ⁾(1), of n and x, y ≥ 0; for n = -1 of log Γ."""

    call = "helper.polygamma_bend"
    letter = "u"


class LogRatio(Careful):
    """log(x/y), to full relative precision where x is close to y."""

    call = "helper.log_ratio"


class RelativeGap(Careful):
    """x u + y - x, of x, y and u = log(x/y)."""

    call = "helper.divergence"
    letter = "u"


class WrightOmega(Careful):
    """W(exp(x)), of Lambert's W."""

    call = "scipy.special.wrightomega"
    letter = "u"


class LogSech2(Careful):
    """log(1 - tanh(x)²)."""

    call = "helper.log_sech2"


class Log1mExp(Careful):
    """log(1 - exp(x)) for x < 0."""

    call = "helper.log1mexp"


class LogSoftmaxes(Careful):
    """The vector of log-probabilities of some logits, entries along the first axis."""

    call = "helper.log_softmax"
    letter = "log_pi"


class Softmaxes(Careful):
    """The vector of probabilities, from that of log-probabilities."""

    call = "numpy.exp"
    letter = "pi"


class EntryOf(Careful):
    """One entry of a vector, counted from 0."""

    @classmethod
    def softmax(cls, index: Any, logits: tuple[Expr, ...], logarithm: bool = False) -> Expr:
        """Entry ``index`` (from 1) of the softmax of logits, or its logarithm."""
        vector = LogSoftmaxes(*logits)
        return cls(vector if logarithm else Softmaxes(vector), Integer(index - 1))


# What a helper calls: other helpers, which stand before it, and functions of SciPy.
HELPERS_NEED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "log_poisson": ((), ("gammaln",)),
    "log_binomial": (("log_poisson",), ("gammaln",)),
    "bessel_complement": ((), ("i0e", "i1e")),
    "cosine_variance": ((), ("i0e", "i1e")),
    "stirling_rest": ((), ("gammaln",)),
    "digamma_rest": ((), ("digamma",)),
    "polygamma_rise": ((), ("gammaln", "polygamma")),
    "polygamma_bend": ((), ("gammaln", "polygamma")),
    **{name: (others, ()) for name, others in QUADRATURE_NEEDS.items()},
}

# Source of what neither library has; each keeps the precision of its argument.
HELPERS = {
    "log_sech2": '''\
def log_sech2(x):
    """log(1 - tanh(x)**2), to full relative precision."""
    x = np.abs(x)
    near = np.log1p(-np.tanh(np.minimum(x, 1))**2)
    far = 2*(0.6931471805599453 - x - np.log1p(np.exp(-2*x)))
    return np.where(x < 1, near, far)[()]
''',
    "log1mexp": '''\
def log1mexp(x):
    """log(1 - exp(x)) for x < 0, to full relative precision."""
    near = np.log(-np.expm1(np.maximum(x, -1)))
    far = np.log1p(-np.exp(np.minimum(x, -0.5)))
    return np.where(x > -0.6931471805599453, near, far)[()]
''',
    "log_poisson": '''\
def log_poisson(x, rate, log_rate):
    """x*log_rate - rate - gammaln(x + 1), to full relative precision (Loader's formula)."""
    n = np.maximum(x, 16)
    v = (n - rate)/(n + rate)
    w = np.minimum(v*v, 0.01)
    odd = w*(1/3 + w*(1/5 + w*(1/7 + w*(1/9 + w*(1/11 + w*(1/13 + w*(1/15 + w/17)))))))
    far = n*(np.log(n) - log_rate) + rate - n
    gap = np.where(v*v < 0.01, (n - rate)*v + 2*n*v*odd, far)
    u = 1/(n*n)
    tail = (1/12 - u*(1/360 - u*(1/1260 - u*(1/1680 - u*(1/1188 - u*691/360360)))))/n
    large = -gap - tail - 0.5*np.log(2*np.pi*n)
    small = x*log_rate - rate - gammaln(np.minimum(x, 16) + 1)
    return np.where(x < 16, small, large)[()]
''',
    "log_binomial": '''\
def log_binomial(x, y, log_p, log_q):
    """gammaln(x + y + 1) - gammaln(x + 1) - gammaln(y + 1) + x*log_p + y*log_q for p + q = 1."""
    n = x + y
    log_n = np.log(np.where(n > 0, n, 1))
    total = log_poisson(x, n*np.exp(log_p), log_n + log_p) - log_poisson(n, n, log_n)
    total = total + log_poisson(y, n*np.exp(log_q), log_n + log_q)
    return np.where(x == 0, y*log_q, np.where(y == 0, x*log_p, total))[()]
''',
    "stirling_rest": '''\
def stirling_rest(x):
    """gammaln(x) - ((x - 1/2)*log(x) - x + log(2*pi)/2) for x > 0."""
    n = np.maximum(x, 16)
    u = 1/(n*n)
    far = (1/12 - u*(1/360 - u*(1/1260 - u*(1/1680 - u*(1/1188 - u*691/360360)))))/n
    y = np.minimum(x, 16)
    return np.where(x < 16, gammaln(y) - ((y - 0.5)*np.log(y) - y + 0.9189385332046727), far)[()]
''',
    "digamma_rest": '''\
def digamma_rest(x):
    """digamma(x) - log(x) for x > 0."""
    n = np.maximum(x, 16)
    u = 1/(n*n)
    far = u*(1/12 - u*(1/120 - u*(1/252 - u*(1/240 - u*(1/132 - u*691/32760)))))
    y = np.minimum(x, 16)
    return np.where(x < 16, digamma(y) - np.log(y), -0.5/n - far)[()]
''',
    "trigamma_gap": '''\
def trigamma_gap(x, d):
    """polygamma(1, x) - polygamma(1, x + d) for x, d > 0, to full relative precision."""
    x, y = np.broadcast_arrays(x, x + d)
    a, b = 1/(x[..., None] + np.arange(16)), 1/(y[..., None] + np.arange(16))
    near = np.sum(a*b*(a + b), axis=-1)
    a, b = 1/(x + 16), 1/(y + 16)
    p, q = a*a, b*b
    r = q*(a*b + q)
    h2 = p + a*b + q
    h4 = p*h2 + r
    h6 = p*h4 + r*q
    h8 = p*h6 + r*q*q
    h10 = p*h8 + r*q*q*q
    far = 1 + (a + b)/2 + h2/6 - h4/30 + h6/42 - h8/30 + h10*5/66
    return (d*(near + a*b*far))[()]
''',
    "polygamma_rise": '''\
def polygamma_rise(n, x):
    """f(1 + x) - f(1) for f = polygamma(n, .), or gammaln for n = -1, and x >= 0."""
    t = np.asarray([0.14887433898163122, 0.4333953941292472, 0.6794095682990244,
                    0.8650633666889845, 0.9739065285171717])
    w = np.asarray([0.2955242247147528, 0.2692667193099965, 0.219086362515982,
                    0.1494513491505804, 0.06667134430868814])
    t, w = np.concatenate([(1 - t)/2, (1 + t)/2]), np.concatenate([w, w])/2
    near = np.sum(w*polygamma(n + 1, 1 + np.minimum(x, 0.5)[..., None]*t), axis=-1)
    m = np.maximum(n, 0)
    far = np.where(n < 0, gammaln(1 + x), polygamma(m, 1 + x) - polygamma(m, 1))
    return np.where(x < 0.5, x*near, far)[()]
''',
    "polygamma_bend": '''\
def polygamma_bend(n, x, y):
    """f(1 + x + y) - f(1 + x) - f(1 + y) + f(1) for f = polygamma(n, .), or gammaln for n = -1."""
    x, y = np.broadcast_arrays(x, y)
    t = np.asarray([0.14887433898163122, 0.4333953941292472, 0.6794095682990244,
                    0.8650633666889845, 0.9739065285171717])
    w = np.asarray([0.2955242247147528, 0.2692667193099965, 0.219086362515982,
                    0.1494513491505804, 0.06667134430868814])
    t, w = np.concatenate([(1 - t)/2, (1 + t)/2]), np.concatenate([w, w])/2
    u, v = np.minimum(x, 0.5)[..., None, None], np.minimum(y, 0.5)[..., None, None]
    near = np.sum(w*w[:, None]*polygamma(n + 2, 1 + u*t[:, None] + v*t), axis=(-2, -1))
    m = np.maximum(n, 0)
    far = polygamma(m, 1 + x + y) - polygamma(m, 1 + x) - polygamma(m, 1 + y) + polygamma(m, 1)
    far = np.where(n < 0, gammaln(1 + x + y) - gammaln(1 + x) - gammaln(1 + y), far)
    return np.where(np.maximum(x, y) < 0.5, x*y*near, far)[()]
''',
    "log_ratio": '''\
def log_ratio(x, y):
    """log(x/y) for x, y > 0, to full relative precision where x is close to y."""
    far = np.log(x) - np.log(y)
    near = np.abs(far) < 0.5
    return np.where(near, np.log1p(np.where(near, x - y, 0)/y), far)[()]
''',
    "divergence": '''\
def divergence(x, y, log_ratio):
    """x*log_ratio + y - x for log_ratio = log(x/y), to full relative precision."""
    u = np.minimum(np.maximum(-log_ratio, -0.5), 0.5)
    series = 1 + u/10*(1 + u/11*(1 + u/12*(1 + u/13*(1 + u/14*(1 + u/15*(1 + u/16))))))
    series = 1 + u/6*(1 + u/7*(1 + u/8*(1 + u/9*series)))
    near = 0.5*x*u*u*(1 + u/3*(1 + u/4*(1 + u/5*series)))
    return np.where(np.abs(log_ratio) < 0.5, near, x*log_ratio + (y - x))[()]
''',
    "bessel_complement": '''\
def bessel_complement(x):
    """1 - i1e(x)/i0e(x) for x >= 0, to full relative precision."""
    u = 1/np.maximum(x, 60)
    far = u*(1073/1024 + u*(103/32 + u*(375733/32768 + u*(23797/512 + u*55384775/262144))))
    far = u*(1/2 + u*(1/8 + u*(1/8 + u*(25/128 + u*(13/32 + far)))))
    return np.where(x < 60, (i0e(x) - i1e(x))/i0e(x), far)[()]
''',
    "cosine_variance": '''\
def cosine_variance(x):
    """1 - r/x - r**2 for r = i1e(x)/i0e(x) and x > 0, to full relative precision."""
    u = 1/np.maximum(x, 60)
    far = u*(721/32 + u*(375733/4096 + u*(214173/512 + u*276923875/131072)))
    far = u*(1/4 + u*(3/8 + u*(25/32 + u*(65/32 + u*(3219/512 + far)))))
    y = np.minimum(x, 60)
    r = i1e(y)/i0e(y)
    return np.where(x < 60, 1 - r/y - r*r, u*u*(1/2 + far))[()]
''',
    "log_softmax": '''\
def log_softmax(*z):
    """log(exp(z_i)/sum_j exp(z_j)) along a new first axis, to full relative precision."""
    z = np.stack(np.broadcast_arrays(*z), dtype=np.result_type(*z, 1.0))
    z = z - np.max(z, axis=0)
    rest = np.sum(np.sort(np.exp(z), axis=0)[:-1], axis=0)  # all but the largest, which is 1
    return z - np.log1p(rest)
''',
    **QUADRATURE,
}
