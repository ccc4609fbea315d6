"""Softmax against its formula in mpmath at high precision, and against difference quotients."""

from __future__ import annotations

import pickle
import warnings

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mp
from sympy import (
    Float,
    ImmutableDenseMatrix,
    MatAdd,
    MatMul,
    Matrix,
    MatrixSymbol,
    OneMatrix,
    Rational,
    S,
    Symbol,
    SympifyError,
    exp,
    latex,
    limit,
    log,
    oo,
    pretty,
    symbols,
)
from sympy.core.function import ArgumentIndexError

from symprice import ShapeError
from symprice.arrays import LogSumExp, SoftmaxVector
from symprice.networks import logits as module
from symprice.networks.activations import log_sigmoid, sigmoid
from symprice.networks.logits import (
    LogSoftmaxEntry,
    SoftmaxEntry,
    log_softmax,
    logsumexp,
    softmax,
)

z = z1, z2, z3 = symbols("z1:4")
r1, r2, r3 = symbols("r1:4", real=True)

LOGITS = [
    (1000, 0, -1000),
    (1000, 960, 0),
    (0, -745, 745),
    (-1000, 0, -2000),
    (1e-10, -1e-10, 0),
    (1000, 1000, 1000),
    (-1000, -1040, -1000.5),
    (3, 2, 1),
    (-0.7, -0.69, -40),
]
POINT = (Rational(1, 3), Rational(-5, 4), Rational(2, 7))

# What each function is, and how it is written from the list of logits.
REFERENCE = {
    "softmax": lambda i, t: mpmath.exp(t[i]) / mpmath.fsum(map(mpmath.exp, t)),
    "log_softmax": lambda i, t: t[i] - mpmath.log(mpmath.fsum(map(mpmath.exp, t))),
    "logsumexp": lambda i, t: mpmath.log(mpmath.fsum(map(mpmath.exp, t))),
}
CASES = [("softmax", i) for i in range(3)] + [("log_softmax", i) for i in range(3)]
CASES += [("logsumexp", 0)]
every = pytest.mark.parametrize("name, i", CASES)
MODULES = [None, "numpy", "math", "mpmath"]


def build(name: str, i: int, logits: object = z) -> sympy.Expr:
    """The function number i of that name at these logits."""
    return logsumexp(*logits) if name == "logsumexp" else getattr(module, name)(*logits)[i]


def exact(name: str, i: int, logits: object) -> mpmath.mpf:
    """The reference at exact logits; 1000 and -1000 together need 870 digits."""
    with mp.workdps(1000):
        exact_logits = [Rational(t) for t in logits]
        return REFERENCE[name](i, [mpmath.mpf(t.p) / t.q for t in exact_logits])


def number(expr: object, digits: int = 50) -> mpmath.mpf:
    with mp.workdps(digits + 5):
        return mpmath.mpf(sympy.sympify(expr).evalf(digits)._to_mpmath(mp.prec))


def close_double(value: object, expected: object, scale: object = 0) -> bool:
    """Relative agreement of a double to 1e-12; below the normal range it may lose its digits."""
    smallest = np.finfo(float).tiny
    if abs(expected) < smallest:
        return abs(float(value)) < 2 * smallest
    return abs(mpmath.mpf(float(value)) - expected) <= 1e-12 * abs(expected) + 4e-16 * scale


def compiled(args, expr, modules):
    return sympy.lambdify(args, expr) if modules is None else sympy.lambdify(args, expr, modules)


def run(function, *values):
    """Call generated code so that anything but an underflow raises."""
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        return function(*values)


# --- the three ways in ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function, entry", [(softmax, SoftmaxEntry), (log_softmax, LogSoftmaxEntry)]
)
def test_ways_in(function, entry):
    column = ImmutableDenseMatrix([entry(i, *z) for i in (1, 2, 3)])
    for given in (
        function(*z),
        function(z),
        function(list(z)),
        function(Matrix(z)),
        function(sympy.Tuple(*z)),
    ):
        assert given == column and isinstance(given, ImmutableDenseMatrix)
    for wrong in ((), ([],), (Matrix([z]),), (sympy.Array([1, 2]),), (True,)):
        with pytest.raises(ShapeError):
            function(*wrong)
    with pytest.raises(SympifyError):
        function("z1", "z2")


def test_matrix_expressions():
    size = Symbol("n", integer=True, positive=True)
    for logits in (MatrixSymbol("Z", size, 1), MatrixSymbol("Z", 3, 1)):
        assert softmax(logits) == SoftmaxVector(logits)
        ones = OneMatrix(*logits.shape)
        expected = MatAdd(logits, MatMul(-LogSumExp(logits), ones))
        assert log_softmax(logits) == expected
        assert logsumexp(logits) == LogSumExp(logits)
    for function in (softmax, log_softmax, logsumexp):
        with pytest.raises(ShapeError):
            function(MatrixSymbol("Z", size, size))
    explicit = MatrixSymbol("Z", 3, 1).as_explicit()
    assert softmax(explicit)[0] == SoftmaxEntry(1, *explicit)


def test_logsumexp_takes_the_same():
    assert logsumexp(*z) == logsumexp(list(z)) == logsumexp(Matrix(z)) and logsumexp(*z).args == z
    with pytest.raises(ShapeError):
        logsumexp()


def test_an_entry_needs_its_index():
    for index in (0, 4, -1, z1, S.Half):
        with pytest.raises(ShapeError, match="index"):
            SoftmaxEntry(index, *z)


# --- values ---------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("logits", LOGITS)
def test_fifty_digits(name, i, logits):
    expected = exact(name, i, logits)
    value = number(build(name, i, [Rational(t) for t in logits]).evalf(50))
    assert abs(value - expected) <= 1e-48 * abs(expected)


@every
@pytest.mark.parametrize("logits", LOGITS)
def test_floats_evaluate(name, i, logits):
    for mixed in ([Float(t) for t in logits], [*map(Rational, logits[:2]), Float(logits[2])]):
        value = build(name, i, mixed)
        assert value.is_number and not value.has(SoftmaxEntry, LogSoftmaxEntry, logsumexp)
        assert abs(mpmath.mpf(value) - exact(name, i, logits)) <= 2e-15 * abs(
            exact(name, i, logits)
        )


def test_exact_values():
    assert softmax(z1) == Matrix([1]) and log_softmax(z1) == Matrix([0]) and logsumexp(z1) == z1
    assert softmax(z1, z1, z1) == Matrix([1, 1, 1]) / 3 and log_softmax(z1, z1)[0] == -log(2)
    assert logsumexp(z1, z1) == z1 + log(2)


def test_infinite_logits():
    assert list(softmax(z1, -oo, z2)) == [SoftmaxEntry(1, z1, z2), 0, SoftmaxEntry(2, z1, z2)]
    assert list(log_softmax(-oo, r1, r2)) == [-oo, *log_softmax(r1, r2)]
    assert list(softmax(oo, r1, r2)) == [1, 0, 0] and list(log_softmax(oo, r1)) == [0, -oo]
    assert softmax(oo, z1)[0].func is SoftmaxEntry
    assert set(softmax(oo, oo, r1)) == set(softmax(-oo, -oo)) == {S.NaN}
    assert logsumexp(-oo, z1, z2) == logsumexp(z1, z2) and logsumexp(-oo, -oo) == -oo
    assert logsumexp(oo, r1) == oo and logsumexp(S.NaN, r1) is S.NaN


def test_assumptions():
    real = (r1, r2, r3)
    assert all(p.is_positive and p.is_real for p in softmax(*real))
    assert all(p.is_negative and p.is_real for p in log_softmax(*real))
    assert logsumexp(*real).is_real and logsumexp(*real).is_positive is None
    assert SoftmaxEntry(1, *z).is_positive is None and SoftmaxEntry(1, *z).is_real is None


# --- derivatives ----------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("j", range(3))
def test_derivative_against_difference_quotients(name, i, j):
    value = number(build(name, i).diff(z[j]).subs(dict(zip(z, POINT, strict=True))), 30)
    with mp.workdps(60):
        point = [mpmath.mpf(t.p) / t.q for t in POINT]
        order = tuple(int(k == j) for k in range(3))
        expected = mpmath.diff(lambda *t: REFERENCE[name](i, t), point, order)
    assert abs(value - expected) < mpmath.mpf(10) ** -28


def test_derivatives_are_closed():
    p, q = SoftmaxEntry(1, *z), SoftmaxEntry(3, *z)
    assert p.diff(z1) == p * (1 - p) and p.diff(z3) == -p * q
    assert p.as_log().diff(z1) == 1 - p and p.as_log().diff(z3) == -q
    assert [logsumexp(*z).diff(t) for t in z] == list(softmax(*z))
    assert p.as_log() == LogSoftmaxEntry(1, *z) and log(p).func is log


def test_a_logit_that_occurs_twice():
    t = Rational(2, 5)
    value = number(SoftmaxEntry(1, z1, 2 * z1, 0).diff(z1).subs(z1, t), 30)
    with mp.workdps(60):
        expected = mpmath.diff(
            lambda s: 1 / (1 + mpmath.exp(s) + mpmath.exp(-s)), mpmath.mpf(2) / 5
        )
    assert abs(value - expected) < mpmath.mpf(10) ** -28


def test_there_is_no_derivative_in_the_index():
    for entry in (SoftmaxEntry(1, *z), LogSoftmaxEntry(1, *z)):
        for index in (0, 1, 5):
            with pytest.raises(ArgumentIndexError):
                entry.fdiff(index)
    with pytest.raises(ArgumentIndexError):
        logsumexp(*z).fdiff(4)


# --- rewriting, limits, series --------------------------------------------------------------------


def test_rewrite():
    total = exp(z1) + exp(z2) + exp(z3)
    p = SoftmaxEntry(2, *z)
    assert p.rewrite(exp) == exp(z2) / total and logsumexp(*z).rewrite(log) == log(total)
    assert p.as_log().rewrite(log) == z2 - log(total)
    assert p.rewrite(logsumexp) == exp(z2 - logsumexp(*z))
    assert p.as_log().rewrite(logsumexp) == z2 - logsumexp(*z)
    assert p.rewrite(LogSoftmaxEntry) == exp(p.as_log()) and p.as_log().rewrite(
        SoftmaxEntry
    ) == log(p)
    assert SoftmaxEntry(1, z1, z2).rewrite(sigmoid) == sigmoid(z1 - z2)


@every
def test_the_rewritten_forms_are_equal(name, i):
    values = dict(zip(z, POINT, strict=True))
    for target in (exp, log, logsumexp, sigmoid, SoftmaxEntry, LogSoftmaxEntry):
        rewritten = build(name, i).rewrite(target).subs(values)
        assert abs(number(rewritten) - exact(name, i, POINT)) < 1e-45


def test_limits_and_series():
    assert limit(SoftmaxEntry(1, z1, 0, z3), z1, oo) == 1
    assert limit(SoftmaxEntry(1, z1, 0), z1, -oo) == 0
    assert limit(LogSoftmaxEntry(1, z1, 0) / z1, z1, -oo) == 1
    assert limit(logsumexp(z1, 0) / z1, z1, oo) == 1
    series = SoftmaxEntry(1, z1, 0).series(z1, 0, 4).removeO()
    assert series == S.Half + z1 / 4 - z1**3 / 48


# --- structure and printing -----------------------------------------------------------------------


@every
def test_structure(name, i):
    expr = build(name, i)
    assert expr.func(*expr.args) == expr and expr.subs(z1, z2).free_symbols == {z2, z3}
    assert pickle.loads(pickle.dumps(expr)) == expr
    names = {n: getattr(module, n) for n in module.__all__}
    assert sympy.parse_expr(str(expr**2), local_dict=names) == expr**2
    assert pretty(expr**2) and latex(expr**2) == latex(expr) + "^{2}"


def test_parts_of_an_entry():
    p = SoftmaxEntry(2, *z)
    assert (p.index, p.logit, p.logits, p.others) == (2, z2, z, (z1, z3))


def test_latex():
    assert (
        latex(SoftmaxEntry(2, z1, z2)) == r"\operatorname{softmax}_{2}{\left(z_{1}, z_{2} \right)}"
    )
    inner = latex(SoftmaxEntry(2, z1, z2))
    assert latex(LogSoftmaxEntry(2, z1, z2)) == rf"\log{{\left({inner} \right)}}"
    assert latex(logsumexp(z1, z2)) == r"\operatorname{logsumexp}{\left(z_{1}, z_{2} \right)}"


# --- generated code -------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("modules", MODULES)
def test_code_is_right_in_the_tails(name, i, modules):
    function = compiled(z, build(name, i), modules)
    for logits in LOGITS:
        assert close_double(run(function, *logits), exact(name, i, logits))
    assert run(compiled(z, 1 / build(name, i) ** 2, modules), 3, 2, 1) == pytest.approx(
        float(1 / exact(name, i, (3, 2, 1)) ** 2), rel=1e-13
    )


@every
@pytest.mark.parametrize("modules", [None, "numpy"])
def test_code_broadcasts(name, i, modules):
    function = compiled(z, build(name, i), modules)
    given = np.array([1000.0, 3.0, -745.0])[:, None], np.array([0.5, 990.0]), -3.0
    values = run(function, *given)
    assert values.shape == (3, 2)
    for index in np.ndindex(3, 2):
        logits = (given[0][index[0], 0], given[1][index[1]], given[2])
        assert close_double(values[index], exact(name, i, logits))


@pytest.mark.parametrize("modules", [None, "numpy"])
def test_an_excluded_action_has_probability_zero(modules):
    column = run(compiled(z, softmax(*z), modules), -np.inf, 0.5, 0.5)
    assert column.ravel().tolist() == [0, 0.5, 0.5]
    assert run(compiled(z, SoftmaxEntry(1, *z), modules), -np.inf, -np.inf, 2.0) == 0


@every
@pytest.mark.parametrize("modules", MODULES)
def test_the_shared_normaliser_in_code(name, i, modules):
    function = compiled(z, build(name, i).rewrite(logsumexp), modules)
    for logits in LOGITS:
        # Here a log-probability is a difference, right to the rounding of the logits.
        scale = 0 if name == "softmax" else max(map(abs, logits))
        assert close_double(run(function, *logits), exact(name, i, logits), scale)


def test_two_logits_are_a_sigmoid_in_code():
    from sympy.printing.numpy import SciPyPrinter

    assert SciPyPrinter().doprint(SoftmaxEntry(1, z1, z2)) == "scipy.special.expit(z1 - z2)"
    assert SciPyPrinter().doprint(LogSoftmaxEntry(1, z1, z2)) == "scipy.special.log_expit(z1 - z2)"
    assert SciPyPrinter().doprint(SoftmaxEntry(1, z1, z2) - sigmoid(z1 - z2)).count("expit") == 2
    assert log_sigmoid(z1 - z2) != LogSoftmaxEntry(1, z1, z2)


@pytest.mark.parametrize("backend", ["jax", "torch"])
@every
def test_code_of_other_array_libraries(name, i, backend):
    library = pytest.importorskip(backend)
    as_array = (
        library.numpy.float64 if backend == "jax" else lambda t: library.tensor(float(t)).double()
    )
    if backend == "jax":
        library.config.update("jax_enable_x64", True)
    function = sympy.lambdify(z, build(name, i), backend)
    for logits in LOGITS[5:8]:
        assert close_double(function(*map(as_array, logits)), exact(name, i, logits))
