"""Array code of sequences, convolutions, data sums and scalars; what is not fitting; memory."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest
from sympy import MatrixSymbol, Symbol, exp, log, symbols, tanh

from symprice import (
    MLP,
    Activation,
    CategoricalPolicy,
    ClosedForm,
    ClosedFormMatrix,
    Conv1D,
    Dense,
    Elementwise,
    EntriesOf,
    GlobalAveragePool,
    Index,
    LayerNorm,
    NameMatrix,
    Network,
    NoRuleError,
    NTCov,
    NTVar,
    Parameter,
    ParameterMatrix,
    ScalarProduct,
    SelfAttention,
    ShapeError,
    SumOver,
    average,
    closed_form,
    inputs,
    policy_gradient,
    relu,
    sigmoid,
)
from symprice.arrays import SoftmaxVector
from symprice.emit.matrix_function import MatrixFunction
from symprice.emit.matrix_source import is_matrix_level, write_matrix_source
from symprice.indexed.entries import Entry

d, m, k, c, T, L, N = symbols("d m k c T L N", integer=True, positive=True)
x, y = inputs("x y", d)


def kernel_by_complex_steps(forward, params, X, Y):
    """`∇f(x)·∇f(x')` of scalar outputs for all pairs, of a function written by hand."""

    def gradient(point):
        parts = []
        for name, value in params.items():
            for index in np.ndindex(value.shape):
                moved = {key: array.astype(complex) for key, array in params.items()}
                moved[name][index] += 1e-30j
                parts.append(forward(moved, point).imag / 1e-30)
        return np.array(parts)

    left, right = ([gradient(point) for point in side] for side in (X, Y))
    return np.array(left) @ np.array(right).T


# --- sequences ------------------------------------------------------------------------------------
def convolution(params, X, padding):
    """`y[o, t] = Σ W[o, c, s] x[c, t + s] + b[o]`, tanh, the mean over t, a linear readout."""
    W, length = params["W1"], X.shape[1]
    places = range(length if padding == "circular" else length - W.shape[2] + 1)
    h = np.array(
        [
            sum(W[:, :, s] @ X[:, (t + s) % length] for s in range(W.shape[2])) + params["b1"]
            for t in places
        ]
    )
    return (params["W2"] @ np.tanh(h).mean(0) + params["b2"])[0]


@pytest.mark.parametrize("padding", ["circular", "valid"])
@pytest.mark.parametrize("kernel", [3, k], ids=["3", "k"])
def test_convolution(padding, kernel):
    X, Y = MatrixSymbol("X", c, L), MatrixSymbol("Y", c, L)
    layers = [Conv1D(c, m, kernel, padding=padding), Activation(tanh), GlobalAveragePool()]
    net = Network(*layers, Dense(m, 1))
    function = MatrixFunction(closed_form(NTCov(net(X), net(Y))), {X: "n", Y: "m"})
    g = np.random.default_rng(0)
    params = {"W1": g.normal(size=(4, 2, 3)), "b1": g.normal(size=4)}
    params |= {"W2": g.normal(size=(1, 4)), "b2": g.normal(size=1)}
    inputs_ = g.normal(size=(3, 2, 5)), g.normal(size=(2, 2, 5))
    expected = kernel_by_complex_steps(lambda p, z: convolution(p, z, padding), params, *inputs_)
    assert np.allclose(function(params, *inputs_), expected, rtol=1e-12)
    if padding == "valid":
        with pytest.raises(ShapeError, match="as long as the kernel"):
            function(params, inputs_[0][:, :, :2], inputs_[1][:, :, :2])


def attention(params, X, causal):
    Q, K, V = (X @ params[name] for name in ("WQ1", "WK1", "WV1"))
    scores = Q @ K.T / np.sqrt(Q.shape[1])
    weights = np.exp(scores) * (np.tri(len(X)) if causal else 1)
    A = weights / weights.sum(1, keepdims=True)
    return (params["W2"] @ (A @ V @ params["WO1"]).mean(0) + params["b2"])[0]


@pytest.mark.parametrize("causal", [False, True])
def test_attention(causal):
    X, Y = MatrixSymbol("X", T, d), MatrixSymbol("Y", T, d)
    net = Network(SelfAttention(d, k, causal=causal), GlobalAveragePool(), Dense(d, 1))
    function = MatrixFunction(closed_form(NTCov(net(X), net(Y))), {X: "n", Y: "m"})
    g = np.random.default_rng(1)
    shapes = {"WQ1": (3, 2), "WK1": (3, 2), "WV1": (3, 2), "WO1": (2, 3), "W2": (1, 3), "b2": (1,)}
    params = {name: g.normal(size=shape) for name, shape in shapes.items()}
    inputs_ = g.normal(size=(3, 4, 3)), g.normal(size=(2, 4, 3))
    expected = kernel_by_complex_steps(lambda p, z: attention(p, z, causal), params, *inputs_)
    assert np.allclose(function(params, *inputs_), expected, rtol=1e-12)


def test_a_gather_is_computed_once():
    X = MatrixSymbol("X", c, L)
    net = Network(Conv1D(c, m, 3), Activation(tanh), GlobalAveragePool(), Dense(m, 1))
    source = closed_form(NTVar(net(X))).source()
    assert source.count("np.take(") == 1


# --- sums over data -------------------------------------------------------------------------------
def test_a_loss_over_data():
    i = Index("i", N)
    x_i, t_i = inputs("x", d, each=i), inputs("t", 1, each=i)
    net = MLP(d, m, 1, activation=tanh)
    loss = average((net(x_i)[0, 0] - t_i[0, 0]) ** 2, i)
    function = MatrixFunction(closed_form(NTVar(loss)))
    g = np.random.default_rng(2)
    params = {"W1": g.normal(size=(4, 3)), "b1": g.normal(size=4)}
    params |= {"W2": g.normal(size=(1, 4)), "b2": g.normal(size=1)}
    X, t = g.normal(size=(6, 3)), g.normal(size=(6, 1))

    def value(p, _):
        f = np.tanh(X @ p["W1"].T + p["b1"]) @ p["W2"].T + p["b2"]
        return ((f - t) ** 2).mean()

    expected = kernel_by_complex_steps(value, params, [0], [0])[0, 0]
    given = {"x": X, "t": t}
    found = function(params, *(given[str(s)] for s in function.inputs))
    assert np.isclose(found, expected, rtol=1e-12)


# --- scalars --------------------------------------------------------------------------------------
def test_scalars_follow_the_arrays_by_place_or_by_name():
    eta, s = Symbol("eta"), Parameter("s")
    function = MatrixFunction(ClosedForm(eta * s * ScalarProduct(x, y) + eta**2), {x: "n"})
    X, v = np.ones((2, 3), np.float32), np.ones(3, np.float32)
    for given in ([X, v, 0.5], [X, v, np.float64(0.5)]):
        found = function({"s": 2.0}, *given)
        assert found.dtype == np.float32 and found.tolist() == [3.25, 3.25]
    assert function({s: 2.0}, X, y=v, eta=1).tolist() == [7.0, 7.0]
    with pytest.raises(ShapeError, match="takes params and 3 inputs"):
        function({s: 2.0}, X, v)
    with pytest.raises(ShapeError, match="received 2, zeta"):
        function({s: 2.0}, X, v, zeta=1.0)


def test_a_scalar_may_have_a_batch():
    t = Symbol("t")
    function = MatrixFunction(ClosedForm(t * ScalarProduct(x, x)), {x: "n", t: "n"})
    assert function({}, np.eye(3), np.array([1.0, 2.0, 3.0])).tolist() == [1.0, 2.0, 3.0]


def test_size_symbols_are_read_off_shapes():
    function = MatrixFunction(ClosedForm(ScalarProduct(x, y) / d), {x: "n"})
    assert function.inputs == (x, y)
    assert function({}, np.ones((2, 4)), np.ones(4)).tolist() == [1.0, 1.0]


# --- what the result looks like -------------------------------------------------------------------
def test_axes_that_nothing_depends_on_are_there():
    i, j = Index("i", d), Index("j", 2)
    body = EntriesOf(Entry(x, i) + 0 * j, i, j)
    found = MatrixFunction(ClosedFormMatrix(body), {x: "n"})({}, np.arange(6.0).reshape(2, 3))
    assert found.shape == (2, 3, 2)
    assert found[1, 2].tolist() == [5.0, 5.0]


def test_explicit_columns_and_matrices():
    from sympy import Matrix

    entries = Matrix([[ScalarProduct(x, y), 2], [ScalarProduct(x, x), ScalarProduct(y, y)]])
    X, Y = np.eye(3)[:2], np.ones((4, 3))
    found = MatrixFunction(ClosedFormMatrix(entries), {x: "n", y: "m"})({}, X, Y)
    assert found.shape == (2, 4, 2, 2)
    assert np.array_equal(found[1, 3], [[1, 2], [1, 3]])


def test_which_formulas_are_at_matrix_level():
    assert is_matrix_level(ScalarProduct(x, y))
    assert is_matrix_level(ParameterMatrix("W", 2, 2))
    assert not is_matrix_level(MatrixSymbol("X", 2, 2)[0, 0] * Parameter("w"))
    i = Index("i", 3)
    assert is_matrix_level(SumOver(inputs("z", 2, each=i)[0, 0], i))


# --- numbers --------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_the_arrays_stays(dtype):
    X, Y = MatrixSymbol("X", T, d), MatrixSymbol("Y", T, d)
    layers = [LayerNorm(d), SelfAttention(d, k, causal=True), GlobalAveragePool(), Dense(d, m)]
    net = Network(*layers, Activation(sigmoid))
    function = MatrixFunction(closed_form(NTCov(net(X), net(Y))), {X: "n"})
    g = np.random.default_rng(3)
    widths = {d: 3, k: 2, m: 2, T: 4}
    shapes = {
        a.symbol.name: [int(size.subs(widths)) for size in a.axes] for a in function_axes(function)
    }
    params = {p.name: g.normal(size=shapes[p.name]).astype(dtype) for p in function.parameters}
    given = [g.normal(size=(2, 4, 3)).astype(dtype), g.normal(size=(4, 3)).astype(dtype)]
    rest = [1e-5] * (len(function.inputs) - 2)
    found = function(params, *given, *rest)
    assert found.dtype == dtype and found.shape == (2, 2, 2)


def function_axes(function):
    return [a for a in function._written.arguments if a.is_trained]


def test_tails():
    """Nothing overflows, and 0 log 0 is 0."""
    z = inputs("z", 3)
    p = NameMatrix("p", 3, 1)
    entropy = ClosedForm(
        -ScalarProduct(p, Elementwise(log, p)) + ScalarProduct(z, 0 * z), {p: SoftmaxVector(z)}
    )
    softplus = ClosedForm(SumOver(log(1 + exp(Entry(z, Index("i", 3)))), Index("i", 3)))
    points = np.array([[1000.0, 0.0, -1000.0], [0.0, 0.0, 0.0]])
    with np.errstate(all="raise", under="ignore"):
        entropies = MatrixFunction(entropy, {z: "n"})({}, points)
        values = MatrixFunction(softplus, {z: "n"})({}, points)
    assert np.allclose(entropies, [0, np.log(3)], rtol=1e-15)
    assert np.allclose(values, [1000 + np.log(2), 3 * np.log(2)], rtol=1e-15)


# --- what does not fit ----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def small():
    net = MLP(d, m, 1, activation=tanh)
    function = MatrixFunction(closed_form(NTCov(net(x), net(y))), {x: "n", y: "m"})
    g = np.random.default_rng(4)
    params = {"W1": g.normal(size=(5, 4)), "b1": g.normal(size=5), "W2": g.normal(size=(1, 5))}
    return function, params, g.normal(size=(7, 4)), g.normal(size=(3, 4))


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (lambda p, X, Y: (p | {"W1": np.full((5, 4), np.nan)}, X, Y), "W1 holds NaN"),
        (lambda p, X, Y: (p, np.where(X > 1, np.nan, X), Y), "x holds NaN"),
        (lambda p, X, Y: (p, X.astype(int), Y), "x is an array of int64"),
        (lambda p, X, Y: (p, X > 0, Y), "x is an array of bool"),
        (lambda p, X, Y: (p, X[:, :, None], Y), r"declared \(batch, d\)"),
        (lambda p, X, Y: (p, X, Y[:, :2]), "but d is 4 in x|but d is 4 in W1"),
        (lambda p, X, Y: (p | {"W2": np.ones((2, 5))}, X, Y), "W2 has the shape"),
        (lambda p, X, Y: (p, X), "takes params and 2 inputs"),
    ],
)
def test_what_does_not_fit_is_named(change, remedy, small):
    function, *arrays = small
    with pytest.raises(ShapeError, match=remedy):
        function(*change(*arrays))


def test_batches_with_one_label_are_of_one_length():
    function = MatrixFunction(ClosedForm(ScalarProduct(x, y)), {x: "n", y: "n"})
    with pytest.raises(ShapeError, match="the batch 'n' is 2 in x"):
        function({}, np.ones((2, 3)), np.ones((4, 3)))


@pytest.mark.parametrize(
    ("closed", "batch", "error"),
    [
        (ClosedForm(ScalarProduct(x, y)), {inputs("z", d): "n"}, ShapeError),
        (ClosedForm(ScalarProduct(x, y)), {x: 3}, ShapeError),
        (ClosedForm(ScalarProduct(x, y)), {x: '"""\nimport os\n"""'}, ShapeError),
        (
            ClosedForm(ScalarProduct(x, ParameterMatrix("w", d, 1))),
            {Parameter("w"): "n"},
            ShapeError,
        ),
        (ClosedForm(ScalarProduct(x, y)), {}, None),
    ],
)
def test_labels_that_mean_nothing(closed, batch, error):
    if error is None:
        assert "x @ y" in write_matrix_source(closed, batch, "f").text
        return
    with pytest.raises(error):
        write_matrix_source(closed, batch, "f")


def test_what_has_no_code_says_so():
    from sympy import Function

    phi = Function("phi")
    net = MLP(d, m, 1, activation=phi)
    with pytest.raises(NoRuleError, match="phi"):
        closed_form(NTVar(net(x))).source()
    with pytest.raises(NoRuleError, match="numpy"):
        write_matrix_source(ClosedForm(ScalarProduct(x, y)), {}, "f", backend="fortran")


# --- memory ---------------------------------------------------------------------------------------
def peak(function, *args, **settings):
    function(*args, **settings)
    tracemalloc.start()
    try:
        function(*args, **settings)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_no_jacobian_is_built():
    """60 samples of a network with 60 800 parameters, and 8 outputs."""
    net = MLP(d, m, m, k, activation=tanh)
    function = MatrixFunction(closed_form(NTCov(net(x), net(y))), {x: "n", y: "m"})
    g = np.random.default_rng(5)
    widths = {"W1": (200, 50), "W2": (200, 200), "W3": (8, 200), "b1": 200, "b2": 200, "b3": 8}
    params = {name: g.normal(size=shape) / 10 for name, shape in widths.items()}
    X = g.normal(size=(60, 50))
    used = {p.name: params[p.name] for p in function.parameters}
    samples, outputs, width = 60, 8, 200
    # Both sides: forward pass and adjoints of every layer; a few arrays of the size of the result.
    allowed = 8 * (2 * samples * width * (2 * outputs + 6) + 6 * (samples * outputs) ** 2)
    assert peak(function, used, X, X) < allowed < 8 * samples * outputs * 50_000


def test_no_outer_product_of_widths_for_every_sample():
    X, Y = MatrixSymbol("X", T, d), MatrixSymbol("Y", T, d)
    net = Network(SelfAttention(d, k), GlobalAveragePool(), Dense(d, 1))
    source = closed_form(NTCov(net(X), net(Y))).source(batch={X: "n", Y: "m"})
    function = MatrixFunction(closed_form(NTCov(net(X), net(Y))), {X: "n", Y: "m"})
    g = np.random.default_rng(6)
    shapes = {"WQ1": (150, 150), "WK1": (150, 150), "WV1": (150, 150), "WO1": (150, 150)}
    params = {name: g.normal(size=shape) / 10 for name, shape in shapes.items()}
    params["W2"] = g.normal(size=(1, 150))
    Z = g.normal(size=(40, 3, 150))
    assert "del " in source
    assert peak(function, params, Z, Z) < 8 * 40 * 150 * 150


def test_what_is_dead_is_freed(small):
    lines = [line.strip() for line in small[0].source.splitlines()]
    assert lines.index("del h1") == lines.index("a1 = np.tanh(h1)") + 1


# --- tiles ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("tile", [1, 2, 3, 100])
def test_tiles_give_the_same(tile, small):
    function, params, X, Y = small
    assert np.allclose(function(params, X, Y, tile=tile), function(params, X, Y), rtol=1e-14)


@pytest.mark.parametrize("batch", [{x: "n", y: "n"}, {x: "n"}, {y: "m", x: "n"}])
def test_tiles_of_other_batches(batch):
    net = MLP(d, m, k, activation=relu)
    closed = closed_form(NTCov(net(x), net(y)))
    plain, tiled = MatrixFunction(closed, batch), MatrixFunction(closed, batch, tile=2)
    g = np.random.default_rng(7)
    params = {"W1": g.normal(size=(5, 4)), "b1": g.normal(size=5), "W2": g.normal(size=(3, 5))}
    X = g.normal(size=(5, 4))
    given = [X if s in batch else X[0] for s in plain.inputs]
    used = {p.name: params[p.name] for p in plain.parameters}
    assert np.allclose(tiled(used, *given), plain(used, *given), rtol=1e-14)
    again = pickle.loads(pickle.dumps(tiled))
    assert np.array_equal(again(used, *given), tiled(used, *given))


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_rows_that_are_for_themselves_are_computed_in_blocks(threads):
    """A large batch: the same numbers, errors and settings as for one row after the other."""
    z, r = inputs("z r", symbols("K", integer=True, positive=True))
    result = policy_gradient(CategoricalPolicy(z), r)
    gradient = result.lambdify(batch={z: "n", r: "n"}, threads=threads)
    rng = np.random.default_rng(0)
    logits, rewards = rng.standard_normal((2, 30_011, 40))
    p = np.exp(logits)
    p /= p.sum(1, keepdims=True)
    expected = p * (rewards - (p * rewards).sum(1, keepdims=True))
    assert np.allclose(gradient({}, rewards, logits), expected, rtol=1e-11, atol=1e-15)
    again = pickle.loads(pickle.dumps(gradient))
    assert np.array_equal(again({}, rewards, logits), gradient({}, rewards, logits))
    rewards[-1] = [1e308, -1e308] * 20
    logits[-1] = [0, -1e3] * 20
    # What is set for floating-point errors holds in every thread.
    with np.errstate(all="raise", under="ignore"), pytest.raises(FloatingPointError):
        gradient({}, rewards, logits)
    with pytest.raises(ShapeError, match="threads"):
        result.lambdify(batch={z: "n", r: "n"}, threads=0)


def test_tiles_bound_the_memory():
    net = MLP(d, m, 1, activation=tanh)
    function = MatrixFunction(closed_form(NTCov(net(x), net(y))), {x: "n", y: "m"})
    g = np.random.default_rng(8)
    params = {
        "W1": g.normal(size=(500, 4)),
        "b1": g.normal(size=500),
        "W2": g.normal(size=(1, 500)),
    }
    X = g.normal(size=(300, 4))
    result, tile = 8 * 300 * 300, 8 * 10 * 500
    assert peak(function, params, X, X) > result + 40 * tile
    assert peak(function, params, X, X, tile=10) < result + 20 * tile


def test_an_empty_batch_has_no_tiles(small):
    function, params, X, Y = small
    assert function(params, X[:0], Y, tile=2).shape == (0, 3)


@pytest.mark.parametrize("tile", [0, -1, 1.5, True])
def test_a_tile_is_a_positive_integer(tile, small):
    function, *arrays = small
    with pytest.raises(ShapeError, match="positive integer"):
        function(*arrays, tile=tile)
    with pytest.raises(ShapeError, match="no batches"):
        MatrixFunction(ClosedForm(ScalarProduct(x, y)), tile=2)


def test_progress_is_shown(small, capsys):
    pytest.importorskip("tqdm", reason="progress bars are those of tqdm")
    function, *arrays = small
    function(*arrays, tile=2, progress=True)
    assert "/8" in capsys.readouterr().err
    function(*arrays, tile=2, progress=False)
    function(*arrays, tile=2)
    assert capsys.readouterr().err == ""


# --- plans ----------------------------------------------------------------------------------------
@pytest.fixture
def tokens():
    """The closed form of a small attention network, its batches, parameters and inputs."""
    X, Y = MatrixSymbol("X", T, d), MatrixSymbol("Y", T, d)
    net = Network(SelfAttention(d, k), GlobalAveragePool(), Dense(d, 1))
    closed, batch = closed_form(NTCov(net(X), net(Y))), {X: "n", Y: "m"}
    g = np.random.default_rng(9)
    widths = {d: 3, k: 2, T: 20}
    axes = function_axes(MatrixFunction(closed, batch))
    shapes = {a.symbol.name: [int(s.subs(widths)) for s in a.axes] for a in axes}
    params = {name: g.normal(size=shape) for name, shape in shapes.items()}
    return closed, batch, params, g.normal(size=(12, 20, 3))


def test_sizes_choose_the_plan(tokens):
    """Of a long sequence of narrow tokens, the gradient by a weight is smaller than all pairs."""
    closed, batch, params, Z = tokens
    wide = MatrixFunction(closed, batch, sizes={T: 2, d: 512, k: 512})
    long = MatrixFunction(closed, batch, sizes={T: 200, d: 3, k: 2})
    assert np.allclose(wide(params, Z, Z), long(params, Z, Z), rtol=1e-11)
    assert peak(long, params, Z, Z) < peak(wide, params, Z, Z) / 3


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"T": 2}, "symbols themselves"),
        ({m: 2}, "no size of"),
        ({T: 0}, "T = 0"),
        ({T: 2.5}, "T ="),
    ],
)
def test_sizes_are_numbers_of_what_there_is(sizes, said, tokens):
    closed, batch, *_ = tokens
    with pytest.raises(ShapeError, match=said):
        closed.source(batch=batch, sizes=sizes)
    assert closed.source(batch=batch, sizes={T: np.int64(2)})


def test_the_first_call_chooses_the_plan(tokens):
    closed, batch, params, Z = tokens
    function = MatrixFunction(closed, batch)
    again = pickle.loads(pickle.dumps(function))
    assert function.source == closed.source(batch=batch)
    found = function(params, Z, Z)
    planned = closed.source(batch=batch, sizes={T: 20, d: 3, k: 2})
    assert function.source == planned != closed.source(batch=batch)
    function(params, Z[:, :2], Z[:, :2])
    assert function.source == planned
    assert pickle.loads(pickle.dumps(function)).source == planned
    assert np.array_equal(again(params, Z, Z), found)
    assert np.array_equal(function(params, Z, Z), found)


def test_where_nothing_can_be_chosen_the_code_stays(small):
    function, *arrays = small
    source = function.source
    function(*arrays)
    assert function.source == source


def test_the_same_half_is_computed_once():
    """`|W x|²` is one product with W."""
    W = ParameterMatrix("W", m, d)
    source = write_matrix_source(ClosedForm(ScalarProduct(W * x, W * x)), {x: "n"}, "f").text
    assert source.count("W.T") == 1


def test_squares_of_single_columns_are_scalar_products():
    source = write_matrix_source(ClosedForm(ScalarProduct(x, x)), {}, "f").text
    assert "return x @ x" in source
    assert (
        "np.sum(x**2, axis=-1)"
        in write_matrix_source(ClosedForm(ScalarProduct(x, x)), {x: "n"}, "f").text
    )
