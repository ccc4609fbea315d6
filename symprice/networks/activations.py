r"""Activations: functions that stay atoms, know one definition, and differentiate in closed form.

SymPy's own ``tanh, erf, sin, cos, exp`` are used as they are. A new activation is one class in
this file and one name in ``__all__``: its ``definition`` in elementary functions, its ``partials``
in closed form, and the code that is right in the tails.
"""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import (
    Expr,
    Max,
    Min,
    Rational,
    S,
    erf,
    exp,
    log,
    pi,
    sqrt,
    tanh,
)

from .activation_function import ActivationFunction, KinkedActivation, step
from .named_function import Code

__all__ = [
    "ActivationFunction",
    "elu",
    "gelu",
    "identity",
    "leaky_relu",
    "log_sigmoid",
    "normal_cdf",
    "relu",
    "sigmoid",
    "silu",
    "softplus",
    "square",
    "step",
    "swish",
]


class sigmoid(ActivationFunction):
    r"""Logistic function, the probability with logit x: `σ(x) = 1/(1 + exp(-x))`, `σ' = σ(1 - σ)`.

    Examples
    ========

    >>> from symprice import sigmoid
    >>> from sympy.abc import x
    >>> sigmoid(0), sigmoid(x).diff(x)
    (1/2, (1 - sigmoid(x))*sigmoid(x))
    """

    tex = r"\sigma"
    sign = "positive"
    code = Code(
        scipy="{expit}({x})",
        numpy="({exp}({minimum}({x}, 0))/(1 + {exp}(-abs({x}))))",
        mpmath="(1/(1 + {exp}(-{p})))",
        torch="{sigmoid}({x})",
    )

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return 1 / (1 + exp(-x))

    def partials(self) -> tuple[Expr, ...]:
        return (self * (1 - self),)

    def _eval_rewrite_as_tanh(self, x: Expr, **hints: Any) -> Expr:
        return (1 + tanh(x / 2)) / 2


class log_sigmoid(ActivationFunction):
    r"""Logarithm of the logistic function: `log σ(x) = -log(1 + exp(-x))`, derivative `1 - σ`.

    Examples
    ========

    >>> from symprice import log_sigmoid
    >>> log_sigmoid(-1000).evalf(20)
    -1000.0000000000000000
    """

    tex = r"\log\sigma"
    sign = "negative"
    code = Code(
        scipy="{log_expit}({x})",
        numpy="({minimum}({x}, 0) - {log1p}({exp}(-abs({x}))))",
        mpmath="(-{log1p}({exp}(-{p})))",
        torch="{logsigmoid}({x})",
    )

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return -log(1 + exp(-x))

    @staticmethod
    def _mpmath(x: Any) -> Any:
        return -mpmath.log1p(mpmath.exp(-x))

    def partials(self) -> tuple[Expr, ...]:
        return (1 - sigmoid(self.args[0]),)

    def _tex(self, printer: Any) -> str:
        # In brackets of its own, so that a factor behind it is not read as under the logarithm.
        return rf"\log{{\left({printer._print(sigmoid(self.args[0]))} \right)}}"

    def _eval_rewrite_as_sigmoid(self, x: Expr, **hints: Any) -> Expr:
        return log(sigmoid(x))


class softplus(ActivationFunction):
    r"""Smooth positive part: `softplus(x) = log(1 + exp(x))`, with derivative `σ`.

    Examples
    ========

    >>> from symprice import softplus
    >>> from sympy.abc import x
    >>> softplus(0), softplus(x).diff(x)
    (log(2), sigmoid(x))
    """

    tex = r"\operatorname{softplus}"
    sign = "positive"
    code = Code(
        numpy="{logaddexp}(0, {x})",
        math="({maximum}({x}, 0) + {log1p}({exp}(-abs({x}))))",
        mpmath="{log1p}({exp}({x}))",
        torch="(-{logsigmoid}(-{p}))",
    )

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return log(1 + exp(x))

    @staticmethod
    def _mpmath(x: Any) -> Any:
        return mpmath.log1p(mpmath.exp(x))

    def partials(self) -> tuple[Expr, ...]:
        return (sigmoid(self.args[0]),)


class silu(ActivationFunction):
    r"""Argument weighted by its logistic function: `silu(x) = x σ(x)`; also named swish.

    Its derivative is `σ + silu (1 - σ)` (Elfwing, Uchibe & Doya 2018).

    Examples
    ========

    >>> from symprice import silu
    >>> from sympy.abc import x
    >>> silu(x).diff(x)
    (1 - sigmoid(x))*silu(x) + sigmoid(x)
    """

    tex = r"\operatorname{SiLU}"
    sign = "x"
    code = Code(
        scipy="({p}*{expit}({x}))",
        numpy="({p}*{exp}({minimum}({x}, 0))/(1 + {exp}(-abs({x}))))",
        mpmath="({p}/(1 + {exp}(-{p})))",
        torch="({p}*{sigmoid}({x}))",
    )

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return x / (1 + exp(-x))

    def partials(self) -> tuple[Expr, ...]:
        sigma = sigmoid(self.args[0])
        return (sigma + self * (1 - sigma),)

    def _eval_rewrite_as_sigmoid(self, x: Expr, **hints: Any) -> Expr:
        return x * sigmoid(x)


swish = silu


class normal_cdf(ActivationFunction):
    r"""Standard normal distribution function `Φ(x) = (1 + erf(x/√2))/2`, with derivative `φ`.

    Examples
    ========

    >>> from symprice import normal_cdf
    >>> normal_cdf(-40).evalf(5)
    3.6559e-350
    """

    tex = r"\Phi"
    sign = "positive"
    code = Code(
        numpy="{ndtr}({x})",
        math="({erfc}(-{p}/{sqrt}(2))/2)",
        torch="({erfc}(-{p}/2**0.5)/2)",
    )

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return (1 + erf(x / sqrt(2))) / 2

    @staticmethod
    def _mpmath(x: Any) -> Any:
        return mpmath.erfc(-x / mpmath.sqrt(2)) / 2

    def partials(self) -> tuple[Expr, ...]:
        return (exp(-(self.args[0] ** 2) / 2) / sqrt(2 * pi),)


class gelu(ActivationFunction):
    r"""Argument weighted by the normal distribution function: `gelu(x) = x Φ(x)`, not the tanh fit.

    Its derivative is `Φ(x) + x φ(x)` (Hendrycks & Gimpel 2016).

    Examples
    ========

    >>> from symprice import gelu
    >>> from sympy import erf
    >>> from sympy.abc import x
    >>> gelu(x).rewrite(erf)
    x*(erf(sqrt(2)*x/2) + 1)/2
    """

    tex = r"\operatorname{GELU}"
    sign = "x"
    code = Code(
        numpy="({p}*{ndtr}({x}))",
        math="({p}*{erfc}(-{p}/{sqrt}(2))/2)",
        torch="({p}*{erfc}(-{p}/2**0.5)/2)",
    )

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return x * (1 + erf(x / sqrt(2))) / 2

    @staticmethod
    def _mpmath(x: Any) -> Any:
        return x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2

    def partials(self) -> tuple[Expr, ...]:
        cdf = normal_cdf(self.args[0])
        return (cdf + self.args[0] * cdf.fdiff(),)


class relu(KinkedActivation):
    r"""Positive part: `relu(x) = max(0, x)`, with derivative `step(x)`.

    The second derivative is a Dirac impulse at 0 (see ``step``).

    Examples
    ========

    >>> from symprice import relu
    >>> from sympy.abc import x
    >>> relu(-3), relu(x).diff(x)
    (0, step(x))
    """

    tex = r"\operatorname{ReLU}"
    code = Code(numpy="{maximum}({x}, 0)", torch="{relu}({x})")

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return Max(0, x)

    def partials(self) -> tuple[Expr, ...]:
        return (step(self.args[0]),)

    def _eval_is_nonnegative(self) -> bool | None:
        return self.args[0].is_real


class leaky_relu(KinkedActivation):
    r"""Rectifier that leaks: `max(0, x) + a min(0, x)`, by default with slope `a = 1/100`.

    Its derivatives are `a + (1 - a) step(x)` in x and `-relu(-x)` in the slope.

    Examples
    ========

    >>> from symprice import leaky_relu
    >>> from sympy.abc import a, x
    >>> leaky_relu(-3), leaky_relu(x, a).diff(x)
    (-3/100, a + (1 - a)*step(x))
    """

    tex = r"\operatorname{LeakyReLU}"
    sign = "x"
    default = Rational(1, 100)
    code = Code(
        numpy="({maximum}({x}, 0) + {a}{minimum}({x}, 0))",
        torch="({relu}({x}) - {a}{relu}(-{p}))",
    )

    @classmethod
    def definition(cls, x: Expr, slope: Expr = default) -> Expr:
        return Max(0, x) + slope * Min(0, x)

    def partials(self) -> tuple[Expr, ...]:
        x, slope = (*self.args, self.default)[:2]
        return slope + (1 - slope) * step(x), -relu(-x)


class elu(KinkedActivation):
    r"""Exponential linear unit: `max(0, x) + α (exp(min(0, x)) - 1)`, by default with `α = 1`.

    Its derivatives are `(α + (1 - α) step(x)) exp(-relu(-x))` in x, where the exponent is
    `min(0, x)` and never overflows, and `elu(-relu(-x))` in α.

    Examples
    ========

    >>> from symprice import elu
    >>> from sympy.abc import x
    >>> elu(2), elu(x).diff(x)
    (2, exp(-relu(-x)))
    """

    tex = r"\operatorname{ELU}"
    sign = "x"
    code = Code(
        numpy="({maximum}({x}, 0) + {a}{expm1}({minimum}({x}, 0)))",
        torch="({relu}({x}) + {a}{expm1}(-{relu}(-{p})))",
    )

    @classmethod
    def definition(cls, x: Expr, alpha: Expr = S.One) -> Expr:
        return Max(0, x) + alpha * (exp(Min(0, x)) - 1)

    @staticmethod
    def _mpmath(x: Any, alpha: Any = 1) -> Any:
        return x if x > 0 else alpha * mpmath.expm1(x)

    def partials(self) -> tuple[Expr, ...]:
        x, alpha = (*self.args, self.default)[:2]
        below = -relu(-x)
        return (alpha + (1 - alpha) * step(x)) * exp(below), elu(below)


class identity(ActivationFunction):
    r"""The argument itself: `identity(x)` evaluates to `x` at once.

    Examples
    ========

    >>> from sympy.abc import x
    >>> from symprice import identity
    >>> identity(x)
    x
    """

    sign = "x"

    @classmethod
    def eval(cls, x: Expr) -> Expr:
        return x

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return x

    def partials(self) -> tuple[Expr, ...]:
        return (S.One,)


class square(ActivationFunction):
    r"""The square: `square(x)` evaluates to `x**2` at once.

    Examples
    ========

    >>> from sympy.abc import x
    >>> from symprice import square
    >>> square(x)
    x**2
    """

    @classmethod
    def eval(cls, x: Expr) -> Expr:
        return x**2

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return x**2

    def partials(self) -> tuple[Expr, ...]:
        return (2 * self.args[0],)
