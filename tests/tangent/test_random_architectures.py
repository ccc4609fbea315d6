"""Covariances of random architectures, against Jacobians by complex steps of plain NumPy code."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symprice import NTCov, NTVar, closed_form
from tests.tangent.architectures import SIZES, Architecture, architectures

TOLERANCE = 1e-12
# Squares of squares of squares leave the range in which digits can be compared.
LARGEST = 1e4


def expected(architecture: Architecture, params, x, y):
    """Σ over the parameters of the products of the derivatives, and of their absolute values."""
    with np.errstate(all="ignore"):
        left, right = (architecture.jacobian(params, point) for point in (x, y))
        wanted = sum(left[name] @ right[name].T for name in params)
        scale = sum(np.abs(left[name]) @ np.abs(right[name]).T for name in params)
    assume(np.isfinite(scale).all() and scale.max() < LARGEST)
    return wanted, max(1.0, scale.max())


def planned(closed):
    """Its code, written once: for sizes that are known from the start."""
    known = {side for symbol in closed.free_symbols for side in getattr(symbol, "shape", ())}
    return closed.lambdify(sizes={side: n for side, n in SIZES.items() if side in known})


@settings(max_examples=max(500, settings().max_examples))
@given(architectures(), st.integers(0, 2**32 - 1))
def test_the_kernel_is_the_product_of_the_jacobians(architecture, seed):
    params, x, y = architecture.arrays(seed)
    wanted, scale = expected(architecture, params, x, y)
    f, g = (architecture.expression(letter) for letter in "xy")
    function = planned(closed_form(NTCov(f, g)))
    points = {"x": x, "y": y}
    found = function(params, *(points[s.name] for s in function.inputs))
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= TOLERANCE * scale


@settings(max_examples=max(25, settings().max_examples // 10))
@given(architectures(), st.integers(0, 2**32 - 1))
def test_the_variance_is_that_at_equal_inputs(architecture, seed):
    params, x, _ = architecture.arrays(seed)
    wanted, scale = expected(architecture, params, x, x)
    function = closed_form(NTVar(architecture.expression("x"))).lambdify()
    found = function(params, *(x for _ in function.inputs))
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= TOLERANCE * scale
