"""``plot``: the picture that belongs to a result."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import shorten
from typing import Any

from ..errors import NoRuleError
from .style import pyplot

__all__ = ["plot"]


def plot(obj: Any, *args: Any, **settings: Any) -> Any:
    """The picture of a result, as matplotlib's Axes.

    ===================================== ==========================================================
    what                                  picture
    ===================================== ==========================================================
    ``price(P, L, …)`` of one parameter   the phase line: the value of P against its rate or step
    the same, with ``starts=``            trajectories: P against time, and the steps of a descent
    ``solve_flow(…)``                     the variables against time; ``of=``: a property of them
    ``NTVar(P)`` of one parameter         against P, beside the guess P(1 - P)
    a kernel, with arrays                 a heat map
    ``compare(…)``                        errors of the predictions against the step size
    ``follow(…)``                         the parts of ΔP step by step; ``kind='values'``: P itself
    ``attribute(…)``                      the scores by class; ``images=``: the strongest examples
    an array with two axes                a heat map
    ===================================== ==========================================================

    Parameters
    ==========

    obj : the result.
    args, settings : what the picture needs, as arrays; ``ax=`` to draw into Axes that there are.

    Everything can be told apart without colour. Needs matplotlib: ``pip install 'symprice[plot]'``.

    Raises
    ======

    NoRuleError : for what has no picture, and where matplotlib is missing.

    Examples
    ========

    >>> from symprice import Parameter, price, sigmoid
    >>> from symprice.plots.drawing import plot
    >>> p = sigmoid(Parameter('b', real=True))
    >>> print(plot(price(p, -p)).get_xlabel())
    $\\sigma(b)$
    """
    pyplot()
    return _picture(obj)(obj, *args, **settings)


def _picture(obj: Any) -> Callable[..., Any]:
    """What draws an object: the first rule for it."""
    from ..closedform import ClosedForm, ClosedFormMatrix
    from ..dynamics.equation import PriceEquation
    from ..solutions.flow_solution import FlowSolution
    from ..tangent.covariance import NTCov, NTVar
    from ..tangent.covariance_matrix import NTCovMatrix, NTVarMatrix
    from ..training.attribution import Attribution
    from ..training.comparing import Comparison
    from ..training.following import TrainingRun
    from .comparisons import errors
    from .examples import influences
    from .flows import flow
    from .kernels import heat_map, kernel
    from .runs import run
    from .solved import solution
    from .variances import variance

    if hasattr(obj, "_picture"):  # what knows its own picture
        return type(obj)._picture
    rules: list[tuple[Any, Callable[..., Any]]] = [
        (PriceEquation, flow),
        (FlowSolution, solution),
        (Comparison, errors),
        (TrainingRun, run),
        (Attribution, influences),
        (NTVar, variance),
        ((NTCov, NTCovMatrix, NTVarMatrix, ClosedForm, ClosedFormMatrix), kernel),
    ]
    for kinds, picture in rules:
        if isinstance(obj, kinds):
            return picture
    if getattr(obj, "ndim", None) == 2 and hasattr(obj, "dtype"):
        return heat_map
    raise NoRuleError(
        f"asked for a picture of {shorten(repr(obj), 80)} ({type(obj).__name__}): there are "
        "pictures of price(…), NTVar(…), kernels with arrays, compare(…), follow(…) and "
        "attribute(…)"
    )
