"""The source of logarithms of ratios, and of divergences, of what may be close."""

from __future__ import annotations

__all__ = ["RATIOS", "RATIOS_NEED"]

# What a helper calls: other helpers, which stand before it, and functions of SciPy.
RATIOS_NEED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "log_expit_ratio": ((), ("expit", "log_expit")),
    "log_ndtr_ratio": (("inverse_mills",), ("log_ndtr",)),
    "scaled_log_expit_ratio": (("scaled_log_expit",), ("expit", "log_expit")),
    "geometric_gap": (("log_expit_ratio", "exponential_bend"), ("expit", "log_expit")),
    "log_softmax_ratios": (("exponential_bend", "log_softmax"), ()),
}

RATIOS = {
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
    "log_ratio_by": '''\
def log_ratio_by(x, y, gap):
    """log(x/y) for x, y > 0 and gap = x - y, to the relative precision of the latter."""
    far = np.log(x) - np.log(y)
    near = np.abs(far) < 0.5
    return np.where(near, np.log1p(np.where(near, gap, 0)/y), far)[()]
''',
    "log_expit_ratio": '''\
def log_expit_ratio(x, y):
    """log(expit(x)/expit(y)), to full relative precision where x is close to y."""
    gap = x - y
    near = np.abs(gap) < 0.5
    close = np.log1p(expit(-x)*np.expm1(np.where(near, gap, 0)))
    return np.where(near, close, log_expit(x) - log_expit(y))[()]
''',
    "log_ndtr_ratio": '''\
def log_ndtr_ratio(x, y):
    """log(ndtr(x)/ndtr(y)): close to each other, the integral of ndtr'/ndtr by Gauss's rule."""
    gap = x - y
    near = np.abs(gap)*(1 + np.abs(y)) < 0.25
    m, h = (x + y)/2, np.where(near, gap, 0)/2
    u, v = 0.3399810435848563*h, 0.8611363115940526*h
    inner = inverse_mills(m - u) + inverse_mills(m + u)
    outer = inverse_mills(m - v) + inverse_mills(m + v)
    close = h*(0.6521451548625462*inner + 0.3478548451374538*outer)
    return np.where(near, close, log_ndtr(x) - log_ndtr(y))[()]
''',
    "inverse_mills": '''\
def inverse_mills(x):
    """ndtr'(x)/ndtr(x)."""
    return np.exp(-0.5*x*x - 0.9189385332046727 - log_ndtr(x))
''',
    "exponential_bend": '''\
def exponential_bend(x):
    """exp(x) - 1 - x, to full relative precision."""
    near = np.abs(x) < 0.5
    u = np.where(near, x, 0)
    series = 1 + u/10*(1 + u/11*(1 + u/12*(1 + u/13*(1 + u/14*(1 + u/15)))))
    series = 1 + u/3*(1 + u/4*(1 + u/5*(1 + u/6*(1 + u/7*(1 + u/8*(1 + u/9*series))))))
    return np.where(near, 0.5*u*u*series, np.expm1(x) - x)[()]
''',
    "scaled_log_expit_ratio": '''\
def scaled_log_expit_ratio(x, y):
    """exp(x)*log(expit(x)/expit(y)), without overflow, to full relative precision."""
    gap = x - y
    near = np.abs(gap) < 0.5
    step = np.expm1(np.where(near, gap, 0))
    low = np.exp(np.minimum(x, 20))*np.log1p(expit(-x)*step)
    v = np.exp(-np.maximum(x, 20))*expit(x)*step
    close = np.where(x < 20, low, expit(x)*step*(1 - v/2))
    far = scaled_log_expit(x) - np.exp(np.where(near, 0, gap))*scaled_log_expit(y)
    return np.where(near, close, far)[()]
''',
    "geometric_gap": '''\
def geometric_gap(x, y):
    """log(expit(-x)/expit(-y)) + exp(x)*log(expit(x)/expit(y)) as a sum of two terms >= 0."""
    u, v = log_expit_ratio(-x, -y), log_expit_ratio(x, y)
    near, tiny = np.abs(v) < 0.5, np.abs(v) < 1e-6
    w = np.where(near & ~tiny, v, 1)
    bend = np.where(tiny, 0.5 - v*(1/6 - v/24), exponential_bend(-w)/(w*w))
    close = np.square(np.exp(0.5*np.where(near, x, 0))*v)*bend
    far = np.exp(np.where(near, 0, x))*exponential_bend(np.where(near, 0, -v))
    return (exponential_bend(-u) + np.where(near, close, far))[()]
''',
    "log_softmax_ratios": '''\
def log_softmax_ratios(*logits):
    """log(p/q) of p = softmax(z) and q = softmax(y), for the logits z and then y, along a new first
    axis: exact where z is close to y.
    """
    logits = np.stack(np.broadcast_arrays(*logits), dtype=np.result_type(*logits, 1.0))
    z, y = logits[: len(logits)//2], logits[len(logits)//2 :]
    log_p, gap = log_softmax(*z), y - z
    gap = gap - np.take_along_axis(gap, np.argmax(z, axis=0)[None], axis=0)
    gap = gap - np.sum(np.exp(log_p)*gap, axis=0)
    log_q = log_p + gap
    highest = np.max(log_q, axis=0)
    near, top = np.abs(gap) < 0.5, np.minimum(log_q, 1)
    close = np.exp(log_p)*exponential_bend(np.where(near, gap, 0))
    close = np.sum(np.where(near, close, np.exp(top) - np.exp(log_p)*(1 + gap)), axis=0)
    close = np.log1p(np.where(highest < 1, close, 0))
    far = highest + np.log(np.sum(np.exp(log_q - highest), axis=0))
    return np.where(highest < 1, close, far) - gap
''',
}
