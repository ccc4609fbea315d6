"""A network from text, as in "Conv1D(3, 8, 5), tanh, GlobalAveragePool, Dense(8, 10)".

The text is read by Python's grammar and never run: it may hold the layers named here, numbers,
settings, names of activations and, as weights that are tied, names of weights.
"""

from __future__ import annotations

import ast
from typing import Any

from ..errors import ParseError

__all__ = ["ACTIVATIONS", "activation", "read_network"]

ACTIVATIONS = ("tanh", "relu", "sigmoid", "gelu", "silu", "softplus")
LAYERS = (
    "Conv1D", "Dense", "Embedding", "GLU", "GlobalAveragePool", "LayerNorm", "Network",
    "ParallelProduct", "ParallelStack", "ParallelSum", "RMSNorm", "RNN", "Residual",
    "SelfAttention",
)  # fmt: skip
# What is made of layers: an activation in it is one. In others it is a function.
_OF_LAYERS = ("Network", "ParallelProduct", "ParallelStack", "ParallelSum", "Residual")
_WORDS = ("circular", "valid", "standard", "ntk")


def activation(name: str) -> Any:
    """The function of a name among ``ACTIVATIONS``.

    Examples
    ========

    >>> from symprice.cli.network_text import activation
    >>> activation('tanh')
    tanh
    """
    import sympy

    import symprice

    return sympy.tanh if name == "tanh" else getattr(symprice, name)


def read_network(text: str) -> Any:
    """The network that a text writes, layer by layer.

    Raises
    ======

    ParseError : for what is no list of layers.

    Examples
    ========

    >>> from symprice.cli.network_text import read_network
    >>> read_network('Dense(2, 3), tanh, Residual(Dense(3, 3))')
    Network(Dense(2, 3), Activation(tanh), Residual(Dense(3, 3)))
    """
    from ..networks.network import Network

    try:
        tree = ast.parse(f"[{text}]", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refused(text) from None
    if not isinstance(tree, ast.List) or not tree.elts:
        raise _refused(text)
    return Network(*(_layer(node) for node in tree.elts))


def _layer(node: ast.expr) -> Any:
    import symprice

    name = node.func if isinstance(node, ast.Call) else node
    if isinstance(node, ast.Name) and node.id in ACTIVATIONS:
        return symprice.Activation(activation(node.id))
    if not isinstance(name, ast.Name) or name.id not in LAYERS:
        raise _refused(ast.unparse(node))
    call = node if isinstance(node, ast.Call) else ast.Call(name, [], [])
    settings = {word.arg: word.value for word in call.keywords if word.arg}
    if len(settings) < len(call.keywords):
        raise _refused(ast.unparse(node))
    given = [(_layer if name.id in _OF_LAYERS else _value)(part) for part in call.args]
    tied = settings.pop("weight", None)
    named = {key: _value(part) for key, part in settings.items()}
    if tied is not None:
        named["weight"] = _weight(tied, given)
    try:
        return getattr(symprice, name.id)(*given, **named)
    except TypeError as error:  # a setting that the layer does not have
        raise ParseError(f"asked for the layer {ast.unparse(node)}: {error}") from None


def _value(node: ast.expr) -> Any:
    """A number, a setting, or the name of an activation."""
    if isinstance(node, ast.Constant) and (
        isinstance(node.value, (bool, int, float)) or node.value in _WORDS
    ):
        return node.value
    if isinstance(node, ast.Name) and node.id in ACTIVATIONS:
        return activation(node.id)
    raise _refused(ast.unparse(node))


def _weight(node: ast.expr, widths: list[Any]) -> Any:
    """The weight ``W1`` of another layer, or its transpose ``W1.T``."""
    from ..symbols import ParameterMatrix

    turned = isinstance(node, ast.Attribute) and node.attr == "T"
    name = node.value if isinstance(node, ast.Attribute) and turned else node
    if not isinstance(name, ast.Name) or len(widths) < 2:
        raise _refused(f"weight={ast.unparse(node)}")
    fan_in, fan_out = widths[:2]
    if turned:
        return ParameterMatrix(name.id, fan_in, fan_out).T
    return ParameterMatrix(name.id, fan_out, fan_in)


def _refused(text: str) -> ParseError:
    return ParseError(
        f"asked for the network {text}: write its layers, as in 'Conv1D(3, 8, 5), tanh, "
        f"GlobalAveragePool, Dense(8, 10)'. There are {', '.join(LAYERS)}; the activations "
        f"{', '.join(ACTIVATIONS)}; and weight=W1 or weight=W1.T in Dense for tied weights"
    )
