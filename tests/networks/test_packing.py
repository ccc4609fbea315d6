"""Parameters as arrays: the order, the checks, the random start."""

from __future__ import annotations

import numpy as np
import pytest

from symprice import Activation, Dense, ParameterMatrix, sigmoid
from symprice.errors import ShapeError
from symprice.networks.convolution import Conv1D
from symprice.networks.layers import Embedding
from symprice.networks.network import MLP, Network
from symprice.networks.normalisation import LayerNorm
from symprice.networks.sequences import RNN, SelfAttention
from tests.networks.evaluation import V, c, d, k, m

net = MLP(d, m, 1)
ARRAYS = [np.ones((5, 4)), np.zeros(5), np.ones((1, 5)), np.zeros(1)]
NAMES = ["W1", "b1", "W2", "b2"]


def test_a_list_a_dict_and_a_vector_are_the_same():
    packed = net.pack(ARRAYS)
    assert list(packed) == NAMES
    again = net.pack(dict(zip(reversed(net.parameters), reversed(ARRAYS), strict=True)))
    vector = np.concatenate([array.ravel() for array in ARRAYS])
    flat = net.pack(vector, {d: 4, "m": 5})
    for other in (again, flat, net.pack(packed), net.pack([a.tolist() for a in ARRAYS])):
        assert list(other) == NAMES
        for name in NAMES:
            assert other[name].shape == packed[name].shape
            assert np.array_equal(other[name], packed[name])


def test_a_vector_is_cut_row_by_row():
    packed = MLP(2, 1).pack(np.array([1.0, 2, 3]))
    assert packed["W1"].tolist() == [[1, 2]] and packed["b1"].tolist() == [3]


def test_columns_have_one_axis_and_kernels_three():
    packed = Network(Conv1D(2, 3, 4)).pack([np.zeros((3, 2, 4)), np.zeros((3, 1))])
    assert packed["W1"].shape == (3, 2, 4) and packed["b1"].shape == (3,)


def test_arrays_are_taken_as_they_are():
    arrays = [array.astype("float32") for array in ARRAYS]
    packed = net.pack(arrays)
    assert packed["W1"] is arrays[0] and {str(a.dtype) for a in packed.values()} == {"float32"}


@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
def test_arrays_of_other_libraries(library):
    module = pytest.importorskip(library)
    arrays = [module.ones(shape, dtype=module.float32) for shape in ((5, 4), (5, 1), (1, 5), (1,))]
    packed = net.pack(arrays)
    assert packed["W1"] is arrays[0] and tuple(packed["b1"].shape) == (5,)
    assert type(packed["b1"]) is type(arrays[0])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (ARRAYS[:3], "4 parameters W1, b1, W2, b2, but received 3"),
        ({"W1": ARRAYS[0], "b1": ARRAYS[1], "W2": ARRAYS[2]}, "lack b2"),
        ({**dict(zip(NAMES, ARRAYS, strict=True)), "b3": 1}, "have b3"),
        ([ARRAYS[0].T, *ARRAYS[1:]], r"b1 has the shape \(5,\).*m is 4 in W1"),
        ([*ARRAYS[:2], np.ones((5, 1)), ARRAYS[3]], r"W2 has the shape \(5, 1\).*\(1, m\)"),
        ([np.ones(20), *ARRAYS[1:]], r"W1 has the shape \(20,\)"),
        ([ARRAYS[0].astype(int), *ARRAYS[1:]], "W1 is an array of int64"),
        ([ARRAYS[0] > 0, *ARRAYS[1:]], "W1 is an array of bool"),
        ([ARRAYS[0].astype("float32"), *ARRAYS[1:]], "different dtypes"),
        ([[[1.0], [1.0, 2.0]], *ARRAYS[1:]], "W1 is no array"),
        (np.ones(31), "d, m is not known"),
        (np.ones((2, 2)), "asked to pack ndarray"),
    ],
)
def test_what_does_not_fit_is_named(arrays, said):
    with pytest.raises(ShapeError, match=said):
        net.pack(arrays)


def test_a_vector_of_another_length():
    with pytest.raises(ShapeError, match="31 entries, but the vector has 30"):
        net.pack(np.ones(30), {d: 4, m: 5})


# --- random starts --------------------------------------------------------------------------------

SIZES = {d: 300, m: 400, k: 200, c: 50, V: 60}


def spread(network):
    """The standard deviation of every array at the start, and its mean."""
    arrays = network.init(11, SIZES)
    return {name: (a.std(), a.mean()) for name, a in arrays.items()}


def test_weights_start_with_variance_one_over_fan_in():
    found = spread(Network(Dense(d, m), Activation(sigmoid), Dense(m, d)))
    assert found["W1"][0] == pytest.approx(300**-0.5, rel=0.02)
    assert found["W2"][0] == pytest.approx(400**-0.5, rel=0.02)
    assert found["b1"] == (0, 0)


def test_the_ntk_start_is_standard_normal():
    found = spread(MLP(d, m, d, parameterization="ntk", sigma_w=2, sigma_b=3))
    assert found["W1"][0] == pytest.approx(1, rel=0.02)
    assert found["b1"][0] == pytest.approx(1, rel=0.1)


def test_the_starts_of_other_layers():
    norm = spread(Network(LayerNorm(d)))
    assert norm == {"gamma1": (0, 1), "beta1": (0, 0)}
    kernel = spread(Network(Conv1D(c, m, 3)))
    assert kernel["W1"][0] == pytest.approx(150**-0.5, rel=0.02)
    heads = spread(Network(SelfAttention(d, k, heads=2)))
    assert heads["WQ1_1"][0] == pytest.approx(300**-0.5, rel=0.02)
    assert heads["WO1_2"][0] == pytest.approx(400**-0.5, rel=0.02)
    assert spread(Network(Embedding(V, d)))["E1"][0] == pytest.approx(1, rel=0.03)
    state = spread(Network(RNN(d, m)))
    assert state["W1"][0] == pytest.approx(400**-0.5, rel=0.02)
    assert state["U1"][0] == pytest.approx(300**-0.5, rel=0.02)


def test_the_start_is_that_of_its_seed():
    first, again = net.init(3, {d: 4, m: 5}), net.init(np.random.default_rng(3), {d: 4, m: 5})
    assert list(first) == NAMES and all(np.array_equal(first[n], again[n]) for n in NAMES)
    assert not np.array_equal(first["W1"], net.init(4, {d: 4, m: 5})["W1"])
    assert net.init(0, {d: 4, m: 5}, "float32")["W2"].dtype == np.float32
    assert net.pack(first).keys() == first.keys()


def test_a_shared_weight_starts_once():
    W = ParameterMatrix("W", m, d)
    tied = Network(Dense(d, m, weight=W), Dense(m, d, weight=W.T))
    arrays = tied.init(0, SIZES)
    assert list(arrays) == ["W", "b1", "b2"]
    assert arrays["W"].std() == pytest.approx(300**-0.5, rel=0.02)


def test_unknown_sizes_are_named():
    with pytest.raises(ShapeError, match="m is not known"):
        net.init(0, {d: 4})
    with pytest.raises(ShapeError, match="float64"):
        net.init(0, {d: 4, m: 5}, int)
