"""Network diagrams: the graph is that of the definitions, the pictures are well formed."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from sympy import symbols, tanh

from symprice import (
    MLP,
    Activation,
    Conv1D,
    Dense,
    GlobalAveragePool,
    LayerNorm,
    Network,
    NTVar,
    ParallelProduct,
    Residual,
    SelfAttention,
    closed_form,
    inputs,
    relu,
    sigmoid,
)
from symprice.emit.diagrams import Diagram, draw
from symprice.emit.documents.pdf import compile_pdf
from symprice.emit.documents.svg import label
from symprice.errors import NoRuleError

d, m, k = symbols("d m k", integer=True, positive=True)
NETS = {
    "perceptron": MLP(d, m, m, k, activation=tanh),
    "neurons": MLP(2, 3, 1),
    "two outputs": MLP(2, 2, 2, activation=sigmoid),
    "residual": Network(
        Dense(d, m), Residual(Dense(m, m), Activation(tanh)), LayerNorm(m), Dense(m, 1)
    ),
    "attention": Network(SelfAttention(d, k, m)),
    "gate": Network(ParallelProduct(Dense(d, m), Dense(d, m)), Dense(m, 1)),
    "convolution": Network(Conv1D(d, m, 3), Activation(relu), GlobalAveragePool(), Dense(m, 1)),
    "one function": Network(Activation(tanh)),
}


def _edges(diagram: Diagram) -> set[tuple[str, str]]:
    labels = [node.label for node in diagram.nodes]
    return {(labels[a.start], labels[a.end]) for a in diagram.arrows}


@pytest.mark.parametrize("name", sorted(NETS))
def test_arrows_are_the_uses_of_the_definitions(name: str) -> None:
    """Every quantity that a definition uses, and no other, has an arrow to it."""
    net: Any = NETS[name]
    diagram = net.draw()
    for arrow in diagram.arrows:
        assert diagram.nodes[arrow.start].column < diagram.nodes[arrow.end].column
    places = [(node.column, node.height) for node in diagram.nodes]
    assert len(set(places)) == len(places)
    reached = {arrow.end for arrow in diagram.arrows}
    for i, node in enumerate(diagram.nodes):
        assert (i in reached) == (node.kind != "input")


def test_a_skip_connection_goes_round() -> None:
    diagram = NETS["residual"].draw()
    assert ("h_{1}", "r_{2}") in _edges(diagram)
    (skip,) = [a for a in diagram.arrows if a.bend]
    assert diagram.nodes[skip.start].label == "h_{1}"


def test_neurons_of_a_small_network() -> None:
    diagram = MLP(2, 3, 1).draw()
    assert len(diagram.nodes) == 2 + 3 + 3 + 1
    assert len(diagram.arrows) == 6 + 3 + 3
    labels = {a.label for a in diagram.arrows}
    assert {"w^{(1)}_{32}", "w^{(2)}_{13}", r"\tanh"} <= labels
    assert len(MLP(2, 3, 1).draw(neurons=False).nodes) == 4
    assert len(MLP(784, 256, 10).draw().nodes) == 4
    with pytest.raises(NoRuleError, match="neurons=False"):
        MLP(784, 256, 10).draw(neurons=True)


def test_the_backward_pass_has_the_names_of_the_formulas() -> None:
    net = MLP(d, m, m, 1, activation=tanh)
    shown = {node.adjoint for node in net.draw(backward=True).nodes} - {""}
    formula = closed_form(NTVar(net(inputs("x", d)))).latex()
    assert shown == {r"\delta_{1}", r"\delta_{2}"}
    assert all(f"{name} &=" in formula or f"{name} =" in formula for name in shown)


def test_the_backward_pass_ends_where_nothing_is_trained() -> None:
    diagram = MLP(d, m, 1).draw(backward=True)
    for arrow in diagram.arrows:
        assert arrow.backward == (diagram.nodes[arrow.start].kind != "input")
    assert not any(a.backward for a in MLP(d, m, 1).draw().arrows)


@pytest.mark.parametrize("name", sorted(NETS))
@pytest.mark.parametrize("backward", [False, True])
def test_the_svg_is_well_formed_and_holds_every_name(name: str, backward: bool) -> None:
    diagram = NETS[name].draw(backward=backward)
    root = ET.fromstring(diagram.svg())
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 < float(text.attrib["x"]) < width and 0 < float(text.attrib["y"]) < height
    assert len(list(root.iter("{http://www.w3.org/2000/svg}text"))) == (
        len(diagram.nodes)
        + sum(bool(a.label) for a in diagram.arrows)
        + sum(bool(n.adjoint) for n in diagram.nodes)
    )
    assert "<script" not in diagram.svg() and "href" not in diagram.svg()
    assert NETS[name]._repr_html_() == NETS[name].draw().svg()


def test_labels_in_svg() -> None:
    plain = re.sub(r"<[^>]*>", "", label(r"\tilde{\boldsymbol{h}}^{(1)}_{2}"))
    assert plain.replace("\u0303", "") == "h(1)2"
    assert 'font-weight="bold"' in label(r"\boldsymbol{W}^{(1)}")


def test_the_notation_reaches_the_diagram() -> None:
    labels = [node.label for node in draw(MLP(d, m, 1), notation="learning").nodes]
    assert labels[:2] == [r"\boldsymbol{x}", r"\boldsymbol{h}^{(1)}"]


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoRuleError, match="Network"):
        draw(3)
    with pytest.raises(NoRuleError, match="svg"):
        MLP(1, 1).draw().save(tmp_path / "net.png")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_every_picture_compiles(tmp_path: Path) -> None:
    pictures = [
        NETS[name].draw(backward=backward, notation=notation).tikz()
        for name, backward, notation in (
            ("neurons", True, "theory"),
            ("residual", True, "learning"),
            ("attention", False, "theory"),
        )
    ]
    path = tmp_path / "nets.tex"
    path.write_text(
        "\\documentclass{article}\\usepackage{amsmath,amssymb,tikz}\\usetikzlibrary{arrows.meta}\n"
        "\\begin{document}\n" + "\n\n".join(pictures) + "\n\\end{document}\n",
        encoding="utf-8",
    )
    assert compile_pdf(path) is not None
    NETS["neurons"].draw().save(tmp_path / "net.svg")
    assert (tmp_path / "net.svg").read_text().startswith("<svg")
