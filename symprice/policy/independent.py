"""Several actions that are drawn independently, each from a policy of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Tuple

from .distribution import DistributionPolicy

__all__ = ["IndependentActions"]


class IndependentActions(DistributionPolicy):
    """A draw from each of several policies, {symbol: policy}.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import GaussianPolicy, PoissonPolicy
    >>> from symprice.policy.distribution import Action
    >>> from symprice.policy.independent import IndependentActions
    >>> both = IndependentActions({Action('a_1'): GaussianPolicy(0, 1),
    ...                            Action('a_2'): PoissonPolicy(3)})
    >>> both.sample(np.random.default_rng(0), 4).shape
    (4, 2)
    """

    def __new__(cls, laws: Any, symbols: Any = None) -> IndependentActions:
        if symbols is None:
            laws, symbols = laws.values(), laws.keys()
        return super().__new__(cls, Tuple(*laws), Tuple(*symbols))

    @property
    def laws(self) -> tuple[Any, ...]:
        """The policies."""
        return tuple(self.args[0])

    @property
    def action(self) -> Any:
        """The symbols of the actions."""
        return self.args[1]

    @property
    def heads(self) -> tuple[Any, ...]:
        """The parameters of all policies."""
        return tuple(head for law in self.laws for head in law.heads)

    def sample(self, rng: Any, n: int, at: Mapping[Any, Any] | None = None) -> Any:
        """n draws of each action, an array with a column for each."""
        import numpy as np

        return np.stack([law.sample(rng, n, at) for law in self.laws], axis=1)

    def mean(self, expr: Any, conditions: list[Any] | None = None) -> Any:
        """E of an expression in the actions, over one after the other."""
        for symbol, law in zip(self.action, self.laws, strict=True):
            expr = law.mean(expr.xreplace({symbol: law.action}), conditions)
        return expr

    def _latex(self, printer: Any) -> str:
        pairs = zip(self.action, self.laws, strict=True)
        return r",\ ".join(rf"{printer._print(a)} \sim {printer._print(x)}" for a, x in pairs)
