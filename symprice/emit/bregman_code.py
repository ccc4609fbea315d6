"""The source of F(y) - F(x) - (y - x) F'(x) for special functions F: next to x the integral of
(1 - t) F''(x + t (y - x)) over t by Gauss's rule, all of whose terms are positive.
"""

from __future__ import annotations

__all__ = ["BREGMAN", "BREGMAN_NEED"]

# What a helper calls: other helpers, and functions of SciPy.
BREGMAN_NEED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "second_order": ((), ()),
    "stirling_gap": (
        ("second_order", "scaled_trigamma_rest", "stirling_rest", "digamma_rest"),
        ("digamma", "gammaln"),
    ),
    "log_gamma_gap": (("second_order", "scaled_trigamma_rest"), ("digamma", "gammaln")),
    "log_bessel_gap": (
        ("second_order", "cosine_moment", "bessel_complement", "log_ratio"),
        ("i0e", "i1e", "ive"),
    ),
}

BREGMAN = {
    "second_order": '''\
def second_order(bend, x, d):
    """The integral of (1 - t) bend(x + t d) d**2 over 0 < t < 1, for d that is small beside x."""
    t = np.asarray([
        0.03376524289842399, 0.16939530676686775, 0.3806904069584015,
        0.6193095930415985, 0.8306046932331322, 0.966234757101576,
    ])
    weights = np.asarray([
        0.0827698396397692, 0.14982512785597574, 0.1448917941993532,
        0.0890651730869923, 0.030555658668093615, 0.002892406549815945,
    ])
    x, d = np.broadcast_arrays(x, d)
    return d*d*np.sum(weights*bend(x[..., None] + d[..., None]*t), axis=-1)
''',
    "stirling_gap": '''\
def stirling_gap(x, y, d):
    """g(y) - g(x) - d*g'(x) of g(u) = gammaln(u) - u*log(u) + u for d = y - x, to full relative
    precision.
    """
    def bend(u):
        return scaled_trigamma_rest(u)/u

    near = np.abs(d) < x/8
    close = second_order(bend, x, np.where(near, d, 0))
    far = stirling_rest(y) - stirling_rest(x) - d*digamma_rest(x) - 0.5*(np.log(y) - np.log(x))
    return np.where(near, close, far)[()]
''',
    "log_gamma_gap": '''\
def log_gamma_gap(x, y, d):
    """gammaln(y) - gammaln(x) - d*digamma(x) for d = y - x, to full relative precision."""
    def bend(u):
        return (1 + scaled_trigamma_rest(u))/u

    near = np.abs(d) < x/8
    close = second_order(bend, x, np.where(near, d, 0))
    return np.where(near, close, gammaln(y) - gammaln(x) - d*digamma(x))[()]
''',
    "log_bessel_gap": '''\
def log_bessel_gap(x, y, d):
    """log(i0(y)/i0(x)) - d*i1(x)/i0(x) for d = y - x, to full relative precision."""
    def bend(u):
        return cosine_moment(u, 1, 1)

    near = np.abs(d) < (1 + x)/8
    close = second_order(bend, x, np.where(near, d, 0))
    far = log_ratio(i0e(y), i0e(x)) + d*bessel_complement(x)
    return np.where(near, close, far)[()]
''',
}
