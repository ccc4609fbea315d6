"""The functions of generated code that lose no digits where the textbook formula does.

Each stands for one call: of NumPy, of SciPy, or of a few lines that are written above the function
when it uses them. They exist between rewriting and printing only, and no rule of SymPy applies to
them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sympy import Expr, Function, Integer

from .bessel_code import BESSEL, BESSEL_NEED
from .bregman_code import BREGMAN, BREGMAN_NEED
from .exponential_code import EXPONENTIALS
from .gamma_code import GAMMA, GAMMA_NEED
from .quadrature_code import QUADRATURE, QUADRATURE_NEEDS
from .ratio_code import RATIOS, RATIOS_NEED
from .softmax_code import SOFTMAXES
from .trigamma_code import TRIGAMMAS

__all__ = [
    "HELPERS",
    "HELPERS_NEED",
    "BesselComplement",
    "Careful",
    "CosineMean",
    "DigammaRest",
    "RelativeGap",
    "RewardGaps",
    "EntryOf",
    "Expm1",
    "ExponentialGap",
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
    "ScaledCothRest",
    "ScaledTrigammaGap",
    "ScaledTrigammaRest",
    "ScaledLogSigmoid",
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


class ExponentialGap(Careful):
    """exp(x) - exp(y), of x, y and x - y."""

    call = "helper.exponential_gap"
    letter = "e"


class ScaledCothRest(Careful):
    """x/tanh(x) - 1."""

    call = "helper.scaled_coth_rest"
    letter = "u"


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


class CosineMean(Careful):
    """The mean of (cos nφ - E cos nφ) (cos mφ - E cos mφ) … over directions φ with concentration x,
    of x and n, m, …
    """

    call = "helper.cosine_moment"
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


class ScaledTrigammaRest(Careful):
    """x ψ'(x) - 1, of x > 0."""

    call = "helper.scaled_trigamma_rest"
    letter = "u"


class ScaledTrigammaGap(Careful):
    """x ψ'(x) - (x + d) ψ'(x + d), of x and d > 0."""

    call = "helper.scaled_trigamma_gap"
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


class ScaledLogSigmoid(Careful):
    """log σ(x) exp(x)."""

    call = "helper.scaled_log_expit"
    letter = "u"


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


class RewardGaps(Careful):
    """The vector `r - Σ r_k π_k`, of the vector π and the rewards."""

    call = "helper.reward_gaps"
    letter = "gaps"


class EntryOf(Careful):
    """One entry of a vector, counted from 0."""

    @classmethod
    def softmax(cls, index: Any, logits: tuple[Expr, ...], logarithm: bool = False) -> Expr:
        """Entry ``index`` (from 1) of the softmax of logits, or its logarithm."""
        vector = LogSoftmaxes(*logits)
        return cls(vector if logarithm else Softmaxes(vector), Integer(index - 1))

    @classmethod
    def gap(cls, index: Any, logits: tuple[Expr, ...], rewards: list[Expr]) -> Expr:
        """The reward of action ``index`` (from 1), less the mean reward."""
        return cls(RewardGaps(Softmaxes(LogSoftmaxes(*logits)), *rewards), Integer(index - 1))


# What a helper calls: other helpers, which stand before it, and functions of SciPy.
HELPERS_NEED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "log_poisson": ((), ("gammaln",)),
    "log_binomial": (("log_poisson",), ("gammaln",)),
    "scaled_log_expit": ((), ("log_expit",)),
    **RATIOS_NEED,
    **BREGMAN_NEED,
    **GAMMA_NEED,
    **BESSEL_NEED,
    **{name: (others, ()) for name, others in QUADRATURE_NEEDS.items()},
}

# Source of what neither library has; each keeps the precision of its argument.
HELPERS = {
    "scaled_log_expit": '''\
def scaled_log_expit(x):
    """log_expit(x)*exp(x), which tends to -1."""
    y, w = np.minimum(x, 20), np.exp(-np.maximum(x, 20))
    return np.where(x > 20, w*(0.5 - w/3) - 1, log_expit(y)*np.exp(y))[()]
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
    **RATIOS,
    **BREGMAN,
    **GAMMA,
    **BESSEL,
    **EXPONENTIALS,
    **SOFTMAXES,
    **TRIGAMMAS,
    **QUADRATURE,
}
