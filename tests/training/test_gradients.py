"""Gradients by arrays, products with the Hessian, the sharpness: against difference quotients."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import MatrixSymbol, exp

from symprice import Conv1D, Network, NoRuleError, observables, parameters
from symprice.errors import NoParameterError, ShapeError
from symprice.training.gradients import GradientFunction, gradients
from symprice.training.stability import HessianProduct, sharpness
from tests.training.setting import LOSS, PROBABILITY, arrays, loss, probability, slope_by

w, b = parameters("w b", real=True)


@pytest.mark.parametrize(("formula", "by_hand"), [(LOSS, loss), (PROBABILITY, probability)])
def test_gradients_are_slopes(formula, by_hand):
    params, data = arrays()
    found = GradientFunction(formula)(params, data)
    assert set(found) == {"W1", "b1", "W2", "b2"}
    for name, array in found.items():
        assert array.shape == params[name].shape
        np.testing.assert_allclose(array, slope_by(by_hand, params, data, name), atol=3e-9)


def test_one_function_computes_what_gradients_have_in_common_once():
    source = GradientFunction(LOSS)._function.function.source
    assert source.count("tanh(") == 1 and source.count("softmax(") == 1


def test_scalars():
    found = GradientFunction(exp(w * b))({"w": 0.5, "b": 2.0}, {})
    assert found["w"] == pytest.approx(2 * np.e) and found["b"] == pytest.approx(0.5 * np.e)


def test_products_with_the_hessian_are_differences_of_gradients():
    params, data = arrays()
    rng, gradient = np.random.default_rng(5), GradientFunction(LOSS)
    direction = {name: rng.normal(size=array.shape) for name, array in params.items()}
    found = HessianProduct(LOSS)(params, data, direction)
    h = 1e-5
    ends = [
        gradient({n: a + s * h * direction[n] for n, a in params.items()}, data) for s in (1, -1)
    ]
    for name, array in found.items():
        np.testing.assert_allclose(array, (ends[0][name] - ends[1][name]) / (2 * h), atol=1e-8)


def test_sharpness_is_the_largest_eigenvalue_of_the_hessian():
    params, data = arrays(3, 4, 2, 7)
    product, names = HessianProduct(LOSS), list(params)
    rows = []
    for name in names:
        for place in np.ndindex(params[name].shape):
            unit = {n: np.zeros_like(a) for n, a in params.items()}
            unit[name][place] = 1.0
            column = product(params, data, unit)
            rows.append(np.concatenate([column[n].ravel() for n in names]))
    hessian = np.array(rows)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-12)
    assert sharpness(LOSS, params, data) == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-6)


def test_what_has_no_gradient_raises():
    with pytest.raises(NoParameterError):
        gradients(exp(observables("P") * 0 + 1))
    with pytest.raises(ShapeError, match="left unspecified"):
        GradientFunction(observables("P") * w)
    x = MatrixSymbol("x", 3, 8)
    with pytest.raises(NoRuleError, match="family of matrices"):
        gradients(Network(Conv1D(3, 2, 3))(x)[0, 0])


def test_what_lacks_is_said():
    params, data = arrays()
    del data["y"]
    with pytest.raises(ShapeError, match=r"the data lack y"):
        GradientFunction(LOSS)(params, data)
