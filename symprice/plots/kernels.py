"""Kernels as heat maps: dark where two inputs are trained alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sympy import MatrixSymbol

from ..emit.numpy import lambdify
from ..errors import ShapeError
from ..symbols import ParameterMatrix
from .style import axes, mathtext, pyplot

__all__ = ["heat_map", "kernel"]

_SIZE = (4.6, 3.8)


def heat_map(
    array: Any,
    *,
    label: str = "",
    rows: Sequence[Any] | None = None,
    columns: Sequence[Any] | None = None,
    ax: Any = None,
) -> Any:
    """An array (n, m) in shades of grey; the scale stands beside it.

    Parameters
    ==========

    array : the numbers.
    label : what the scale is called.
    rows, columns : what stands at the axes, as the classes of the inputs.
    ax : Axes to draw into.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice.plots.kernels import heat_map
    >>> heat_map(np.eye(3)).images[0].get_array().shape
    (3, 3)
    """
    import numpy as np

    numbers = np.asarray(array)
    if numbers.ndim != 2 or numbers.dtype.kind not in "fiub" or not numbers.size:
        raise ShapeError(
            f"asked for a heat map of an array {numbers.shape} of {numbers.dtype}: write (n, m) "
            "real numbers"
        )
    if not np.isfinite(numbers).all():
        raise ShapeError("asked for a heat map of an array that holds NaN or infinity")
    ax = axes(ax, _SIZE)
    ax.spines[["top", "right"]].set_visible(True)
    drawn = ax.imshow(numbers, cmap="gray_r", interpolation="nearest", aspect="auto")
    pyplot().colorbar(drawn, ax=ax, label=label)
    for names, count, axis in (
        (rows, len(numbers), ax.yaxis),
        (columns, numbers.shape[1], ax.xaxis),
    ):
        if names is not None:
            if len(names) != count:
                raise ShapeError(f"asked for {len(names)} names at an axis of {count}")
            axis.set_ticks(range(count), labels=[str(name) for name in names])
        else:  # a cell has a whole number
            axis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    return ax


def kernel(
    covariance: Any,
    params: Mapping[Any, Any] | None = None,
    X: Any = None,
    Y: Any = None,
    **settings: Any,
) -> Any:
    """The kernel of a network at rows of inputs, as a heat map.

    Parameters
    ==========

    covariance : ``NTCov(net(x), net(y))`` of a network with one output, or its closed form.
    params : arrays by parameter.
    X, Y : inputs (n, d) and (m, d); X with itself where Y is not given.
    settings : those of ``heat_map``.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import MLP, NTCov, inputs
    >>> from symprice.plots.kernels import kernel
    >>> x, y = inputs('x y', 2)
    >>> net = MLP(2, 8, 1)
    >>> ax = kernel(NTCov(net(x), net(y)), net.init(0), np.eye(2))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('$y$', '$x$')
    """
    import numpy as np

    given = sorted(
        (
            s
            for s in covariance.free_symbols
            if isinstance(s, MatrixSymbol) and not isinstance(s, ParameterMatrix)
        ),
        key=str,
    )
    if len(given) != 2 or params is None or X is None:
        names = ", ".join(map(str, given)) or "none"
        raise ShapeError(
            f"asked for the heat map of a kernel in the inputs {names}: write plot(NTCov(net(x), "
            "net(y)), params, X, Y), with a network at two inputs"
        )
    x, y = given
    function = lambdify(None, covariance, batch={x: "n", y: "m"})
    found = np.asarray(function(params, X, X if Y is None else Y))
    if found.ndim == 4 and found.shape[2:] == (1, 1):
        found = found[..., 0, 0]
    if found.ndim != 2:
        raise ShapeError(
            f"asked for a heat map of a kernel of shape {found.shape}: take one output, as "
            "NTCov(net(x)[0], net(y)[0])"
        )
    node = getattr(covariance, "origin", None) or covariance
    label = settings.pop(
        "label",
        mathtext(
            rf"\operatorname{{{type(node).__name__[:5]}}}"
            rf"(f({x}), f({y}))"
        ),
    )
    ax = heat_map(found, label=label, **settings)
    ax.set_xlabel(mathtext(y))
    ax.set_ylabel(mathtext(x))
    return ax
