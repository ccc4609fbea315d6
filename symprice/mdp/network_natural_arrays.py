"""The natural gradient of a network policy in float64, and products with its Fisher matrix."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ..errors import NoRuleError
from .balances import worst
from .results import Numeric

__all__ = ["NetworkNaturalArrays"]

# Logits of visited states, up to which their kernel is formed and taken apart.
MOST = 3000
# Eigenvalues below this part of the largest are those of directions that do not move the policy.
SINGULAR = 1e-12
STEP = 1e-3


class NetworkNaturalArrays(Numeric):
    """`w = (F + λ)⁻¹∇J` by the arrays of a network; without damping `F⁺∇J`, the shortest such w.

    Solved in the space of logits: `F = GᵀBBᵀG`, with G the slopes of logits by θ and BBᵀ the Fisher
    matrix of the logits, gives `w = GᵀB (BᵀΘB + λ)⁻¹ BᵀA/(1 - γ)` with the kernel `Θ = GGᵀ`. No
    matrix of the parameters' size is formed. ``doit()`` is {name: array}. Without damping, what
    moves the policy by less than 1e-12 of the largest eigenvalue of F is taken for nothing.

    Made by ``mdp.natural_gradient(NetworkSoftmax(...), damping=λ)``.

    Examples
    ========

    With a logit for every state and action it is the advantage; its mean over actions moves
    nothing:

    >>> import numpy as np
    >>> from symprice import Dense, Network, inputs
    >>> from symprice.mdp.network_policy import NetworkSoftmax
    >>> from symprice.mdp.process import MDP
    >>> mdp = MDP(np.full((2, 2, 2), 0.5), np.array([[0.0, 1.0], [2.0, 0.0]]), 0.9)
    >>> table = Network(Dense(2, 2, bias=False))
    >>> w = mdp.natural_gradient(NetworkSoftmax(table(inputs('x', 2)), np.eye(2), table.init(0)))
    >>> w.doit()['W1']                                  # actions × states: A/(1 - γ)
    array([[ -5.,  10.],
           [  5., -10.]])
    >>> bool(w.check())
    True

    References
    ==========

    S. Kakade, A natural policy gradient (2002); J. Martens, Deep learning via Hessian-free
    optimization (2010).
    """

    exact = False
    _title = "natural gradient of J"

    def __init__(self, mdp: Any, evaluation: Any, damping: Any = 0) -> None:
        self.mdp, self.evaluation, self.damping = mdp, evaluation, float(damping)
        self.policy = evaluation.policy.given

    @cached_property
    def _root(self) -> Any:
        """B, state by state: `√d (diag √π - π √πᵀ)`, with `BBᵀ = d (diag π - ππᵀ)`."""
        import numpy as np

        e = self.evaluation
        root = np.sqrt(e.pi)
        blocks = root[:, :, None] * np.eye(e.pi.shape[1]) - e.pi[:, :, None] * root[:, None, :]
        return np.sqrt(np.maximum(e.occupancy, 0))[:, None, None] * blocks

    @cached_property
    def slopes(self) -> Any:
        """α with `w = Gᵀα`, S × A."""
        import numpy as np

        e = self.evaluation
        visited = np.flatnonzero(e.occupancy > 0)
        choices = e.pi.shape[1]
        size = len(visited) * choices
        if size > MOST:
            raise NoRuleError(
                f"asked for the natural gradient by the kernel of {size} logits, more than {MOST}: "
                "give .fisher_product to scipy.sparse.linalg.cg, with a damping"
            )
        B = self._root[visited]
        scale = 1.0 if e.gamma == 1 else 1 / (1 - e.gamma)
        A = np.where(e.pi > 0, e.A, 0.0)[visited] * scale
        K = self.policy.kernel(visited)
        # (BᵀΘB) by blocks: [s, i, t, j].
        whole = np.einsum("ska,stkl,tlb->satb", B, K, B, optimize=True).reshape(size, size)
        right = np.einsum("ska,sk->sa", B, A).ravel()
        values, vectors = np.linalg.eigh((whole + whole.T) / 2)
        kept = values > SINGULAR * max(values.max(), 0.0) if self.damping == 0 else values > -np.inf
        parts = vectors[:, kept].T @ right / (np.maximum(values[kept], 0.0) + self.damping)
        y = (vectors[:, kept] @ parts).reshape(len(visited), choices)
        found = np.zeros(e.pi.shape)
        found[visited] = np.einsum("ska,sa->sk", B, y)
        return found

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        return self.policy.pulled_back(self.slopes)

    def doit(self, **hints: Any) -> dict[str, Any]:
        """{name: array}."""
        return self._arrays

    @cached_property
    def motion(self) -> Any:
        """`Gw`, S × A: how the logits move along w."""
        return self.policy.along(self._arrays)

    def fisher_product(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """`F v` for a direction {name: array}: forward through the network and back once."""
        return self.policy.pulled_back(self._metric(self.policy.along(arrays)))

    def _metric(self, table: Any) -> Any:
        """`d (diag π - ππᵀ)` times the logits of every state."""
        e = self.evaluation
        mean = (e.pi * table).sum(axis=1, keepdims=True)
        return e.occupancy[:, None] * e.pi * (table - mean)

    def fit(self) -> Any:
        """`(1 - γ) ∇log π(a|s)ᵀ w`, S × A: what the compatible features make of the advantages."""
        e = self.evaluation
        mean = (e.pi * self.motion).sum(axis=1, keepdims=True)
        return (1.0 if e.gamma == 1 else 1 - e.gamma) * (self.motion - mean)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{k}: {' × '.join(map(str, v.shape))}" for k, v in self._arrays.items())
        return f"natural gradient of J by {shapes}"

    def _formula(self) -> Any:
        raise NoRuleError(
            "asked to write out the natural gradient of a network in float64: it is arrays, read "
            ".doit()"
        )

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """`F w + λ w = ∇J`, where the motion of the logits is a difference quotient."""
        import numpy as np

        w, policy = self._arrays, self.policy
        size = max(float(np.abs(array).max()) for array in w.values()) or 1.0
        step = STEP / size

        def at(k: int) -> Any:
            return policy.table({n: a + k * step * w[n] for n, a in policy.params.items()})

        moved = sum(c * (at(k) - at(-k)) for k, c in {1: 45, 2: -9, 3: 1}.items()) / (60 * step)
        held = policy.pulled_back(self._metric(moved))
        goal = policy.pulled_back(self._gradient)
        scale = max(float(np.abs(array).max()) for array in goal.values()) or 1.0
        return [
            worst(
                f"F w + λ w = ∇J, {name}",
                np.append(goal[name] / scale, 1.0),
                np.append((held[name] + self.damping * w[name]) / scale, 1.0),
            )
            for name in goal
        ]

    @property
    def _gradient(self) -> Any:
        e = self.evaluation
        return e.visits[:, None] * e.pi * np_where(e.pi > 0, e.A)


def np_where(kept: Any, table: Any) -> Any:
    """A table with 0 where it is not kept."""
    import numpy as np

    return np.where(kept, table, 0.0)
