"""The source of what generated code knows of directions, beside SciPy's Bessel functions."""

from __future__ import annotations

__all__ = ["BESSEL", "BESSEL_NEED"]

BESSEL_NEED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bessel_complement": ((), ("i0e", "i1e")),
    "cosine_moment": ((), ("ive",)),
}

BESSEL = {
    "bessel_complement": '''\
def bessel_complement(x):
    """1 - i1e(x)/i0e(x) for x >= 0, to full relative precision."""
    u = 1/np.maximum(x, 60)
    far = u*(1073/1024 + u*(103/32 + u*(375733/32768 + u*(23797/512 + u*55384775/262144))))
    far = u*(1/2 + u*(1/8 + u*(1/8 + u*(25/128 + u*(13/32 + far)))))
    return np.where(x < 60, (i0e(x) - i1e(x))/i0e(x), far)[()]
''',
    "cosine_moment": '''\
def cosine_moment(x, *orders):
    """E[(cos(n*a) - E cos(n*a)) * ...] over the orders n, for a density like exp(x*cos(a)), x > 0.

    By sums of waves where x is small, and by a rule of 64 points, finer around 0, where it is not.
    """
    def ratio(n, x):
        return ive(n, x)/ive(0, x)

    turn = max(1, max(orders)**2/16)
    y = np.minimum(x, turn)
    waves = {0: 1}
    for n in orders:
        found = {}
        for k, c in waves.items():
            for wave, part in ((k + n, c/2), (abs(k - n), c/2), (k, -c*ratio(n, y))):
                found[wave] = found.get(wave, 0) + part
        waves = found
    near = 0
    for k, c in waves.items():
        near = near + c*ratio(k, y)

    y = np.maximum(x, turn)[..., None]
    t, scale = (np.arange(64) + 0.5)*(np.pi/128), 2/np.sqrt(y)
    half = np.arctan(scale*np.tan(t))
    weight = np.exp(-2*y*np.sin(half)**2)/(np.cos(t)**2 + (scale*np.sin(t))**2)
    weight = weight/np.sum(weight, axis=-1, keepdims=True)
    far = weight
    for n in orders:
        gap = 2*np.sin(n*half)**2
        far = far*(np.sum(weight*gap, axis=-1, keepdims=True) - gap)
    return np.where(x < turn, near, np.sum(far, axis=-1))[()]
''',
}
