"""Networks that exist already: as PyTorch modules, or as arrays of weights."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

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
    Softmax over the last axis, AdaptiveAvgPool1d(1) after a convolution, and what changes nothing
    here: Identity, Flatten of one vector an example, Dropout (which is off). Sequentials may be
    nested. Every parameter is trained here; a warning names those that PyTorch holds fixed.

    Parameters
    ==========

    model : a Sequential, or one of these modules.

    Returns (network, params); ``network.lambdify`` and generated code take params as they are.

    Raises
    ======

    NoRuleError : for a module that has no layer here, or another meaning where it stands (PyTorch
        counts axes, so a norm after a convolution runs along the places); it is named. For a
        weight that two modules share, and for modules with hooks.

    Examples
    ========

    >>> from torch import nn  # doctest: +SKIP
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))  # doctest: +SKIP
    >>> net, params = from_torch(model)  # doctest: +SKIP
    >>> net  # doctest: +SKIP
    Network(Dense(3, 8), Activation(tanh), Dense(8, 1))
    >>> {name: array.shape for name, array in params.items()}  # doctest: +SKIP
    {'W1': (8, 3), 'b1': (8,), 'W2': (1, 8), 'b2': (1,)}
    """
    found = _layers(model)
    if not found:
        raise NoRuleError(f"asked for the network of {type(model).__name__}(), which has no layers")
    net = Network(*(layer for layer, _ in found))
    scope = Scope()
    tensors: dict[str, Any] = {}
    for layer, module in found:
        for weight, tensor in zip(trained(layer.weights(scope)), _tensors(module), strict=True):
            same = next((name for name, other in tensors.items() if other is tensor), None)
            if same:
                raise NoRuleError(
                    f"asked for the network of modules that share a weight, {same} and "
                    f"{weight.name}: write it with the layers of symprice, as Dense(…, weight=W)"
                )
            tensors[weight.name] = tensor
    fixed = [name for name, tensor in tensors.items() if not tensor.requires_grad]
    if fixed:
        warnings.warn(
            f"PyTorch holds {', '.join(fixed)} fixed, but every parameter is trained here: give "
            "a metric that is 0 there, as NTCov(a, b, metric={W1: 0, b1: 1})",
            stacklevel=2,
        )
    return net, net.pack({n: t.detach().cpu().numpy().copy() for n, t in tensors.items()})


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
        for _, module in _layers(model):
            for tensor in _tensors(module):
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
    Network(Dense(3, 8), Activation(tanh), Dense(8, 1, bias=False))
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


def _layers(model: Any) -> list[tuple[Layer, Any]]:
    """The layers in order, each with its module; modules that change nothing have none."""
    found: list[tuple[Layer, Any]] = []
    layout = _INPUT
    for module in _leaves(model):
        name = type(module).__name__
        # A class of the user's own may have the same name.
        if name not in _KNOWN or not type(module).__module__.startswith("torch.nn."):
            raise NoRuleError(
                f"asked for the layer of the PyTorch module {name}: known are "
                f"{', '.join(sorted(_KNOWN))}; write the network with the layers of symprice"
            )
        if module._forward_hooks or module._forward_pre_hooks:
            raise NoRuleError(f"asked for the layer of {module}, which has hooks: remove them")
        known = _KNOWN[name]
        layer = known.layer(module)
        if layout not in known.taken:
            raise NoRuleError(
                f"asked for the layer of {module} where PyTorch has {layout}: only where it has "
                f"{' or '.join(known.taken)} has it one here; write the network with the layers "
                "of symprice"
            )
        if known.left or (known.taken == _LAST and layout == _INPUT):
            layout = known.left or _VECTORS
        if layer is not None:
            found.append((layer, module))
    return found


def _leaves(module: Any) -> Iterator[Any]:
    if type(module).__name__ == "Sequential":
        for child in module:
            yield from _leaves(child)
    else:
        yield module


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
    import torch

    if len(module.normalized_shape) != 1 or module.weight is None:
        raise NoRuleError(f"asked for the layer of {module}: it has one axis and trained gains")
    # torch.nn.RMSNorm without eps takes the smallest step of the numbers that it is given.
    eps = torch.finfo(module.weight.dtype).eps if module.eps is None else module.eps
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


def _embedding(module: Any) -> Layer:
    if module.padding_idx is not None or module.max_norm is not None or module.scale_grad_by_freq:
        raise NoRuleError(f"asked for the layer of {module}: only the plain one has one")
    return Embedding(module.num_embeddings, module.embedding_dim)


def _softmax(module: Any) -> Layer:
    if module.dim != -1:
        raise NoRuleError(
            f"asked for the layer of {module}, whose axis is another one for vectors than for "
            "tokens: write Softmax(dim=-1), the same for a batch of vectors"
        )
    return Softmax()


class _Known(NamedTuple):
    """How a module becomes a layer, what PyTorch may have there, and what it has afterwards."""

    layer: Callable[[Any], Layer | None]
    taken: tuple[str, ...]
    left: str | None = None


# PyTorch counts axes and gives them no meaning; what they mean follows from the modules before.
_INPUT, _VECTORS, _TOKENS = "the input", "vectors", "tokens"
_PLACES, _POOLED = "channels × places", "channels × 1"
_ALL = (_INPUT, _VECTORS, _TOKENS, _PLACES, _POOLED)
_LAST = (_INPUT, _VECTORS, _TOKENS)  # the entries of a vector, or of every token, are its last axis


def _entrywise(function: Any) -> _Known:
    return _Known(lambda m: Activation(function), _ALL)


def _nothing(module: Any) -> None:
    return None


_KNOWN: dict[str, _Known] = {
    "Linear": _Known(
        lambda m: Dense(m.in_features, m.out_features, bias=m.bias is not None), _LAST
    ),
    "Conv1d": _Known(_conv, (_INPUT, _PLACES), _PLACES),
    "Embedding": _Known(_embedding, (_INPUT,), _TOKENS),
    "LayerNorm": _Known(lambda m: _norm(m, LayerNorm, bias=m.bias is not None), _LAST),
    "RMSNorm": _Known(lambda m: _norm(m, RMSNorm), _LAST),
    "AdaptiveAvgPool1d": _Known(_pool, (_PLACES,), _POOLED),
    "Softmax": _Known(_softmax, _LAST),
    "Tanh": _entrywise(tanh),
    "ReLU": _entrywise(relu),
    "Sigmoid": _entrywise(sigmoid),
    "LogSigmoid": _entrywise(log_sigmoid),
    "SiLU": _entrywise(silu),
    "GELU": _Known(_gelu, _ALL),
    "Softplus": _Known(_softplus, _ALL),
    "ELU": _Known(lambda m: _slope(elu, m.alpha), _ALL),
    "LeakyReLU": _Known(lambda m: _slope(leaky_relu, m.negative_slope), _ALL),
    "Identity": _Known(_nothing, _ALL),
    "Dropout": _Known(_nothing, _ALL),
    "Flatten": _Known(_nothing, (_INPUT, _VECTORS, _POOLED), _VECTORS),
}
