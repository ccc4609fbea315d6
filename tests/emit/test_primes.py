r"""Primed definitions: left out where they are the others at another input, and only there."""

from __future__ import annotations

import pytest
from sympy import Function, MatrixSymbol, Symbol, symbols, tanh

from symprice import (
    MLP,
    Activation,
    ClosedForm,
    Dense,
    Elementwise,
    Name,
    NameMatrix,
    Network,
    Notation,
    NTCov,
    NTVar,
    ParameterMatrix,
    ScalarProduct,
    average,
    closed_form,
    inputs,
    softmax,
    squared_loss,
)
from symprice.emit.exports import to_markdown
from symprice.emit.latex_printer import PaperPrinter
from symprice.emit.lines import lines_of
from symprice.emit.primes import mirrored, written
from symprice.emit.terminal import as_text
from symprice.emit.unicode_printer import text
from symprice.indexed.entries import Index

d, m, n, k = symbols("d m n k", integer=True, positive=True)
x, y = inputs("x y", d)
SENTENCE = "and with primes the same at"


def kernel(net, one=x, other=y):
    return closed_form(NTCov(net(one), net(other)))


@pytest.fixture(scope="module")
def two_layers():
    return kernel(MLP(d, m, 1, activation=Function("phi")))


def test_the_block_of_the_design(two_layers):
    """f, h, a and δ, and one line for the rest, in every language."""
    assert two_layers.latex().splitlines()[-2] == rf"& \text{{{SENTENCE} }} y"
    sentence = two_layers.latex(environment="equation", where="sentence")
    assert sentence.endswith(rf"$\delta_{{1}} = \phi'(h_{{1}}) \circ W_{{2}}^{{\top}}$, {SENTENCE} "
                             r"$y$.\par}")  # fmt: skip
    assert as_text(two_layers).splitlines()[-1].strip() == f"{SENTENCE} y"
    assert text(two_layers).endswith(f"δ₁ = φ'(h₁) ∘ W₂ᵀ, {SENTENCE} y")
    assert rf"\text{{{SENTENCE} }}y" in to_markdown(two_layers)
    assert SENTENCE in two_layers._repr_html_()
    for shown in (two_layers.latex(), as_text(two_layers), to_markdown(two_layers)):
        assert "W" in shown and "h'_{1} &=" not in shown and "h'₁ =" not in shown


def test_code_and_definitions_have_all_of_them():
    formula = kernel(MLP(d, m, 1, activation=tanh))
    assert NameMatrix("h1_prime", m, 1) in formula.definitions
    assert "h1_prime =" in formula.source()
    assert len(lines_of(formula, everything=True).where) == 2 * len(lines_of(formula).where)


@pytest.mark.parametrize("layers", [(d, m, n, k), (d, m, n, m, 1)])
def test_half_of_any_perceptron_is_left_out(layers):
    formula = kernel(MLP(*layers, activation=tanh))
    found = lines_of(formula)
    assert len(lines_of(formula, everything=True).where) == 2 * len(found.where)
    assert not any("'" in name for name, _ in found.where)


def test_every_notation_has_its_mark():
    other = MatrixSymbol("x_prime", d, 1)
    formula = kernel(MLP(d, m, 1, activation=tanh), x, other)
    assert lines_of(formula).closing.tex == rf"\text{{{SENTENCE} }} x'"
    printer = PaperPrinter({}, Notation.learning())
    assert (
        lines_of(formula, printer.doprint).closing.tex
        == r"\text{and with tildes the same at } \tilde{\boldsymbol{x}}"
    )


def test_names_without_a_prime_to_show_are_listed(two_layers):
    """A primed name that is written without a prime cannot be meant by "with primes"."""
    shown = lines_of(two_layers, PaperPrinter({}, Notation(symbols={"h1_prime": "g"})).doprint)
    assert shown.closing is None and len(shown.where) == 8


def test_what_is_no_image_stays():
    """The pass back differs: a probability here, a loss there."""
    net = MLP(d, m, k, activation=tanh)
    t, u = inputs("t u", k)
    formula = closed_form(NTCov(ScalarProduct(u, softmax(net(x))), squared_loss(net(y), t)))
    found = lines_of(formula)
    assert found.closing.text.startswith("and with the other primes the same at y")
    listed = dict(found.where)
    assert r"\delta'_{1}" in listed and r"\delta_{1}" in listed
    assert r"h'_{1}" not in listed and r"a'_{1}" not in listed


def test_networks_of_their_own_have_no_mirror():
    """Two networks with shared weights and different activations, primed alike."""
    W, b = ParameterMatrix("W", m, d), ParameterMatrix("b", m, 1)
    h, a = (NameMatrix(name, m, 1) for name in ("h1", "a1"))
    g, c = (NameMatrix(f"{name}_prime", m, 1) for name in ("h1", "a1"))
    same = [(h, W * x + b), (a, Elementwise(tanh, h)), (g, W * y + b), (c, Elementwise(tanh, g))]
    assert set(mirrored(same).names) == {g, c}
    other = Elementwise(Function("phi"), g)
    assert mirrored([*same[:3], (c, other)]).names == ()
    assert mirrored([*same[:2], (g, W * y), (c, Elementwise(tanh, g))]).names == ()


def test_a_shared_name_that_moves_is_not_primed_behind_the_back():
    """`q` depends on x: a reader of "the same at y" would read q at y in a'."""
    x_, y_, w = Symbol("x"), Symbol("y"), Symbol("w")
    h, a, g, c, q = map(Name, ("h1", "a1", "h1_prime", "a1_prime", "q"))
    still = [(q, w**2), (h, w * x_), (a, q * h), (g, w * y_), (c, q * g)]
    assert set(mirrored(still).names) == {g, c}
    assert mirrored([(q, w * x_), *still[1:]]).names == ()


def test_several_inputs_are_named_one_by_one():
    w, s, t, x_, y_ = symbols("w s t x y")
    h, a, g, c = map(Name, ("h1", "a1", "h1_prime", "a1_prime"))
    pairs = [(h, w * x_ + s), (a, h * s), (g, w * y_ + t), (c, g * t)]
    assert written(pairs, text)[1].text == "and with primes the same for s → t, x → y"
    crossed = [(h, w * x_ + 2 * s), (a, h * s), (g, w * s + 2 * t), (c, g * t)]
    assert mirrored(crossed).names == ()


def test_one_definition_is_not_worth_a_line():
    net = Network(Dense(d, 1))
    found = lines_of(ClosedForm(Name("h1") * Name("h1_prime"), {
        Name("h1"): Symbol("x") + 1, Name("h1_prime"): Symbol("y") + 1}))  # fmt: skip
    assert found.closing is None and len(found.where) == 2
    assert lines_of(kernel(net)).closing is None


def test_members_of_the_data_keep_their_definitions():
    """h_i and h' belong to different things: neither is the other with a prime."""
    i = Index("i", Symbol("N", integer=True, positive=True))
    x_i, t_i = inputs("x", d, each=i), inputs("t", 1, each=i)
    f = MLP(d, m, 1, activation=tanh)
    formula = closed_form(NTCov(f(y)[0], average(squared_loss(f(x_i), t_i), i)))
    found = lines_of(formula)
    assert found.closing is None and found.where == lines_of(formula, everything=True).where


def test_a_narrow_column_holds_the_words(two_layers):
    rows = two_layers.latex(environment="align*", width=9).splitlines()
    assert len(rows) > 10
    assert "".join(rows).count("primes") == 1


def test_squared_norms_need_no_brackets():
    net = MLP(d, m, n, 1, activation=tanh, bias=False)
    formula = closed_form(NTVar(net(x)))
    assert formula.latex(where=False).endswith(
        r"= \lVert x \rVert^{2} \lVert \delta_{1} \rVert^{2}"
        r" + \lVert a_{1} \rVert^{2} \lVert \delta_{2} \rVert^{2} + \lVert a_{2} \rVert^{2}"
    )
    assert text(formula).startswith("‖x‖² ‖δ₁‖² + ‖a₁‖² ‖δ₂‖² + ‖a₂‖² where")


def test_norms_do_not_see_a_transpose_and_name_their_kind():
    row, block = MatrixSymbol("W_3", 1, m), MatrixSymbol("A", m, d)
    show = PaperPrinter().doprint
    assert show(ScalarProduct(row, row)) == r"\lVert W_{3} \rVert^{2}"
    assert show(ScalarProduct(block.T, block.T)) == r"\lVert A \rVert_{F}^{2}"
    assert text(ScalarProduct(row, row)) == "‖W₃‖²"
    u, v = inputs("u v", d)
    squares = [Elementwise(lambda h: h**2, w) for w in (u, v)]
    assert show(ScalarProduct(*squares)) == r"\lVert u \circ v \rVert^{2}"
    assert text(ScalarProduct(*squares)) == "‖u ∘ v‖²"
    cubes = [Elementwise(lambda h: h**3, w) for w in (u, v)]
    assert "lVert" not in show(ScalarProduct(*cubes))


def test_activations_alone_are_layers_too():
    """A residual branch without a name of its own does not confuse the comparison."""
    net = Network(Dense(d, m), Activation(tanh), Dense(m, m), Activation(tanh), Dense(m, 1))
    found = lines_of(kernel(net))
    assert len(lines_of(kernel(net), everything=True).where) == 2 * len(found.where)
