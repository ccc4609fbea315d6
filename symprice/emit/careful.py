"""The functions of generated code that lose no digits where the textbook formula does.

Each stands for one call: of NumPy, of SciPy, or of a few lines that are written above the function
when it uses them. They exist between rewriting and printing only, and no rule of SymPy applies to
them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sympy import Expr, Function, Integer

__all__ = [
    "HELPERS",
    "Careful",
    "EntryOf",
    "Expm1",
    "Log1mExp",
    "Log1p",
    "LogAddExp",
    "LogNormalCdf",
    "LogSech2",
    "LogSoftmaxes",
    "Softmaxes",
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


# Source of what neither library has; each uses NumPy only and keeps the precision of its argument.
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
    "log_softmax": '''\
def log_softmax(*z):
    """log(exp(z_i)/sum_j exp(z_j)) along a new first axis, to full relative precision."""
    z = np.stack(np.broadcast_arrays(*z), dtype=np.result_type(*z, 1.0))
    z = z - np.max(z, axis=0)
    rest = np.sum(np.sort(np.exp(z), axis=0)[:-1], axis=0)  # all but the largest, which is 1
    return z - np.log1p(rest)
''',
}
