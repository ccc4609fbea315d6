"""Conserved quantities of training: what gradient flow does not move, since `NTCov(Q, L) = 0`.

With the output f of a network in the place of the loss, `NTCov(Q, f) = 0` for every input means
that Q is conserved along every data set and for every loss: `∇L` is then a combination of `∇f`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sympy import Eq, S, Tuple, ZeroMatrix
from sympy.matrices.matrixbase import MatrixBase

from ..indexed.entries import Index
from ..indexed.shifts import UnitVector
from ..tangent.covariance import covariance
from ..tangent.metric import as_metric
from ..tangent.properties import MATRIX, as_property, require_parameters
from .deciding import SECONDS, DecidedClaim, decided, inline, with_formula

__all__ = ["Conservation", "conserved"]


class Conservation(DecidedClaim):
    """Whether training moves a quantity. Made by ``conserved``; truthy where it does not.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import parameters
    >>> from symprice.solutions.invariants import conserved
    >>> a, b = parameters('a b')
    >>> y = symbols('y')
    >>> found = conserved(a**2 - b**2, (y - a*b)**2)
    >>> found.equation, found.proved
    (Eq(NTCov(a**2 - b**2, (-a*b + y)**2), 0), True)
    """

    @property
    def quantity(self) -> Any:
        """The quantity."""
        return self.args[0].args[0]

    @property
    def loss(self) -> Any:
        """The loss, or the outputs of the network."""
        return self.args[0].args[1]

    @property
    def covariance(self) -> Any:
        """NTCov(Q, L); of a matrix Q that of its entry `eᵢᵀQeⱼ`, of an explicit one of all of them.

        It is 0 where Q is conserved.
        """
        return self.args[1]

    @property
    def rate(self) -> Any:
        """dQ/dt = -NTCov(Q, L) under gradient flow."""
        return -self.covariance

    @property
    def equation(self) -> Any:
        """NTCov(Q, L) = 0, or what it is instead."""
        node = self.covariance
        return Eq(node, _zero(node) if self else self._other_side(), evaluate=False)

    def _sides(self) -> tuple[Any, Any]:
        return self.covariance, _zero(self.covariance)

    def __str__(self) -> str:
        name = inline(self.quantity)
        if not self:
            return f"{name} is not conserved: its covariance with the loss is not 0" + (
                self._shown_point()
            )
        how = "proved" if self.proved else "not proved: 0 at random points, to thirty digits"
        return f"{name} is conserved ({how})"

    __repr__ = __str__


def conserved(
    quantity: Any, loss: Any, *, metric: Any = None, seconds: float = SECONDS
) -> Conservation:
    """Whether gradient flow conserves a quantity: whether NTCov(Q, L) = 0 for all parameters.

    Parameters
    ==========

    quantity : a scalar, or a matrix: then every entry of it.
    loss : a loss; or the output of a network, and the answer holds for every data set and loss.
    metric : as for ``NTCov``: that of another way of training.
    seconds : how long an attempt at a proof may take.

    Returns a Conservation: truthy where the quantity is conserved, ``.proved`` where that was shown
    by a normal form. Without a proof it is conserved only if NTCov(Q, L), by difference quotients,
    vanishes at random points to thirty digits, and the result says so. Where there is a kink, as
    of a rectifier, it speaks of where the network is differentiable.

    Raises
    ======

    NoRuleError : for a property without a formula, and where neither a proof nor numbers decide.
    NoParameterError : if nothing in the quantity is trained, or nothing in the loss.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import MLP, ParameterMatrix, inputs, relu
    >>> from symprice.elementwise import ScalarProduct
    >>> from symprice.solutions.invariants import conserved
    >>> d, m, k = symbols('d m k', integer=True, positive=True)
    >>> x = inputs('x', d)
    >>> V, W = ParameterMatrix('V', k, m), ParameterMatrix('W', m, d)
    >>> conserved(V.T*V - W*W.T, V*W*x)
    -W*W.T + V.T*V is conserved (proved)
    >>> net = MLP(d, m, k, activation=relu, bias=False)
    >>> W1, W2 = net.parameters
    >>> bool(conserved(ScalarProduct(W2, W2) - ScalarProduct(W1, W1), net(x)))
    True
    >>> net = MLP(d, m, k, activation=tanh, bias=False)
    >>> bool(conserved(ScalarProduct(W2, W2) - ScalarProduct(W1, W1), net(x)))
    False

    References
    ==========

    A. M. Saxe, J. L. McClelland, S. Ganguli (2014). S. S. Du, W. Hu, J. D. Lee, Algorithmic
    regularization in learning deep homogeneous models, NeurIPS 2018.
    """
    asked = "a conserved quantity"
    given = [with_formula(thing, asked) for thing in (quantity, loss)]
    for one in given:
        require_parameters("conserved", one)
    taken = {index.name for one in given for index in one.atoms(Index)}
    taken |= {str(s) for one in given for s in one.free_symbols}
    letters = (letter for letter in "ijpqrsuvabcdefgh" if letter not in taken)
    one, other = (_property(thing, letters) for thing in given)
    node = covariance(one, other, metric=as_metric(metric, one.free_symbols | other.free_symbols))
    return Conservation(Tuple(*given), node, *decided(node, _zero(node), seconds))


def _property(thing: Any, letters: Iterator[str]) -> Any:
    """A scalar, a column, or an entry of a matrix at indices that stand for all places."""
    if isinstance(thing, MatrixBase):
        return as_property(thing.reshape(thing.rows * thing.cols, 1))
    if not isinstance(thing, MATRIX) or thing.shape[1] == 1:
        return as_property(thing)
    if thing.shape[0] == 1:
        return as_property(thing.T)
    row, column = (UnitVector(size, Index(next(letters), size)) for size in thing.shape)
    return row.T * thing * column


def _zero(node: Any) -> Any:
    return ZeroMatrix(*node.shape) if isinstance(node, MATRIX) else S.Zero
