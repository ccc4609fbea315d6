"""The source of what generated code integrates and sums with: adaptive, for arrays of parameters.

An integrand gives a pair, the logarithm l of a weight and a factor r, so that a narrow peak far
away is found by its logarithm, where the weight itself is 0. The peak and its width come first;
from there panels of doubling width reach the tails, and each is halved until Gauss's rule on it and
on its halves agree. What does not settle raises.
"""

from __future__ import annotations

__all__ = ["QUADRATURE", "QUADRATURE_NEEDS"]

QUADRATURE_NEEDS: dict[str, tuple[str, ...]] = {
    "over_panels": (),
    "over_peak": ("over_panels",),
    "over_line": ("over_panels", "over_peak"),
    "over_distances": ("over_panels", "over_peak"),
    "over_counts": ("over_panels", "over_peak"),
}

QUADRATURE = {
    "over_panels": '''\
def over_panels(f, values, owner, left, right, noise):
    """Sums over panels [left, right] of the integrals of exp(l)*r, with (l, r) = f(t, *values).

    A panel belongs to the parameters values[.][owner]. Returns the integrals and those of their
    absolute values, right to about 1e-13 of the latter.
    """
    nodes, weights = np.polynomial.legendre.leggauss(15)

    def gauss(left, right, owner):
        half = (right - left)/2
        t = left + half + half*nodes[:, None]
        log_weight, factor = f(t, *(value[owner] for value in values))
        height = np.exp(log_weight)
        terms = np.where(height == 0, 0, height*factor) + 0*t
        return half*(weights @ terms), half*(weights @ np.abs(terms))

    total, size = np.zeros((2, len(noise)))
    rough, rough_size = gauss(left, right, owner)
    for _ in range(60):
        everything = size + np.bincount(owner, rough_size, len(noise))
        middle = left + (right - left)/2
        first, first_size = gauss(left, middle, owner)
        second, second_size = gauss(middle, right, owner)
        gap = np.abs(first + second - rough)
        done = gap <= (3e-13 + noise[owner])*everything[owner]
        total = total + np.bincount(owner[done], (first + second)[done], len(noise))
        size = size + np.bincount(owner[done], (first_size + second_size)[done], len(noise))
        if np.all(done):
            return total, size
        left, right = (
            np.concatenate((left[~done], middle[~done])),
            np.concatenate((middle[~done], right[~done])),
        )
        rough = np.concatenate((first[~done], second[~done]))
        rough_size = np.concatenate((first_size[~done], second_size[~done]))
        owner = np.concatenate((owner[~done], owner[~done]))
        if len(owner) > 3000*len(noise) or not np.all(np.isfinite(rough)):
            break
    raise ArithmeticError("an expectation is infinite, or its integral does not settle")
''',
    "over_peak": '''\
def over_peak(f, places, values, closed, narrowest):
    """The integral of exp(l)*r from the first to the last place, with (l, r) = f(t, *values).

    places is (m, n): where a peak of l is looked for, for each of n parameters; if closed is not
    True they must reach beyond the peak. A peak between that is narrower than narrowest is refused.
    """

    def height(t):
        found = f(t, *values)[0] + 0*t
        return np.where(np.isnan(found), -np.inf, found)

    each = np.arange(places.shape[1])
    heights = height(places)
    k = np.argmax(heights, axis=0)
    last = len(places) - 1
    inside = (0 < k) & (k < last) | closed
    if not np.all(inside & np.isfinite(heights[k, each])):
        raise ArithmeticError("an expectation is infinite, or its peak is too far away")
    low, high = places[np.maximum(k - 1, 0), each], places[np.minimum(k + 1, last), each]
    width = np.where(closed, places[-1] - places[0], high - low)
    for _ in range(90):
        one, two = low + (high - low)/3, high - (high - low)/3
        is_left = height(one) >= height(two)
        low, high = np.where(is_left, low, one), np.where(is_left, two, high)
    centre = low + (high - low)/2
    best = np.where(height(places[k, each]) > height(centre), places[k, each], centre)
    centre, top = best, height(best)
    for _ in range(200):
        before = np.maximum(centre - width, places[0])
        after = np.minimum(centre + width, places[-1])
        lowest = np.minimum(
            np.where(before < centre, height(before), top),
            np.where(after > centre, height(after), top),
        )
        is_wide = lowest < top - 2
        if not np.any(is_wide):
            break
        width = np.where(is_wide, width/2, width)
    within = (centre > places[0]) & (centre < places[-1])
    if np.any(within & (width < narrowest(centre))):
        raise ArithmeticError("a sum has a peak too narrow for so many terms")
    steps = np.ldexp(1.0, np.arange(-1, 110))[:, None]*width
    edges = np.concatenate((centre - steps[::-1], centre[None], centre + steps))
    edges = np.minimum(np.maximum(edges, places[0]), places[-1])
    fine = edges[:-1] + np.arange(4)[:, None, None]/4*(edges[1:] - edges[:-1])
    fine = np.concatenate((fine.swapaxes(0, 1).reshape(-1, len(each)), edges[-1:]))
    heights = height(fine)
    lowest = np.where(
        fine < centre,
        np.minimum.accumulate(np.where(fine < centre, heights, top)[::-1], axis=0)[::-1],
        np.minimum.accumulate(np.where(fine > centre, heights, top), axis=0),
    )
    if np.any(heights > lowest + 1 + 1e-9*np.abs(heights)):
        raise ArithmeticError("a weight has several peaks: write it as a sum of such with one")
    near = heights[::4] > top - 150
    beyond = heights[::4] + np.log(1 + np.abs(edges - centre)/width) > top - 40
    is_cut = (beyond[0] & (edges[0] > places[0])) | (beyond[-1] & (edges[-1] < places[-1]))
    if np.any(is_cut | ((beyond[0] | beyond[-1]) & ~closed)):
        raise ArithmeticError("an expectation is infinite, or converges too slowly")
    left, right = edges[:-1].ravel(), edges[1:].ravel()
    kept = ((near[:-1] | near[1:]).ravel()) & (left < right)
    owner = np.tile(each, len(edges) - 1)[kept]
    noise = 4*np.finfo(float).eps*np.abs(centre)/width
    total, size = over_panels(f, values, owner, left[kept], right[kept], noise)
    return total, size
''',
    "over_line": '''\
def over_line(f, *values):
    """The integral of exp(l)*r over the real line, with (l, r) = f(x, *values)."""
    shape, kind = np.broadcast_shapes(*map(np.shape, values)), np.result_type(1.0, *values)
    values = [np.broadcast_to(np.asarray(v, dtype=float), shape).ravel() for v in values]
    places = np.sinh(np.arange(-160, 161)/4)[:, None]
    found = np.zeros(int(np.prod(shape)))
    with np.errstate(all="ignore"):
        for i in range(0, len(found), 256):
            part = [v[i:i + 256] for v in values]
            here = np.broadcast_to(places, (len(places), len(found[i:i + 256])))
            found[i:i + 256] = over_peak(f, here, part, False, np.zeros_like)[0]
    return found.reshape(shape).astype(kind)[()]
''',
    "over_distances": '''\
def over_distances(f, length, *values):
    """The integral of exp(l)*r over distances 0 < d < length, with (l, r) = f(d, *values)."""
    shape = np.broadcast_shapes(*map(np.shape, (length, *values)))
    kind = np.result_type(1.0, *values)
    values = [np.broadcast_to(np.asarray(v, dtype=float), shape).ravel() for v in (length, *values)]
    found = np.zeros(int(np.prod(shape)))

    def logarithmic(t, *inner):
        log_weight, factor = f(np.exp(t), *inner)
        return log_weight + t, factor

    with np.errstate(all="ignore"):
        for i in range(0, len(found), 256):
            top, *part = (v[i:i + 256] for v in values)
            end = np.minimum(np.log(top), 45.0)
            places = np.concatenate((np.arange(-700.0, -40.0, 4.0), np.arange(-40.0, 45.1, 0.25)))
            places = np.minimum(places[:, None], end)
            is_closed = top < 1e19
            total, size = over_peak(logarithmic, places, part, is_closed, np.zeros_like)
            log_weight, factor = logarithmic(places[0], *part)
            if np.any(np.exp(log_weight)*np.abs(factor) > 1e-16*size):
                raise ArithmeticError("an expectation is infinite, or converges too slowly")
            found[i:i + 256] = total
    return found.reshape(shape).astype(kind)[()]
''',
    "over_counts": '''\
def over_counts(f, smooth, low, high, *values):
    """The sum of exp(l)*r over the whole numbers from low to high, with (l, r) = f(k, *values).

    The first and the last 1024 terms are added up. Those between are smooth, and their sum is an
    integral with corrections at its ends (Euler and Maclaurin, by central differences).
    """
    shape = np.broadcast_shapes(*map(np.shape, (low, high, *values)))
    kind = np.result_type(1.0, *values)
    values = [np.broadcast_to(np.asarray(v, dtype=float), shape).ravel()
              for v in (low, high, *values)]
    found = np.zeros(int(np.prod(shape)))
    many = 1024

    def terms(k, part):
        log_weight, factor = f(k, *part)
        height = np.exp(log_weight)
        return np.where(height == 0, 0, height*factor)

    def correction(end, way, part):
        near = np.stack([terms(end + way*j, part) for j in (-4, -3, -2, -1, 0, 1, 2, 3)])
        one = near[4] - near[3]
        three = np.diff(near[2:6], 3, axis=0)[0]
        five = np.diff(near[1:7], 5, axis=0)[0]
        left = np.diff(near, 7, axis=0)[0]*27859/464486400
        return one/24 - three*17/5760 + five*367/967680, np.abs(left)

    def logarithmic(t, start, *part):
        log_weight, factor = f(start + np.exp(t), *part)
        return log_weight + t, factor

    def narrowest(t):
        return 6*np.exp(-t)

    steps = np.arange(many)[:, None]
    with np.errstate(all="ignore"):
        for i in range(0, len(found), 256):
            first, last, *part = (v[i:i + 256] for v in values)
            whole = np.where(np.isinf(last), 0, last)
            if np.any((first != np.floor(first)) | (whole != np.floor(whole))):
                raise ArithmeticError("a sum goes from one whole number to another")
            k = first + steps
            level, factor = f(np.minimum(k, last), *part)
            height = np.where(k <= last, np.exp(level), 0)
            total = np.sum(np.where(height == 0, 0, height*factor), axis=0)
            if np.any(np.isfinite(last)):
                k = last - np.arange(3*many)[:, None]
                inside = (k >= first + many) & np.isfinite(last)
                inside = inside & ((last - first < 4*many) | (k > last - many))
                k = np.where(inside, k, first)
                total = total + np.sum(np.where(inside, terms(k, part), 0), axis=0)
            rest = np.flatnonzero(last - first >= 4*many)
            if len(rest):
                start, stop = first[rest] + many, (last - many)[rest]
                inner = [first[rest], *(v[rest] for v in part)]
                begin, end = np.log(many - 0.5), np.log(np.minimum(stop - first[rest] + 0.5, 1e19))
                places = begin + np.linspace(0, 1, 400)[:, None]*(end - begin)
                closed = np.isfinite(stop)
                heights = np.max(logarithmic(places, *inner)[0], axis=0)
                top = np.max(level + 0*steps, axis=0)[rest]
                if np.any(closed):
                    k = np.where(np.isfinite(last), last, first) - steps
                    other = np.max(f(k, *part)[0] + 0*steps, axis=0)[rest]
                    top = np.where(closed, np.maximum(top, other), top)
                matters = ~(heights < top - 100)
                rest, start, stop, places, closed = (
                    rest[matters], start[matters], stop[matters], places[:, matters],
                    closed[matters],
                )
                inner = [v[matters] for v in inner]
            if len(rest):
                between, size = over_peak(logarithmic, places, inner, True, narrowest)
                ends = logarithmic(places[-1], *inner)
                open_end = np.exp(ends[0])*np.abs(ends[1])*40 > 1e-13*(size + np.abs(total[rest]))
                if np.any(open_end & ~closed):
                    raise ArithmeticError("an expectation is infinite, or converges too slowly")
                if not smooth and np.any(size > 1e-13*np.abs(total[rest])):
                    raise ArithmeticError("a sum of more than 1024 terms has a kink or a jump")
                first_end, error = correction(start, 1, inner[1:])
                last_end, last_error = correction(np.where(closed, stop, start), -1, inner[1:])
                error = error + np.where(closed, last_error, 0)
                if np.any(error > 1e-13*(size + np.abs(total[rest]))):
                    raise ArithmeticError("a sum has terms that change too fast for so many")
                between = between + first_end + np.where(closed, last_end, 0)
                total[rest] = total[rest] + between
            found[i:i + 256] = total
    if not np.all(np.isfinite(found)):
        raise ArithmeticError("an expectation is infinite, or undefined at an action")
    return found.reshape(shape).astype(kind)[()]
''',
}
