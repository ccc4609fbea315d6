r"""Matrix level on paper and in a terminal: brackets, sums, families, and that it all compiles."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from sympy import (
    Function,
    HadamardProduct,
    KroneckerDelta,
    Lambda,
    MatAdd,
    MatMul,
    MatrixSymbol,
    OneMatrix,
    Symbol,
    Transpose,
    latex,
    sqrt,
    symbols,
    tanh,
)

from symprice import (
    GLU,
    MLP,
    Activation,
    Conv1D,
    Dense,
    Elementwise,
    EntriesOf,
    GlobalAveragePool,
    Index,
    LayerNorm,
    Member,
    NameMatrix,
    Network,
    NTCov,
    NTVar,
    ParameterFamily,
    ParameterMatrix,
    Residual,
    ScalarProduct,
    SelfAttention,
    Shift,
    SumOver,
    UnitVector,
    average,
    closed_form,
    inputs,
)
from symprice.elementwise import ScaledRows
from symprice.emit.latex_printer import paper
from symprice.emit.unicode_printer import text
from symprice.indexed.entries import Entry

d, m, k, N, T, L, C, F = symbols("d m k N T L C F", integer=True, positive=True)
a, h = symbols("a h")
x, y = inputs("x y", d)
W, V = ParameterMatrix("W", m, d), ParameterMatrix("V", d, m)
h1, h1_prime = NameMatrix("h1", m, 1), NameMatrix("h1_prime", m, 1)
i, j, s = Index("i", N), Index("j", N), Index("_1", k)
x_i, x_j = inputs("x", d, each=i), inputs("x", d, each=j)
one, two = Index("_1", d), Index("_2", m)
total = SumOver(Entry(x, one), one)
kernel = ParameterFamily("W1", m, d, k)


@pytest.mark.parametrize(
    ("expr", "tex", "plain"),
    [
        # brackets in products
        (MatMul(W, ScaledRows(x, y)), r"W \left(x \circ y\right)", "W (x ∘ y)"),
        (
            MatMul(ScaledRows(x, W.T), h1),
            r"\left(x \circ W^{\top}\right)\, h_{1}",
            "(x ∘ Wᵀ) h₁",
        ),
        (
            MatMul(W.T, Elementwise(Lambda(h, 1 - tanh(h) ** 2), h1)),
            r"W^{\top} \left(1 - \tanh^{2}(h_{1})\right)",
            "Wᵀ (1 - tanh(h₁)²)",
        ),
        (MatMul(ScalarProduct(x, y), W), r"\left(x^{\top} y\right)\, W", "(xᵀ y) W"),
        (
            MatMul(ScalarProduct(x, y) + 1, W),
            r"\left(x^{\top} y + 1\right)\, W",
            "(xᵀ y + 1) W",
        ),
        (MatMul(total, W), r"\left(\sum_{i=1}^{d} x_{i}\right)\, W", "(∑ᵢ xᵢ) W"),
        (
            MatMul(W, SumOver(x_i, i), OneMatrix(1, d)),
            r"W \left(\sum_{i=1}^{N} x_{i}\right)\, \mathbf{1}^{\top}",
            "W (∑ᵢ xᵢ) 𝟏ᵀ",
        ),
        (
            ScaledRows(x, MatAdd(y, MatMul(-ScalarProduct(x, y), OneMatrix(d, 1)))),
            r"x \circ \left(y - \left(x^{\top} y\right)\, \mathbf{1}\right)",
            "x ∘ (y - (xᵀ y) 𝟏)",
        ),
        (ScaledRows(x, MatMul(V, h1)), r"x \circ V h_{1}", "x ∘ V h₁"),
        (
            HadamardProduct(W, MatMul(W, V, W)),
            r"W \circ \left(W V W\right)",
            "W ∘ (W V W)",
        ),
        (
            total * SumOver(Entry(x, one) ** 2 * Entry(h1, two), one, two),
            r"\left(\sum_{i=1}^{d} x_{i}\right)\, \sum_{i=1}^{d} \sum_{j=1}^{m} "
            r"x_{i}^{2} h_{1,j}",
            "(∑ᵢ xᵢ) ∑ᵢ,ⱼ xᵢ² h₁,ⱼ",
        ),
        (total**2 / 2, r"\frac{1}{2} \left(\sum_{i=1}^{d} x_{i}\right)^{2}", "(∑ᵢ xᵢ)²/2"),
        # scalar products and norms
        (ScalarProduct(OneMatrix(d, 1), x), r"\mathbf{1}^{\top} x", "𝟏ᵀ x"),
        (
            ScalarProduct(y, ScaledRows(x, y)),
            r"y^{\top} \left(x \circ y\right)",
            "yᵀ (x ∘ y)",
        ),
        (
            ScalarProduct(MatMul(W, x), MatMul(W, y)),
            r"\left(W x\right)^{\top} W y",
            "(W x)ᵀ W y",
        ),
        (ScalarProduct(V, W.T), r"\left\langle W^{\top}, V \right\rangle", "⟨Wᵀ, V⟩"),
        (ScalarProduct(x, x), r"\lVert x \rVert^{2}", "‖x‖²"),
        (ScalarProduct(x, x) ** 2, r"\lVert x \rVert^{4}", "‖x‖⁴"),
        (sqrt(ScalarProduct(x, x)), r"\lVert x \rVert", "‖x‖"),
        (1 / ScalarProduct(x, x), r"\frac{1}{\lVert x \rVert^{2}}", "1/‖x‖²"),
        (ScalarProduct(W, W), r"\lVert W \rVert_{F}^{2}", "‖W‖²"),
        # functions of vectors
        (
            Elementwise(Lambda(h, h**2 * tanh(h)), W * x),
            r"\left(W x\right)^{\circ 2} \tanh(W x)",
            "(W x)² tanh(W x)",
        ),
        (Elementwise(Lambda(h, h**2), h1), r"h_{1}^{\circ 2}", "h₁²"),
        (Elementwise(Function("phi"), h1).derivative(), r"\phi'(h_{1})", "φ'(h₁)"),
        # families
        (Transpose(x_i), r"x_{i}^{\top}", "xᵢᵀ"),
        (Transpose(Member(h1_prime, i)), r"h_{1,i}^{\prime\top}", "h'₁,ᵢᵀ"),
        (Entry(h1_prime, two.xreplace({two: i})) ** 2, r"\left(h'_{1,i}\right)^{2}", "(h'₁,ᵢ)²"),
        (SumOver(2 * x_i * x_j.T, i, j), r"\sum_{i,j=1}^{N} 2 x_{i} x_{j}^{\top}", "∑ᵢ,ⱼ 2 xᵢ xⱼᵀ"),
        (
            SumOver(Member(kernel, s) * Shift(MatrixSymbol("X", d, L), s, L, "circular"), s),
            r"\sum_{s=0}^{k - 1} W_{1,s} X_{\oplus s}",
            "∑ₛ W₁,ₛ X₊ₛ",
        ),
        (
            EntriesOf(KroneckerDelta(one, two) * Entry(h1, two), two, one),
            r"\left[h_{1,j} \left[i = j\right]\right]_{j,i}",
            "[h₁,ⱼ [i = j]]ⱼ,ᵢ",
        ),
        (Transpose(UnitVector(T, 0)), r"e_{1}^{\top}", "e₁ᵀ"),
        # names
        (NameMatrix("delta_K1_prime", m, 1), r"\delta'_{K_{1}}", "δ'K₁"),
        (Member(NameMatrix("delta_K1", m, 1), i), r"\delta_{K_{1},i}", "δK₁,ᵢ"),
        (ParameterMatrix("WQ1", d, k), "W_{Q,1}", "WQ₁"),
        (Entry(NameMatrix("delta_f", m, 1), Index("_row", m)), r"\delta_{f,i}", "δfᵢ"),
    ],
    ids=str,
)
def test_notation(expr, tex, plain):
    assert paper(expr) == tex
    assert text(expr) == plain


X, Y = MatrixSymbol("X", T, d), MatrixSymbol("Y", T, d)
U = MatrixSymbol("X", C, L)


def _loss():
    error = MLP(d, m, 1, activation=tanh)(x_i) - inputs("y", 1, each=i)
    return average(ScalarProduct(error, error), i) / 2


def _of(net, *at):
    return NTVar(net(at[0])) if len(at) == 1 else NTCov(net(at[0]), net(at[1]))


RESULTS = {
    "loss": lambda: NTVar(_loss()),
    "net and loss": lambda: NTCov(MLP(d, m, 1, activation=tanh)(x), _loss()),
    "vector": lambda: _of(MLP(d, m, m, k, activation=Function("phi")), x, y),
    "convolution": lambda: _of(
        Network(Conv1D(C, F, k), Activation(tanh), GlobalAveragePool(), Dense(F, 1)), U
    ),
    "attention": lambda: _of(Network(SelfAttention(d, k), GlobalAveragePool(), Dense(d, 1)), X, Y),
    "heads": lambda: _of(
        Network(SelfAttention(d, k, causal=True, heads=2), GlobalAveragePool(), Dense(d, 2)), X
    ),
    "norm": lambda: _of(Network(Dense(d, m), LayerNorm(m), Activation(tanh), Dense(m, 1)), x, y),
    "residual": lambda: _of(Network(Residual(GLU(d, d)), Dense(d, 1)), x, y),
}


@pytest.fixture(scope="module")
def results():
    return {name: closed_form(make()) for name, make in RESULTS.items()}


@pytest.mark.parametrize("name", RESULTS)
def test_no_bound_index_without_a_letter(results, name):
    closed = results[name]
    for shown in (closed.latex(), closed.text(), latex(closed)):
        assert not re.search(r"_(\d|\{\\_|\{\s*_)|_fresh|_row|_label|_column", shown), shown
        assert "FamilyMatrix" not in shown and "KroneckerDelta" not in shown
    tex = closed.latex()
    assert tex.count("{") == tex.count("}") and r"\mapsto" not in tex


def test_the_loss_is_written_with_its_samples(results):
    tex = results["loss"].latex()
    assert r"\left(f_{i} - y_{i}\right)^{2}" in tex
    for line in (
        r"h_{1,i} &= W_{1} x_{i} + b_{1},",
        r"a_{1,i} &= \tanh(h_{1,i}),",
        r"f_{i} &= W_{2} a_{1,i} + b_{2},",
    ):
        assert line in tex, tex
    assert "\ng &=" not in tex and tex.count("W_{2} a_{1,i} + b_{2}") == 1


def test_a_network_at_the_data_and_one_at_an_input_keep_apart(results):
    tex = results["net and loss"].latex()
    assert r"g &= W_{2} a_{1} + b_{2}," in tex and r"f_{i} &= W_{2} a'_{1,i} + b_{2}," in tex


def test_a_primed_name_twice_stays_a_matrix():
    # A name with two primes is shown with another one, of the same shape.
    net = MLP(d, m, 1, activation=tanh)
    names = [net(inputs(name, d)) for name in ("x", "y", "z")]
    closed = closed_form(NTCov(NTCov(names[0], names[1]), names[2]))
    assert r"h''_{1}" in closed.latex()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_it_compiles_and_fits_the_line(results, tmp_path):
    body = "\n".join(
        f"\\begin{{equation*}}\n{closed.latex()}\n\\end{{equation*}}" for closed in results.values()
    )
    single = [MatAdd(W, MatMul(total, W)), SumOver(x_i, i), Transpose(Member(h1_prime, i))]
    body += "\n".join(f"\\[ {paper(expr)} \\]\n\\[ {latex(expr)} \\]" for expr in single)
    body += rf"\[ {latex(Entry(h1_prime, two) ** 2)} + {paper(Symbol('a') * total**2)} \]"
    (tmp_path / "a.tex").write_text(
        "\\documentclass[11pt]{article}\n\\usepackage{amsmath,amssymb}\n\\allowdisplaybreaks\n"
        f"\\begin{{document}}\n{body}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "a.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    log = (tmp_path / "a.log").read_text(encoding="utf-8", errors="replace")
    assert run.returncode == 0, log
    assert not re.findall(r"^(?:!.*|Overfull \\hbox.*)$", log, re.MULTILINE)
