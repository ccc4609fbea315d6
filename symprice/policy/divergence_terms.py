"""The divergence of two columns of logits as a sum of terms that are not negative."""

from __future__ import annotations

from typing import Any

from ..arrays import ArrayNode, column
from ..errors import ShapeError

__all__ = ["DivergenceTerms"]


class DivergenceTerms(ArrayNode):
    """`π_k log(π_k/π'_k) + π'_k - π_k` for every action k: no entry is negative, and their sum is
    KL(π, π').

    Of close policies the divergence is of second order in z - z', and so is every entry; in
    `πᵀ(z - z') - log Σ exp z + log Σ exp z'` the digits cancel.

    Parameters
    ==========

    logits, others : the columns z and z' of K logits, π = softmax(z) and π' = softmax(z').

    Raises
    ======

    ShapeError : if the two columns are not of one size.

    Examples
    ========

    >>> from sympy import MatrixSymbol, Symbol
    >>> from symprice import closed_form
    >>> from symprice.policy.divergence_terms import DivergenceTerms
    >>> K = Symbol('K', integer=True, positive=True)
    >>> terms = closed_form(DivergenceTerms(MatrixSymbol('z', K, 1), MatrixSymbol('y', K, 1)))
    >>> terms.lambdify()({}, z=[1.0, 0.0], y=[1.0, 0.0])
    array([0., 0.])
    """

    letter = "kl"

    def __new__(cls, logits: Any, others: Any) -> DivergenceTerms:
        logits, others = column(logits), column(others)
        if logits.shape != others.shape:
            raise ShapeError(
                f"asked for the divergence of the logits {logits} from {others}: write two columns "
                f"of one size, but their shapes are {logits.shape} and {others.shape}"
            )
        return super().__new__(cls, logits, others)

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of the logits."""
        return self.args[0].shape

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        inside = ", ".join(printer._print(arg) for arg in self.args)
        return rf"\operatorname{{divergence}}\left({inside}\right)"
