"""Brackets round what a class of the package prints, wherever it stands in a formula.

What a class prints is set beside a power, a root, a fraction bar, a transpose. There it must stand
alone only where it is one name or one call; else somebody reads another formula.
"""

from __future__ import annotations

import re

import pytest
from sympy import Expr, Inverse, MatMul, MatrixExpr, MatrixSymbol, Symbol, Transpose, latex, sqrt
from sympy.matrices.expressions.matpow import MatPow

from symprice import MatrixMetric, Parameter
from symprice.emit.brackets import tidy
from symprice.emit.latex_printer import paper
from symprice.emit.unicode_printer import text
from symprice.errors import SympriceError
from symprice.indexed.families import Family
from symprice.populations.correlated import CorrelatedMean
from symprice.populations.response import SearchGradient
from tests.test_contract import ALL, shown

k = Symbol("k")
EXPRESSIONS = list({type(s): s for s in ALL if isinstance(s, Expr)}.values())
SCALARS = [s for s in EXPRESSIONS if not isinstance(s, (MatrixExpr, Family))]
MATRICES = [s for s in EXPRESSIONS if isinstance(s, MatrixExpr)]


def without_groups(written: str) -> str:
    """What stands in no brackets and no braces; each of those is a G."""
    written = re.sub(r"\\left\s*[(\[]|\\lVert|\\left\\langle", "(", written)
    written = re.sub(r"\\right\s*[)\]]|\\rVert|\\right\\rangle", ")", written)
    written = re.sub(r"‖[^‖]*‖", "G", written)
    for _ in range(20):
        written = re.sub(r"[({\[⟨][^(){}\[\]⟨⟩]*[)}\]⟩]", "G", written)
    return written


def is_one(written: str) -> bool:
    """Whether a formula is one name or one call, with scripts."""
    rest = without_groups(written)
    before = r"-|√|Δ|∇|∂|∑|∫|\\(d?frac|Delta|nabla|partial|sum|int)(?![a-z])"
    return not re.search(r"[ /·∘+\-↦]|\^\w|\^G\S", rest) and not re.match(before, rest)


def test_the_reader_of_this_test_reads():
    assert is_one("σ(b)") and is_one(r"\operatorname{NTCov}(P, L)") and is_one("h⁽¹⁾₂")
    assert not is_one("uᵀ v") and not is_one("dP/dt") and not is_one("e^(η Z)")
    assert not is_one(r"\frac{a}{b}") and not is_one(r"\Delta\bar{z}") and not is_one("I - A")


@pytest.mark.parametrize("specimen", SCALARS, ids=shown)
def test_powers_roots_and_quotients_in_text(specimen):
    alone = text(specimen)
    divided = re.search("[ /·]", without_groups(alone)) is not None
    for whole, before, after, plain in (
        (specimen**3, "", "³", is_one(alone)),
        (sqrt(specimen), "√", "", is_one(alone)),
        (k / specimen, "k/", "", not divided),
    ):
        found = text(whole)
        if alone in found and found != alone:  # else it has evaluated, as 1[x > 0]³
            bare = f"{before}{alone}{after}"
            assert found == f"{before}({alone}){after}" or (plain and found == bare)


@pytest.mark.parametrize("specimen", SCALARS, ids=shown)
@pytest.mark.parametrize("write", [paper, latex])
def test_powers_in_latex(write, specimen):
    alone, found = write(specimen), write(specimen**3)
    if found.endswith("^{3}") and found[:-4] in (alone, f"{{{alone}}}"):
        # (w a + b) where a = …, with its definitions below, is in brackets already.
        assert is_one(re.sub(r"_\{(?:[^{}]|\{[^{}]*\})*\}$", "", alone)) or specimen.is_Function


@pytest.mark.parametrize("specimen", MATRICES, ids=shown)
def test_matrices_in_text_and_latex(specimen):
    square = specimen.rows == specimen.cols
    wholes = [(Transpose(specimen), "ᵀ", r"\top")]
    if square:
        wholes += [(Inverse(specimen), "⁻¹", "-1"), (MatPow(specimen, 3), "³", "3")]
    for whole, mark, tex in wholes:
        alone = text(specimen)
        assert text(whole) == f"({alone}){mark}" or is_one(alone)
        alone, found = paper(specimen), paper(whole)
        if found == f"{alone}^{{{tex}}}":
            assert is_one(alone)
        elif f"^{{{tex}}}" in found and alone in found:
            assert found == rf"\left({alone}\right)^{{{tex}}}"


@pytest.mark.parametrize("specimen", MATRICES, ids=shown)
def test_factors_of_a_product_of_matrices(specimen):
    behind = MatrixSymbol("N", specimen.cols, specimen.cols)
    try:
        whole = MatMul(specimen, behind)
    except SympriceError:
        return
    for write in (text, paper):
        alone, found = write(specimen), write(whole)
        loose = re.search(r" [+-] | where |↦|\\mapsto|∑|\\sum|∫|\\int", without_groups(alone))
        if loose and alone in found:
            assert not found.startswith(alone)


def test_an_argument_keeps_its_group():
    r"""`\frac{k}(x + y)` is k/( to TeX."""
    assert tidy(r"\frac{k}{\left(x + y \right)}") == r"\frac{k}{x + y}"
    assert tidy(r"\frac{\left(x + y\right)}{2}") == r"\frac{x + y}{2}"
    assert tidy(r"\sqrt{\left(x + y\right)}") == r"\sqrt{x + y}"
    assert tidy(r"f^{\left(4\right)}{\left(x\right)}") == r"f^{\left(4\right)}(x)"
    assert tidy(r"k^{\left(x + y\right)}") == r"k^{\left(x + y\right)}"


def test_a_sum_is_a_factor_in_brackets_inside_of_a_mean():
    w, s, rho = Parameter("w"), Symbol("s", positive=True), Symbol("rho")
    metric = MatrixMetric([[1]], [w])
    assert r"\left(w^{3} + 1\right) \varepsilon" in paper(SearchGradient(w**3 + 1, w, metric, s))
    assert "Eₛ((w + 1) w²; ρ)" == text(CorrelatedMean(w + 1, w**2, metric, s, rho))
