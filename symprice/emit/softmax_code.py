"""The source of vectors of probabilities, and of rewards about their mean."""

from __future__ import annotations

__all__ = ["SOFTMAXES"]

SOFTMAXES = {
    "log_softmax": '''\
def log_softmax(*z):
    """log(exp(z_i)/sum_j exp(z_j)) along a new first axis, to full relative precision."""
    z = np.stack(np.broadcast_arrays(*z), dtype=np.result_type(*z, 1.0))
    z = z - np.max(z, axis=0)
    rest = np.sum(np.sort(np.exp(z), axis=0)[:-1], axis=0)  # all but the largest, which is 1
    return z - np.log1p(rest)
''',
    "reward_gaps": '''\
def reward_gaps(pi, *r):
    """r_i - sum_j r_j*pi_j along the first axis, from the reward of the likeliest action."""
    r = np.stack(np.broadcast_arrays(*r, pi[0])[:-1])
    r = r - np.take_along_axis(r, np.argmax(pi, axis=0)[None], axis=0)
    return r - np.sum(r*pi, axis=0)
''',
}
