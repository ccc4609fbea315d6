"""The formula parser: what it reads, and that nothing else can come of any text."""

from __future__ import annotations

import ast
import itertools
import pickle
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Basic, E, Expr, Function, Integer, Matrix, MatrixSymbol, Rational, pi, symbols

from symprice import NTCov, NTVar, sigmoid, softmax
from symprice.cli import parser
from symprice.cli.functions import default_functions
from symprice.cli.parser import parse, parse_assignment
from symprice.errors import ParseError
from symprice.symbols import observables, parameters

a, b, c, w = parameters("a b c w", real=True)
P, L = observables("P L")
x = symbols("x")
f = Function("f")
NAMES: dict[str, Basic] = {str(s): s for s in (a, b, c, w, P, L, x)}


def explode(argument: Expr) -> Expr:
    raise RuntimeError(f"nothing known about {argument}")


def pair(first: Expr, second: Any = 1, metric: Any = None) -> Expr:
    return f(first, second) if metric is None else f(first, second, metric)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{g.__name__: g for g in (sympy.exp, sympy.log, sympy.sin, sympy.sqrt, sympy.Abs)},
    **{g.__name__: g for g in (sympy.tanh, sympy.sinh, sympy.cosh, sympy.tan, sympy.acos)},
    "pair": pair,
    "explode": explode,
    "number": lambda argument: 3.5,
}


def read(text: str, **limits: Any) -> Basic:
    return parse(text, NAMES, FUNCTIONS, **limits)


# -- what it reads --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3*4", 14),
        ("2*3+4", 10),
        ("2-3-4", -5),
        ("2-(3-4)", 3),
        ("24/4/3", 2),
        ("24/4*3", 18),
        ("24/(4*3)", 2),
        ("2**3**2", 512),
        ("(2**3)**2", 64),
        ("-2**2", -4),
        ("(-2)**2", 4),
        ("4*2**-1", 2),
        ("16*2**-2**2", 1),
        ("2*-3", -6),
        ("2--3", 5),
        ("-+-3", 3),
        ("-2*-3**2/-6", -3),
        ("1 - 2 + 3*50/5**2 - -6", 11),
    ],
)
def test_operators_bind_as_in_python(text: str, value: int) -> None:
    assert read(text) == value
    assert read(text.replace("**", "^")) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-a**2", -(a**2)),
        ("a**b**c", a ** (b**c)),
        ("a/b/c", a / (b * c)),
        ("a/b*c", a * c / b),
        ("a - b - c", a - b - c),
        ("a-(b-c)", a - b + c),
        ("-(a + b)*c", -(a + b) * c),
        ("a**-b*c", c / a**b),
        ("((a))", a),
        ("exp(a)**2*exp(-a)", sympy.exp(a)),
        ("exp(1)", E),
        ("E**a", sympy.exp(a)),
        ("2*pi", 2 * pi),
        ("sqrt(a**2)", sympy.Abs(a)),
        ("log(8, 2)", Integer(3)),
        ("pair(a)", f(a, 1)),
        ("pair(a, b)", f(a, b)),
        ("pair(a, metric=b*c)", f(a, 1, b * c)),
        ("[a, b]", Matrix([a, b])),
        ("(a, b)", Matrix([a, b])),
        ("[a]", Matrix([a])),
        ("[[a, b], [c, 1]]", Matrix([[a, b], [c, 1]])),
        ("[[a, b]]", Matrix([[a, b]])),
        ("[[a, b], [c, 1]]*[1, 2] - [a, c]", Matrix([2 * b, 2])),
        ("-[a, b]*2/w", Matrix([-2 * a / w, -2 * b / w])),
        (" a  +b ", a + b),
    ],
)
def test_formulas(text: str, expected: Any) -> None:
    value = read(text)
    assert value == expected
    assert isinstance(value, Basic)
    assert hash(value) == hash(expected.as_immutable() if value.is_Matrix else expected)


@pytest.mark.parametrize(
    ("text", "numerator", "denominator"),
    [
        ("0.5", 1, 2),
        (".5", 1, 2),
        ("3.", 3, 1),
        ("0.1", 1, 10),
        ("1e-3", 1, 1000),
        ("2.5E+2", 250, 1),
        ("12.50e1", 125, 1),
        ("007", 7, 1),
        ("0.333", 333, 1000),
        ("1e308", 10**308, 1),
        ("0e5", 0, 1),
        ("9007199254740993", 9007199254740993, 1),  # 2**53 + 1: no double
    ],
)
def test_numbers_are_exact(text: str, numerator: int, denominator: int) -> None:
    value = read(text)
    assert isinstance(value, Rational)
    assert (value.p, value.q) == (
        Rational(numerator, denominator).p,
        Rational(numerator, denominator).q,
    )


def test_greek_letters_are_their_names() -> None:
    eta, theta = symbols("eta theta")
    assert parse("η*θ + 2*π", {"eta": eta, "theta": theta}, {}) == eta * theta + 2 * pi
    assert parse_assignment("η = 1", {}, {}) == ("eta", Integer(1))


def test_declared_names_win_over_constants() -> None:
    loss = symbols("E")
    assert parse("E + pi", {"E": loss}, {}) == loss + pi


def test_vectors_of_any_size_are_added_and_multiplied() -> None:
    n = symbols("n", integer=True, positive=True)
    W, v = MatrixSymbol("W", n, n), MatrixSymbol("v", n, 1)
    assert parse("2*W*v - v", {"W": W, "v": v}, {}) == 2 * W * v - v


def test_the_default_table() -> None:
    assert parse("NTVar(sigmoid(b))", NAMES) == NTVar(sigmoid(b))
    assert parse("NTCov(P*b, -L, metric=2)", NAMES) == NTCov(P * b, -L, metric=2)
    assert parse("NTCov([P, b], [L])", NAMES) == NTCov([P, b], [L])
    assert parse("softmax(a, b)", NAMES) == parse("softmax([a, b])", NAMES) == softmax(a, b)
    listed = """exp log sqrt sin cos tan tanh sinh cosh erf atan asin acos Abs sigmoid softplus relu
        silu gelu log_sigmoid leaky_relu elu identity square softmax log_softmax NTCov NTVar
        transpose hadamard diag dot inner norm norm1 frobenius trace derivative gradient"""
    assert set(default_functions()) == set(listed.split())


def test_assignments() -> None:
    assert parse_assignment("p=exp(-b)", NAMES, FUNCTIONS) == ("p", sympy.exp(-b))
    assert parse_assignment(" h_1 = pair(a, metric=2)", NAMES, FUNCTIONS) == ("h_1", f(a, 1, 2))


# -- what it refuses, and where -------------------------------------------------------------------

FAULTS = [
    # text, position of the fault, a part of the message
    ("", 0, "the formula ends"),
    ("   ", 3, "the formula ends"),
    ("a +", 3, "the formula ends"),
    ("a + * b", 4, "'*' stands where"),
    ("a // b", 3, "'/' stands where"),
    ("2b", 1, "write 2*b"),
    ("2 3", 2, "write 2*3"),
    ("a b", 2, "write a*b"),
    ("2(a)", 1, "write 2*(...)"),
    ("(a)(b)", 3, "write (...)*(...)"),
    ("(a) b", 4, "write (...)*b"),
    ("a [b]", 2, "write a*(...)"),
    ("2e", 1, "write 2*e"),
    ("a(b)", 1, "write a*(...)"),
    ("pi(b)", 2, "'pi' is no function"),
    ("a if b", 2, "an operator is missing before 'if'"),
    ("1_000", 1, "an operator is missing"),
    ("a + (b*c", 4, "this ( is not closed: write )"),
    ("[a, b", 0, "this [ is not closed: write ]"),
    ("(a]", 0, "this ( is not closed"),
    ("exp(a", 3, "this ( is not closed"),
    ("a + b)", 5, "this ) closes nothing"),
    ("()", 0, "nothing stands between"),
    ("[]", 0, "nothing stands between"),
    ("[a,]", 3, "']' stands where"),
    ("a, b", 1, "a comma"),
    ("a = b", 2, "one formula"),
    ("(a = b)", 1, "an entry is a scalar"),
    ("a == b", 2, "one formula"),
    ("a < b", 2, "write the difference"),
    ("a ! b", 2, "write the difference"),
    ("d + a", 0, "--param d, --observable d or --symbol d"),
    ("a + aa", 4, "did you mean a?"),
    ("a + exp", 4, "exp is a function"),
    ("exq(a)", 0, "did you mean exp?"),
    ("factorial(9)", 0, "no function 'factorial'"),
    ("exp()", 4, "exp takes 1 argument, received 0"),
    ("exp(a, b)", 7, "exp takes 1 argument, received 2"),
    ("sqrt(a, b)", 8, "sqrt takes 1 argument, received 2"),
    ("log(a, b, c)", 10, "log takes 1 to 2 arguments, received 3"),
    ("pair()", 5, "pair takes 1 to 2 arguments, received 0"),
    ("pair(a, b, c)", 11, "received 3"),
    ("exp(metric=b)", 4, "exp takes no keyword"),
    ("pair(a, sep=b)", 8, "one keyword, metric="),
    ("pair(metric=a, metric=b)", 15, "one keyword, metric="),
    ("exp([[a, b]])", 4, "exp takes scalars"),
    ("1 + explode(a)", 4, "nothing known about a"),
    ("1 + number(a)", 4, "no formula but a float"),
    ("[a, b]**2", 8, "a matrix has no powers"),
    ("2**[a, b]", 3, "a matrix has no powers"),
    ("a/[a, b]", 2, "a matrix has no powers"),
    ("[a, b] + a", 7, "a matrix and a scalar"),
    ("[a, b] + [a, b, c]", 7, ""),
    ("[a, b]*[a, b]", 6, ""),
    ("[[a, b], [c]]", 0, "rows differ"),
    ("[[a, b], c]", 9, "a row of a matrix"),
    ("[a, [b]]", 4, "an entry is a scalar"),
    ("[[[a]]]", 2, "an entry is a scalar"),
    ("1/0", 2, "division by zero"),
    ("a/(2 - 2)", 2, "division by zero"),
    ("0**-1", 3, "division by zero"),
    ("0**(-x)", 3, "infinite or undefined"),
    ("a + log(0)", 4, "infinite or undefined"),
    ("tan(pi/2)", 0, "infinite or undefined"),
    ("sqrt(-1)", 0, "not a real number"),
    ("(-8)**(1/3)", 6, "not a real number"),
    ("a*acos(2)", 2, "not a real number"),
    ("9**9**9", 3, "an exponent is at most 1000"),
    ("10**100000", 4, "an exponent is at most 1000"),
    ("a**1001", 3, "an exponent is at most 1000"),
    ("a**600*a**600", 6, "an exponent is at most 1000"),
    ("2**1000*2**1000", 7, "at most 308 digits"),
    ("10**309", 4, "at most 308 digits"),
    ("1e309", 0, "at most 308 digits"),
    ("a*1e99999999999", 2, "at most 308 digits"),
    ("7" * 309, 0, "at most 308 digits"),
    ("exp(10**9*log(2))", 4, "an exponent is at most 1000"),
    ("exp(a + 10**9*log(2))", 4, "an exponent is at most 1000"),
    ("exp(10**9*log(2*a))", 4, "an exponent is at most 1000"),
    ("2**(10**9*log(3)/log(2))", 3, "an exponent is at most 1000"),
    ("exp(exp(exp(exp(9))))", 12, "an exponent is at most 1000"),
    ("Abs(exp(exp(exp(22))) - 1)", 12, "an exponent is at most 1000"),
    ("cosh(900)", 0, "does not fit into a double"),
    ("exp(-900)", 0, "does not fit into a double"),
    ("sqrt(2) + sqrt(3) - sqrt(5 + 2*sqrt(6))", 8, "cannot be told from zero"),
    ("tanh(" * 20 + "x" + ")" * 20, 75, "declare x real"),
    ("cosh(" * 20 + "a" + ")" * 20, 75, "too deep an argument for cosh: name"),
    ("(" * 61 + "a" + ")" * 61, 61, "nested more than 60 deep"),
    ("sqrt((x + 1)**1000)", 14, "unless x is declared real"),
    ("-" * 100 + "a", 61, "nested more than 60 deep"),
    ("**".join("a" * 99), 183, "nested more than 60 deep"),
    ("(" * 1999, 61, "nested more than 60 deep"),
    ("1 + " * 500 + "a", 2000, "at most 2000 characters"),
    ("__import__('os').system('x')", 0, "'__import__' is reserved"),
    ("().__class__", 2, "attributes do not exist"),
    ("a.b", 1, "attributes do not exist"),
    ("1.2.3", 3, "an operator is missing"),
    ("a..b", 1, "one decimal point"),
    ('Symbol("x")', 7, "no quoted text"),
    ("lambda: 0", 6, "write one expression"),
    ("a; b", 1, "write one expression"),
    ("a\nb", 1, "write one expression"),
    ("a\\b", 1, "write one expression"),
    ("a\0", 1, "\\x00"),
    ("a\tb", 1, "plain spaces"),
    ("a\u00a0b", 1, "plain spaces"),
    ("a @ b", 2, "'@' has no meaning"),
    ("{a}", 0, "write ( ) to group"),
    ("a·b", 1, "write * for a product"),
    ("a − b", 2, "write - for a minus"),
    ("a²", 1, "write **2"),
    ("√a", 0, "write sqrt"),
    ("50%", 2, "a/100"),
    ("２", 0, "\\uff12"),
    ("ａ", 0, "\\uff41"),
    ("а", 0, "\\u0430"),  # Cyrillic
    ("Α + 1", 0, "Latin letters"),  # a Greek capital that looks Latin
    ("a + η_1", 4, "write eta_1"),
    ("a\u202e", 1, "\\u202e"),
    ("\ud800", 0, "\\ud800"),
    ("😀", 0, "\\U0001f600"),
]


@pytest.mark.parametrize(
    ("text", "position", "part"), FAULTS, ids=[ascii(text)[:30] for text, *_ in FAULTS]
)
def test_every_fault_has_its_place(text: str, position: int, part: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(text)
    error = caught.value
    assert (error.text, error.position) == (text, position), str(error)
    assert part in str(error)
    assert str(error).isascii()
    assert error.caret() == f"{text}\n{' ' * position}^"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("", 0, "name=formula"),
        ("p", 0, "name=formula"),
        ("  2p = a", 2, "name=formula"),
        ("__p = a", 0, "name=formula"),
        ("exp = a", 0, "means something already"),
        ("pi = a", 0, "means something already"),
        ("p =", 3, "the formula ends"),
        ("p == a", 3, "'=' stands where"),
        ("p = a = b", 6, "one formula"),
        ("p = 2 d", 6, "write 2*d"),
        ("p = explode(a)", 4, "nothing known about a"),
    ],
)
def test_faults_of_assignments(text: str, position: int, part: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_assignment(text, NAMES, FUNCTIONS)
    assert (caught.value.text, caught.value.position) == (text, position)
    assert part in str(caught.value)


def test_an_error_lists_what_is_declared() -> None:
    with pytest.raises(ParseError, match=r"'bb' is not declared, a, bias is: declare it"):
        parse("bb", {"bias": b, "a": a}, {})
    with pytest.raises(ParseError, match="nothing is"):
        parse("b", {}, {})


def test_the_cause_of_a_failing_function_is_kept() -> None:
    with pytest.raises(ParseError) as caught:
        read("explode(a)")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_limits_can_be_set() -> None:
    assert read("a**2000", max_power=2000) == a**2000
    assert read("1 + " * 500 + "a", max_length=3000) == a + 500
    for text, limits in [
        ("a + b", {"max_length": 4}),
        ("((a))", {"max_depth": 1}),
        ("a*b + c", {"max_nodes": 4}),
        ("a**3", {"max_power": 2}),
    ]:
        assert isinstance(read(text), Basic)
        with pytest.raises(ParseError):
            read(text, **limits)
        with pytest.raises(ParseError):
            parse_assignment(f"p={text}", NAMES, FUNCTIONS, **limits)


def test_what_does_not_finish_is_given_up() -> None:
    endless = {"endless": lambda argument: next(n for n in itertools.count() if n < 0)}
    with pytest.raises(ParseError, match=r"more than 0\.2 s") as caught:
        parse("1 + endless(a)", NAMES, endless, max_seconds=0.2)
    assert caught.value.position == 14


def test_a_thread_of_its_own_has_no_deadline() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(read, "a**2").result() == a**2


def test_no_depth_overflows_the_stack() -> None:
    text = "(" * 50_000 + "a" + ")" * 50_000
    with pytest.raises(ParseError, match="nested too deeply"):
        read(text, max_length=10**6, max_depth=10**6)


def test_matrix_products_do_not_swell() -> None:
    with pytest.raises(ParseError, match="5000 nodes"):
        read("*".join(["[[a, b], [b, c]]"] * 60))


def test_nothing_in_the_source_could_run_text() -> None:
    """Neither by calling what evaluates, nor by an attribute whose name is not written there."""
    never = {"eval", "exec", "sympify", "_sympify", "parse_expr", "lambdify", "getattr", "vars"}
    never |= {"compile", "__import__", "globals", "locals", "import_module"}
    for path in Path(parser.__file__).parent.glob("*.py"):
        if path.stem in {"parser", "tokens", "bounds", "functions"}:
            names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
            assert not names & never, path.name


# -- drawn texts ----------------------------------------------------------------------------------

LEGAL = [
    *"aabbx((()))[]+-*/^,=0123789 e_EΩλ",
    *["**", "1e", "e9", "0.5", "pi", "exp(", "log(", "tanh(", "cosh(", "Abs(", "sqrt(", "pair("],
    *["explode(", "metric=", "lambda", "10**", "**-1", "/0", "[[", "999999999", "(-1)", "))", "]]"],
]
PIECES = [*LEGAL, *"'\";:\\\n\0\t@!<>{}·−ａ😀.", "__class__", ".__", "__import__('os')"]


def well_formed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Larger texts without a fault of grammar: what they do is up to what SymPy makes of them."""
    calls = st.sampled_from(["exp", "log", "tanh", "sinh", "cosh", "Abs", "sqrt", "tan", "acos"])
    return (
        st.tuples(inner, st.sampled_from("+-*/^"), inner).map("(%s)%s(%s)".__mod__)
        | st.tuples(calls, inner).map("%s(%s)".__mod__)
        | st.tuples(inner, inner, inner).map("[%s, %s]*(%s)".__mod__)
    )


hard = st.sampled_from("0 1 -1 2 1/3 1000 1e308 1e-308 2**1000 0.1 pi E a P x -x x/a".split())


def outcome(text: str) -> None:
    started = time.monotonic()
    try:
        value = read(text, max_seconds=3)
    except ParseError as error:
        assert error.text == text
        assert 0 <= error.position <= len(text)
        assert str(error)
    else:
        assert isinstance(value, Expr)
        assert not value.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I, sympy.Float)
        assert parse(text, NAMES, FUNCTIONS) == value
    assert time.monotonic() - started < 10


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=200)
def test_any_text_is_a_formula_or_a_parse_error(text: str) -> None:
    outcome(text)


@given(st.lists(st.sampled_from(LEGAL), max_size=25).map("".join))
@settings(max_examples=200)
def test_any_row_of_legal_tokens_is_a_formula_or_a_parse_error(text: str) -> None:
    outcome(text)


@given(st.recursive(hard, well_formed, max_leaves=10))
@settings(max_examples=200)
def test_what_sympy_makes_of_a_formula_is_an_expression_or_a_parse_error(text: str) -> None:
    outcome(text)


@given(st.text(max_size=60))
def test_any_unicode_is_a_formula_or_a_parse_error(text: str) -> None:
    outcome(text)


leaves = st.sampled_from([a, b, c, P, pi, E]) | st.fractions(-9, 9, max_denominator=9).map(
    lambda q: Rational(q.numerator, q.denominator)
)


def grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    exponents = st.sampled_from([Integer(2), Integer(-1), Integer(3), a, -b])
    return (
        st.builds(lambda p, q: p + q, inner, inner)
        | st.builds(lambda p, q: p - q, inner, inner)
        | st.builds(lambda p, q: p * q, inner, inner)
        | st.builds(lambda p, q: (p**2 + 1) ** q, inner, exponents)
        | st.builds(lambda g, p: g(p), st.sampled_from([sympy.tanh, sympy.sin, sympy.Abs]), inner)
        | st.builds(lambda p: sympy.exp(sympy.tanh(p)), inner)
        | st.builds(lambda p: sympy.log(p**2 + 1), inner)
    )


@given(st.recursive(leaves, grown, max_leaves=8))
@settings(max_examples=100)
def test_printed_expressions_are_read_back(expr: Expr) -> None:
    assert parse(str(expr), NAMES, FUNCTIONS) == expr
