"""The equations that values and occupancies keep: what a check holds them to, with nothing solved.

They go through the tables entry by entry; neither P_π nor its inverse is formed.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Float, S

__all__ = ["balances", "worst"]


def balances(result: Any) -> list[tuple[str, Any, Any]]:
    """[(label, before, after)] of a ValueTable."""
    return _exact(result) if result.exact else _float(result)


def _exact(result: Any) -> list[tuple[str, Any, Any]]:
    e, mdp, kind = result.evaluation, result.mdp, result.kind
    moves, rewards, gamma = e.tables.moves, e.tables.rewards, mdp.gamma
    table, items = result.table, []
    if kind == "J":
        # The dual route: by the occupancy, not by the values.
        paid = [
            n * p * r
            for s, n in enumerate(e.visits)
            for p, r in zip(e.pi[s], rewards[s], strict=True)
        ]
        flow = [_kept(e, mdp, e.visits, s) for s in e.alive]
        return [
            ("J by the occupancy", table, Add(*paid)),
            *(
                (f"balance of visits in state {mdp.states[s]}", e.visits[s], after)
                for s, after in zip(e.alive, flow, strict=True)
            ),
        ]
    if kind == "d":
        scale = S.One if gamma == 1 else 1 - gamma
        for s in e.alive:
            after = _kept(e, mdp, list(table), s, scale)
            items.append((f"balance of d in state {mdp.states[s]}", table[s, 0], after))
        return items
    for s in e.alive:
        for a in e.shape.choices(s):
            r, targets = rewards[s][a], moves[s][a]
            place = f"state {mdp.states[s]}, action {mdp.actions[a]}"
            if kind == "Q":
                following = Add(
                    *(
                        p * e.pi[t][b] * table[t, b]
                        for t, p in targets.items()
                        if t in e.alive
                        for b in e.shape.choices(t)
                    )
                )
                items.append(
                    (f"Bellman equation of Q in {place}", table[s, a], r + gamma * following)
                )
            elif kind == "A":
                following = Add(*(p * e.V[t] for t, p in targets.items()))
                items.append((f"advantage in {place}", table[s, a], r + gamma * following - e.V[s]))
        if kind == "A":
            mean = Add(*(e.pi[s][a] * table[s, a] for a in e.shape.choices(s)))
            items.append((f"mean advantage in state {mdp.states[s]}", mean, S.Zero))
    if kind in "VA":
        values = list(table) if kind == "V" else e.V
        for s in e.alive:
            after = Add(
                *(
                    p * (r + gamma * Add(*(q * values[t] for t, q in targets.items())))
                    for p, r, targets in zip(e.pi[s], rewards[s], moves[s], strict=True)
                )
            )
            items.append((f"Bellman equation in state {mdp.states[s]}", values[s], after))
    return items


def _kept(e: Any, mdp: Any, visits: list[Any], s: int, scale: Any = S.One) -> Any:
    """ρ(s) + γ Σ η(x) π(a|x) p(s|x, a)."""
    return scale * e.rho[s] + mdp.gamma * Add(
        *(
            visits[x] * p * e.tables.moves[x][a][s]
            for x in e.alive
            for a, p in enumerate(e.pi[x])
            if s in e.tables.moves[x][a]
        )
    )


def _float(result: Any) -> list[tuple[str, Any, Any]]:
    """The worst entry of each balance, in float64, and the same by summing over time."""
    import numpy as np

    e, kind = result.evaluation, result.kind
    gamma, moves, pi = e.gamma, e.tables.moves, e.pi
    table = np.asarray(result.table)
    if kind in "QA" and e.shape.absent:
        table = np.where(np.isneginf(table), 0.0 if kind == "Q" else -e.V[:, None], table)

    def forward(v: Any) -> Any:
        """One step of the Bellman equation."""
        return (pi * (e.tables.rewards + gamma * (moves @ v).reshape(pi.shape))).sum(axis=1)

    def back(n: Any, start: Any) -> Any:
        """One step of the balance of visits."""
        return np.where(e.alive, start + gamma * (moves.T @ (pi * n[:, None]).ravel()), 0.0)

    if kind == "J":
        return [("J by the occupancy", _number(table), _number(e.visits @ e.mean_rewards))]
    if kind == "d":
        scale = 1.0 if gamma == 1 else 1 - gamma
        return [worst("balance of d", table, back(table, scale * e.rho_alive))]
    if kind == "V":
        return [worst("Bellman equation", table, forward(table))]
    V = (pi * table).sum(axis=1) if kind == "Q" else e.V
    after = e.tables.rewards + gamma * (moves @ V).reshape(pi.shape)
    if kind == "Q":
        return [worst("Bellman equation of Q", table, after)]
    return [
        worst("advantage", table, after - V[:, None]),
        worst("Bellman equation", V, forward(V)),
    ]


def worst(label: str, before: Any, after: Any) -> tuple[str, Any, Any]:
    """The entry that differs most; on the scale of the largest one, as rounding is."""
    import numpy as np

    left, right = np.ravel(before), np.ravel(after)
    scale = max(float(np.abs(left).max()), 1e-300)
    k = int(np.argmax(np.abs(left - right)))
    # From 1 to 3, so that their relative difference is a difference on the scale.
    return label, _number(2 + left[k] / scale), _number(2 + right[k] / scale)


def _number(x: Any) -> Any:
    return Float(float(x), 17)
