"""The kernels of finite networks against derivatives of the same networks written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from symprice import NTCov, NTVar, check, closed_form
from tests.tangent.forward import (
    CASES,
    EPS,
    epsilon,
    jacobians,
    numbers,
    parameters_of,
    symbol,
)

TOLERANCE = 1e-12


def setting(name, seed=0):
    """A case at random numbers: its properties, parameters, inputs."""
    case = CASES[name]
    f, g = (case.build(symbol(letter, case.shape)).subs(epsilon, EPS) for letter in "xy")
    generator = np.random.default_rng(seed)
    params = parameters_of(f, generator)
    points = {letter: numbers(case.shape, generator) for letter in "xy"}
    return case, f, g, params, points


def close(found, wanted):
    return np.abs(found - wanted).max() <= TOLERANCE * max(1.0, np.abs(wanted).max())


def arguments(function, points):
    """The inputs in the order in which the function takes them."""
    return [points[s.name.lower()] for s in function.inputs]


@pytest.mark.parametrize("name", CASES)
def test_code_agrees_with_complex_steps(name):
    case, f, g, params, points = setting(name)
    left, right = (jacobians(case.forward, params, points[letter]) for letter in "xy")
    wanted = left @ right.T
    function = closed_form(NTCov(f, g)).lambdify()
    assert close(function(params, *arguments(function, points)), wanted.squeeze())
    function = closed_form(NTVar(f)).lambdify()
    assert close(function(params, *arguments(function, points)), (left @ left.T).squeeze())


@pytest.mark.parametrize("name", CASES)
def test_the_formula_agrees_with_difference_quotients(name):
    case = CASES[name]
    f, g = (case.build(symbol(letter, case.shape)) for letter in "xy")
    report = check(closed_form(NTCov(f, g)), code=False, points=1, digits=15)
    assert report, report


@pytest.mark.parametrize("name", CASES)
def test_all_pairs_of_a_batch(name):
    case, f, g, params, _ = setting(name)
    generator = np.random.default_rng(5)
    shapes = {"x": (4, *case.shape), "y": (3, *case.shape)}
    batches = {letter: numbers(shape, generator) for letter, shape in shapes.items()}
    left, right = (
        np.array([jacobians(case.forward, params, point) for point in batches[letter]])
        for letter in "xy"
    )
    wanted = np.einsum("nip,mjp->nmij", left, right)
    wanted = wanted[..., 0, 0] if wanted.shape[-1] == 1 else wanted
    x, y = (symbol(letter, case.shape) for letter in "xy")
    function = closed_form(NTCov(f, g)).lambdify(batch={x: "n", y: "m"})
    assert close(function(params, *arguments(function, batches)), wanted)


@pytest.mark.parametrize("name", CASES)
def test_autodiff_agrees(name):
    jax = pytest.importorskip("jax", reason="JAX is not installed: make oracles")
    jax.config.update("jax_enable_x64", True)
    case, f, g, params, points = setting(name, seed=1)
    trees = [
        jax.jacobian(lambda p, letter=letter: case.forward(jax.numpy, p, points[letter]))(params)
        for letter in "xy"
    ]
    wanted = sum(
        np.tensordot(trees[0][key], trees[1][key], (range(-trees[0][key].ndim + ends, 0),) * 2)
        for key in params
        for ends in [trees[0][key].ndim - params[key].ndim]
    )
    function = closed_form(NTCov(f, g)).lambdify()
    assert close(function(params, *arguments(function, points)), np.squeeze(wanted))
