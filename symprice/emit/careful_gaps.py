"""The functions of generated code for what may be close: logarithms of ratios, and what is left
of a function beyond its straight line.
"""

from __future__ import annotations

from .careful import Careful

__all__ = [
    "ExponentialBend",
    "Gap",
    "GeometricGap",
    "LogBesselGap",
    "LogExpitRatio",
    "LogGammaGap",
    "LogNormalCdfRatio",
    "LogRatioBy",
    "LogSoftmaxRatios",
    "ScaledLogExpitRatio",
    "StirlingGap",
]


class LogRatioBy(Careful):
    """log(x/y), of x, y and x - y where that is known without rounding x and y."""

    call = "helper.log_ratio_by"


class LogExpitRatio(Careful):
    """log(σ(x)/σ(y)), to full relative precision where x is close to y."""

    call = "helper.log_expit_ratio"


class LogNormalCdfRatio(Careful):
    """log(Φ(x)/Φ(y)), to full relative precision where x is close to y."""

    call = "helper.log_ndtr_ratio"


class Gap(Careful):
    """x - y, as it stands in brackets: exact where x is close to y."""

    letter = "gap"


class StirlingGap(Careful):
    """G(y) - G(x) - (y - x) G'(x) for G(u) = log Γ(u) - u log u + u, of x, y and y - x."""

    call = "helper.stirling_gap"
    letter = "u"


class LogGammaGap(Careful):
    """log Γ(y) - log Γ(x) - (y - x) ψ(x), of x, y and y - x."""

    call = "helper.log_gamma_gap"
    letter = "u"


class LogBesselGap(Careful):
    """log I₀(y) - log I₀(x) - (y - x) I₁(x)/I₀(x), of x, y and y - x."""

    call = "helper.log_bessel_gap"
    letter = "u"


class ExponentialBend(Careful):
    """exp(x) - 1 - x."""

    call = "helper.exponential_bend"
    letter = "e"


class ScaledLogExpitRatio(Careful):
    """exp(x) log(σ(x)/σ(y))."""

    call = "helper.scaled_log_expit_ratio"
    letter = "u"


class GeometricGap(Careful):
    """log(σ(-x)/σ(-y)) + exp(x) log(σ(x)/σ(y)), the divergence of two geometric laws."""

    call = "helper.geometric_gap"
    letter = "u"


class LogSoftmaxRatios(Careful):
    """The vector log(π/π') of two softmaxes, of the logits of π and then of π'."""

    call = "helper.log_softmax_ratios"
    letter = "log_ratio"
