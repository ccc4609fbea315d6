"""The policy of a decision process with a logit for every state and action."""

from __future__ import annotations

from typing import Any

from sympy import MatrixExpr, S

from ..errors import PolicyError, ShapeError
from ..outputs import DescribedLogits
from ..policy.arguments import listed, scalar
from ..symbols import Parameter
from .tables import Shape

__all__ = ["TabularSoftmax"]

# Logits that are written out.
MOST_SHOWN = 40


class TabularSoftmax(DescribedLogits):
    """A softmax policy with a logit for every state and action: `π(a|s) = softmax(θ_s)_a`.

    Parameters
    ==========

    logits : S × A, a NumPy array (then everything is float64 and gradients are S × A arrays), or
        rows of symbols and numbers. For a Parameter each, write ``mdp.softmax_policy()``.

    Raises
    ======

    ShapeError, PolicyError : for what is no table of logits.

    Examples
    ========

    >>> from symprice.mdp.tabular import TabularSoftmax
    >>> TabularSoftmax.of(['s', 't'], [1, 2]).logits
    ((theta_s_1, theta_s_2), (theta_t_1, theta_t_2))
    """

    def __init__(self, logits: Any) -> None:
        if hasattr(logits, "dtype") and logits.dtype.kind in "fi":
            if logits.ndim != 2:
                raise ShapeError(f"asked for logits of shape {logits.shape}: write S × A")
            self.logits: Any = logits.astype(float)
            self.numeric = True
        else:
            rows = [tuple(scalar(z, "a logit") for z in row) for row in _rows(logits)]
            for s, row in enumerate(rows):
                wrong = [z for z in row if z.is_extended_real is False or z in (S.Infinity, S.NaN)]
                if wrong or (row and all(z is S.NegativeInfinity for z in row)):
                    raise PolicyError(
                        f"received {wrong[0] if wrong else 'only -oo'} as logit in row {s + 1}: "
                        "write real numbers; -oo for an action that a state lacks"
                    )
            self.logits = tuple(rows)
            self.numeric = False
        widths = {len(row) for row in self.logits}
        if len(widths) != 1 or not min(widths):
            raise ShapeError(
                f"asked for logits in {len(self.logits)} rows of "
                f"{' or '.join(map(str, sorted(widths))) or 'nothing'}: "
                "write one for each action in each state; -oo for an action that a state lacks"
            )

    @staticmethod
    def of(
        states: Any, actions: Any, name: str = "theta", process: Shape | None = None
    ) -> TabularSoftmax:
        """A Parameter `θ_s_a` for every state and action, real; none for terminal states, and for
        actions that a state does not have.
        """

        def logit(s: int, a: int) -> Any:
            if process is not None and s in process.terminal:
                return S.Zero
            if process is not None and (s, a) in process.absent:
                return S.NegativeInfinity
            return Parameter(f"{name}_{states[s]}_{actions[a]}", real=True)

        return TabularSoftmax(
            [[logit(s, a) for a in range(len(actions))] for s in range(len(states))]
        )

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, TabularSoftmax) or self.numeric != other.numeric:
            return NotImplemented if not isinstance(other, TabularSoftmax) else False
        if self.numeric:
            return self.logits.shape == other.logits.shape and bool(
                (self.logits == other.logits).all()
            )
        return self.logits == other.logits

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if self.numeric or len(self.logits) * len(self.logits[0]) > MOST_SHOWN:
            shape = len(self.logits), len(self.logits[0])
            return f"TabularSoftmax(<{' × '.join(map(str, shape))} logits>)"
        return f"TabularSoftmax({self.logits})"


def _rows(logits: Any) -> list[Any]:
    """The rows of a table of logits.

    Raises
    ======

    PolicyError : where there are none.
    """
    table = None
    if hasattr(logits, "tolist"):
        table = logits.tolist()
    elif isinstance(logits, MatrixExpr):
        if all(n.is_Integer for n in logits.shape):
            table = logits.as_explicit().tolist()
    else:
        table = listed(logits, "the logits")
    rows = None if table is None else [listed(row, "the logits of a state") for row in table]
    if rows is None or any(row is None for row in rows):
        raise PolicyError(
            f"asked for a softmax policy with the logits {str(logits)[:80]}: write S × A of them, "
            "as in TabularSoftmax([[a, b], [c, d]]); mdp.softmax_policy() has a Parameter for each "
            "state and action of a decision process"
        )
    return rows
