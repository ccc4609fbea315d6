"""The source of differences of trigamma functions: sixteen steps up, from there Stirling's series.

A difference of the series is the step times polynomials with positive terms, `(aⁿ - bⁿ)/(a - b)`.
"""

from __future__ import annotations

__all__ = ["TRIGAMMAS"]

TRIGAMMAS = {
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
    "scaled_trigamma_rest": '''\
def scaled_trigamma_rest(x):
    """x*polygamma(1, x) - 1 for x > 0, to full relative precision."""
    a = x[..., None] + np.arange(16)
    near = np.sum(1/(a*a*(a + 1)), axis=-1)
    a = 1/(x + 16)
    u = a*a
    far = 1/2 + a*(1/6 - u*(1/30 - u*(1/42 - u*(1/30 - u*5/66))))
    return (x*(near + u*far))[()]
''',
    "scaled_trigamma_gap": '''\
def scaled_trigamma_gap(x, d):
    """x*polygamma(1, x) - (x + d)*polygamma(1, x + d) for x, d > 0, to full relative precision."""
    x, y = np.broadcast_arrays(x, x + d)
    j = np.arange(16)
    a, b = x[..., None] + j, y[..., None] + j
    near = a*b*(a + b + 1) - j*(a*a + a*b + b*b + a + b)
    near = np.sum(near/(a*a*(a + 1)*b*b*(b + 1)), axis=-1)
    a, b, n = 1/(x[..., None] + 16), 1/(y[..., None] + 16), np.arange(11)
    h = a**n*np.cumsum((b/a)**n, axis=-1)
    c = np.asarray([1/2, 1/6 - 8, -8/3, -1/30, 8/15, 1/42, -8/21, -1/30, 8/15, 5/66, -40/33])
    return (d*(near + (a*b)[..., 0]*(h @ c)))[()]
''',
}
