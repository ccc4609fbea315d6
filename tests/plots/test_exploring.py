"""``explore``: the values it draws, and what it asks for."""

from __future__ import annotations

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib", reason="needs matplotlib: pip install .[plot]")
matplotlib.use("Agg")

from symprice import NTVar, explore, parameters, price, sigmoid  # noqa: E402
from symprice.errors import NoParameterError, ShapeError  # noqa: E402
from symprice.plots import exploring  # noqa: E402

w, b = parameters("w b", real=True)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    matplotlib.pyplot.close("all")


def drawn(ax):
    (line,) = ax.lines
    return line.get_xdata(), line.get_ydata()


def test_the_graph_is_that_of_the_formula():
    at, found = drawn(explore(NTVar(sigmoid(3 * w + b)), b=(-2, 2), w=(0, 1)))
    p = 1 / (1 + np.exp(-(1.5 + at)))
    assert np.allclose(found, 10 * (p * (1 - p)) ** 2, rtol=1e-12, atol=0)
    assert at[0] == -2 and at[-1] == 2


def test_numbers_are_kept():
    at, found = drawn(explore(w * b, w=(0, 1), b=7))
    assert np.allclose(found, 7 * at)


def test_a_price_equation_is_its_change():
    at, found = drawn(explore(price(sigmoid(b), -sigmoid(b)), b=(-1, 1)))
    p = 1 / (1 + np.exp(-at))
    assert np.allclose(found, (p * (1 - p)) ** 2)


def test_constants_are_lines():
    _, found = drawn(explore(NTVar(2 * b) + 0 * b + w, w=(3, 4)))
    assert found[0] == 7


@pytest.mark.parametrize(
    ("error", "ranges"),
    [
        (NoParameterError, {"b": (-1, 1)}),
        (NoParameterError, {"b": (-1, 1), "w": 1, "z": 2}),
        (ShapeError, {"b": (1, -1), "w": 1}),
        (ShapeError, {"b": (1, 2, 3), "w": 1}),
        (ShapeError, {"b": 1, "w": 1}),
    ],
)
def test_ranges_are_checked(error, ranges):
    with pytest.raises(error):
        explore(w * b, **ranges)


def test_sliders_in_a_notebook(monkeypatch):
    ipywidgets = pytest.importorskip(
        "ipywidgets", reason="needs ipywidgets: pip install .[notebook]"
    )
    monkeypatch.setattr(exploring, "_has_kernel", lambda: True)
    box = explore(w * b, w=(0, 1), b=(2, 4))
    formula, value, along, slider = box.children[0].children
    assert formula.value == "$$b w$$" and isinstance(slider, ipywidgets.FloatSlider)
    assert (slider.min, slider.value, slider.max, slider.description) == (2, 3, 4, "$b$")
    assert value.value == "$= 1.5$ at $w = 0.5$, $b = 3$"
    slider.value = 4
    assert value.value == "$= 2$ at $w = 0.5$, $b = 4$"
    along.value = 0.25
    assert value.value == "$= 1$ at $w = 0.25$, $b = 4$"


def test_one_symbol_has_its_formula_beside_it_too(monkeypatch):
    pytest.importorskip("ipywidgets", reason="needs ipywidgets: pip install .[notebook]")
    monkeypatch.setattr(exploring, "_has_kernel", lambda: True)
    formula, value, slider = explore(NTVar(sigmoid(b)), b=(-5, 5)).children[0].children
    assert r"\sigma(b)" in formula.value and value.value == "$= 0.0625$ at $b = 0$"
    slider.value = 5.0
    p = 1 / (1 + np.exp(-5))
    assert value.value == f"$= {(p * (1 - p)) ** 2:.6g}$ at $b = 5$"
