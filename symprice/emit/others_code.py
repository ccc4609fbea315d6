"""Code of moments over all places of an axis but one, for every one: nothing is subtracted; and
of the terms of a divergence.

The weights are those of a softmax along the last axis. All but the likeliest place are left out of
sums from both ends; the likeliest is left out of sums whose weights are scaled by the second.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["OTHERS", "others_code"]

# Each function with those that it calls; `{m}` is the module, `{open}` what finds it.
_NEEDS = {
    "sums_of_others": (),
    "weights_of_others": (),
    "log_odds": ("sums_of_others", "weights_of_others"),
    "mean_of_others": ("sums_of_others", "weights_of_others"),
    "gap_to_others": ("sums_of_others", "weights_of_others", "mean_of_others"),
    "variance_of_others": ("sums_of_others", "weights_of_others", "mean_of_others"),
    "weighted_bend": (),
    "divergence_terms": ("weighted_bend",),
}
_TEXTS = {
    "sums_of_others": '''\
def sums_of_others(x):
    """sum of x_j over j != k for every place k of the last axis."""
    {open}zero = {m}.zeros_like(x[..., :1])
    before = {m}.{cumsum}({m}.{concat}((zero, x[..., :-1]), axis=-1), axis=-1)
    behind = {m}.flip({m}.{concat}((x[..., 1:], zero), axis=-1), axis=-1)
    return before + {m}.flip({m}.{cumsum}(behind, axis=-1), axis=-1)
''',
    "weights_of_others": '''\
def weights_of_others(z):
    """Where z is largest; the largest and the second largest z; exp(z) over that of either."""
    {open}top = {m}.arange(z.shape[-1]{device}) == {m}.argmax(z, axis=-1, keepdims=True)
    first = {m}.max(z, axis=-1, keepdims=True)
    lowest = {m}.min(z, axis=-1, keepdims=True)
    second = {m}.max({m}.where(top, lowest, z), axis=-1, keepdims=True)
    rest = {m}.where(top, {m}.full_like(z, -{m}.inf), z - second)
    return top, first, second, {m}.exp(z - first), {m}.exp(rest)
''',
    "log_odds": '''\
def log_odds(z):
    """z_k - log(sum of exp(z_j) over j != k)."""
    {open}top, first, second, weights, rest = weights_of_others(z)
    own = {m}.sum(rest, axis=-1, keepdims=True)
    others = {m}.where(top, own + (own == 0), sums_of_others(weights))
    return z - {m}.where(top, second, first) - {m}.log(others)
''',
    "mean_of_others": '''\
def mean_of_others(z, x):
    """sum of p_j x_j over j != k, over that of p_j, where p = softmax(z)."""
    {open}top, first, second, weights, rest = weights_of_others(z)
    own = {m}.sum(rest, axis=-1, keepdims=True)
    total = {m}.where(top, own + (own == 0), sums_of_others(weights))
    own = {m}.sum(rest*x, axis=-1, keepdims=True)
    return {m}.where(top, own, sums_of_others(weights*x))/total
''',
    "gap_to_others": '''\
def gap_to_others(z, x):
    """x_k less the mean of x over j != k; measured from the likeliest x."""
    {open}top, first, second, weights, rest = weights_of_others(z)
    gap = x - {m}.sum({m}.where(top, x, 0*x), axis=-1, keepdims=True)
    return gap - mean_of_others(z, gap)
''',
    "variance_of_others": '''\
def variance_of_others(z, x):
    """The variance of x over j != k; measured from the likeliest x of these."""
    {open}top, first, second, weights, rest = weights_of_others(z)
    gap = x - {m}.sum({m}.where(top, x, 0*x), axis=-1, keepdims=True)
    spread = mean_of_others(z, gap*gap) - mean_of_others(z, gap)**2
    after = {m}.arange(z.shape[-1]{device}) == {m}.argmax(rest, axis=-1, keepdims=True)
    gap = x - {m}.sum({m}.where(after, x, 0*x), axis=-1, keepdims=True)
    return {m}.where(top, mean_of_others(z, gap*gap) - mean_of_others(z, gap)**2, spread)
''',
    "weighted_bend": '''\
def weighted_bend(log_p, u):
    """p (exp(u) - 1 - u) for log_p + u < 1, to full relative precision."""
    {open}p, near, power = {m}.exp(log_p), {m}.abs(u) < 0.5, log_p + u
    v = {m}.where(near, u, 0*u)
    series = 1 + v/10*(1 + v/11*(1 + v/12*(1 + v/13*(1 + v/14*(1 + v/15)))))
    series = 1 + v/3*(1 + v/4*(1 + v/5*(1 + v/6*(1 + v/7*(1 + v/8*(1 + v/9*series))))))
    far = {m}.exp({m}.where(power < 1, power, 0*power)) - p - p*u
    return {m}.where(near, 0.5*p*v*v*series, far)
''',
    "divergence_terms": '''\
def divergence_terms(z, y):
    """p_k log(p_k/q_k) + q_k - p_k for p = softmax(z) and q = softmax(y), to full precision."""
    {open}top = {m}.arange(z.shape[-1]{device}) == {m}.argmax(z, axis=-1, keepdims=True)
    log_p = z - {m}.max(z, axis=-1, keepdims=True)
    log_p = log_p - {m}.log({m}.sum({m}.exp(log_p), axis=-1, keepdims=True))
    gap = y - z
    gap = gap - {m}.sum({m}.where(top, gap, 0*gap), axis=-1, keepdims=True)
    gap = gap - {m}.sum({m}.exp(log_p)*gap, axis=-1, keepdims=True)
    highest = {m}.max(log_p + gap, axis=-1, keepdims=True)
    near = {m}.sum(weighted_bend(log_p, gap), axis=-1, keepdims=True)
    far = {m}.log({m}.sum({m}.exp(log_p + gap - highest), axis=-1, keepdims=True))
    near = {m}.log1p({m}.where(highest < 1, near, 0*near))
    return weighted_bend(log_p, gap - {m}.where(highest < 1, near, highest + far))
''',
}
_FIRST = {"sums_of_others": "x", "weighted_bend": "u"}
#: The functions that code may call.
OTHERS = tuple(_NEEDS)
_NUMPY = {"m": "np", "open": "", "cumsum": "cumsum", "concat": "concatenate", "device": ""}
_STANDARD = {
    "m": "xp",
    "open": "xp = array_namespace({first})\n    ",
    "cumsum": "cumulative_sum",
    "concat": "concat",
    "device": ", device=device(z)",
}


def others_code(names: Iterable[str], module: str) -> list[str]:
    """The source of some of these functions and of those that they call, in order.

    Examples
    ========

    >>> from symprice.emit.others_code import others_code
    >>> print(others_code(['sums_of_others'], 'np')[0])
    def sums_of_others(x):
        \"\"\"sum of x_j over j != k for every place k of the last axis.\"\"\"
        zero = np.zeros_like(x[..., :1])
        before = np.cumsum(np.concatenate((zero, x[..., :-1]), axis=-1), axis=-1)
        behind = np.flip(np.concatenate((x[..., 1:], zero), axis=-1), axis=-1)
        return before + np.flip(np.cumsum(behind, axis=-1), axis=-1)
    <BLANKLINE>
    """
    wanted = {other for name in names for other in (name, *_NEEDS[name])}
    words = _NUMPY if module == "np" else _STANDARD
    found = []
    for name in OTHERS:
        if name in wanted:
            first = _FIRST.get(name, "z")
            opening = {"open": words["open"].replace("{first}", first)}
            found.append(_TEXTS[name].format(**{**words, **opening}))
    return found
