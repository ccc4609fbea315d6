"""What no break can make narrower gets a name, or is refused; held by TeX's own measuring."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sympy import Matrix, MatrixSymbol, symbols, tanh

from symprice import (
    MDP,
    MLP,
    Adam,
    Dense,
    GaussianPolicy,
    GlobalAveragePool,
    Network,
    NTCov,
    NTVar,
    SelfAttention,
    closed_form,
    inputs,
    observables,
    parameters,
    policy_gradient,
    price,
    to_latex,
)
from symprice.emit.lines import ChainLine
from symprice.emit.papers import paper
from symprice.emit.wide_fractions import without_wide_fractions
from symprice.errors import NoRuleError

d, k, T = symbols("d k T", integer=True, positive=True)
a, c, gamma, eta = symbols("a c gamma eta", positive=True)
w, b = parameters("w b", real=True)
P, L = observables("P L")
tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex: install texlive")


def _values() -> Any:
    moves = [[[1 - a, a], [a, 1 - a]], [[c, 1 - c], [1 - c, c]]]
    process = MDP(moves, [[1, 0], [0, 2]], gamma=gamma, rho=[1, 0])
    return process.value([[1 - w, w], [1 - b, b]])


def _attention() -> Any:
    net = Network(SelfAttention(d, k), GlobalAveragePool(), Dense(d, 1))
    return closed_form(NTCov(net(MatrixSymbol("X", T, d)), net(MatrixSymbol("Y", T, d))))


def _gaussian() -> Any:
    mu, sigma = parameters("mu sigma", positive=True)
    return policy_gradient(GaussianPolicy(mu, sigma), lambda x: 3 * x**2 - 2 * x + 1).derivation


def test_the_names_stand_for_what_was_there() -> None:
    wide = (
        r"\frac{x}{a + b + c + d} - \left(\frac{2}{\frac{1}{a + b + c + d} + e + f + g}\right)^{2}"
    )
    (line,), where = without_wide_fractions(
        [ChainLine("y", "=", wide)], [("q", r"\frac{D}{a + b + c + d}")], 5
    )
    assert [name for name, _ in where] == ["R", "U", "q"]  # D is taken
    assert "".join(value for _, value in where).count("a + b + c + d") == 1
    text = line.right
    for name, value in reversed(where[:2]):
        text = text.replace(f"{{{name}}}", f"{{{value}}}")
    assert text == wide
    assert where[2] == ("q", r"\frac{D}{R}")
    assert without_wide_fractions([ChainLine("y", "=", wide)], [], 99)[0][0].right == wide


@tex
def test_narrow_columns_hold_it(tmp_path: Path) -> None:
    """Also where breqn is loaded, which has rules of its own for primes."""
    shown = [
        made.latex(environment="align", width="3.25in")
        for made in (_values(), _attention(), _gaussian())
    ]
    assert "1}{D}" in shown[0].replace(r"\frac{", "") and r"^{\prime\top}" in shown[1]
    body = "".join(rf"\begin{{minipage}}{{3.25in}}{one}\end{{minipage}}\par " for one in shown)
    (tmp_path / "t.tex").write_text(
        r"\documentclass[10pt]{article}\usepackage{amsmath,amssymb}\IfFileExists{breqn.sty}"
        rf"{{\usepackage{{breqn}}}}{{}}\begin{{document}}{body}\end{{document}}",
        encoding="utf-8",
    )
    told = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "t.tex"], cwd=tmp_path, capture_output=True
    ).stdout.decode(errors="replace")
    assert not re.findall(r"^!.*|^Overfull .hbox.*", told, re.MULTILINE)


@pytest.mark.parametrize("environment", ["multline", "dmath"])
def test_what_they_cannot_break_is_refused(environment: str) -> None:
    wide = Matrix([[w * b + sum(symbols("x1:9")), w]])
    with pytest.raises(NoRuleError, match=r"wider than the line.*environment='align'"):
        to_latex(wide, environment=environment, width="3.25in")
    assert closed_form(NTVar(w * b)).latex(environment=environment, width="3.25in")
    if environment == "dmath":
        with pytest.raises(NoRuleError, match="wider than the line"):
            price(P, L, Adam(eta)).latex(environment=environment, width="3.25in")


@tex
def test_tables_define_the_names_of_their_cells(tmp_path: Path) -> None:
    V = closed_form(NTVar(MLP(d, 3, 1, activation=tanh)(inputs("x", d))))
    rows = [["weight", "share"], *map(list, V.by_parameter().items())]
    article = paper([("tab:s", rows)], title="Shares", columns=2)
    article.save(tmp_path)
    assert article.complaints(tmp_path) == []
    source = article.latex()
    table, below = source.split(r"\end{tabular}")
    assert r"\lVert \delta_{1} \rVert^{2}" in table and "tanh" not in table
    assert r"In table \ref{tab:s}" in below and below.count(r"\delta_{1} & =") == 1
