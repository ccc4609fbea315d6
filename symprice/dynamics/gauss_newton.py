"""The Gauss–Newton method of networks: natural gradient with the Fisher matrix of the data.

Of a loss `L = w Σᵢ ℓ(f(xᵢ))` the Gauss–Newton matrix is `F = w Σᵢ JᵢᵀSᵢJᵢ` with `S = ∂²ℓ/∂f²`. Its
inverse is never formed: `(w JᵀSJ + λI)⁻¹ w Jᵀℓ' = Jᵀ (SK + (λ/w) I)⁻¹ ℓ'`, where `K = JJᵀ` is the
kernel of the examples.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath
from sympy import Expr, Integer, MatMul, MatrixSymbol, S

from ..derivation import Derivation
from ..elementwise import ScalarProduct
from ..errors import NoRuleError
from ..indexed.entries import Entry
from ..indexed.families import Member
from ..indexed.naming import prepared
from ..indexed.sums import SumOver
from ..symbols import Parameter
from ..tangent.closing import closed_form
from ..tangent.covariance import covariance
from ..tangent.damped_metric import DampedMetric
from ..tangent.differences import parameter_vector
from ..tangent.free_labels import at_one_sample
from ..tangent.gradient import Nabla
from ..tangent.properties import MATRIX
from .either import SecondOrder
from .kernel_form import Fit, fit_of
from .kernel_solution import as_matrix, jacobian, other_index
from .update import mean_loss

__all__ = ["GaussNewton", "InverseGaussNewton"]


class InverseGaussNewton(DampedMetric):
    """M = (F + λI)⁻¹ with the Gauss–Newton matrix `F = w Σᵢ JᵢᵀSᵢJᵢ` of a loss `w Σᵢ ℓ(f(xᵢ))`.

    Parameters
    ==========

    loss : the loss L, of the outputs of one network of matrices.
    damping : λ.

    Examples
    ========

    >>> from symprice import Dense, Network, cross_entropy, inputs
    >>> from symprice.dynamics.gauss_newton import InverseGaussNewton
    >>> z = Network(Dense(2, 3))(inputs('x', 2))
    >>> InverseGaussNewton(cross_entropy(z, inputs('y', 3)), 1).fit.curvature.shape
    (3, 3)
    """

    @property
    def known_along(self) -> tuple[Any, Any]:
        """L and -L, of whose gradients the code knows the product."""
        return self.loss, -self.loss

    @property
    def fit(self) -> Fit:
        """The outputs f(xᵢ), and how the loss depends on them."""
        found = fit_of(self.loss)
        if found is None:
            raise NoRuleError(
                f"asked for Gauss–Newton on {self.loss}: it is for a loss of the outputs of one "
                "network of matrices, as average(squared_loss(net(x_i), y_i), i); of formulas in "
                "scalars write NaturalGradient(F, parameters) with the matrix F, or Newton()"
            )
        return found

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """None: the matrix is known as a whole."""
        raise NoRuleError(
            f"asked for entries of the Gauss–Newton matrix of {self.loss}: known are its numbers, "
            "and code of its product with the gradient of the loss"
        )

    def entry(self, u: Parameter, v: Parameter) -> Expr:
        """None, as of ``row``."""
        self.row(u)
        return S.Zero

    @property
    def is_constant(self) -> bool:
        """False: the outputs move with θ."""
        return False

    def numeric(self, evaluate: Any, point: Any) -> Any:
        """The inverse of the whole matrix, from the gradients of all outputs."""
        return self._kept(evaluate, point)

    def _numeric_inverse(self, evaluate: Any, point: Any) -> Any:
        fit, weight = self.fit, evaluate(self.fit.weight, point)
        found = evaluate(self.damping, point) * mpmath.eye(len(parameter_vector(point)))
        count = 1 if fit.index is None else int(evaluate(fit.index.size, point))
        for number in range(count):
            place = {} if fit.index is None else {fit.index: Integer(number)}
            slopes = jacobian(fit.output.xreplace(place), evaluate, point)
            curvature = as_matrix(evaluate(fit.curvature.xreplace(place), point))
            found += weight * slopes.T * curvature * slopes
        return found**-1

    def on_arrays(self, code: Any, vector: Any) -> Any:
        """`(F + λI)⁻¹∇L = Jᵀ (SK + (λ/w) I)⁻¹ ℓ'` in NumPy code: a system of the size of the
        outputs of all examples, and one backward pass.
        """
        if vector not in (Nabla(self.loss), Nabla(-self.loss)):
            raise NoRuleError(
                f"asked for NumPy code of {vector} in the metric of Gauss–Newton: it is known of "
                "the gradient of the loss; take order=1"
            )
        moved = _solved(self, code)
        return moved if vector == Nabla(self.loss) else code.combined([(-1, moved)])


def _solved(metric: InverseGaussNewton, code: Any) -> Any:
    """The arrays of Jᵀ (SK + (λ/w) I)⁻¹ ℓ'."""
    fit, index, is_column = metric.fit, metric.fit.index, isinstance(metric.fit.output, MATRIX)
    values, samples = [fit.output, fit.curvature, fit.slope, fit.output], {}
    labels: list[str] = []
    if index is not None:
        second = other_index(index, metric.loss)
        labels = [index.name, second.name]
        *values, inputs = _plain(values[:3], index)
        others = _plain([fit.output.xreplace({index: second})], second)
        values, samples = [*values, others[0]], {**inputs, **others[1]}
    first, curvature, slope, other = values
    codes = {symbol: code.codes[sample.array] for symbol, sample in samples.items()}

    def called(kind: str, value: Any) -> tuple[str, Any]:
        closed = closed_form(value)
        batch = {g: s.labels[-1].name for g, s in samples.items() if g in closed.free_symbols}
        written = code.add_function(kind, closed, batch)
        arguments = ", ".join(["params", *code.codes_of(written, codes)])
        return f"{code.named(written)}({arguments})", written

    kernel = covariance(first, other)
    slopes = code.assigned("slopes", called("slope_of_loss", slope)[0])
    product = MatMul(curvature, kernel) if is_column else curvature * kernel
    system, written = called("curved_kernel", product)
    if index is not None:
        axes = [*map(list(written.labels).index, labels)]
        places = [axes[0], 2, axes[1], 3] if is_column else axes
        if places != sorted(places):  # (i, j, a, b) as the matrix of (i, a) by (j, b)
            system = f"np.transpose({system}, ({', '.join(map(str, places))}))"
    size = f"{slopes}.size"
    system = f"np.reshape({system}, ({size}, {size}))"
    if metric.damping != 0:
        system += f" + {_shift(metric, code, slopes)} * np.eye({size})"
    system = code.assigned("system", system)
    shape = f"{slopes}.shape" if is_column else f"({size}, 1)" if index else "(1,)"
    solved = f"np.linalg.solve({system}, np.reshape({slopes}, -1))"
    name = "coefficients"
    while any(symbol.name == name for symbol in code.codes):
        name += "_"
    letter = MatrixSymbol(name, *(fit.output.shape if is_column else (1, 1)))
    code.codes[letter] = code.assigned("c", f"np.reshape({solved}, {shape})")
    member = letter if index is None else Member(letter, index)
    weighed = ScalarProduct(member, fit.output) if is_column else member[0, 0] * fit.output
    return code.vector(Nabla(weighed if index is None else SumOver(weighed, index)))


def _plain(values: list[Any], label: Any) -> tuple[Any, ...]:
    """Formulas at a sample as formulas of inputs, and these inputs, each with its sample."""
    values, scalars = [prepared(value) for value in values], {}
    single: dict[Any, Any] = {}
    for node in set().union(*(value.atoms(Entry) for value in values)):
        if node.args[-1] == label and type(node.array) is MatrixSymbol:
            plain = MatrixSymbol(f"{node.array.name}_at_{label}", *node.array.shape)
            scalars[node], single[plain] = Entry(plain, *node.args[1:-1]), Member(node.array, label)
    found = at_one_sample(*(value.xreplace(scalars) for value in values))
    return *found.properties, {**found.inputs, **single}


def _shift(metric: InverseGaussNewton, code: Any, slopes: str) -> str:
    """λ/w, for a weight that is a multiple of 1/N."""
    shift, rate = code.number(metric.damping), metric.fit.weight
    if metric.fit.index is not None:
        rate, shift = rate * metric.fit.index.size, f"{shift} * len({slopes})"
    return shift if rate == 1 else f"{shift} / {code.number(rate)}"


class GaussNewton(SecondOrder):
    """`θ ← θ - η (F + λI)⁻¹∇L`, `F = (1/N) Σᵢ JᵢᵀSᵢJᵢ`, or the flow `dθ/dt = -(F + λI)⁻¹∇L`.

    With the Jacobians `Jᵢ` of the outputs of a network at the examples and `S = ∂²ℓ/∂f²`, which is
    `I` for squared losses and `diag(p) - ppᵀ` for cross-entropy; so F is the Fisher matrix, and
    this is natural gradient. By the push-through identity
    `dP/dt = -NTCov(P, f(X)) (SK + NλI)⁻¹ ℓ'`, with the kernel `K = NTCov(f(X), f(X))`.

    Parameters
    ==========

    damping : λ; 0 where SK has an inverse.
    eta : the learning rate; without one it is the flow.

    The loss is a mean over examples of a function of the output of one network of matrices. Code
    solves a system of N·k equations for N examples of k outputs, whatever the width of the network.
    Small dampings cost digits, in this system as in that of the parameters: at λ = 1e-9 of ‖F‖ some
    seven are left of cross-entropy, whose S is singular, or of more outputs than parameters.

    Raises
    ======

    NoRuleError : for another loss.
    ShapeError : for a negative damping.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Dense, Network, inputs, price, squared_loss
    >>> from symprice import GaussNewton
    >>> f = Network(Dense(2, 1))(inputs('x', 2))
    >>> law = price(f[0], squared_loss(f, inputs('y', 1)), GaussNewton(symbols('lamda')))
    >>> law.derivation.steps[-1].rule.name
    'push-through identity'

    References
    ==========

    N. N. Schraudolph, Fast curvature matrix-vector products for second-order gradient descent,
    Neural Computation 14 (2002). Y. Ren, D. Goldfarb, Efficient subsampled Gauss–Newton and natural
    gradient methods for training neural networks, 2019.
    """

    _method = "Gauss–Newton"

    def metric(self, loss: Any) -> Any:
        """(F + λI)⁻¹. The law asks a loss for its outputs; in print its parts have other names."""
        return InverseGaussNewton(mean_loss(loss), self.damping)

    def derivation(self, prop: Any, loss: Any, order: int) -> Derivation:
        """As of every metric; an error where the loss is not one of outputs."""
        _ = self.metric(loss).fit
        return super().derivation(prop, loss, order)

    def parts(self, prop: Any, loss: Any, order: int) -> dict[str, Any]:
        """As of every metric; an error where the loss is not one of outputs."""
        _ = self.metric(loss).fit
        return super().parts(prop, loss, order)
