"""The source of functions of exponentials next to a zero of theirs, and far out."""

from __future__ import annotations

__all__ = ["EXPONENTIALS"]

EXPONENTIALS = {
    "log_sech2": '''\
def log_sech2(x):
    """log(1 - tanh(x)**2), to full relative precision."""
    x = np.abs(x)
    near = np.log1p(-np.tanh(np.minimum(x, 1))**2)
    far = 2*(0.6931471805599453 - x - np.log1p(np.exp(-2*x)))
    return np.where(x < 1, near, far)[()]
''',
    "exponential_gap": '''\
def exponential_gap(x, y, gap):
    """exp(x) - exp(y) for gap = x - y, to the relative precision of the latter."""
    return (-np.sign(gap)*np.exp(np.maximum(x, y))*np.expm1(-np.abs(gap)))[()]
''',
    "scaled_coth_rest": '''\
def scaled_coth_rest(x):
    """x/tanh(x) - 1, to full relative precision (Gauss's continued fraction)."""
    u = np.minimum(x*x, 1)
    near = u/(3 + u/(5 + u/(7 + u/(9 + u/(11 + u/(13 + u/(15 + u/17)))))))
    y = np.where(x*x < 1, 1, x)
    return np.where(x*x < 1, near, y/np.tanh(y) - 1)[()]
''',
    "log1mexp": '''\
def log1mexp(x):
    """log(1 - exp(x)) for x < 0, to full relative precision."""
    near = np.log(-np.expm1(np.maximum(x, -1)))
    far = np.log1p(-np.exp(np.minimum(x, -0.5)))
    return np.where(x > -0.6931471805599453, near, far)[()]
''',
}
