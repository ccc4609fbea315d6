"""Code of moments over all places of an axis but one, for every one: nothing is subtracted.

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
}
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
            first = "x" if name == "sums_of_others" else "z"
            opening = {"open": words["open"].replace("{first}", first)}
            found.append(_TEXTS[name].format(**{**words, **opening}))
    return found
