"""LaTeX: the notation, the value of what is printed, and what pdfTeX says of every display."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import mpmath
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from sympy import (
    Add,
    Derivative,
    DiracDelta,
    Eq,
    Float,
    Function,
    Heaviside,
    Integer,
    Matrix,
    MatrixSymbol,
    Mul,
    O,
    OneMatrix,
    Pow,
    Rational,
    S,
    Symbol,
    acos,
    asinh,
    exp,
    factor,
    latex,
    log,
    pi,
    polygamma,
    sqrt,
    symbols,
    tanh,
)

from symprice import (
    MLP,
    SGD,
    CausalModel,
    ClosedForm,
    GradientDescent,
    MatrixMetric,
    Name,
    NTCov,
    NTVar,
    Parameter,
    Population,
    VectorFunction,
    closed_form,
    conserved,
    derive,
    observables,
    parameters,
    price,
    sigmoid,
    softmax,
    solve_flow,
)
from symprice.derivation import Derivation, Step
from symprice.emit.latex import to_latex
from symprice.emit.latex_names import symbol_name
from symprice.emit.latex_printer import paper
from symprice.emit.lines import lines
from symprice.emit.short_names import ShortNames
from symprice.emit.terminal import as_text, render, text
from symprice.errors import NameClashError, NoRuleError
from symprice.tangent.laws import ChainRule
from tests.emit.latex_value import value

ROOT = Path(__file__).resolve().parents[2]
P, L, Q = observables("P L Q")
w, b, v = parameters("w b v")
p, q, x, y, z, t, eta, theta = symbols("p q x y z t eta theta")
n, m, k = symbols("n m k", integer=True, positive=True)
X, Y = observables("X Y", n)
A = MatrixSymbol("A", m, n)
f, g = Function("f"), Function("g")
sigma = sigmoid(theta)


# -- notation -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        # factors in the order in which they are written, signs inside
        (5 * sigma * (1 - sigma), r"5 \sigma(\theta)\left(1 - \sigma(\theta)\right)"),
        (p**2 * (1 - p) ** 2, r"p^{2} \left(1 - p\right)^{2}"),
        (-p * (p - 1), r"p \left(1 - p\right)"),
        (p * (p - 1), r"p \left(p - 1\right)"),
        (sigma * (sigma - 1), r"-\sigma(\theta)\left(1 - \sigma(\theta)\right)"),
        (factor(5 * p - 5 * p**2), r"5 p \left(1 - p\right)"),
        (p * (-x - y), r"-p \left(x + y\right)"),
        (-p * (1 - q), r"-p \left(1 - q\right)"),
        (x * w * eta, r"\eta w x"),
        (y * x**2, "x^{2} y"),
        (x * log(x), r"x \log(x)"),
        (2 * 3**x, r"2 \cdot 3^{x}"),
        (x * (y + 1), r"x \left(y + 1\right)"),
        # terms: positive first, powers descending, constants last
        (1 - p, "1 - p"),
        (x - p, "x - p"),
        (b + w * x, "w x + b"),
        (1 + x + x**2, "x^{2} + x + 1"),
        (x - x**2 + 1, "1 + x - x^{2}"),
        (-x - y, "-x - y"),
        (x + x**2 / 2 + O(x**3), r"x + \frac{x^{2}}{2} + O(x^{3})"),
        # unevaluated products and sums keep their meaning
        (Mul(-1, x + y, evaluate=False), r"-\left(x + y\right)"),
        (Mul(2, 3, evaluate=False), r"2 \cdot 3"),
        (Add(x, -Add(y, z), evaluate=False), r"x - \left(y + z\right)"),
        (Pow(Mul(2, x, evaluate=False), 2, evaluate=False), r"\left(2 x\right)^{2}"),
        # fractions
        (Q * NTCov(P, L) / P, r"\frac{Q}{P} \operatorname{NTCov}(P, L)"),
        (log(P) / P, r"\frac{\log(P)}{P}"),
        (-NTVar(P) / 2, r"-\frac{1}{2} \operatorname{NTVar}(P)"),
        (x / 2, r"\frac{x}{2}"),
        (x + Rational(1, 10**8), "x + 10^{-8}"),
        (Rational(-3, 10**5), r"-3 \cdot 10^{-5}"),
        (Rational(1, 1000), r"\frac{1}{1000}"),
        (x ** Rational(3, 2), "x^{3/2}"),
        (1 / sqrt(x), r"\frac{1}{\sqrt{x}}"),
        # derivatives of unspecified functions
        (f(P).diff(P), "f'(P)"),
        (f(P).diff(P, 2) * g(Q).diff(Q), r"f''(P)\, g'(Q)"),
        (Function("phi")(x).diff(x), r"\phi'(x)"),
        (f(P).diff(P, 4), "f^{(4)}(P)"),
        (f(P, Q).diff(P), r"\frac{\partial f}{\partial P}"),
        (NTCov(f(P**2), L).doit(), r"2 P f'(P^{2}) \operatorname{NTCov}(P, L)"),
        (f(x**2, y).diff(x), r"2 x \partial_{1} f(x^{2}, y)"),
        (Derivative(Function("P")(t), t), r"\frac{d}{d t} P(t)"),
        (Derivative(f(P), P) ** 2, "f'(P)^{2}"),
        # covariances
        (NTCov(P, -L), r"\operatorname{NTCov}(P, -L)"),
        (NTVar(P) ** 2, r"\operatorname{NTVar}(P)^{2}"),
        (NTCov(P, Q, MatrixMetric(MatrixSymbol("G", 2, 2))), r"\operatorname{NTCov}_{G}(P, Q)"),
        (NTCov(P / Q, L), r"\operatorname{NTCov}\!\left(\frac{P}{Q}, L\right)"),
        # functions
        (Heaviside(x), r"\operatorname{H}(x)"),
        (DiracDelta(x), r"\operatorname{Dirac}(x)"),
        (polygamma(0, x) / 2, r"\frac{\psi(x)}{2}"),
        (polygamma(0, x) ** 2, r"\psi^{2}(x)"),
        (polygamma(1, x), r"\psi'(x)"),
        (polygamma(1, x) ** 2, r"\left(\psi'(x)\right)^{2}"),
        (polygamma(5, x), r"\psi^{(5)}(x)"),
        (acos(x), r"\arccos(x)"),
        (asinh(x) ** 2, r"\operatorname{arsinh}^{2}(x)"),
        (log(x) ** 2, r"\log(x)^{2}"),
        (sigma**2, r"\sigma(\theta)^{2}"),
        (f(x) ** 2, "f(x)^{2}"),
        (exp(-x), "e^{-x}"),
        (exp(-((x + y) ** 2) / eta), r"\exp\!\left(-\frac{\left(x + y\right)^{2}}{\eta}\right)"),
        # matrices
        (Matrix([[1 - p, p]]), r"\begin{pmatrix}1 - p & p\end{pmatrix}"),
        (NTCov(A * X, Y).expand().T, r"\operatorname{NTCov}(Y, X)\, A^{\top}"),
        (OneMatrix(n, 1), r"\mathbf{1}"),
        (X[0, 0], "X_{1}"),
        (X[k, 0], "X_{k + 1}"),
        (A[0, 1], "A_{1,2}"),
        (VectorFunction("f", m)(X), "f(X)"),
        (
            NTCov(softmax(X), Y).expand(),
            r"\operatorname{diag}(\operatorname{softmax}(X)) \operatorname{NTCov}(X, Y)"
            r" - \operatorname{softmax}(X) \operatorname{softmax}(X)^{\top}"
            r" \operatorname{NTCov}(X, Y)",
        ),
        # names
        (Name("h1_1") ** 2, r"\left(h^{(1)}_{1}\right)^{2}"),
        (Symbol("x'") ** 2, "{x'}^{2}"),
        (Name("delta1_2_prime"), r"\delta^{(1)\prime}_{2}"),
        (Symbol("η_max"), r"\eta_{\mathrm{max}}"),
        (Function("loss")(x), r"\operatorname{loss}(x)"),
    ],
    ids=lambda case: None if isinstance(case, str) else str(case)[:40],
)  # fmt: skip
def test_notation(expr: Any, expected: str) -> None:
    assert paper(expr) == expected


def test_settings_of_sympy_reach_the_printer() -> None:
    assert paper(acos(x), inv_trig_style="abbreviated") == r"\operatorname{acos}(x)"
    assert paper(x, symbol_names={x: r"\xi"}) == r"\xi"
    assert to_latex(log(x), ln_notation=True) == r"\ln(x)"


# Sums of products of differences, functions and powers: what signs and brackets can go wrong in.
_atoms = st.sampled_from([p, q, x])
_numbers = st.sampled_from([S.One, Integer(2), Integer(-3), Rational(1, 2), Rational(-2, 3)])


def _grown(inner: Any) -> Any:
    differences = st.tuples(inner, st.one_of(inner, _numbers), st.sampled_from([1, -1])).map(
        lambda t: t[0] + t[2] * t[1] if t[2] == 1 else t[1] - t[0]
    )
    calls = st.tuples(inner, st.sampled_from([sigmoid, tanh, exp, lambda u: log(1 + u**2)])).map(
        lambda t: t[1](t[0])
    )
    powers = st.tuples(
        st.one_of(inner, differences, calls), st.sampled_from([1, 2, 3, -1, -2, Rational(1, 2)])
    ).map(lambda t: t[0] ** t[1])
    products = st.lists(st.one_of(inner, differences, calls, powers), min_size=2, max_size=3)
    scaled = st.tuples(_numbers, products).map(lambda t: Mul(t[0], *t[1]))
    return st.one_of(scaled, st.lists(scaled, min_size=2, max_size=3).map(lambda ts: Add(*ts)))


_formulas = st.one_of(_grown(_atoms), _grown(_grown(_atoms)))


@settings(max_examples=80)
@given(_formulas)
def test_what_is_printed_has_the_value_of_the_expression(expr: Any) -> None:
    """An independent reader of the LaTeX finds the number that SymPy finds."""
    point = {p: Rational(3, 7), q: Rational(5, 4), x: Rational(11, 8)}
    assume(not expr.has(S.ComplexInfinity, S.NaN, S.ImaginaryUnit) and expr.count_ops() < 90)
    with mpmath.workdps(30):
        exact = expr.subs(point).evalf(30)
        assume(exact.is_finite and 1e-6 < abs(exact) < 1e6)
        expected = mpmath.mpmathify(exact)
        found = value(paper(expr), {s.name: mpmath.mpf(r.p) / r.q for s, r in point.items()})
        assert mpmath.almosteq(found, expected, rel_eps=1e-20), (expr, paper(expr))


@given(st.text(min_size=0, max_size=6))
def test_names_are_balanced_and_plain(name: str) -> None:
    """No name leaves a brace open, or a character that pdfTeX does not know."""
    tex = symbol_name(name)
    assert tex.isascii() and tex
    plain = re.sub(r"\\.", "", tex)
    assert plain.count("{") == plain.count("}")
    assert not set(plain) & set("#%&$")


# -- closed forms, derivations ---------------------------------------------------------------------


def _network(*widths: int, **options: Any) -> tuple[Any, Any]:
    """A network at x and at y."""
    net = MLP(*widths, **options)
    xs, ys = symbols(f"x1:{widths[0] + 1}"), symbols(f"y1:{widths[0] + 1}")
    return net.explicit(*xs), net.explicit(*ys)


def _kernel(*widths: int) -> Any:
    return closed_form(NTCov(*_network(*widths)))


def test_a_closed_form_is_shown_with_its_definitions() -> None:
    a, h = Name("a"), Name("h")
    network = ClosedForm(v * a + b, {h: w * x, a: tanh(h)})
    kernel = closed_form(NTCov(network, network.subs(x, y)))
    assert to_latex(kernel) == "\n".join(
        [
            r"\begin{aligned}",
            r"\operatorname{NTCov}(f, f') &= v^{2} x y \left(1 - a^{2}\right)"
            r"\left(1 - {a'}^{2}\right) + a a' + 1 \\",
            r"\text{where}\quad f &= v a + b, \\",
            r"h &= w x, \\",
            r"a &= \tanh(h), \\",
            r"& \text{and with primes the same at } y",
            r"\end{aligned}",
        ]
    )  # fmt: skip
    assert to_latex(kernel, where=False).count("\n") == 0


def _block_value(tex: str, numbers: dict[str, Any]) -> Any:
    """The value of the main formula of a block, by nothing but what the block says."""
    body = re.sub(r"\\(?:begin|end)\{aligned\}|\\text\{where\}", "", tex)
    body = re.sub(r"\\\\\n&(?:\\quad)?\s*\\qquad", " ", body)  # lines that go on
    body, _, closing = body.partition(r"\\" + "\n" + r"& \text{and with primes the same ")
    known = dict(numbers)
    statements = [part for row in body.split("\\\\") for part in re.split(r",\\quad", row)]
    pairs = [re.split(r"&?\s*=", statement, maxsplit=1) for statement in statements]
    waiting = {left.replace("&", "").replace(r"\quad", "").strip(): right for left, right in pairs}
    main = next(iter(waiting))
    if closing:
        waiting |= _primed(waiting, closing, main)
    for _ in range(len(waiting)):
        for name, right in list(waiting.items()):
            try:
                known[name] = value(right.rstrip().rstrip(","), known)
                del waiting[name]
            except (ValueError, IndexError):
                continue  # a name in it is not known yet
    assert not waiting, waiting
    return known[main]


def _primed(definitions: dict[str, str], closing: str, main: str) -> dict[str, str]:
    """What a reader writes down for `and with primes the same at y`, or `for s → t, x → y`."""
    words, _, places = closing.partition("} ")
    if words.strip() == "at":  # x is what stands where y will
        moved = {places.strip().replace("y", "x"): places.strip()}
    else:
        moved = dict(part.strip().split(r" \to ") for part in places.split(", "))
    names = {name: _with_prime(name) for name in definitions if name != main} | moved
    found = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![A-Za-z\\])(?:{found})(?![A-Za-z])")
    return {
        _with_prime(name): pattern.sub(lambda match: names[match[0]], right)
        for name, right in definitions.items()
        if name != main
    }


def _with_prime(name: str) -> str:
    if "^{(" in name:
        return re.sub(r"\^\{\((\d+)\)\}", r"^{(\1)\\prime}", name)
    return re.sub(r"^(\\?[A-Za-z]+)", r"\1'", name)


@pytest.mark.parametrize("widths", [(1, 1, 1), (2, 3, 1), (2, 2, 2, 1)], ids=str)
def test_a_printed_block_is_the_kernel(widths: tuple[int, ...]) -> None:
    """Read by itself, main formula and definitions together have the value of the kernel."""
    kernel = _kernel(*widths)
    symbols_ = sorted(kernel.free_symbols | kernel.origin.free_symbols, key=str)
    point = {s: Rational(7 * i % 11 - 5, 4) for i, s in enumerate(symbols_)}
    numbers = {symbol_name(s.name): mpmath.mpf(r.p) / r.q for s, r in point.items()}
    with mpmath.workdps(30):
        found = _block_value(to_latex(kernel), numbers)
        exact = mpmath.mpmathify(kernel.doit().subs(point).evalf(30))
        assert mpmath.almosteq(found, exact, rel_eps=1e-20)


def test_short_names_tell_inputs_and_networks_apart() -> None:
    one, same = _network(1, 1, 1)
    other, _ = _network(1, 2, 1)
    shown = ShortNames([NTCov(one, same), NTVar(other)])
    assert str(shown.shown(NTCov(one, same))) == "NTCov(f, f_prime)"
    assert str(shown.shown(NTVar(other))) == "NTVar(g)"
    taken = NTCov(one, Function("f")(P))
    assert str(ShortNames([taken]).shown(taken)) == "NTCov(g, f(P))"


def test_every_name_in_a_block_is_defined_once() -> None:
    """Primes on primes are told apart, and all that occurs is defined."""
    one, same = _network(2, 2, 1)
    tex = to_latex(closed_form(NTCov(NTCov(one, same), one)))
    body = tex.split(r"\text{where}\quad")[1]
    defined = re.findall(r"(?:^|\n|,\\quad )\s*([^\s&=]+)\s*&?= ", body)
    assert len(defined) == len(set(defined)) > 15
    used = set(re.findall(r"(?:h|a|\\delta)\^\{\(1\)(?:\\prime)*\}_\{\d\}", tex))
    assert used <= set(defined)


def test_wide_matrices_name_their_entries() -> None:
    tex = to_latex(closed_form(NTVar(softmax(*parameters("z1 z2 z3")))))
    assert r"K_{11} & K_{12} & K_{13} \\ K_{12}" in tex
    assert r"\pi_{1} &= \operatorname{softmax}_{1}(z_{1}, z_{2}, z_{3})" in tex
    narrow = to_latex(closed_form(NTVar(Matrix([w, b * w]))))
    assert "K_" not in narrow


def test_a_derivation_is_a_chain_with_its_rules() -> None:
    tex = to_latex(derive(NTVar(sigmoid(b))))
    assert tex.splitlines() == [
        r"\begin{aligned}",
        r"\operatorname{NTVar}(\sigma(b)) &= \sigma(b)^{2} \left(1 - \sigma(b)\right)^{2}"
        r" \operatorname{NTVar}(b) && \text{chain rule} \\",
        r"&= \sigma(b)^{2} \left(1 - \sigma(b)\right)^{2} && \text{coordinates}",
        r"\end{aligned}",
    ]
    step = Step(ChainRule(), P, Q, [Eq(P, Q)])
    assert r"\text{chain rule: } P = Q" in to_latex(step)
    apart = Derivation([Step(ChainRule(), P, Q), Step(ChainRule(), L, P)])
    assert "L &= P" in to_latex(apart)


def test_lines_share_their_definitions() -> None:
    one, same = _network(1, 2, 1)
    found = lines(derive(NTCov(exp(one), same)))
    assert [line.rule for line in found] == ["chain rule", "reverse accumulation"]
    assert found[0].left == r"\operatorname{NTCov}(f', e^{f})" or "e^{f" in found[0].left
    assert found[1].left == "" and found[1].relation == "="
    assert len(found.where) == len({name for name, _ in found.where})
    assert found.where[0][0] == "f" and not any("'" in name for name, _ in found.where)
    assert found.closing is not None


def test_equations_and_lists() -> None:
    assert to_latex(Eq(P, Q)) == "P = Q"
    assert to_latex([Eq(P, Q), Eq(L, P**2)]).count("&=") == 2
    assert to_latex(price(P, L)) == r"\frac{d P}{dt} = \operatorname{NTCov}(P, -L)"
    assert to_latex(3) == "3" and to_latex(Float("0.5")) == "0.5"


def test_long_sums_break_before_signs() -> None:
    tex = to_latex(Eq(y, Add(*(Symbol(f"u{i}") * Symbol(f"v{i}") for i in range(1, 30)))), width=20)
    rows = tex.splitlines()[1:-1]
    assert len(rows) > 4 and all(row.startswith(r"&\qquad + u") for row in rows[1:])


def test_environments() -> None:
    tex = to_latex(Eq(P, Q), environment="equation", label="eq:p")
    assert tex == "\\begin{equation}\n\\label{eq:p}\nP = Q\n\\end{equation}"
    kernel = to_latex(_kernel(1, 1, 1), environment="align", label="eq:k")
    assert kernel.count(r"\label{eq:k}") == 1
    assert kernel.count(r"\notag") == kernel.count(r"\\")
    assert r"\notag" not in to_latex(_kernel(1, 1, 1), environment="align*")


@pytest.mark.parametrize(
    ("obj", "settings", "error"),
    [
        (P, {"environment": "tabular"}, NoRuleError),
        (P, {"label": "eq:a"}, NameClashError),
        (P, {"environment": "align*", "label": "eq:a"}, NameClashError),
        (P, {"environment": "align", "label": "a}b"}, NameClashError),
        ("P", {}, NoRuleError),
        (object(), {}, NoRuleError),
    ],
)
def test_what_is_refused(obj: Any, settings: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        to_latex(obj, **settings)


def test_the_same_in_every_process() -> None:
    """Hash seeds change nothing in what is printed."""
    program = (
        "from sympy import symbols; from symprice import *; "
        "from symprice.emit.latex import to_latex; net = MLP(2, 2, 1); "
        "f, g = net.explicit(*symbols('x1 x2')), net.explicit(*symbols('y1 y2')); "
        "P, L, Q = observables('P L Q'); print(to_latex(closed_form(NTCov(NTCov(f, g), f))), "
        "to_latex(NTCov(NTCov(P*Q, L), L).doit()))"
    )
    texts = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1] and len(texts[0]) > 500


# -- pdfTeX ---------------------------------------------------------------------------------------

needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")


def _log(
    tmp_path: Path, displays: list[str], options: str = "11pt", *, errors_only: bool = False
) -> str:
    """What pdfTeX says of an article with these displays: errors and overfull lines."""
    body = "\n\n\\newpage\n".join(f"Some text before\n{display}" for display in displays)
    (tmp_path / "article.tex").write_text(
        f"\\documentclass[{options}]{{article}}\n\\usepackage{{amsmath,amssymb}}\n"
        f"\\allowdisplaybreaks\n\\begin{{document}}\n{body}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "article.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    log_text = (tmp_path / "article.log").read_text(encoding="utf-8", errors="replace")
    wide = "" if errors_only else r"|Overfull \\hbox.*"
    wrong = re.findall(rf"^(?:!.*|l\.\d.*{wide})$", log_text, re.MULTILINE)
    assert wrong or (tmp_path / "article.pdf").exists()
    return "\n".join(wrong)


def _displays(width: float = 32) -> list[str]:
    """Every kind of display, in every environment."""
    one, same = _network(2, 3, 1)
    vector, _ = _network(2, 2, 3)
    iterated = NTCov(NTCov(NTCov(P * Q, log(L)), L), L).doit()
    things: list[Any] = [
        _kernel(2, 3, 1),
        closed_form(NTVar(one)),
        closed_form(NTVar(softmax(*parameters("z1 z2 z3")))),
        closed_form(NTVar(softmax(*observables("Z1 Z2 Z3")))),
        closed_form(NTVar(MLP(1, 2, 1, activation=Function("phi")).explicit())),
        iterated,
        Eq(NTCov(NTCov(P * Q, L), L), NTCov(NTCov(P * Q, L), L).doit()),
        closed_form(NTCov(NTCov(one, same), one)),
        derive(NTCov(log(P) * Q, -L)),
        derive(NTVar(exp(one))),
        derive(NTCov(exp(one) * P, L * same)),
        derive(NTCov(VectorFunction("f", m)(X), softmax(Y))),
        derive(NTCov(vector, Matrix([P]))),
        price(P, L),
        price(P, L, GradientDescent(eta), order=2),
        price(P, L, GradientDescent(eta), order=2).derivation,
        [Eq(P, Q), Eq(L, exp(-((x + y) ** 2) / (2 * eta)) / sqrt(2 * pi))],
        Matrix(3, 3, lambda i, j: (i + 1) * x ** (j + 1) + y**i),
    ]
    found = [f"$$\n{to_latex(thing, width=width)}\n$$" for thing in things]
    for environment in ("equation", "equation*", "align", "align*", "gather", "gather*"):
        label = None if environment.endswith("*") else f"eq:{environment}"
        for thing in (things[0], things[8], things[5], things[2]):
            numbered = f"{label}{len(found)}" if label else None
            found.append(to_latex(thing, environment=environment, label=numbered, width=width))
    return found


@needs_tex
def test_every_display_compiles_and_fits_the_line(tmp_path: Path) -> None:
    assert _log(tmp_path, _displays()) == ""


@needs_tex
def test_every_display_fits_a_column(tmp_path: Path) -> None:
    """A column of a two-column paper at 10pt is 20 ems wide."""
    assert _log(tmp_path, _displays(width=19.5), "10pt,twocolumn") == ""


@needs_tex
def test_a_line_that_is_too_long_would_be_noticed(tmp_path: Path) -> None:
    long = to_latex(_kernel(2, 3, 1), width=60)
    assert "Overfull" in _log(tmp_path, [f"$$\n{long}\n$$"])
    assert "Double superscript" in _log(tmp_path, ["$x^{2}^{2}$"])


@needs_tex
def test_every_name_compiles(tmp_path: Path) -> None:
    names = [
        "x'", "x'_1", "x_1'", "f''", "x′", "α", "Δθ", "x₁₂", "x²", "é", "ẍ_1", "日本", "🙂", "a#b",
        "50%", "a&b", "a_b_c", "_", "__", "_a", "a_", "$", "{", "}", "\\", "~", "^", "", " ", "a b",
        "x^2_1", "h1_1", "w1_3_12", "h1_2_prime", "h1_2_prime_prime", "delta_a1_1_prime", "xbar",
        "eta_max", "loss", "W_ij", "hbar", "`", '"', "é'_%", "x\u0302", "e^x y", "α'_β", "∂f/∂x",
        "é'",
    ]  # fmt: skip
    displays = []
    for name in names:
        s = Symbol(name)
        parts = [s, s**2, s**s, 1 / s, 2 * s * Symbol("x1"), MatrixSymbol(name or "_", 2, 2).T]
        parts += [Parameter(name) ** 2, Name(name) ** 2]
        if name:
            parts += [Function(name)(x) ** 2, Function(name)(x).diff(x)]
        displays.append("$" + r",\quad ".join(paper(part) for part in parts) + "$")
    assert _log(tmp_path, ["\n\n".join(displays)], errors_only=True) == ""


@needs_tex
def test_every_notation_compiles(tmp_path: Path) -> None:
    cases = test_notation.pytestmark[0].args[1]
    formulas = [f"$\\displaystyle {expected}$" for _, expected in cases]
    assert _log(tmp_path, formulas, errors_only=True) == ""


# -- the terminal ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (sigmoid(b) ** 2 * (1 - sigmoid(b)) ** 2, "σ(b)²(1 - σ(b))²"),
        (5 * sigma * (1 - sigma), "5σ(θ)(1 - σ(θ))"),
        (p**2 * (1 - p) ** 2, "p²(1 - p)²"),
        (x * (y + 1), "x (y + 1)"),
        (NTCov(P, -L), "NTCov(P, -L)"),
        (2 * P * NTCov(P, L) + NTCov(Q, L), "2P NTCov(P, L) + NTCov(Q, L)"),
        (Q * NTCov(P, L) / P, "Q NTCov(P, L)/P"),
        (Name("h1_1") * Name("delta1_2_prime"), "δ⁽¹⁾₂' h⁽¹⁾₁"),
        (Name("h1_1") ** 2, "(h⁽¹⁾₁)²"),
        (Parameter("w1_3_12"), "w⁽¹⁾₃,₁₂"),
        (f(P).diff(P, 2), "f''(P)"),
        (NTCov(f(P**2), L).doit(), "2P f'(P²) NTCov(P, L)"),
        (Symbol("eta_max") / 2, "η_max/2"),
        (sqrt(x) * exp(-x), "√x exp(-x)"),
        (1 / (2 * x * (1 - x)), "1/(2x (1 - x))"),
        (2 * 3**x, "2·3^x"),
        (x**-2, "1/x²"),
        (X.T * X, "Xᵀ X"),
        (NTCov(softmax(X), Y), "NTCov(softmax(X), Y)"),
        (Matrix([[1 - p, p]]), "[1 - p  p]"),
        (Eq(P, Q), "P = Q"),
        (ClosedForm(Name("h") ** 2, {Name("h"): w * x}), "h² where h = w x"),
        (price(P, L).derivation.steps[0].after, "∇P · dθ/dt"),
    ],
    ids=str,
)
def test_text(expr: Any, expected: str) -> None:
    assert text(expr) == expected


def _printed(*things: Any) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(render(*things))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_a_derivation_in_a_terminal() -> None:
    assert _printed(derive(NTVar(sigmoid(b)))) == (
        "NTVar(σ(b))  = σ(b)²(1 - σ(b))² NTVar(b)  chain rule\n"
        "             = σ(b)²(1 - σ(b))²           coordinates"
    )


def test_marks_above_letters_take_no_place_in_a_terminal() -> None:
    """z̄ is two characters and one cell wide, as rich counts them."""
    rows = as_text(Population().price("z").derivation).splitlines()
    assert any(len(row) > cell_len(row) for row in rows)
    assert len({cell_len(row.split("=", 1)[0]) for row in rows}) == 1
    remarks = {cell_len(row[: re.search(r" {2,}(?=[a-z])", row).end()]) for row in rows}
    assert len(remarks) == 1


def test_a_closed_form_in_a_terminal() -> None:
    shown = _printed(_kernel(1, 1, 1))
    assert shown.startswith("NTCov(f, f')  = ")
    assert "where  f" in shown and "= tanh(h⁽¹⁾₁)" in shown


def test_verdicts_in_a_terminal() -> None:
    class Report:
        """Stands for a report of a check."""

        verdict, worst = "holds", 0.0

        def __init__(self, ok: bool) -> None:
            self.ok = ok

        def __bool__(self) -> bool:
            return self.ok

        def __str__(self) -> str:
            return "holds\n  at x = 1" if self.ok else "does not hold"

    assert _printed(Report(True)) == "✓ holds\n  at x = 1"
    assert _printed(Eq(P, Q), Report(False)).splitlines()[-1] == "✗ does not hold"


def test_an_empty_list_is_nothing_to_show() -> None:
    with pytest.raises(NoRuleError, match="empty list"):
        to_latex([])


def test_price_grows_in_powers_of_the_step() -> None:
    """Selection before noise, whatever the size of the batch and the signs are."""
    eta, size, other = symbols("eta B lamda", positive=True)
    for batch in (size, 1, 32):
        shown = text(price(P, Q, SGD(eta, batch), order=2).equation.rhs)
        assert shown.index("-η NTCov(P, Q)") == 0 < shown.index("η² tr(") < shown.index("O(η³)")
    covariances = NTCov(P, Q) * eta**2 - eta * NTVar(P) + eta**3 * NTVar(Q) / size
    assert text(covariances) == "-η NTVar(P) + η² NTCov(P, Q) + η³ NTVar(Q)/B"
    assert text(other * NTVar(P) - eta * NTVar(Q)) == "λ NTVar(P) - η NTVar(Q)"
    assert text(P * NTVar(Q) - P**2 * NTVar(P)) == "P NTVar(Q) - P² NTVar(P)"


@pytest.mark.parametrize(
    "result",
    [
        price(P, L),
        derive(NTCov(P * Q, L)),
        CausalModel({Q: 2 * P}),
        CausalModel({Q: 2 * P}).rate(Q, loss=-Q),
        solve_flow(Parameter("b") ** 2 / 2, {Parameter("b"): 1}),
        conserved(Parameter("u") ** 2 - Parameter("v") ** 2, Parameter("u") * Parameter("v")),
    ],
    ids=lambda result: type(result).__name__,
)
def test_sympy_shows_a_result_as_it_is_displayed(result) -> None:
    assert latex(result) == result.latex()
    assert type(result).__name__ not in latex([result])


def test_a_setting_that_there_is_not():
    with pytest.raises(TypeError, match="the setting numbered, which there is not: write env"):
        to_latex(x + 1, numbered=True)
    assert to_latex(x + 1, fold_short_frac=True) == "x + 1"
