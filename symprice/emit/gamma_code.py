"""The source of gamma functions without what cancels: rests of Stirling's series, and differences
next to 1.
"""

from __future__ import annotations

__all__ = ["GAMMA", "GAMMA_NEED"]

GAMMA_NEED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "stirling_rest": ((), ("gammaln",)),
    "digamma_rest": ((), ("digamma",)),
    "polygamma_rise": ((), ("gammaln", "polygamma")),
    "polygamma_bend": ((), ("gammaln", "polygamma")),
}

GAMMA = {
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
}
