"""``symprice attribute`` and ``symprice study``: what they print, write, and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sympy import tanh

from symprice import (
    GLU,
    MLP,
    Activation,
    Dense,
    Network,
    ParallelSum,
    ParameterMatrix,
    Residual,
    RMSNorm,
    relu,
)
from symprice.cli.main import main
from symprice.cli.network_text import read_network
from symprice.training.attribution import attribute

NET = MLP(6, 8, 3)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        **NET.init(0),
        "X": rng.normal(size=(50, 6)),
        "y": rng.integers(0, 3, 50),
        "x": rng.normal(size=6),
    }


@pytest.fixture
def archive(tmp_path, arrays):
    def write(**changes):
        path = tmp_path / "trained.npz"
        np.savez(path, **{n: a for n, a in {**arrays, **changes}.items() if a is not None})
        return str(path)

    return write


def expected(arrays, net=NET, **settings):
    params = {p.name: arrays[p.name] for p in net.parameters}
    return attribute(net, params, arrays["x"], arrays["X"], arrays["y"], **settings)


def test_json(archive, arrays, capsys):
    assert main(["attribute", archive(), "--class", "2", "--json", "--top", "4"]) == 0
    found, wanted = json.loads(capsys.readouterr().out), expected(arrays, class_=2)
    assert found["property"] == "the probability of class 2" and found["examples"] == 50
    assert found["value"] == pytest.approx(wanted.value)
    assert [row["example"] for row in found["raise"]] == list(wanted.top(4))
    assert [row["class"] for row in found["raise"]] == list(arrays["y"][wanted.top(4)])
    assert [row["score"] for row in found["lower"]] == pytest.approx(
        list(wanted.scores[wanted.bottom(4)])
    )


def test_a_table_scores_and_a_picture(archive, arrays, capsys, tmp_path):
    scores, picture = tmp_path / "scores.dat", tmp_path / "scores.png"
    command = ["attribute", archive(), "--of", "logit", "--top", "2"]
    assert main([*command, "--scores", str(scores), "--picture", str(picture)]) == 0
    out = capsys.readouterr().out
    assert "raises" in out and "the logit of class" in out and out.count("│ ") >= 2
    np.testing.assert_array_equal(np.load(scores), expected(arrays, of="logit").scores)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_other_networks(archive, arrays, capsys):
    net = MLP(6, 8, 3, activation=relu, bias=False)
    path = archive(b1=None, b2=None)
    assert main(["attribute", path, "--activation", "relu", "--loss", "squared", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rate"] == pytest.approx(expected(arrays, net, loss="squared").rate)


LAYERS = "Conv1D(2, 3, 2, padding='valid'), tanh, Residual(tanh), GlobalAveragePool, Dense(3, 3)"
TEXT = "Embedding(5, 4), Residual(SelfAttention(4, 3, heads=2)), LayerNorm(4), RNN(4, 3)"
TIED = "Dense(6, 4), tanh, Dense(4, 6, weight=W1.T), Dense(6, 4, weight=W1), sigmoid, Dense(4, 3)"
ROWS = np.random.default_rng(1).normal(size=(51, 2, 3))
WORDS = np.random.default_rng(2).integers(0, 5, (51, 3))


@pytest.mark.parametrize(
    ("text", "inputs", "more"),
    [
        (LAYERS, {"x": ROWS[0], "X": ROWS[1:]}, {}),
        (TEXT, {"x": WORDS[0], "X": WORDS[1:]}, {"epsilon": np.array(1e-5)}),
        (TIED, {}, {}),
    ],
)
def test_networks_written_as_layers(tmp_path, arrays, capsys, text, inputs, more):
    net = read_network(text)
    data = {name: arrays[name] for name in ("X", "y", "x")} | inputs
    params = {**net.init(3), **more}
    path = tmp_path / "layers.npz"
    np.savez(path, **data, **params)
    assert main(["attribute", str(path), "--network", text, "--class", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    wanted = attribute(net, params, data["x"], data["X"], data["y"], 1)
    assert found["rate"] == pytest.approx(wanted.rate, rel=1e-12) and wanted.rate != 0
    np.savez(path, **data, **{name: a for name, a in params.items() if name != "b1"})
    assert main(["attribute", str(path), "--network", text]) == 2 or "b1" not in params


def test_layers_are_those_of_the_package():
    weight = ParameterMatrix("W1", 4, 6)
    inner = Network(Dense(4, 4), Activation(relu))
    branches = ParallelSum(inner, Dense(4, 4, bias=False))
    assert read_network(
        "Dense(6, 4, weight=W1), ParallelSum(Network(Dense(4, 4), relu), Dense(4, 4, bias=False)),"
        "Dense(4, 6, weight=W1.T), Residual(tanh), RMSNorm(6, eps=0.5), GLU(6, 3, gate=tanh)"
    ) == Network(
        Dense(6, 4, weight=weight), branches, Dense(4, 6, weight=weight.T),
        Residual(Activation(tanh)), RMSNorm(6, eps=0.5), GLU(6, 3, gate=tanh),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "]", "Dense(2, 3), Dance(3, 1)", "__import__('os')", "Dense(2, (lambda: 3)())", "tanh(2)",
     "Dense(2, 3).T", "Dense(*[2, 3])", "Dense(**{})", "Dense(2, 3, colour=1)", "Dense('x', 3)",
     "Dense(2, 3), Dense(4, 1)", "Dense(2)", "Dense(2, 3, weight=Dense(2, 3))", "Dense(2**9, 3)",
     "x := 3", "[Dense(2, 3)]", "Dense(0, 3)", "Dense", "(" * 300, "Embedding(5, 'ntk')",
     "GlobalAveragePool", "\0"],
)  # fmt: skip
def test_texts_that_are_no_network(archive, capsys, text):
    assert main(["attribute", archive(), "--network", text]) == 2
    assert capsys.readouterr().err.startswith("symprice: ")


def test_the_formula(archive, capsys):
    assert main(["attribute", archive(), "--latex"]) == 0
    assert capsys.readouterr().out.startswith(r"\begin{aligned}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": None}, "lacks y, it holds"),
        ({"W1": None}, "lacks W1"),
        ({"b2": None}, "b2 is missing"),
        ({"gamma1": np.ones(8)}, "holds gamma1, which a multilayer perceptron does not have"),
        ({"W1": np.zeros((8, 6, 3))}, "of a convolution say its layers"),
        ({"W2": np.zeros((8, 3))}, "write its transpose"),
        ({"W2": np.zeros(8)}, r"W2 has the shape (8,)"),
        ({"X": np.zeros((50, 6), dtype=np.uint8)}, "the training inputs are of uint8"),
        ({"X": np.zeros((50, 5))}, "write (N, 6)"),
        ({"x": np.zeros(5)}, "the test input has the shape (5,)"),
        ({"y": np.full(50, 3)}, "the network has 0 to 2"),
        ({"X": np.full((50, 6), np.nan)}, "NaN"),
        ({"y": np.array(1)}, "the targets have the shape ()"),
        ({"x": np.full(6, np.inf)}, "holds NaN or infinity"),
        ({"W1": np.full((8, 6), np.nan)}, "NaN"),
    ],
)
def test_archives_that_cannot_be_used(archive, capsys, changes, message):
    assert main(["attribute", archive(**changes)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("symprice: ")


def test_files_that_cannot_be_read(tmp_path, capsys):
    text, single, pickled = (tmp_path / name for name in ("a.npz", "b.npy", "c.npz"))
    text.write_text("no archive")
    np.save(single, np.zeros(3))
    np.savez(pickled, X=np.array([{}], dtype=object), W1=1.0, y=1, x=1)
    for path in (text, single, pickled, tmp_path, tmp_path / "none.npz"):
        assert main(["attribute", str(path)]) == 2
        assert str(path) in capsys.readouterr().err


def test_settings_that_cannot_be_met(archive, capsys):
    for settings in (["--class", "9"], ["--top", "-1"], ["--tile", "0"], ["--picture", "a.xyz"]):
        assert main(["attribute", archive(), *settings]) == 2
        assert capsys.readouterr().err.startswith("symprice: asked for")


def test_help_has_examples(capsys):
    for command in ("attribute", "study"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        out = capsys.readouterr().out
        assert f"symprice {command} " in out and "examples:" in out


def test_the_study_of_the_digits(tmp_path, capsys, monkeypatch):
    pytest.importorskip("sklearn", reason="pip install 'symprice[study]'")
    from symprice.cli.study import digits
    from symprice.cli.study import report as reporting

    once: list[object] = []  # trained once for both commands

    def study(**settings):
        if not once:
            once.append(trained(**settings))
        return once[0]

    trained = digits.study
    monkeypatch.setattr(digits, "study", study)
    assert main(["study", "digits", "--quick", "--output", str(tmp_path)]) == 0
    written = {path.name for path in tmp_path.iterdir()}
    figures = {"examples", "classes", "slopes", "epoch_batches", "epoch_full", "left_out", "kernel"}
    assert written == {f"{name}.png" for name in figures} | {"report.md", "numbers.json"}
    report, found = (tmp_path / name for name in ("report.md", "numbers.json"))
    assert all(f"({name}.png)" in report.read_text() for name in figures)
    numbers = json.loads(found.read_text())
    assert numbers["slopes"]["1"] == pytest.approx(2, abs=0.05)
    assert numbers["slopes"]["2"] == pytest.approx(3, abs=0.05)
    assert numbers["accuracy"]["test"] > 0.7
    epoch = numbers["epoch of batches"]["orders"]
    error = "relative error of a step, median"
    assert epoch["2"][error] < 0.1 * epoch["1"][error] < 0.05
    few = numbers["left out"][0]
    assert few["responding"]["slope"] == pytest.approx(1, abs=0.02)
    assert few["responding"]["pearson"] > 0.999
    assert sum(numbers["by class"].values()) == pytest.approx(numbers["rate"])
    assert "written:\n" in capsys.readouterr().out
    monkeypatch.setattr(reporting, "FIGURES", {})
    assert main(["study", "digits", "--quick", "--json", "--output", str(tmp_path)]) == 0
    told = capsys.readouterr()
    shown = json.loads(told.out)
    assert shown["numbers"] == numbers
    assert {Path(path).name for path in shown["written"]} == {"report.md", "numbers.json"}
    assert all(path.stat().st_size < 100_000 for path in tmp_path.glob("*.png"))
