"""Training through a network's output: `NTCov(P, L) = (1/N) Σ_i NTCov(P, f(x_i)) ℓ'(f(x_i), y_i)`.

A loss that depends on θ only through the output of a network covaries with a property as the
kernel says, weighted by the loss's own derivative: the chain rule at the name of the output.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sympy import Add, Expr, MatAdd, MatMul, Mul, Order, S

from ..arrays import ArrayNode
from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..derivation import Rule
from ..elementwise import ScalarProduct
from ..errors import NoRuleError
from ..indexed.entries import Entry, indices_of
from ..indexed.families import Family, Member
from ..indexed.lowering import entry
from ..indexed.naming import prepared
from ..indexed.sums import SumOver
from ..symbols import TRAINED, NameMatrix, Parameter, ParameterMatrix, depends_on_parameters
from ..tangent.closing import closed_form
from ..tangent.covariance import NTCov, NTVar, covariance
from ..tangent.covariance_matrix import NTCovMatrix
from ..tangent.free_labels import unlabelled
from ..tangent.matrix_closing import is_matrix_level
from ..tangent.properties import MATRIX, TangentCovariance
from .taylor import with_remainder

__all__ = ["AtTheOutput", "Fit", "fit_of", "in_kernel", "kernel_of"]

CLOSED = (ClosedForm, ClosedFormMatrix)
COVARIANCES = (NTCov, NTCovMatrix)


class AtTheOutput(Rule):
    """NTCov(P, ℓ(f)) = NTCov(P, f) ∂ℓ/∂f, for a loss of the output f of a network.

    Parameters
    ==========

    loss : the loss; where it is not said, the property that is a sum over data is.
    """

    @property
    def name(self) -> str:
        """'chain rule at the output'."""
        return "chain rule at the output"

    def apply(self, node: Any) -> Any:
        """The covariances with the outputs in place of that with the loss."""
        if not isinstance(node, COVARIANCES) or not any(map(is_matrix_level, node.properties)):
            return None
        first, last = node.properties
        if isinstance(last, MATRIX) or getattr(node.metric, "only_along", None) is not None:
            return None
        named = (*self.args, *(-loss for loss in self.args))
        swapped = first in named or (last not in named and first.has(SumOver))
        swapped = swapped and not isinstance(first, MATRIX)
        prop, loss = (last, first) if swapped else (first, last)
        if loss == -prop:  # dL/dt = -NTVar(L)
            return None
        return _by_outputs(prop, loss, node.metric)


def in_kernel(expr: Any, loss: Any = None) -> Any:
    """A sum of covariances with a loss, each by the outputs of the network where that can be."""
    if not is_matrix_level(expr):
        return expr
    rule = AtTheOutput() if loss is None else AtTheOutput(loss)

    def written(term: Any) -> Any:
        factors = []
        for factor in _factors(term):
            plain = isinstance(factor, (*COVARIANCES, NTVar)) and not any(
                p.atoms(TangentCovariance) for p in factor.properties
            )
            found = rule.apply(factor) if plain else None
            factors.append(factor if found is None else found)
        return _product(*factors)

    terms = MatAdd.make_args(expr) if isinstance(expr, MATRIX) else Add.make_args(expr)
    rest = [term for term in terms if isinstance(term, Order)]
    total = _total([written(term) for term in terms if term not in rest])
    return with_remainder(total, rest[0]) if rest else total


def _factors(term: Any) -> tuple[Any, ...]:
    return term.args if isinstance(term, MatMul) else Mul.make_args(term)


def _product(*factors: Any) -> Any:
    """A product; of matrices not by ``*``, which evaluates what it multiplies."""
    factors = tuple(factor for factor in factors if factor != 1)
    matrices = any(isinstance(factor, MATRIX) for factor in factors)
    return MatMul(*factors) if matrices and len(factors) > 1 else Mul(*factors)


def _total(terms: list[Any]) -> Any:
    matrices = any(isinstance(term, MATRIX) for term in terms)
    return MatAdd(*terms) if matrices and len(terms) > 1 else Add(*terms)


def kernel_of(prop: Any, loss: Any, metric: Any = None) -> Any:
    """NTCov(P, f) with the output f that the loss is of; None where there is none."""
    for term in Add.make_args(loss):
        found = AtTheOutput(loss).apply(NTCov(prop, term, metric)) if term.has(*CLOSED) else None
        for node in () if found is None else found.atoms(TangentCovariance):
            return node
    return None


def _by_outputs(prop: Any, loss: Any, metric: Any) -> Any:
    """NTCov(P, L) for a sum of losses; None where no term of it is one."""
    terms, found = [], False
    for term in Add.make_args(loss):
        value = _of_term(prop, term, metric)
        found = found or value is not None
        terms.append(covariance(prop, term, metric=metric) if value is None else value)
    return _total(terms) if found else None


def _of_term(prop: Any, term: Any, metric: Any) -> Any:
    factors = Mul.make_args(term)
    trained = [f for f in factors if depends_on_parameters(f)]
    if len(trained) != 1:
        return None
    constant = Mul(*(f for f in factors if f is not trained[0]))
    (body,) = trained
    indices: tuple[Any, ...] = ()
    if isinstance(body, SumOver):
        body, indices = body.expr, body.indices
    if isinstance(body, Mul):
        inner = _of_term(prop, body, metric)
        return None if inner is None else _product(constant, SumOver(inner, *indices))
    if not body.has(*CLOSED) or not isinstance(body, Expr):
        return None
    try:
        value = _through_output(prop, body, metric)
    except NoRuleError:
        return None
    if value is None:
        return None
    sign, value = value.as_coeff_Mul()
    return _product(sign * constant, SumOver(value, *indices))


def _through_output(prop: Any, body: Any, metric: Any) -> Any:
    """NTCov(P, f) ∂ℓ/∂f for a formula ℓ in f; None where it is no function of one output."""
    found = _output_of(body)
    if found is None:
        return None
    output, slot, formula = found
    slope = _at(output, slot, closed_form(NTCov(_variable(slot), formula)))
    if isinstance(output, MATRIX):
        if isinstance(prop, MATRIX):
            return _product(covariance(prop, output, metric=metric), slope)
        return ScalarProduct(covariance(output, prop, metric=metric), slope)
    return _product(slope, covariance(prop, output, metric=metric))


def _output_of(body: Any) -> tuple[Any, Any, Any] | None:
    """The output that a formula is of, a letter for it, and the formula in this letter."""
    closed = prepared(body)
    name = _bottleneck(closed) if isinstance(closed, ClosedForm) else None
    if name is None:
        return None
    output = _value_of(closed, name)
    slot, formula = _outer(closed, name)
    return output[0, 0] if _is_single(slot) else output, slot, formula


def _is_single(slot: Any) -> bool:
    return isinstance(slot, ParameterMatrix) and slot.shape == (S.One, S.One)


def _variable(slot: Any) -> Any:
    return slot[0, 0] if _is_single(slot) else slot


def _at(output: Any, slot: Any, closed: Any) -> Any:
    """A formula in the letter of an output, at this output."""
    places = {Entry(slot): output, slot[0, 0]: output} if _is_single(slot) else {slot: output}
    return _short(closed).xreplace(places)


class Fit(NamedTuple):
    """A loss `w Σᵢ ℓ(f(xᵢ))`: the weight w, the output f(xᵢ), ∂ℓ/∂f and ∂²ℓ/∂f² at it, and i, which
    is None of a single example.
    """

    weight: Any
    output: Any
    slope: Any
    curvature: Any
    index: Any


def fit_of(loss: Any) -> Fit | None:
    """How a loss depends on the outputs of one network; None where it is no sum over examples."""
    factors = Mul.make_args(loss)
    trained = [f for f in factors if depends_on_parameters(f)]
    if len(trained) != 1 or not is_matrix_level(loss):
        return None
    weight, body, index = Mul(*(f for f in factors if f is not trained[0])), trained[0], None
    if isinstance(body, SumOver):
        if len(body.indices) != 1:
            return None
        (index,), body = body.indices, body.expr
    if not isinstance(body, Expr) or not body.has(*CLOSED):
        return None
    found = _output_of(body)
    if found is None:
        return None
    output, slot, formula = found
    slope = closed_form(NTCov(_variable(slot), formula))
    if not depends_on_parameters(slope):
        return None
    curvature = closed_form(NTCov(_variable(slot), slope))
    return Fit(weight, output, _at(output, slot, slope), _at(output, slot, curvature), index)


def _short(closed: Any) -> Any:
    """A closed form with its definitions inlined, but for functions of vectors: p = softmax(z)."""
    inlined: dict[Any, Any] = {}
    kept = []
    for name, value in closed.args[1]:
        value = value.xreplace(inlined)
        if isinstance(value, ArrayNode):
            kept.append((name, value))
        else:
            inlined[name] = value
    expr = closed.expr.xreplace(inlined)
    expr = expr.xreplace({e: _read(e) for e in expr.atoms(Entry) if not e.args[0].is_symbol})
    return closed.func(expr, tuple(kept)) if kept else expr


def _read(node: Entry) -> Any:
    """An entry of an expression that took the place of a name."""
    array, *places = node.args
    rows = array.shape[0] != 1
    row = places.pop(0) if rows and places else S.Zero
    return entry(array, row, places[0] if places else S.Zero)


def _bottleneck(closed: ClosedForm) -> Any:
    """The first name through which alone the formula depends on θ."""
    values = dict(closed.args[1])
    for name, value in values.items():
        if depends_on_parameters(value) and not _reaches(closed.expr, values, name):
            return name
    return None


def _reaches(expr: Any, values: dict[Any, Any], name: Any) -> bool:
    """Whether θ is reached from a formula without passing a name."""
    stack, seen = list(expr.free_symbols), {name}
    while stack:
        symbol = stack.pop()
        if symbol in seen:
            continue
        seen.add(symbol)
        if isinstance(symbol, TRAINED):
            return True
        if symbol in values:
            stack.extend(values[symbol].free_symbols)
    return False


def _value_of(closed: ClosedForm, name: Any) -> Any:
    """What a name stands for, at the label with which it stands."""
    definitions, at = Definitions(), _standing(closed, name)
    hoist(closed, definitions)
    return definitions.closing(at)


def _standing(closed: ClosedForm, name: Any) -> Any:
    """A name as it stands in the formula: with its labels, where it is a family."""
    value = dict(closed.args[1])[name]
    if not isinstance(value, Family):
        return name
    count = len(value.labels)
    inside = [closed.expr, *(v for _, v in closed.args[1])]
    free = indices_of(closed)
    for node in set().union(*(expr.atoms(Member, Entry) for expr in inside)):
        if node.args[0] in dict(closed.args[1]) and set(node.args[-count:]) <= free:
            kind = Member if isinstance(name, NameMatrix) else Entry
            return kind(name, *node.args[-count:])
    raise NoRuleError(f"asked for the label of {name} in {closed.expr}")


def _outer(closed: ClosedForm, name: Any) -> tuple[Any, Any]:
    """A letter for the output, and the formula as a function of it."""
    at = _standing(closed, name)
    labels = () if at is name else at.args[-len(dict(closed.args[1])[name].labels) :]
    if getattr(at, "is_Matrix", False):
        slot: Any = ParameterMatrix(name.name, *at.shape)
    else:
        slot = Parameter(name.name)
    names = {n: labels[-1] for n, v in closed.args[1] if labels and isinstance(v, Family)}

    def plain(expr: Any) -> Any:
        return unlabelled(expr, names).xreplace({name: slot})

    definitions, later = [], False
    for other, value in closed.args[1]:
        if other == name:
            later = True
        elif later:
            value = value(*labels) if isinstance(value, Family) else value
            definitions.append((other, plain(value)))
    return slot, ClosedForm(plain(closed.expr), tuple(definitions))
