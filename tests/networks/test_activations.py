"""Activations against formulas written out here in mpmath, which share no code with the package."""

from __future__ import annotations

import inspect
import pickle
import warnings

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mp
from sympy import (
    DiracDelta,
    Dummy,
    Float,
    I,
    Matrix,
    MatrixSymbol,
    O,
    Piecewise,
    Rational,
    S,
    Symbol,
    SympifyError,
    erf,
    exp,
    latex,
    limit,
    log,
    oo,
    pretty,
    symbols,
    tanh,
)
from sympy.core.function import ArgumentIndexError

from symprice import ShapeError
from symprice.errors import NoRuleError
from symprice.networks import activation_function, activations, logits, named_function
from symprice.networks.activations import (
    ActivationFunction,
    elu,
    gelu,
    identity,
    leaky_relu,
    log_sigmoid,
    normal_cdf,
    relu,
    sigmoid,
    silu,
    softplus,
    square,
    step,
    swish,
)

x, y, a = symbols("x y a")
real, positive = Symbol("r", real=True), Symbol("p", positive=True)

# The naive textbook formulas: right at any argument if the working precision is high enough.
REFERENCE = {
    "elu": lambda t, alpha=1: t if t > 0 else alpha * (mpmath.exp(t) - 1),
    "gelu": lambda t: t / 2 * (1 + mpmath.erf(t / mpmath.sqrt(2))),
    "identity": lambda t: t,
    "leaky_relu": lambda t, slope=None: (
        t if t > 0 else t * (mpmath.mpf(1) / 100 if slope is None else slope)
    ),
    "log_sigmoid": lambda t: mpmath.log(1 / (1 + mpmath.exp(-t))),
    "normal_cdf": lambda t: (1 + mpmath.erf(t / mpmath.sqrt(2))) / 2,
    "relu": lambda t: max(t, mpmath.mpf(0)),
    "sigmoid": lambda t: 1 / (1 + mpmath.exp(-t)),
    "silu": lambda t: t / (1 + mpmath.exp(-t)),
    "softplus": lambda t: mpmath.log(1 + mpmath.exp(t)),
    "square": lambda t: t * t,
    "step": lambda t: mpmath.mpf(1 if t > 0 else 0),
}
LIMITS = {  # at -oo and at oo
    "elu": (-1, oo),
    "gelu": (0, oo),
    "identity": (-oo, oo),
    "leaky_relu": (-oo, oo),
    "log_sigmoid": (-oo, 0),
    "normal_cdf": (0, 1),
    "relu": (0, oo),
    "sigmoid": (0, 1),
    "silu": (0, oo),
    "softplus": (0, oo),
    "square": (oo, oo),
    "step": (0, 1),
}
CLASSES = [
    cls
    for cls in dict.fromkeys(getattr(activations, name) for name in activations.__all__)
    if cls is not ActivationFunction
]
every = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
with_parameter = pytest.mark.parametrize("cls", [elu, leaky_relu], ids=lambda cls: cls.__name__)

TAILS = [-1000, -745, -700, -100, -38, -37, -5, -1, -1e-10, 0, 1e-10, 1, 5, 17, 38, 100, 745, 1000]
POINTS = [Rational(-7, 3), Rational(-1, 3), Rational(2, 7), Rational(9, 4)]


def exact(cls: type, t: object, *parameter: object) -> mpmath.mpf:
    """The reference value at the exact number t, with digits enough for a tail at 1000."""
    # 1 + erf(-1000/√2) cancels 217 148 digits; from -40 on erfc is the reference instead.
    if cls in (gelu, normal_cdf) and t < -40:
        with mp.workdps(60):
            cdf = mpmath.erfc(-mpmath.mpf(t) / mpmath.sqrt(2)) / 2
            return cdf * t if cls is gelu else cdf
    with mp.workdps(900):
        return REFERENCE[cls.__name__](
            *(mpmath.mpf(Rational(v).p) / Rational(v).q for v in (t, *parameter))
        )


def number(expr: object, digits: int = 50) -> mpmath.mpf:
    """A SymPy number as an mpmath number of that many digits."""
    with mp.workdps(digits + 5):
        return mpmath.mpf(sympy.sympify(expr).evalf(digits)._to_mpmath(mp.prec))


def close(value: object, expected: object, tolerance: float) -> bool:
    """Relative agreement."""
    return abs(value - expected) <= tolerance * abs(expected)


def close_double(value: object, expected: object, tolerance: float) -> bool:
    """Relative agreement of a double, which below the normal range may lose its digits."""
    smallest = np.finfo(float).tiny
    if abs(expected) < smallest:
        return abs(float(value)) < 2 * smallest
    return close(mpmath.mpf(float(value)), expected, tolerance)


def fresh(cls: type, argument: object) -> object:
    """The function unevaluated, so that identity and square have something to say as well."""
    return cls(argument, evaluate=False)


# --- what every class must have -------------------------------------------------------------------


@every
def test_every_activation_states_what_it_must(cls):
    assert issubclass(cls, ActivationFunction)
    assert "definition" in vars(cls) and "partials" in vars(cls)
    assert cls.__doc__ and cls.__name__ in REFERENCE and cls.__name__ in LIMITS
    assert 1 in cls.nargs


def test_every_class_of_the_room_is_public():
    local = {
        name
        for module in (activations, activation_function)
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, ActivationFunction)
    }
    assert local - {"KinkedActivation"} == set(activations.__all__)
    assert swish is silu


def test_names_do_not_clash_with_sympy():
    public = {*activations.__all__, *logits.__all__}
    assert not public & set(sympy.__all__)
    assert not [name for name in public if hasattr(sympy, name)]


def test_no_printer_has_a_method_of_our_names():
    from sympy.printing.julia import JuliaCodePrinter
    from sympy.printing.latex import LatexPrinter
    from sympy.printing.numpy import CuPyPrinter, JaxPrinter, NumPyPrinter, SciPyPrinter
    from sympy.printing.octave import OctaveCodePrinter
    from sympy.printing.pretty.pretty import PrettyPrinter
    from sympy.printing.pycode import MpmathPrinter, PythonCodePrinter, SymPyPrinter
    from sympy.printing.pytorch import TorchPrinter
    from sympy.printing.str import StrPrinter

    printers = [
        LatexPrinter,
        StrPrinter,
        PrettyPrinter,
        NumPyPrinter,
        SciPyPrinter,
        JaxPrinter,
        CuPyPrinter,
        PythonCodePrinter,
        MpmathPrinter,
        SymPyPrinter,
        TorchPrinter,
        JuliaCodePrinter,
        OctaveCodePrinter,
    ]
    names = {
        name
        for module in (activations, activation_function, named_function, logits)
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }
    assert {"sigmoid", "SoftmaxEntry", "NamedFunction"} <= names
    clashes = [(p.__name__, n) for p in printers for n in names if hasattr(p, f"_print_{n}")]
    assert clashes == []


def test_an_activation_without_a_definition_says_so():
    class bare(ActivationFunction):
        pass

    with pytest.raises(NoRuleError, match="definition"):
        bare(x).diff(x)


def test_an_activation_needs_no_more_than_a_definition():
    class softsign(ActivationFunction):
        @classmethod
        def definition(cls, x):
            return x / (1 + exp(x))

    expr = softsign(x)
    assert (expr.diff(x) - (x / (1 + exp(x))).diff(x)).simplify() == 0
    assert sympy.lambdify(x, expr**2)(0.5) == pytest.approx(
        (0.5 / (1 + np.exp(0.5))) ** 2, rel=1e-14
    )
    assert sympy.lambdify(x, expr, "mpmath")(0.5) == pytest.approx(
        0.5 / (1 + np.exp(0.5)), rel=1e-14
    )


def test_a_float_keeps_its_digits_where_only_the_definition_is_known():
    class soft(ActivationFunction):
        @classmethod
        def definition(cls, x):
            return log(1 + exp(x))

    assert close(mpmath.mpf(soft(Float(-40))), exact(softplus, -40), 1e-14)


# --- values ---------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("t", [*map(Rational, TAILS), *POINTS, Rational(-1, 10**300)])
def test_fifty_digits(cls, t):
    value, expected = number(cls(t).evalf(50)), exact(cls, t)
    assert close(value, expected, 1e-49) and (expected == 0 or value != 0)


@every
def test_fifty_digits_at_an_irrational_point(cls):
    with mp.workdps(900):
        expected = REFERENCE[cls.__name__](-12 * mp.pi)
    assert close(number(cls(-12 * sympy.pi).evalf(50)), expected, 1e-49)


@every
@pytest.mark.parametrize("t", TAILS)
def test_floats_evaluate(cls, t):
    value = cls(Float(t))
    assert value.is_number and not value.has(ActivationFunction)
    assert close(mpmath.mpf(value), exact(cls, Rational(t)), 2e-15)


@every
def test_definition_is_the_function(cls):
    for t in POINTS:
        assert close(number(cls.definition(t)), exact(cls, t), 1e-45)


@every
def test_special_values(cls):
    below, above = LIMITS[cls.__name__]
    assert cls(-oo) == below and cls(oo) == above
    assert cls(S.NaN) is S.NaN
    assert close(number(cls(0)), exact(cls, 0), 1e-45)


def test_exact_values():
    assert sigmoid(0) == S.Half and softplus(0) == log(2) and log_sigmoid(0) == -log(2)
    assert (relu(-3), relu(3), relu(0), step(0), step(3)) == (0, 3, 0, 0, 1)
    assert relu(positive) == positive and relu(-positive) == 0 and relu(positive - positive) == 0
    assert relu(exp(real)) == exp(real) and elu(exp(real), exp(a)) == exp(real)
    assert leaky_relu(-3) == Rational(-3, 100) and leaky_relu(-3, a) == -3 * a
    assert elu(positive, a) == positive and elu(-oo, a) == -a and elu(-2).func is elu
    assert identity(x) == x and square(x) == x**2 and square(3) == 9
    assert step(x) ** 2 == step(x) and step(x) ** positive == step(x)
    assert sigmoid(S.ComplexInfinity) is S.NaN and relu(S.ComplexInfinity) is S.NaN


def test_a_parameter_at_its_default_is_dropped():
    assert elu(x, 1) == elu(x) and leaky_relu(x, Rational(1, 100)) == leaky_relu(x)
    assert elu(x, a).subs(a, 1) == elu(x) and elu(x, a) != elu(x)


def test_complex_arguments_evaluate_where_the_function_is_analytic():
    with mp.workdps(40):
        expected = 1 / (1 + mpmath.exp(-mpmath.mpc(1, 2)))
        assert abs(sigmoid(1 + 2 * I).evalf(30)._to_mpmath(120) - expected) < 1e-29


def test_real_arguments_give_real_values():
    for cls in CLASSES:
        assert cls(real).is_real and cls(x).is_real is None


def test_signs():
    assert sigmoid(real).is_positive and softplus(real).is_positive and normal_cdf(real).is_positive
    assert log_sigmoid(real).is_negative and sigmoid(real).is_zero is False
    assert relu(real).is_nonnegative and step(real).is_nonnegative and step(real).is_integer
    assert relu(real).is_positive is None and sigmoid(x).is_positive is None
    for cls in (silu, gelu):
        assert cls(positive).is_positive and cls(-positive).is_negative
        assert cls(real).is_positive is None and cls(real).is_zero is None
    assert elu(real, positive).is_positive is None and elu(real, a).is_real is None


# --- derivatives ----------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("t", POINTS)
def test_derivative_against_difference_quotients(cls, t):
    value = number(fresh(cls, x).fdiff().subs(x, t), 30)
    with mp.workdps(60):
        point = mpmath.mpf(t.p) / t.q
        expected = mpmath.diff(REFERENCE[cls.__name__], point)
    assert abs(value - expected) < mpmath.mpf(10) ** -28


@every
def test_second_derivative_against_difference_quotients(cls):
    second = fresh(cls, x).fdiff().diff(x)
    for t in POINTS:
        with mp.workdps(60):
            expected = mpmath.diff(REFERENCE[cls.__name__], mpmath.mpf(t.p) / t.q, 2)
        assert abs(number(second.subs(x, t), 30) - expected) < mpmath.mpf(10) ** -25


@with_parameter
@pytest.mark.parametrize("t", POINTS)
def test_derivatives_with_a_parameter(cls, t):
    parameter = Rational(3, 7)
    expr = cls(x, a)
    with mp.workdps(60):
        point = [mpmath.mpf(v.p) / v.q for v in (t, parameter)]
        by_x = mpmath.diff(REFERENCE[cls.__name__], point, (1, 0))
        by_a = mpmath.diff(REFERENCE[cls.__name__], point, (0, 1))
    values = {x: t, a: parameter}
    assert abs(number(expr.diff(x).subs(values), 30) - by_x) < mpmath.mpf(10) ** -28
    assert abs(number(expr.diff(a).subs(values), 30) - by_a) < mpmath.mpf(10) ** -28
    # Both at once, through the chain rule.
    assert (
        abs(number(cls(x, x).diff(x).subs(x, t) - (expr.diff(x) + expr.diff(a)).subs({x: t, a: t})))
        < 1e-40
    )


def test_derivatives_stay_closed():
    assert sigmoid(x).diff(x) == sigmoid(x) * (1 - sigmoid(x))
    assert softplus(x).diff(x) == sigmoid(x) and log_sigmoid(x).diff(x) == 1 - sigmoid(x)
    assert silu(x).diff(x) == sigmoid(x) + silu(x) * (1 - sigmoid(x))
    assert gelu(x).diff(x) == normal_cdf(x) + x * exp(-(x**2) / 2) / sympy.sqrt(2 * sympy.pi)
    assert relu(x).diff(x) == step(x) and step(x).diff(x) == DiracDelta(x)
    assert leaky_relu(x, a).diff(x) == a + (1 - a) * step(x) and elu(x).diff(x) == exp(-relu(-x))
    assert sigmoid(x * y).diff(y) == x * sigmoid(x * y) * (1 - sigmoid(x * y))


@every
def test_there_is_no_derivative_in_an_argument_that_is_not_there(cls):
    for index in (0, 2):
        with pytest.raises(ArgumentIndexError):
            fresh(cls, x).fdiff(index)


# --- rewriting, limits, series --------------------------------------------------------------------


def test_rewrite():
    assert sigmoid(x).rewrite(exp) == 1 / (1 + exp(-x))
    assert sigmoid(x).rewrite(tanh) == (1 + tanh(x / 2)) / 2
    assert softplus(2 * sigmoid(x)).rewrite(exp) == log(1 + exp(2 / (1 + exp(-x))))
    assert gelu(x).rewrite(erf) == x * (1 + erf(x / sympy.sqrt(2))) / 2
    assert relu(x).rewrite(Piecewise) == Piecewise((0, x <= 0), (x, True))
    assert log_sigmoid(x).rewrite(sigmoid) == log(sigmoid(x)) and silu(x).rewrite(
        sigmoid
    ) == x * sigmoid(x)
    assert sigmoid(x).rewrite(erf) == sigmoid(x) and sigmoid(x).rewrite("nothing") == sigmoid(x)


@every
def test_limits_at_infinity(cls):
    below, above = LIMITS[cls.__name__]
    assert limit(cls(x), x, -oo) == below and limit(cls(x), x, oo) == above
    assert limit(cls(-3 * x), x, oo) == below
    assert limit(cls(x**2) * exp(-x), x, oo) == 0


def test_limits_at_a_point():
    assert limit(sigmoid(x), x, a) == sigmoid(a)
    assert limit(step(x), x, 0, "+") == 1 and limit(step(x), x, 0, "-") == 0
    assert limit(step(-x), x, 0, "+") == 0 and limit(step(-(x**2)), x, 0) == 0
    assert limit(relu(x) / x, x, 0, "+") == 1 and limit(relu(x) / x, x, 0, "-") == 0
    assert limit(elu(x) / x, x, 0, "-") == 1 and limit(silu(x) / x, x, 0) == S.Half
    assert limit((softplus(x) - log(2)) / x, x, 0) == S.Half


@every
@pytest.mark.parametrize("inner, side", [(1, "+"), (-1, "+"), (2, "+"), (1, "-")])
def test_series_at_zero(cls, inner, side):
    series = cls(inner * x).series(x, 0, 5, dir=side).removeO()
    way = 1 if side == "+" else -1
    reference = REFERENCE[cls.__name__]
    # The remainder beside 0, on the side that was asked for, is of the order that was dropped.
    with mp.workdps(70):
        for k in (1, 2, 3):
            h = k * way * Rational(1, 10**9)
            remainder = number(series.subs(x, h), 60) - reference(inner * mpmath.mpf(h.p) / h.q)
            assert abs(remainder) < mpmath.mpf(10) ** -42


def test_series_elsewhere():
    expected = sigmoid(a) + x * sigmoid(a) * (1 - sigmoid(a)) + O(x**2)
    assert (sigmoid(a + x).series(x, 0, 2) - expected).expand() == O(x**2)
    assert relu(x).series(x, 1, 3) == x and relu(x).series(x, -1, 3) == 0
    assert sigmoid(1 / x).series(x, 0, 2) == 1 + O(x**2)


# --- structure and printing -----------------------------------------------------------------------


@every
def test_structure(cls):
    for expr in (cls(x), cls(x + y) ** 2, 1 / (1 + cls(x - y))):
        assert pickle.loads(pickle.dumps(expr)) == expr
        assert expr.subs({x: 2, y: 3}).is_number
        assert expr.xreplace({x: a}).free_symbols == expr.free_symbols - {x} | {a}
    expr = cls(x + y)
    assert expr.func(*expr.args) == expr


@with_parameter
def test_structure_with_a_parameter(cls):
    expr = cls(x, a)
    assert expr.func(*expr.args) == expr and pickle.loads(pickle.dumps(expr)) == expr
    assert str(expr) == f"{cls.__name__}(x, a)" and latex(expr).count("_{a}") == 1
    assert cls(-0.5, 0.25) == pytest.approx(
        float(REFERENCE[cls.__name__](mpmath.mpf(-0.5), 0.25)), rel=1e-15
    )
    assert cls(-0.5, Rational(1, 4)) == cls(-0.5, 0.25)


@every
def test_str_can_be_read_back(cls):
    names = {name: getattr(activations, name) for name in activations.__all__}
    for expr in (cls(x - y) ** 2 / 3, 1 / (1 + cls(2 * x))):
        assert sympy.parse_expr(str(expr), local_dict=names) == expr
        assert pretty(expr) and pretty(expr, use_unicode=False)


@every
def test_latex_of_powers(cls):
    base = latex(cls(x))
    assert "theta" not in base and "Heaviside" not in base
    if cls not in (identity, square, step):
        assert latex(cls(x) ** 2) == base + "^{2}"
        assert latex(1 / cls(x)) == rf"\frac{{1}}{{{base}}}"
        assert latex(cls(x) ** y) == base + "^{y}"


def test_latex_reads_as_in_papers():
    theta = Symbol("theta")
    expected = r"5 \left(1 - \sigma{\left(\theta \right)}\right) \sigma{\left(\theta \right)}"
    assert latex(5 * sigmoid(theta) * (1 - sigmoid(theta))) == expected
    assert latex(step(x)) == r"\mathbf{1}{\left[x > 0 \right]}"
    assert latex(log_sigmoid(x) * sigmoid(x)) == (
        r"\log{\left(\sigma{\left(x \right)} \right)} \sigma{\left(x \right)}"
    )
    assert latex(elu(x, a)) == r"\operatorname{ELU}_{a}{\left(x \right)}"


def test_what_is_no_scalar_is_refused():
    for argument in (Matrix([1, 2]), MatrixSymbol("X", 2, 2), sympy.Array([1, 2]), (1, 2), True):
        with pytest.raises(ShapeError, match="scalars"):
            sigmoid(argument)
    with pytest.raises(SympifyError):
        sigmoid("__import__('os').getpid()")
    with pytest.raises(TypeError):
        sigmoid(x, y)


# --- generated code -------------------------------------------------------------------------------

MODULES = [None, "numpy", "math", "mpmath", "sympy"]


def compiled(args, expr, modules):
    """SymPy's own lambdify, as a user calls it."""
    return sympy.lambdify(args, expr) if modules is None else sympy.lambdify(args, expr, modules)


def run(function, *values):
    """Call generated code so that anything but an underflow raises."""
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        return function(*values)


@every
@pytest.mark.parametrize("modules", MODULES)
def test_code_is_right_in_the_tails(cls, modules):
    function = compiled(x, cls(x), modules)
    number_type = {"mpmath": mpmath.mpf, "sympy": Float}.get(modules, float)
    for t in TAILS:
        value = run(function, number_type(t))
        assert close_double(value, exact(cls, Rational(t)), 1e-12)
    assert float(run(function, number_type(2))) == pytest.approx(float(exact(cls, 2)), rel=1e-14)


@every
@pytest.mark.parametrize("modules", [None, "numpy"])
def test_code_is_vectorised(cls, modules):
    for expr in (cls(x), cls(x - y), cls(-x) ** 2 * 3 - y / (2 + cls(x - y) ** 2)):
        function = compiled([x, y], expr, modules)
        grid = np.array(TAILS, dtype=float)[:, None], np.array([0.25, -3.0])
        values = run(function, *grid)
        single = [[run(function, s, t) for t in grid[1]] for s in grid[0][:, 0]]
        assert np.allclose(values * np.ones((1, 2)), single, rtol=1e-13, atol=0)


@every
@pytest.mark.parametrize("modules", MODULES)
def test_code_binds_as_the_formula_does(cls, modules):
    inner = {"difference": x - y, "negative": -x * y, "quotient": x / (y - 3), "power": x**y}
    for name, argument in inner.items():
        expr = 3 * cls(argument) ** 2 - y / (2 + cls(argument) ** 3) - cls(argument)
        value = run(compiled([x, y], expr, modules), 0.7, 1.9)
        with mp.workdps(30):
            s, t = mpmath.mpf(0.7), mpmath.mpf(1.9)
            f = REFERENCE[cls.__name__](
                {"difference": s - t, "negative": -s * t, "quotient": s / (t - 3), "power": s**t}[
                    name
                ]
            )
            assert close_double(value, 3 * f**2 - t / (2 + f**3) - f, 1e-13)


@every
@pytest.mark.parametrize("modules", [None, "math", "mpmath"])
def test_derivative_code_in_the_tails(cls, modules):
    derivative = fresh(cls, x).fdiff()
    if derivative.has(DiracDelta):
        return
    function = compiled(x, derivative, modules)
    for t in TAILS:
        value = run(function, mpmath.mpf(t) if modules == "mpmath" else t)
        expected = number(derivative.subs(x, Rational(t)), 40)
        assert abs(value - expected) <= 2e-15 * max(1, abs(expected))


def test_the_code_is_at_the_kink_what_the_formula_is():
    for modules in MODULES:
        for expr in (relu(x), step(x), leaky_relu(x).diff(x), elu(x, a).diff(x).subs(a, 3)):
            assert float(run(compiled(x, expr, modules), 0)) == float(expr.subs(x, 0))


@with_parameter
@pytest.mark.parametrize("modules", MODULES)
def test_code_with_a_parameter(cls, modules):
    function = compiled([x, a], 2 * cls(x, a - 1) ** 2, modules)
    for t in (-700, -0.3, 0, 0.4, 900):
        value, expected = (
            run(function, t, 1.25),
            2 * REFERENCE[cls.__name__](mpmath.mpf(t), 0.25) ** 2,
        )
        assert close_double(value, expected, 1e-13)
    assert run(compiled(x, cls(x, Rational(1, 4)), modules), -2) == pytest.approx(
        float(REFERENCE[cls.__name__](mpmath.mpf(-2), 0.25)), rel=1e-14
    )


@pytest.mark.parametrize("backend", ["jax", "torch"])
@every
def test_code_of_other_array_libraries(cls, backend):
    library = pytest.importorskip(backend)
    points = np.array([-700.0, -38.0, -5.0, -1e-10, 0.0, 1.0, 38.0, 700.0])
    if backend == "jax":
        library.config.update("jax_enable_x64", True)
        given = library.numpy.asarray(points)
    else:
        given = library.tensor(points)
    values = np.asarray(sympy.lambdify(x, 2 * cls(x) ** 2, backend)(given))
    for t, value in zip(points, values, strict=True):
        assert close_double(value, 2 * exact(cls, Rational(t)) ** 2, 1e-12)


def test_dummies_and_named_arguments_compile():
    slot = Dummy("x_1")
    assert sympy.lambdify([slot], sigmoid(slot))(0) == 0.5
