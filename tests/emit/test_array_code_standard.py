"""The same code for every library that follows the array API: NumPy, PyTorch, JAX."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import MatrixSymbol, erf, sin, symbols, tanh

from symprice import (
    MLP,
    Activation,
    Conv1D,
    Dense,
    GlobalAveragePool,
    LayerNorm,
    Network,
    NoRuleError,
    NTCov,
    SelfAttention,
    ShapeError,
    closed_form,
    elu,
    gelu,
    inputs,
    leaky_relu,
    log_sigmoid,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)
from symprice.emit.matrix_function import MatrixFunction

pytest.importorskip("array_api_compat", reason="backend='array_api' needs array-api-compat")

d, m, k, c, T, L = symbols("d m k c T L", integer=True, positive=True)
SIZES = {d: 3, m: 4, k: 2, c: 2, T: 4, L: 5}
x, y = inputs("x y", d)
X, Y = MatrixSymbol("X", T, d), MatrixSymbol("Y", T, d)
U, V = MatrixSymbol("X", c, L), MatrixSymbol("Y", c, L)


def numpy_library():
    return np.asarray, np.asarray, lambda function: function


def torch_library():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    return torch.tensor, lambda tensor: tensor.numpy(), lambda function: function


def jax_library():
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    jax.config.update("jax_enable_x64", True)
    return jax.numpy.asarray, np.asarray, jax.jit


LIBRARIES = [numpy_library, torch_library, jax_library]


def attention(z, causal=False):
    layers = [LayerNorm(d), SelfAttention(d, k, causal=causal), GlobalAveragePool(), Dense(d, m)]
    return Network(*layers)(z)


def convolution(z, padding):
    layers = [Conv1D(c, m, 3, padding=padding), Activation(tanh), GlobalAveragePool()]
    return Network(*layers, Dense(m, 1))(z)


NETWORKS = {
    **{
        f"{phi.__name__}": (MLP(d, m, 1, activation=phi)(x), MLP(d, m, 1, activation=phi)(y))
        for phi in (tanh, sin, sigmoid, log_sigmoid, softplus, silu, relu, leaky_relu, elu)
    },
    "outputs": (MLP(d, m, k)(x), MLP(d, m, k)(y)),
    "softmax": (softmax(MLP(d, m, k)(x)), softmax(MLP(d, m, k)(y))),
    "attention": (attention(X), attention(Y)),
    "causal": (attention(X, True), attention(Y, True)),
    "circular": (convolution(U, "circular"), convolution(V, "circular")),
    "valid": (convolution(U, "valid"), convolution(V, "valid")),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_every_library_gives_what_numpy_gives(network):
    closed = closed_form(NTCov(*NETWORKS[network]))
    first, second = sorted((s for s in closed.free_symbols if s in (x, y, X, Y, U, V)), key=str)
    for batch in ({first: "n", second: "m"}, {first: "n", second: "n"}, {first: "n"}):
        plain = MatrixFunction(closed, batch)
        general = MatrixFunction(closed, batch, backend="array_api")
        g = np.random.default_rng(0)
        arrays = {}
        for argument in plain._written.arguments:
            shape = [3 if isinstance(a, str) else int(a.subs(SIZES)) for a in argument.axes]
            arrays[argument.symbol] = g.normal(size=shape) if shape else 1e-5
        params = {p.name: arrays[p] for p in plain.parameters}
        given = [arrays[s] for s in plain.inputs]
        expected = plain(params, *given)
        for library in LIBRARIES:
            try:
                convert, back, compiled = library()
            except pytest.skip.Exception:
                continue
            theirs = {name: convert(value) for name, value in params.items()}
            inputs_ = [convert(v) if np.ndim(v) else v for v in given]
            found = back(compiled(general.__wrapped__)(theirs, *inputs_))
            assert np.allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("library", LIBRARIES)
def test_arrays_are_checked(library):
    convert, back, _ = library()
    net = MLP(d, m, 1)
    function = MatrixFunction(
        closed_form(NTCov(net(x), net(y))), {x: "n", y: "m"}, backend="array_api"
    )
    g = np.random.default_rng(1)
    shapes = {"W1": (4, 3), "b1": (4,), "W2": (1, 4)}
    params = {name: convert(g.normal(size=shape)) for name, shape in shapes.items()}
    Z = g.normal(size=(5, 3))
    whole = back(function(params, convert(Z), convert(Z)))
    assert np.allclose(back(function(params, convert(Z), convert(Z), tile=2)), whole, rtol=1e-13)
    with pytest.raises(ShapeError, match="x holds NaN"):
        function(params, convert(np.where(Z > 0, np.nan, Z)), convert(Z))
    with pytest.raises(ShapeError, match="floating-point"):
        function(params, convert(Z.astype(np.int64)), convert(Z))
    with pytest.raises(ShapeError, match="declared"):
        function(params, convert(Z[:, :2]), convert(Z))
    with pytest.raises(ShapeError, match="array API"):
        function(params, Z.tolist(), convert(Z))


def test_float32_stays_in_every_library():
    net = MLP(d, m, k)
    function = MatrixFunction(closed_form(NTCov(net(x), net(y))), {x: "n"}, backend="array_api")
    for library in LIBRARIES:
        try:
            convert, back, _ = library()
        except pytest.skip.Exception:
            continue
        shapes = {"W1": (4, 3), "b1": (4,), "W2": (2, 4)}
        params = {name: convert(np.ones(shape, np.float32)) for name, shape in shapes.items()}
        given = convert(np.ones((5, 3), np.float32)), convert(np.ones(3, np.float32))
        found = back(function(params, *given))
        assert found.dtype == np.float32 and found.shape == (5, 2, 2)


@pytest.mark.parametrize("activation", [gelu, erf])
def test_what_the_standard_lacks_is_named(activation):
    net = MLP(d, m, 1, activation=activation)
    with pytest.raises(NoRuleError, match="SciPy has it"):
        MatrixFunction(closed_form(NTCov(net(x), net(y))), backend="array_api")


def test_the_code_calls_the_namespace_of_its_arrays():
    net = MLP(d, m, 1)
    source = MatrixFunction(closed_form(NTCov(net(x), net(y))), backend="array_api").source
    assert "xp = array_namespace(x, y)" in source
    assert "np." not in source and "einsum" not in source


@pytest.mark.parametrize("network", ["circular", "valid", "causal", "outputs"])
def test_what_is_made_lies_where_the_arrays_lie(network):
    """On a device that computes shapes alone, arrays of another one would raise."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    closed = closed_form(NTCov(*NETWORKS[network]))
    function = MatrixFunction(closed, backend="array_api")
    arrays = {}
    for argument in function._written.arguments:
        shape = [int(axis.subs(SIZES)) for axis in argument.axes]
        arrays[argument.symbol] = torch.ones(shape, device="meta") if shape else 1e-5
    params = {p.name: arrays[p] for p in function.parameters}
    found = function.__wrapped__(params, *(arrays[s] for s in function.inputs))
    assert found.device.type == "meta"
    assert tuple(found.shape) == tuple(int(s.subs(SIZES)) for s in getattr(closed, "shape", ()))
    assert "device=device(" in function.source
