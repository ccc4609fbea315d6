"""Tables in float64, as sparse matrices: read, and made from exact tables."""

from __future__ import annotations

from typing import Any

from ..errors import PolicyError, ShapeError
from .tables import ROUNDING, Exact, Shape, Sparse, labels_of, places

__all__ = ["as_sparse", "read_sparse"]


def read_sparse(
    P: Any, R: Any, termination: Any, terminal: Any, states: Any, actions: Any
) -> tuple[Shape, Sparse, Any]:
    """Sparse transitions: one S × S matrix for each action, or (S·A) × S with the row s·A + a."""
    import numpy as np
    import scipy.sparse.linalg  # which every question to the tables needs: the first need not wait

    sparse = scipy.sparse

    if isinstance(P, (list, tuple)):
        choices, count = len(P), P[0].shape[0]
        for a, one in enumerate(P):
            if one.shape != (count, count):
                raise ShapeError(f"P of action {a + 1} is {one.shape}, expected {(count, count)}")
        stacked = sparse.vstack(list(P), format="csr")
        order = (np.arange(choices)[None, :] * count + np.arange(count)[:, None]).ravel()
        moves = stacked[order]
    else:
        rows, count = P.shape
        choices, rest = divmod(rows, count)
        if rest or not choices:
            raise ShapeError(
                f"P is {rows} × {count}: write (S·A) × S with the row s·A + a, or a list with one "
                "S × S matrix for each action"
            )
        moves = sparse.csr_matrix(P)
    moves = sparse.csr_matrix(moves, dtype=float)
    # Names of many states are made when they are asked for.
    shape = Shape(
        labels_of(states, count, "states"),
        labels_of(actions, choices, "actions"),
        frozenset(),
    )
    shape = shape._replace(terminal=places(terminal, shape.states))
    rewards, by_next = _sparse_rewards(R, moves, count, choices)
    ends = np.zeros((count, choices)) if termination is None else np.asarray(termination, float)
    if ends.shape != (count, choices):
        raise ShapeError(f"termination is {ends.shape}, expected {(count, choices)}: S × A")
    ends = ends.copy()
    for table, what in ((rewards, "the reward"), (ends, "the termination")):
        strange = np.argwhere(~np.isfinite(table) | (what != "the reward") & (table < 0))
        if len(strange):
            s, a = strange[0]
            raise PolicyError(
                f"received {table[s, a]} as {what} of {shape.words(s, a)}: write a finite number"
                f"{'' if what == 'the reward' else ' from 0 to 1'}"
            )
    if shape.terminal:
        gone = sorted(shape.terminal)
        if np.any(rewards[gone]):
            raise PolicyError("received a reward in a terminal state: give it to the way there")
        keep = np.ones((count, choices))
        keep[gone] = 0
        moves = sparse.csr_matrix(sparse.diags(keep.ravel()) @ moves)
        ends[gone] = 1
    total = np.asarray(moves.sum(axis=1)).reshape(count, choices) + ends
    wrong = np.argwhere(~(np.abs(total - 1) <= ROUNDING))
    if len(wrong) or (moves.nnz and moves.data.min() < 0):
        if len(wrong):
            s, a = wrong[0]
        else:
            row = np.searchsorted(moves.indptr, np.argmin(moves.data), side="right") - 1
            s, a = divmod(int(row), choices)
        raise PolicyError(
            f"the transition probabilities of {shape.words(s, a)} sum to {total[s, a]:.12g} or "
            "have a negative one among them: they must be probabilities that sum to 1"
        )
    return shape, Sparse(moves, rewards, ends), by_next


def _sparse_rewards(R: Any, moves: Any, count: int, choices: int) -> tuple[Any, Any]:
    import numpy as np
    import scipy.sparse as sparse

    if sparse.issparse(R):
        if R.shape != moves.shape:
            raise ShapeError(f"R is {R.shape}, expected the shape of P, {moves.shape}")
        mean = np.asarray(moves.multiply(R).sum(axis=1)).reshape(count, choices)
        return mean, sparse.csr_matrix(R)
    values = np.asarray(R, dtype=float)
    if values.ndim < 2:
        column = values if values.ndim == 0 else values[:, None]
        if values.ndim and len(values) != count:
            raise ShapeError(f"R has {len(values)} entries, but there are {count} states")
        return np.broadcast_to(column, (count, choices)).copy(), None
    if values.shape != (count, choices):
        raise ShapeError(f"R is {values.shape}, expected {(count, choices)}: S × A")
    return values.copy(), None


def as_sparse(tables: Exact | Sparse) -> Sparse:
    """Numeric tables in float64."""
    import numpy as np
    import scipy.sparse as sparse

    if isinstance(tables, Sparse):
        return tables
    count, choices = len(tables.rewards), len(tables.rewards[0])
    rows, columns, values = [], [], []
    for s, line in enumerate(tables.moves):
        for a, targets in enumerate(line):
            for t, p in targets.items():
                rows.append(s * choices + a)
                columns.append(t)
                values.append(float(p))
    moves = sparse.csr_matrix((values, (rows, columns)), shape=(count * choices, count))
    return Sparse(moves, np.array(tables.rewards, dtype=float), np.array(tables.ends, dtype=float))
