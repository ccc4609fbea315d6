"""Networks that exist already: as PyTorch modules, or as arrays of weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sympy import Float, Lambda, Symbol, nsimplify, tanh

from ..errors import NoRuleError, ShapeError
from .activations import elu, gelu, leaky_relu, log_sigmoid, relu, sigmoid, silu, softplus
from .convolution import Conv1D, GlobalAveragePool
from .layer import Layer, Scope
from .layers import Activation, Dense, Embedding, Softmax
from .network import Network
from .normalisation import LayerNorm, RMSNorm
from .packing import trained

__all__ = ["from_arrays", "from_torch", "to_torch"]


def from_torch(model: Any) -> tuple[Network, dict[str, Any]]:
    """The network of a ``torch.nn.Sequential``, and its weights as NumPy arrays.

    Known are Linear, Conv1d without padding, Embedding, LayerNorm, RMSNorm, the activations,
    Softmax, AdaptiveAvgPool1d(1), and what changes nothing here: Identity, Flatten, Dropout (which
    is off). Sequentials may be nested.

    Parameters
    ==========

    model : a Sequential, or one of these modules.

    Returns (network, params); ``network.lambdify`` and generated code take params as they are.

    Raises
    ======

    NoRuleError : for a module that has no layer here; it is named.

    Examples
    ========

    >>> from torch import nn  # doctest: +SKIP
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))  # doctest: +SKIP
    >>> net, params = from_torch(model)  # doctest: +SKIP
    >>> net  # doctest: +SKIP
    Network(Dense(3, 8, True), Activation(tanh), Dense(8, 1, True))
    >>> {name: array.shape for name, array in params.items()}  # doctest: +SKIP
    {'W1': (8, 3), 'b1': (8,), 'W2': (1, 8), 'b2': (1,)}
    """
    found = [(layer, module) for module, layer in _layers(model) if layer is not None]
    if not found:
        raise NoRuleError(f"asked for the network of {type(model).__name__}(), which has no layers")
    net = Network(*(layer for layer, _ in found))
    scope = Scope()
    arrays: dict[str, Any] = {}
    for layer, module in found:
        tensors = _tensors(module)
        for weight, tensor in zip(trained(layer.weights(scope)), tensors, strict=True):
            arrays[weight.name] = tensor.detach().cpu().numpy().copy()
    return net, net.pack(arrays)


def to_torch(model: Any, params: Mapping[Any, Any]) -> Any:
    """Weights back into the module that they came from, in place; the module is returned.

    Parameters
    ==========

    model : a module that ``from_torch`` can read.
    params : {name: array}, as ``from_torch``, ``net.init`` and training here give.

    Examples
    ========

    >>> net, params = from_torch(model)  # doctest: +SKIP
    >>> model is to_torch(model, net.init(0, dtype='float32'))  # doctest: +SKIP
    True
    """
    import torch

    net, _ = from_torch(model)
    arrays = iter(net.pack(params).values())
    with torch.no_grad():
        for module, layer in _layers(model):
            for tensor in _tensors(module) if layer is not None else ():
                tensor.copy_(torch.as_tensor(next(arrays)))
    return model


def from_arrays(arrays: Mapping[str, Any], activation: Any = tanh) -> Network:
    """The multilayer perceptron that arrays `W1, b1, W2, …` belong to.

    Parameters
    ==========

    arrays : {name: array}; a layer is without bias where its b is missing.
    activation : the function between the layers.

    Raises
    ======

    ShapeError : for a W that is missing, and widths that do not fit together.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import from_arrays
    >>> from_arrays({'W1': np.ones((8, 3)), 'b1': np.ones(8), 'W2': np.ones((1, 8))})
    Network(Dense(3, 8, True), Activation(tanh), Dense(8, 1, False))
    """
    unknown = sorted(name for name in arrays if not re.fullmatch(r"[Wb][1-9]\d*", name))
    count = sum(name.startswith("W") for name in arrays)
    missing = [f"W{i}" for i in range(1, count + 1) if f"W{i}" not in arrays]
    if unknown or missing or not count:
        raise ShapeError(
            f"received arrays {', '.join(arrays) or 'of no name'}: a perceptron has W1, b1, W2, …"
            f"{'; ' + ', '.join(missing) + ' is missing' if missing else ''}"
        )
    layers: list[Layer] = []
    for i in range(1, count + 1):
        shape = tuple(arrays[f"W{i}"].shape)
        if len(shape) != 2:
            raise ShapeError(f"received W{i} of the shape {shape}: it is (out, in)")
        layers += [Dense(shape[1], shape[0], bias=f"b{i}" in arrays), Activation(activation)]
    net = Network(*layers[:-1])
    net.pack(arrays)
    return net


def _layers(module: Any) -> Iterator[tuple[Any, Layer | None]]:
    """The modules in order, each with its layer; None where it changes nothing."""
    name = type(module).__name__
    if name == "Sequential":
        for child in module:
            yield from _layers(child)
    elif name in _KNOWN:
        yield module, _KNOWN[name](module)
    else:
        raise NoRuleError(
            f"asked for the layer of the PyTorch module {name}: known are "
            f"{', '.join(sorted(_KNOWN))}; write the network with the layers of symprice instead"
        )


def _tensors(module: Any) -> list[Any]:
    return [t for t in (getattr(module, n, None) for n in ("weight", "bias")) if t is not None]


def _conv(module: Any) -> Layer:
    plain = module.stride == module.dilation == (1,) and module.groups == 1
    if not plain or module.padding not in ((0,), "valid"):
        raise NoRuleError(
            f"asked for the layer of {module}: only convolutions without stride, dilation, groups "
            "and padding have one (our circular padding wraps at the end, PyTorch's at both)"
        )
    return Conv1D(
        module.in_channels,
        module.out_channels,
        module.kernel_size[0],
        padding="valid",
        bias=module.bias is not None,
    )


def _norm(module: Any, layer: Callable[..., Layer], **settings: Any) -> Layer:
    if len(module.normalized_shape) != 1 or module.weight is None:
        raise NoRuleError(f"asked for the layer of {module}: it has one axis and trained gains")
    # torch.nn.RMSNorm without eps takes the smallest step of float32.
    eps = 1.1920928955078125e-07 if module.eps is None else module.eps
    return layer(module.normalized_shape[0], eps=Float(eps), **settings)


def _slope(function: Any, value: float) -> Layer:
    h = Symbol("h")
    return Activation(Lambda(h, function(h, nsimplify(value, rational=True))))


def _gelu(module: Any) -> Layer:
    if module.approximate != "none":
        raise NoRuleError(f"asked for the layer of {module}: only the exact one has one")
    return Activation(gelu)


def _softplus(module: Any) -> Layer:
    if module.beta != 1:
        raise NoRuleError(f"asked for the layer of {module}: only beta=1 has one")
    return Activation(softplus)


def _pool(module: Any) -> Layer:
    if module.output_size not in (1, (1,)):
        raise NoRuleError(f"asked for the layer of {module}: only AdaptiveAvgPool1d(1) has one")
    return GlobalAveragePool()


_KNOWN: dict[str, Callable[[Any], Layer | None]] = {
    "Linear": lambda m: Dense(m.in_features, m.out_features, bias=m.bias is not None),
    "Conv1d": _conv,
    "Embedding": lambda m: Embedding(m.num_embeddings, m.embedding_dim),
    "LayerNorm": lambda m: _norm(m, LayerNorm, bias=m.bias is not None),
    "RMSNorm": lambda m: _norm(m, RMSNorm),
    "AdaptiveAvgPool1d": _pool,
    "Softmax": lambda m: Softmax(),
    "Tanh": lambda m: Activation(tanh),
    "ReLU": lambda m: Activation(relu),
    "Sigmoid": lambda m: Activation(sigmoid),
    "LogSigmoid": lambda m: Activation(log_sigmoid),
    "SiLU": lambda m: Activation(silu),
    "GELU": _gelu,
    "Softplus": _softplus,
    "ELU": lambda m: _slope(elu, m.alpha),
    "LeakyReLU": lambda m: _slope(leaky_relu, m.negative_slope),
    "Identity": lambda m: None,
    "Flatten": lambda m: None,
    "Dropout": lambda m: None,
}
