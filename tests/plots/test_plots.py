"""What pictures show: the data of their artists, their labels, what tells lines apart."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sympy import Symbol, exp, tanh

from symprice import (
    MLP,
    GradientDescent,
    NoRuleError,
    NTCov,
    NTVar,
    Parameter,
    closed_form,
    inputs,
    observables,
    price,
    sigmoid,
)
from symprice.errors import ShapeError
from symprice.plots.comparisons import agreement
from symprice.plots.drawing import plot
from symprice.plots.kernels import heat_map
from symprice.plots.style import LINES, mathtext
from symprice.solutions.flows import solve_flow
from symprice.training.attribution import attribute
from symprice.training.comparing import compare
from symprice.training.following import follow

b = Parameter("b", real=True)
eta = Symbol("eta", positive=True)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def drawn(ax):
    """That everything in a picture can be set, and does not warn."""
    ax.figure.canvas.draw()
    return ax


def styles(ax):
    return [(line.get_linestyle(), line.get_marker()) for line in ax.get_lines()]


def test_the_phase_line_of_a_neuron():
    ax = drawn(plot(price(sigmoid(b), -2 * sigmoid(b)), name="p"))
    line = ax.lines[1]
    p, rate = line.get_data()
    np.testing.assert_allclose(rate, 2 * p**2 * (1 - p) ** 2, atol=1e-12)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$p$", r"$\dfrac{d p}{dt}$")
    arrows = [line for line in ax.lines if line.get_marker() == ">"]
    assert len(arrows[0].get_xdata()) > 5


def test_a_resting_place_is_marked_by_whether_it_holds():
    loss = (sigmoid(b) - 0.25) ** 2
    stable = drawn(plot(price(sigmoid(b), loss)))
    unstable = drawn(plot(price(sigmoid(b), -loss)))
    for ax, fill in ((stable, "black"), (unstable, "white")):
        (dot,) = (line for line in ax.lines if line.get_marker() == "o")
        assert dot.get_xdata()[0] == pytest.approx(0.25, abs=1e-4)
        assert dot.get_markerfacecolor() == fill


def test_a_property_that_turns_round_rests_where_its_parameter_does():
    """w² under (w - 1)² and (w + 2)²: at w = 0 its rate is 0, but w moves on."""
    w = Parameter("w", real=True)
    for goal in (1, -2):
        ax = drawn(plot(price(w**2, (w - goal) ** 2), between=(-3, 3)))
        (dot,) = (line for line in ax.lines if line.get_marker() == "o")
        assert dot.get_xdata()[0] == pytest.approx(goal**2, abs=1e-3)
        assert dot.get_markerfacecolor() == "black"
        assert not [line for line in ax.lines if line.get_marker() in "<>"]


def test_the_phase_line_of_steps_needs_their_size():
    equation = price(sigmoid(b), -sigmoid(b), GradientDescent(eta), order=2)
    with pytest.raises(ShapeError, match=r"numbers=\{'eta'"):
        plot(equation)
    ax = drawn(plot(equation, numbers={eta: 0.5}))
    assert r"\Delta" in ax.get_ylabel()
    p, rate = ax.lines[1].get_data()
    steps = follow(equation, {}, {b: float(np.log(p[200] / (1 - p[200])))}, rate=0.5, steps=1)
    assert rate[200] == pytest.approx(steps.predicted[2][0], rel=1e-9)


def test_trajectories_solve_the_flow_and_steps_are_beside_it():
    theta = Parameter("theta")
    equation = price(theta, theta**2 / 2, GradientDescent(eta))
    ax = drawn(plot(equation, starts=[{theta: 1.0}, {theta: -2.0}], until=3.0, rate=0.5))
    t, x = ax.lines[0].get_data()
    np.testing.assert_allclose(x, np.exp(-t), atol=1e-7)
    t, x = ax.lines[1].get_data()
    np.testing.assert_allclose(x, 0.5 ** np.arange(7), atol=1e-12)
    np.testing.assert_allclose(t, 0.5 * np.arange(7))
    assert ax.get_xlabel() == "$t$" and ax.get_ylabel() == r"$\theta$"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "flow",
        "steps of size 0.5",
    ]
    flow = drawn(plot(price(theta, theta**2 / 2), starts=[{theta: 1.0}], until=2.0))
    assert len(flow.lines) == 1


def test_solutions_of_flows():
    found = solve_flow(1 - 2 * sigmoid(b), {b: 0})
    ax = drawn(found.plot(4.0))
    t, x = ax.lines[0].get_data()
    np.testing.assert_allclose(x + np.sinh(x), t, atol=1e-9)
    a, c = Parameter("a"), Parameter("c")
    ax = drawn(solve_flow(a**2 + 2 * c**2, {a: 1, c: 1}).plot(1.0))
    t, x = ax.lines[1].get_data()
    np.testing.assert_allclose(x, np.exp(-4 * t), atol=1e-10)
    assert [line.get_label() for line in ax.lines] == ["$a$", "$c$"]


def test_the_variance_of_a_probability_beside_the_guess():
    ax = drawn(plot(NTVar(sigmoid(b))))
    (p, found), (q, guess) = (line.get_data() for line in ax.lines)
    np.testing.assert_allclose(found, p**2 * (1 - p) ** 2, atol=1e-12)
    np.testing.assert_allclose(guess, q * (1 - q))
    assert len(set(styles(ax))) == 2
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[0].startswith(r"$\operatorname{NTVar}(p) = p^{2}") and labels[1] == "$p(1 - p)$"
    assert len(plot(NTVar(tanh(b)), guess=False).lines) == 1


def test_a_kernel_is_a_heat_map_of_products_of_gradients():
    x, y = inputs("x y", 2)
    net = MLP(2, 3, 1, activation=tanh)
    params, X = net.init(0), np.random.default_rng(1).normal(size=(4, 2))
    for kernel in (NTCov(net(x), net(y)), closed_form(NTCov(net(x), net(y)))):
        ax = drawn(plot(kernel, params, X, X[:3]))
        shown = np.asarray(ax.images[0].get_array())
        assert shown.shape == (4, 3)
        a = np.tanh(X @ params["W1"].T + params["b1"])
        delta = (1 - a**2) * params["W2"]
        expected = (X @ X.T + 1) * (delta @ delta.T) + a @ a.T + 1
        np.testing.assert_allclose(shown, expected[:, :3], rtol=1e-12)
        assert ax.images[0].get_cmap().name == "gray_r"
    assert ax.figure.axes[1].get_ylabel() == r"$\operatorname{NTCov}(f(x), f(y))$"


def test_heat_maps():
    ax = drawn(plot(np.eye(3), rows=["a", "b", "c"], label="scale"))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    for wrong, message in (
        (np.zeros(3), "write"),
        (np.full((2, 2), np.nan), "NaN"),
        (np.array([["a"]]), "numbers"),
    ):
        with pytest.raises(ShapeError, match=message):
            heat_map(wrong)
    with pytest.raises(ShapeError, match="2 names at an axis of 3"):
        heat_map(np.eye(3), columns=["a", "b"])


def test_a_heat_map_of_one_cell_and_of_none():
    ax = heat_map(np.array([[2.0]]))
    assert all(tick == int(tick) for tick in (*ax.get_xticks(), *ax.get_yticks()))
    for array in (np.ones((0, 3)), np.ones((2, 2)) * 1j, np.ones(3)):
        with pytest.raises(ShapeError, match="real numbers"):
            heat_map(array)


def test_the_variance_of_what_is_no_probability():
    """P = b³ - b turns back twice: NTVar(P) = (3b² - 1)² is drawn branch by branch, no guess."""
    b = Parameter("b", real=True)
    ax = plot(NTVar(b**3 - b), between=(-1.5, 1.5))
    (line,) = ax.lines
    at = np.linspace(-1.5, 1.5, len(line.get_xdata()))
    assert np.allclose(line.get_xdata(), at**3 - at)
    assert np.allclose(line.get_ydata(), (3 * at**2 - 1) ** 2)
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1  # above the axes


def test_errors_against_the_step_size():
    equation = price(sigmoid(b), -sigmoid(b), GradientDescent(eta), order=2)
    found = compare(equation, {}, {b: 0.5}, np.geomspace(0.01, 0.3, 6))
    ax = drawn(found.plot())
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_xlabel() == r"step size $\eta$"
    shown = [text.get_text() for text in ax.get_xticklabels()]
    assert {"0.01", "0.02", "0.05", "0.1", "0.2"} <= set(shown)
    assert not any(text.get_text() for text in ax.get_xticklabels(minor=True))
    lines = {line.get_label(): line for line in ax.lines}
    (first,) = (line for label, line in lines.items() if label.startswith("error of order 1"))
    np.testing.assert_allclose(first.get_ydata(), abs(found.error(1)))
    guide = np.log([line.get_ydata() for line in ax.lines if line.get_label() == "_guide"])
    slopes = (guide[:, -1] - guide[:, 0]) / np.log(found.rates[-1] / found.rates[0])
    np.testing.assert_allclose(slopes, [2, 3])


def test_parts_are_stacked_and_their_sum_is_the_prediction():
    equation = price(sigmoid(b), -sigmoid(b), GradientDescent(eta), order=2)
    run = follow(equation, {}, {b: -1.0}, rate=2.0, steps=5)
    ax = drawn(run.plot())
    bars = {c.get_label(): [bar.get_height() for bar in c] for c in ax.containers}
    np.testing.assert_allclose(bars["selection"], run.parts["selection"])
    np.testing.assert_allclose(bars["curvature"], run.parts["curvature"])
    tops = np.maximum(*(run.parts[part] for part in ("selection", "curvature"))) * 0
    for part in ("selection", "curvature"):
        tops = tops + np.maximum(run.parts[part], 0)
    reached = np.max(
        [[bar.get_y() + max(bar.get_height(), 0) for bar in c] for c in ax.containers], 0
    )
    np.testing.assert_allclose(reached, tops)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), run.actual)
    assert len({c[0].get_hatch() for c in ax.containers}) == 2


def test_long_runs_are_drawn_in_means():
    theta = Parameter("theta")
    run = follow(price(theta, theta**2 / 2, GradientDescent(eta)), {}, {theta: 1.0},
                 rate=0.01, steps=130)  # fmt: skip
    ax = drawn(run.plot())
    heights = [bar.get_height() for bar in ax.containers[0]]
    assert len(heights) == 44 and "means of 3" in ax.get_ylabel()
    assert heights[0] == pytest.approx(run.parts["selection"][:3].mean())
    assert heights[-1] == pytest.approx(run.parts["selection"][129:].mean())


def test_values_actual_and_predicted():
    equation = price(sigmoid(b), -sigmoid(b), GradientDescent(eta), order=2)
    run = follow(equation, {}, {b: -1.0}, rate=2.0, steps=5)
    ax = drawn(run.plot("values", name="p"))
    for line, values in zip(
        ax.lines, (run.values, run.cumulated(1), run.cumulated(2)), strict=True
    ):
        np.testing.assert_allclose(line.get_ydata(), values)
    assert ax.get_ylabel() == "$p$" and len({s[0] for s in styles(ax)}) == 3
    with pytest.raises(NoRuleError, match="'parts' or 'values'"):
        run.plot("pie")


def attribution():
    net, rng = MLP(4, 5, 3), np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    return attribute(net, net.init(0), X[0], X, rng.integers(0, 3, 30), 1), X


def test_scores_by_class():
    found, _ = attribution()
    ax = drawn(found.plot())
    points = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(np.sort(points), np.sort(found.scores))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", "1", "2"]


def test_the_strongest_examples_as_images():
    found, X = attribution()
    grid = found.plot(images=X.reshape(-1, 2, 2), test=X[0].reshape(2, 2), k=3)
    assert grid.shape == (2, 4)
    drawn(grid[0, 0])
    for row, chosen in enumerate((found.top(3), found.bottom(3))):
        for ax, i in zip(grid[row, 1:], chosen, strict=True):
            np.testing.assert_array_equal(np.asarray(ax.images[0].get_array()).ravel(), X[i])
    with pytest.raises(ShapeError, match="images"):
        found.plot(images=X)


def test_predicted_against_actual():
    ax = drawn(agreement({"a": [1.0, 2.0], "b": [0.0]}, {"a": [1.5, 2.5], "b": [0.1]}))
    assert ax.lines[1].get_xydata().tolist() == [[1.0, 1.5], [2.0, 2.5]]
    assert ax.lines[1].get_marker() != ax.lines[2].get_marker()


def test_labels_are_the_latex_of_the_formula_where_matplotlib_can():
    assert mathtext(NTVar(sigmoid(b))) == r"$\operatorname{NTVar}(\sigma(b))$"
    assert mathtext(r"\begin{aligned}a\end{aligned}", "a") == "a"
    assert mathtext("x" * 500, "long") == "long"
    assert mathtext(r"\frac{d}{dt}\,P") == r"$\frac{d}{dt}\,P$"


def test_axes_may_be_given_and_come_back():
    _, ax = plt.subplots()
    assert plot(price(sigmoid(b), -sigmoid(b)), ax=ax) is ax
    assert len(LINES) == len({str(line) for line in LINES})


def test_what_has_no_picture_says_so():
    P, L = observables("P L")
    w = Parameter("w")
    with pytest.raises(NoRuleError, match="there are pictures of"):
        plot("a text")
    with pytest.raises(ShapeError, match="there are none"):
        plot(price(P, L))
    with pytest.raises(ShapeError, match="there are b, w"):
        plot(price(sigmoid(b * w), exp(w)))
    with pytest.raises(ShapeError, match="lowest"):
        plot(price(sigmoid(b), b), between=(1, -1))
    with pytest.raises(ShapeError, match=r"write plot\(NTCov"):
        plot(NTCov(w, w * b))
