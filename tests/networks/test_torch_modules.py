"""Networks that exist already: the same numbers as PyTorch, kernels as its autodiff has them."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import tanh

from symprice import MLP, NTCov, closed_form, from_arrays, from_torch, inputs, relu, to_torch
from symprice.errors import NoRuleError, ShapeError

RNG = np.random.default_rng(0)


def modules():
    torch = pytest.importorskip("torch", reason="needs torch: pip install .[torch]")
    torch.manual_seed(0)
    return torch, torch.nn


def stacks():
    return {
        "tanh": lambda nn: [nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)],
        "no bias": lambda nn: [nn.Linear(4, 3, bias=False), nn.Dropout(), nn.Sigmoid()],
        "norms": lambda nn: [nn.Linear(4, 5), nn.LayerNorm(5), nn.SiLU(), nn.RMSNorm(5, eps=1e-3)],
        "kinks": lambda nn: [nn.Linear(4, 5), nn.LeakyReLU(0.3), nn.Linear(5, 4), nn.ELU(0.5)],
        "nested": lambda nn: [
            nn.Sequential(nn.Linear(4, 5), nn.GELU()),
            nn.Identity(),
            nn.Sequential(nn.Linear(5, 2), nn.Softplus(), nn.Softmax(-1)),
        ],
    }


@pytest.mark.parametrize("name", stacks())
def test_the_outputs_are_those_of_torch(name):
    torch, nn = modules()
    model = nn.Sequential(*stacks()[name](nn)).double().eval()
    net, params = from_torch(model)
    x = inputs("x", 4)
    points = RNG.normal(size=(7, 4))
    found = net(x).lambdify(batch={x: "n"})(params, points)
    assert np.allclose(found, model(torch.tensor(points)).detach().numpy(), rtol=1e-12, atol=1e-14)


def test_the_kernel_is_that_of_autodiff():
    torch, nn = modules()
    model = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 1)).double()
    net, params = from_torch(model)
    x, y = inputs("x y", 4)
    points = RNG.normal(size=(5, 4))
    found = closed_form(NTCov(net(x), net(y))).lambdify(batch={x: "n", y: "m"})(
        params, points, points
    )
    rows = []
    for point in torch.tensor(points):
        slopes = torch.autograd.grad(model(point)[0], tuple(model.parameters()))
        rows.append(np.concatenate([slope.numpy().ravel() for slope in slopes]))
    assert np.allclose(found, np.array(rows) @ np.array(rows).T, rtol=1e-12)


def test_a_convolution():
    torch, nn = modules()
    from sympy import MatrixSymbol

    model = nn.Sequential(nn.Conv1d(2, 3, 4), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(0))
    net, params = from_torch(model.double())
    signal = RNG.normal(size=(2, 9))
    X = MatrixSymbol("X", 2, 9)
    found = net(X).lambdify()(params, signal)
    assert np.allclose(found, model(torch.tensor(signal)).detach().numpy(), rtol=1e-12)


def test_there_and_back():
    torch, nn = modules()
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))
    before = [p.detach().clone() for p in model.parameters()]
    _, params = from_torch(model)
    to_torch(model, {name: 2 * array for name, array in params.items()})
    for old, new in zip(before, model.parameters(), strict=True):
        assert torch.equal(2 * old, new)
    assert params["W1"].dtype == np.float32


def test_what_is_not_known_is_named():
    _, nn = modules()
    for module, text in [
        (nn.Bilinear(2, 2, 2), "Bilinear"),
        (nn.Conv1d(1, 1, 3, padding=1), "padding"),
        (nn.GELU("tanh"), "exact"),
        (nn.LayerNorm(3, elementwise_affine=False), "gains"),
        (nn.Sequential(), "no layers"),
    ]:
        with pytest.raises(NoRuleError, match=text):
            from_torch(module)


def of_shared(nn):
    inner = nn.Linear(3, 3)
    return nn.Sequential(inner, nn.Tanh(), inner)


def with_a_hook(nn):
    inner = nn.Linear(3, 3)
    inner.register_forward_hook(lambda module, given, found: 2 * found)
    return nn.Sequential(inner)


def of_their_own(nn):
    class Linear(nn.Linear):
        def forward(self, given):
            return 2 * super().forward(given)

    Linear.__module__ = "theirs"
    return Linear(3, 3)


# PyTorch counts axes: what a module means depends on what stands before it.
OTHER_MEANINGS = {
    "a norm along the places": lambda nn: nn.Sequential(nn.Conv1d(2, 3, 4), nn.LayerNorm(6)),
    "a map of the places": lambda nn: nn.Sequential(nn.Conv1d(2, 3, 4), nn.Linear(6, 1)),
    "channels in a row": lambda nn: nn.Sequential(nn.Conv1d(2, 3, 4), nn.Flatten()),
    "tokens in a row": lambda nn: nn.Sequential(nn.Embedding(5, 2), nn.Flatten()),
    "a mean of entries": lambda nn: nn.Sequential(nn.Linear(4, 4), nn.AdaptiveAvgPool1d(1)),
    "a mean of what comes in": lambda nn: nn.AdaptiveAvgPool1d(1),
    "places of entries": lambda nn: nn.Sequential(nn.Linear(9, 9), nn.Conv1d(2, 3, 4)),
    "words of entries": lambda nn: nn.Sequential(nn.Linear(9, 9), nn.Embedding(5, 2)),
    "softmax over one place": lambda nn: nn.Sequential(
        nn.Conv1d(2, 3, 4), nn.AdaptiveAvgPool1d(1), nn.Softmax(-1)
    ),
    "softmax over tokens": lambda nn: nn.Sequential(nn.Embedding(5, 2), nn.Softmax(1)),
    "softmax over the examples": lambda nn: nn.Sequential(nn.Linear(2, 2), nn.Softmax(0)),
    "a row that is not trained": lambda nn: nn.Embedding(5, 2, padding_idx=0),
    "a weight that is used twice": of_shared,
    "a hook": with_a_hook,
    "a class of the same name": of_their_own,
}


@pytest.mark.parametrize("name", OTHER_MEANINGS)
def test_another_meaning_is_not_taken_for_ours(name):
    _, nn = modules()
    with pytest.raises(NoRuleError, match="asked for the"):
        from_torch(OTHER_MEANINGS[name](nn))


def test_the_eps_that_is_left_out_is_that_of_the_numbers():
    torch, nn = modules()
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.RMSNorm(3)).double()
    net, params = from_torch(model)
    x = inputs("x", 3)
    point = np.full(3, 1e-8)  # so small that ε decides
    found = net(x).lambdify()(params, point)
    assert np.allclose(found, model(torch.tensor(point)).detach().numpy(), rtol=1e-12)


def test_tokens_have_the_same_layers():
    torch, nn = modules()
    from sympy import MatrixSymbol

    model = nn.Sequential(nn.Embedding(5, 3), nn.LayerNorm(3), nn.Linear(3, 2), nn.Softmax(-1))
    net, params = from_torch(model.double())
    words = [4, 0, 4, 1]
    found = net(MatrixSymbol("X", 4, 5)).lambdify()(params, np.eye(5)[words])
    assert np.allclose(found, model(torch.tensor(words)).detach().numpy(), rtol=1e-12)


def test_what_is_held_fixed_is_said():
    _, nn = modules()
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    model[0].weight.requires_grad_(False)
    with pytest.warns(UserWarning, match="holds W1 fixed"):
        from_torch(model)


def test_arrays_make_a_perceptron():
    net = MLP(3, 8, 2, activation=relu)
    assert from_arrays(net.init(0), relu) == net
    assert from_arrays(MLP(3, 2, bias=False).init(0)) == MLP(3, 2, bias=False, activation=tanh)


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        ({"W1": (2, 3), "W3": (1, 2)}, "W2 is missing"),
        ({"V": (2, 3)}, "W1, b1"),
        ({}, "no name"),
        ({"W1": (2, 3, 1)}, "out, in"),
        ({"W1": (2, 3), "W2": (1, 4)}, "width|2.*4|4.*2"),
        ({"W1": (2, 3), "b1": (3,)}, "b1"),
    ],
)
def test_arrays_that_do_not_fit(shapes, text):
    with pytest.raises(ShapeError, match=text):
        from_arrays({name: np.zeros(shape) for name, shape in shapes.items()})
