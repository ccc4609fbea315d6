"""Scores of training examples against per-example gradients by difference quotients."""

from __future__ import annotations

import numpy as np
import pytest

from symprice import MLP, NTCov, ShapeError, average, closed_form, gelu, relu
from symprice.training.attribution import Attributor, attribute
from symprice.training.evaluating import Evaluator
from tests.training.setting import LOSS, PROBABILITY, arrays, loss, probability, slope_by

NET = MLP(5, 6, 3)


def example():
    params, data = arrays()
    return params, data, data["y"].argmax(1)


def by_differences(params, data, of=probability):
    """-∇P · ∇ℓ_i for every i."""
    gradient = {n: slope_by(of, params, data, n) for n in params}
    scores = []
    for i in range(len(data["x"])):
        one = {**data, "x": data["x"][[i]], "y": data["y"][[i]]}
        own = {n: slope_by(loss, params, one, n) for n in params}
        scores.append(-sum((gradient[n] * own[n]).sum() for n in params))
    return np.array(scores)


def test_scores_are_products_of_gradients():
    params, data, classes = example()
    found = attribute(NET, params, data["u"], data["x"], classes, 1)
    np.testing.assert_allclose(found.scores, by_differences(params, data), atol=2e-9)
    assert found.value == pytest.approx(probability(params, data), rel=1e-12)


def test_log_probabilities():
    params, data, classes = example()
    found = attribute(NET, params, data["u"], data["x"], classes, 1, of="log_probability")
    plain = attribute(NET, params, data["u"], data["x"], classes, 1)
    np.testing.assert_allclose(found.scores * plain.value, plain.scores, rtol=1e-10)
    assert found.value == pytest.approx(np.log(plain.value))


def test_the_mean_of_the_scores_is_the_selection_of_the_price_equation():
    params, data, classes = example()
    found = attribute(NET, params, data["u"], data["x"], classes, 1)
    whole = Evaluator(closed_form(NTCov(PROBABILITY, -LOSS)))(params, data)
    assert found.rate == pytest.approx(whole, rel=1e-12)
    assert sum(found.by_class().values()) == pytest.approx(found.rate, rel=1e-12)


def test_targets_may_be_columns_and_tiles_do_not_matter():
    params, data, classes = example()
    one = attribute(NET, params, data["u"], data["x"], classes, 1)
    two = attribute(NET, params, data["u"], data["x"], data["y"], 1, tile=3, progress=False)
    np.testing.assert_allclose(one.scores, two.scores, rtol=1e-13)
    assert one.by_class() == pytest.approx(two.by_class())


def test_a_property_of_ones_own():
    params, data, classes = example()
    logit = [
        attribute(NET, params, data["u"], data["x"], classes, c, of="logit").scores for c in (0, 2)
    ]
    difference = attribute(
        NET, params, data["u"], data["x"], classes, of=lambda z: z[0] - z[2]
    ).scores
    np.testing.assert_allclose(difference, logit[0] - logit[1], atol=1e-13)


@pytest.mark.parametrize("activation", [relu, gelu])
def test_other_networks_and_losses(activation):
    net = MLP(5, 6, 6, 3, activation=activation, bias=False)
    _, data, classes = example()
    params = net.init(2)
    found = attribute(net, params, data["u"], data["x"], classes, 0, loss="squared", of="logit")
    rate, before = 1e-6, found.value
    gradient_step = 0.0
    for i, score in enumerate(found.scores[:3]):
        # A step on one example moves the logit by its score.
        moved = stepped(net, params, data, i, rate)
        after = attribute(net, moved, data["u"], data["x"], classes, 0, of="logit").value
        gradient_step = (after - before) / rate
        assert gradient_step == pytest.approx(score, abs=2e-4)


def stepped(net, params, data, i, rate):
    """A step on half the squared distance of one example, its gradient by differences."""
    from symprice import lambdify
    from symprice.symbols import inputs

    x = inputs("x", 5)
    forward = lambdify(None, net(x))

    def one(now, given):
        return 0.5 * float(((forward(now, given["x"][i]) - given["y"][i]) ** 2).sum())

    return {n: a - rate * slope_by(one, params, data, n, 1e-5) for n, a in params.items()}


def test_top_and_bottom():
    params, data, classes = example()
    found = attribute(NET, params, data["u"], data["x"], classes)
    order = np.argsort(found.scores)
    assert list(found.top(3)) == list(order[::-1][:3]) and list(found.bottom(3)) == list(order[:3])
    assert len(found.top(100)) == len(found) == 20
    assert "raises" in str(found) and "<table>" in found._repr_html_()
    assert found.latex().startswith(r"\begin{aligned}")
    assert found.formula.check()


def test_the_most_likely_class_is_taken():
    params, data, classes = example()
    values = [attribute(NET, params, data["u"], data["x"], classes, c).value for c in range(3)]
    found = attribute(NET, params, data["u"], data["x"], classes)
    assert found.what.endswith(f"class {np.argmax(values)}") and found.value == max(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": np.zeros(4)}, r"the test input has the shape \(4,\)"),
        ({"test": np.zeros((1, 5))}, "write one column"),
        ({"data": np.zeros((20, 4))}, r"write \(N, 5\)"),
        ({"data": np.zeros((20, 5), dtype=int)}, "floating-point"),
        ({"targets": np.zeros(19, dtype=int)}, r"the targets have the shape \(19,\)"),
        ({"targets": np.full(20, 3)}, "the network has 0 to 2"),
        ({"targets": np.zeros(20)}, "write integers"),
        ({"class_": 5}, "the network has 0 to 2"),
        ({"class_": "a"}, "write an integer"),
        ({"of": "chance"}, "'probability', 'log_probability', 'logit'"),
        ({"loss": "hinge"}, "'cross_entropy', 'squared'"),
        ({"data": np.full((20, 5), np.nan)}, "NaN"),
        ({"network": average}, "asked to attribute a function: write a network"),
        ({"data": np.full((20, 5), np.inf)}, "the training input holds NaN or infinity"),
        ({"test": np.full(5, -np.inf)}, "the test input holds NaN or infinity"),
        ({"data": np.zeros((0, 5)), "targets": np.zeros(0, int)}, "N above 0"),
        ({"targets": np.array(1)}, r"the targets have the shape \(\)"),
    ],
)
def test_what_cannot_be_used(change, message):
    params, data, classes = example()
    given = {"network": NET, "params": params, "test": data["u"], "data": data["x"],
             "targets": classes, **change}  # fmt: skip
    with pytest.raises(ShapeError, match=message):
        attribute(**given)


def test_scores_that_overflow_raise():
    params, data, classes = example()
    with pytest.raises(ShapeError, match="overflow"):
        attribute(NET, {**params, "W2": np.full((3, 6), np.inf)}, data["u"], data["x"], classes)


def test_one_attributor_serves_many_networks_of_a_shape():
    scores = Attributor(NET)
    _, data, classes = example()
    for seed in (0, 1):
        other = NET.init(seed)
        np.testing.assert_array_equal(
            scores(other, data["u"], data["x"], classes, 1).scores,
            attribute(NET, other, data["u"], data["x"], classes, 1).scores,
        )
