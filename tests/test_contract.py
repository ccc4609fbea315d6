"""What every class of the package keeps to, on a specimen of each; one without a specimen fails."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pickle
import pkgutil

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Basic, Eq, Expr, Function, Matrix, MatrixSymbol, Symbol, latex, pretty, symbols

import symprice
from symprice import (
    GLU,
    MLP,
    RNN,
    Activation,
    BernoulliPolicy,
    BlockMetric,
    CategoricalPolicy,
    ClosedForm,
    ClosedFormMatrix,
    Conv1D,
    Dense,
    DiagonalMetric,
    Embedding,
    EntriesOf,
    Family,
    GlobalAveragePool,
    GradientDescent,
    GradientFlow,
    Index,
    InverseMetric,
    LayerNorm,
    MatrixMetric,
    Member,
    Name,
    NameMatrix,
    NTCov,
    NTVar,
    Observable,
    ObservableVector,
    ParallelProduct,
    ParallelStack,
    ParallelSum,
    Parameter,
    ParameterFamily,
    ParameterMatrix,
    Residual,
    RMSNorm,
    Rule,
    SelfAttention,
    Shift,
    Softmax,
    Step,
    SumOver,
    UnitVector,
    VectorFunction,
    closed_form,
    derive,
    observables,
    parameters,
    policy_gradient,
    price,
    symbolic_depth,
)
from symprice.array_nodes import (
    RMSNormalized,
    RMSNormalizedRows,
    Standardized,
    StandardizedRows,
)
from symprice.arrays import (
    AppliedVectorFunction,
    JacobianOf,
    LogSumExp,
    SoftmaxRows,
    SoftmaxVector,
)
from symprice.derivation import Unchanged
from symprice.dynamics.motion import FlowVelocity, TimeDerivative
from symprice.dynamics.taylor import AfterStep
from symprice.elementwise import Elementwise, ScalarProduct, ScaledRows
from symprice.indexed.entries import Entry, Within
from symprice.populations.moments import Trait
from symprice.solutions.trajectory import Trajectory
from symprice.tangent.backward import NeuronDerivative
from symprice.tangent.gradient import Inner, Nabla
from symprice.tangent.second import HessianForm, HessianTrace, HessianVector, ThirdForm
from symprice.tangent.vectors import (
    ParameterPosition,
    Preconditioned,
    StateVector,
    VectorOfParameters,
    Velocity,
)
from tests.differences import agree, gradient, number, random_point

w, b, v = parameters("w b v", real=True)
x, y = symbols("x y", real=True)
eta = Symbol("eta", positive=True)
P, L = observables("P L")
K = Symbol("K", integer=True, positive=True)
z, u = observables("z u", K)
a = Name("a")
net = ClosedForm(w * a + b, {a: sympy.tanh(v * x)})
vector = ClosedFormMatrix(Matrix([w * a, b]), {a: sympy.tanh(v * x)})
f = VectorFunction("f", 2)
i, j, t = Index("i", K), Index("j", 3), Index("t", K)
X, Z = MatrixSymbol("X", 2, K), MatrixSymbol("Z", K, K)
x_i = Member(MatrixSymbol("x", 3, 1), i)

# One of each class that is not a function of scalars; these are found by themselves.
SPECIMENS = [
    Parameter("w"),
    Observable("P"),
    Name("h1_2"),
    NameMatrix("h1", 3, 1),
    Elementwise(sympy.tanh, ObservableVector("X", 3, 1)),
    ScaledRows(MatrixSymbol("v", 3, 1), MatrixSymbol("M", 3, 2)),
    ScalarProduct(MatrixSymbol("u", K, 1), MatrixSymbol("v", K, 1)),
    ParameterMatrix("W", 2, 3),
    ObservableVector("X", 3, 1),
    f(z),
    JacobianOf(f(z)),
    SoftmaxVector(z),
    Standardized(z, eta),
    StandardizedRows(X, eta),
    RMSNormalized(z, 0),
    RMSNormalizedRows(X, eta),
    SoftmaxRows(Z, causal=True),
    LogSumExp(z),
    i,
    Entry(X, j, i),
    Within(i + j, K),
    ParameterFamily("W", 2, 3, K),
    x_i,
    Family(2 * x_i, i),
    Family(x_i[0, 0] ** 2, i),
    EntriesOf(Entry(X, Index("p", 2), i), Index("p", 2), i),
    Shift(X, j, K - 2, "zero"),
    UnitVector(K, i),
    SumOver(Entry(Z, i, t), i),
    SumOver(x_i * x_i.T, i),
    net,
    vector,
    closed_form(NTVar(net)),
    symbolic_depth(MLP(2, 3, 3, 3, 3, 1)),
    NTCov(w * x, w * y + b),
    NTCov(P, -L),
    NTCov(NTCov(P, L), L),
    NTVar(sympy.tanh(w * x)),
    NTCov(w * b, w, {w: eta, b: 1}),
    NTCov(z, u),
    NTVar(z),
    NTVar((w * x, b)),
    DiagonalMetric({w: eta, b: 0}),
    MatrixMetric([[1, x], [x, 2]], (w, b)),
    InverseMetric([[1, x], [x, 2]], (w, b)),
    BlockMetric({ParameterMatrix("W", 2, 3): eta, b: 0}),
    derive(NTVar(sympy.tanh(w))),
    Step(Unchanged(), x, x, [Eq(x, y)]),
    price(P, L),
    GradientDescent(eta),
    GradientFlow(),
    TimeDerivative(P, L, GradientFlow()),
    FlowVelocity(L, GradientFlow()),
    StateVector("m"),
    Velocity("v"),
    ParameterPosition(),
    Preconditioned(DiagonalMetric(eta), Nabla(P)),
    HessianVector(P, Velocity("v")),
    Nabla(P),
    Inner(Nabla(P), Nabla(L)),
    AfterStep(w**2, w**2 / 2, GradientDescent(eta)),
    HessianForm(w**2 * b, Nabla(w * b)),
    ThirdForm(w**2 * b, Nabla(w * b)),
    HessianTrace(w**2 * b),
    NeuronDerivative(MLP(1, 1, 1).explicit(), "h1_1"),
    Dense(2, 3),
    Activation(sympy.tanh),
    MLP(2, 3, 1),
    Residual(Dense(2, 2)),
    ParallelSum(Dense(2, 3), Dense(2, 3)),
    ParallelProduct(Dense(2, 3), Dense(2, 3)),
    ParallelStack(Dense(2, 3), Dense(2, 4)),
    Conv1D(2, 3, 2),
    GlobalAveragePool(),
    GLU(2, 3),
    Softmax(),
    Embedding(5, 2),
    LayerNorm(3),
    RMSNorm(3),
    SelfAttention(3, 2),
    RNN(2, 3),
    BernoulliPolicy(logit=b),
    CategoricalPolicy([w, b, 0]),
    policy_gradient(BernoulliPolicy(logit=b), {1: 10, 0: 5}),
]
ROOMS = ("causal", "dynamics", "mdp", "policy", "populations", "solutions", "training")
for room in ROOMS:
    if importlib.util.find_spec(f"tests.{room}.specimens"):
        SPECIMENS += importlib.import_module(f"tests.{room}.specimens").SPECIMENS

# Bases, what is made while a formula is printed, and a sum that stands as it is written and so
# reads back as an ordinary one.
WITHOUT = {
    "ActivationFunction",
    "ArrayNode",
    "AsPrinted",
    "Binder",
    "DampedMetric",
    "IndexBinder",
    "Family",
    "FinitePolicy",
    "KinkedActivation",
    "Layer",
    "Metric",
    "NamedFunction",
    "Node",
    "OfParameters",
    "Offset",
    "Policy",
    "ScalarCovariance",
    "TangentCovariance",
    "WrittenSum",
}
for room in ROOMS:
    if importlib.util.find_spec(f"tests.{room}.specimens"):
        WITHOUT |= importlib.import_module(f"tests.{room}.specimens").WITHOUT


def classes() -> dict[str, type[Basic]]:
    found = {}
    for module in pkgutil.walk_packages(symprice.__path__, "symprice."):
        if module.name.endswith("__main__") or ".emit." in module.name:
            continue
        loaded = importlib.import_module(module.name)
        for name, cls in vars(loaded).items():
            if inspect.isclass(cls) and issubclass(cls, Basic) and cls.__module__ == module.name:
                if not name.startswith("_") and name not in WITHOUT:
                    found[f"{module.name}.{name}"] = cls
    return found


def functions() -> list[Expr]:
    """A value of every function of scalars in the package."""
    found = []
    for cls in classes().values():
        if issubclass(cls, Function):
            count = next(iter(cls.nargs)) if cls.nargs != sympy.S.Naturals0 else 2
            if cls.__name__ in ("BesselRatio", "PolygammaDifference"):  # orders are whole numbers
                found.append(cls(2, w * x))
                continue
            indexed = cls.__name__.endswith("Entry")
            found.append(cls(1, w * x, b) if indexed else cls(*(w * x, b, v)[: int(count)]))
    return [value for value in found if value.args]


@pytest.mark.parametrize("name", [n for n in symprice.__all__ if not n.startswith("_")])
def test_every_public_name_has_an_example(name):
    assert ">>>" in (inspect.getdoc(getattr(symprice, name)) or "")


def laws() -> list[Rule]:
    return [cls() for cls in classes().values() if issubclass(cls, Rule)]


ALL = [*SPECIMENS, *functions(), *laws()]
NAMES = {
    **{name: getattr(sympy, name) for name in sympy.__all__},
    **{name: cls for path, cls in classes().items() for name in [path.rpartition(".")[2]]},
    **{name: getattr(symprice, name) for name in symprice.__all__},
    **{s.name: s for s in (w, b, v, x, y, eta, P, L, K, z, u, a)},
}


def shown(specimen: Basic) -> str:
    return f"{type(specimen).__name__}: {str(specimen)[:40]}"


def test_every_class_has_a_specimen():
    have = {type(specimen) for specimen in ALL}
    evaluated = {"identity", "square", "swish"}  # these become another expression at once
    missing = [
        n
        for n, cls in classes().items()
        if cls not in have and n.rpartition(".")[2] not in evaluated
    ]
    assert not missing, f"add a specimen of each to SPECIMENS: {missing}"


@pytest.mark.parametrize("specimen", ALL, ids=shown)
def test_args_say_everything(specimen):
    if specimen.args:  # an atom has none, in SymPy too
        assert specimen.func(*specimen.args) == specimen
        assert hash(specimen.func(*specimen.args)) == hash(specimen)
    assert pickle.loads(pickle.dumps(specimen)) == specimen
    assert all(isinstance(arg, Basic) for arg in specimen.args)


@pytest.mark.parametrize("specimen", ALL, ids=shown)
def test_it_prints(specimen):
    assert "object at 0x" not in repr(specimen)
    assert str(specimen)
    assert pretty(specimen)
    assert latex(specimen).count("{") == latex(specimen).count("}")


EXPRESSIONS = [s for s in ALL if isinstance(s, Expr) and not s.has(VectorOfParameters)]


@pytest.mark.parametrize("specimen", EXPRESSIONS, ids=shown)
def test_str_can_be_parsed_again(specimen):
    own = {s.name: s for s in specimen.atoms(Symbol, MatrixSymbol, Index)}
    if isinstance(specimen, (AppliedVectorFunction, JacobianOf)):
        own["f"] = f
    text = str(specimen)
    assert sympy.sympify(text, locals={**NAMES, **own}) == specimen


@pytest.mark.parametrize(
    "specimen",
    [s for s in ALL if isinstance(s, Expr) and not isinstance(s, sympy.MatrixExpr)],
    ids=shown,
)
def test_powers_and_products_of_it_print(specimen):
    assert specimen.is_commutative
    assert latex(2 * specimen**2 + 1).count("{") == latex(2 * specimen**2 + 1).count("}")
    assert str(1 / specimen)


SCALARS = [
    s
    for s in ALL
    if isinstance(s, Expr)
    and not isinstance(s, (sympy.MatrixExpr, Name))
    and s.free_symbols
    and all(symbol.is_Symbol for symbol in s.free_symbols)
    and not s.has(
        Observable, ObservableVector, TimeDerivative, VectorOfParameters, Index, Trait, Trajectory
    )
]


@pytest.mark.parametrize("specimen", SCALARS, ids=shown)
def test_diff_is_the_limit_of_difference_quotients(specimen):
    point = random_point(specimen.free_symbols, 11, 0.2, 1.4)
    for symbol in sorted(specimen.free_symbols, key=lambda s: s.name):
        expected = gradient(specimen, [symbol], point)[0]
        assert agree(number(specimen.diff(symbol).doit(), point), expected)


@pytest.mark.parametrize("specimen", SCALARS, ids=shown)
def test_numpy_computes_what_mpmath_does(specimen):
    point = random_point(specimen.free_symbols, 12, 0.2, 1.4)
    arguments = sorted(point, key=lambda s: s.name)
    value = float(mpmath.re(number(specimen, point)))
    ours = symprice.lambdify(arguments, specimen)
    theirs = sympy.lambdify(arguments, specimen)
    for function in (ours, theirs):
        assert abs(function(*(float(point[s]) for s in arguments)) - value) <= 1e-12 * max(
            1, abs(value)
        )
    batched = ours(*(np.full((2, 3), float(point[s])) for s in arguments))
    assert batched.shape == (2, 3)
    assert np.allclose(batched, value, rtol=1e-12)


@pytest.mark.parametrize("specimen", SCALARS, ids=shown)
def test_replacing_a_symbol_and_evaluating_commute(specimen):
    point = random_point(specimen.free_symbols, 13, 0.2, 1.4)
    for symbol in sorted(specimen.free_symbols, key=lambda s: s.name):
        rest = {s: value for s, value in point.items() if s != symbol}
        half = specimen.subs(symbol, sympy.Rational(1, 2))
        assert agree(number(half, rest), number(specimen, {**point, symbol: mpmath.mpf(1) / 2}))


SPELLED = [
    s
    for s in SPECIMENS
    if isinstance(s, (symprice.Layer, DiagonalMetric, MatrixMetric, symprice.Dynamics))
]
SPELLED += [
    Dense(K, 3, bias=False),
    Dense(K, 3, parameterization="ntk", sigma_b=eta),
    Dense(2, 3, weight=ParameterMatrix("W", 3, 2)),
    Conv1D(2, 3, 2, padding="valid"),
    SelfAttention(4, 2, heads=2, causal=True),
    LayerNorm(3, eps=0),
    RNN(2, 3, bias=False),
]


@pytest.mark.parametrize("specimen", SPELLED, ids=shown)
def test_layers_and_metrics_are_written_as_one_types_them(specimen):
    own = {s.name: s for s in specimen.atoms(Symbol, MatrixSymbol)}
    assert sympy.sympify(str(specimen), locals={**NAMES, **own}) == specimen
    assert "True" not in str(specimen) or isinstance(specimen, SelfAttention)
