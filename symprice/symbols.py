"""The symbols of the calculus: what is trained, what is a property of it, what is given.

A ``Parameter`` is one coordinate of θ. An ``Observable`` is a property of θ that is left
unspecified: it covaries with everything and has no formula. A ``Name`` is a definition of a closed
form (`h1_2`, `delta1_2`): bound there, and no symbol of the user's.
"""

from __future__ import annotations

import re
from typing import Any

from sympy import Basic, MatrixSymbol, Symbol, symbols
from sympy.core.sympify import SympifyError, _sympify
from sympy.printing.latex import translate

from .errors import ShapeError

__all__ = [
    "Name",
    "NameMatrix",
    "Observable",
    "ObservableVector",
    "Parameter",
    "ParameterMatrix",
    "inputs",
    "observables",
    "parameters",
]

_LAYERED = re.compile(r"(?P<base>[A-Za-z]+)(?P<layer>\d+)_(?P<index>\d+(?:_\d+)*)")
_PRIMED = re.compile(r"(?P<base>.*?)(?:_prime(?P<count>\d*))")


def latex_name(name: str) -> str | None:
    r"""LaTeX of a layered or primed name, or None when SymPy's own reading of it is right.

    ``w1_23`` is `w^{(1)}_{23}` (layer in brackets, so that it does not read as a power),
    ``w1_3_12`` is `w^{(1)}_{3,12}`, ``h1_2_prime`` carries a prime.
    """
    primed = _PRIMED.fullmatch(name)
    stem, prime = name, ""
    if primed:
        stem, prime = primed["base"], r"\prime" * int(primed["count"] or 1)
    layered = _LAYERED.fullmatch(stem)
    if layered:
        index = layered["index"].replace("_", ",")
        return rf"{translate(layered['base'])}^{{({layered['layer']}){prime}}}_{{{index}}}"
    if primed:
        subscripted = re.fullmatch(r"([A-Za-z]+)_?(\w+)?", stem)
        if subscripted and subscripted[2]:
            return (
                rf"{translate(subscripted[1])}^{{{prime}}}_{{{subscripted[2].replace('_', ',')}}}"
            )
        return rf"{translate(stem)}^{{{prime}}}"
    return None


class _LatexName:
    """Gives a Symbol the LaTeX of ``latex_name``."""

    name: str

    def _latex(self, printer: Any) -> str:
        chosen = printer._settings["symbol_names"].get(self)
        tex = chosen if chosen is not None else latex_name(self.name)
        return tex if tex is not None else printer._print_Symbol(self)


class Parameter(_LatexName, Symbol):
    """One trainable scalar, a coordinate of θ.

    A Symbol in every respect, but of a class of its own: ``Parameter('w') != Symbol('w')``, and
    only Parameters are differentiated by a covariance.

    Examples
    ========

    >>> from symprice import Parameter, NTVar
    >>> w = Parameter('w')
    >>> NTVar(3*w).doit()
    9
    """

    __slots__ = ()


class Observable(_LatexName, Symbol):
    """An unspecified scalar property of θ: a loss L, a probability P.

    Its gradient has no formula, so covariances with it stay: ``NTCov(P, L)``. A property of *known*
    parameters without a formula is SymPy's ``Function('P')(w, b)``.

    Examples
    ========

    >>> from symprice import NTCov, observables
    >>> P, L = observables('P L')
    >>> NTCov(P**2, L).doit()
    2*P*NTCov(P, L)
    """

    __slots__ = ()

    def diff(self, *symbols: Any, **assumptions: Any) -> Any:
        """The derivative by another symbol than itself; by a Parameter there is none to give: an
        error.
        """
        for symbol in symbols:
            if isinstance(symbol, Parameter):
                from .errors import NoRuleError

                raise NoRuleError(
                    f"asked for the derivative of the observable {self} by the parameter {symbol}: "
                    "an "
                    f"observable has no formula. Write Function('{self}')({symbol}, ...) for a "
                    "property of "
                    f"named parameters, or NTCov({self}, {symbol}) for this derivative as a "
                    "covariance."
                )
        return super().diff(*symbols, **assumptions)


class Name(_LatexName, Symbol):
    """The name of a definition in a closed form, as ``h1_2`` (LaTeX `h^{(1)}_{2}`).

    Examples
    ========

    >>> from sympy import latex
    >>> from symprice import Name
    >>> latex(Name('h1_2'))
    'h^{(1)}_{2}'
    """

    __slots__ = ()


class NameMatrix(MatrixSymbol):
    """The name of a matrix definition in a closed form, as ``h1`` (LaTeX `h_{1}`).

    Examples
    ========

    >>> from symprice import NameMatrix
    >>> NameMatrix('h1', 3, 1).shape
    (3, 1)
    """

    def _latex(self, printer: Any) -> str:
        tex = latex_name(self.name)
        return tex if tex is not None else printer._print_MatrixSymbol(self)


class ParameterMatrix(MatrixSymbol):
    """A trainable matrix: every entry is a coordinate of θ.

    Examples
    ========

    >>> from symprice import ParameterMatrix
    >>> ParameterMatrix('W', 2, 3).shape
    (2, 3)
    """


class ObservableVector(MatrixSymbol):
    """A column vector of unspecified properties of θ.

    Examples
    ========

    >>> from symprice import ObservableVector
    >>> ObservableVector('X', 3, 1).shape
    (3, 1)
    """


def parameters(names: str, **assumptions: Any) -> Any:
    """Trainable scalars by name, as ``sympy.symbols`` makes symbols.

    Examples
    ========

    >>> from symprice import parameters
    >>> parameters('w b', real=True)
    (w, b)
    >>> parameters('theta1:4')
    (theta1, theta2, theta3)
    """
    return symbols(names, cls=Parameter, **assumptions)


def observables(names: str, size: Any = None, **assumptions: Any) -> Any:
    """Unspecified properties of θ: scalars, or column vectors when ``size`` is given.

    Examples
    ========

    >>> from symprice import observables
    >>> P, L = observables('P L')
    >>> X = observables('X', 3)
    >>> X.shape
    (3, 1)
    """
    if size is None:
        return symbols(names, cls=Observable, **assumptions)
    return _vectors(names, size, ObservableVector)


def inputs(names: str, size: Any, each: Any = None) -> Any:
    """Column vectors ``size × 1`` that do not depend on θ.

    Parameters
    ==========

    names : as for ``sympy.symbols``.
    size : how many entries a vector has.
    each : an Index i: there is a vector for every value of it, as the samples `x_i` of a data set.

    Examples
    ========

    >>> from symprice import Index, inputs
    >>> x, y = inputs('x y', 4)
    >>> x.shape
    (4, 1)
    >>> inputs('x', 4, each=Index('i', 100))
    Member(x, i)
    """
    given = _vectors(names, size, MatrixSymbol)
    if each is None:
        return given
    from .indexed.families import Member

    return (
        tuple(Member(vector, each) for vector in given)
        if isinstance(given, tuple)
        else Member(given, each)
    )


def _vectors(names: str, size: Any, cls: type[MatrixSymbol]) -> Any:
    if isinstance(size, bool) or not (isinstance(size, (int, Basic))):
        raise ShapeError(
            f"asked for vectors of size {size!r}: a size is a positive integer or a Symbol "
            "declared with "
            "integer=True, positive=True"
        )
    given = symbols(names)
    if isinstance(given, Symbol):
        return cls(given.name, size, 1)
    return tuple(cls(symbol.name, size, 1) for symbol in given)


def depends_on_parameters(expr: Basic) -> bool:
    """Whether θ occurs, or may occur, in ``expr``: as a Parameter, an Observable, a matrix, or
    behind a free Name.
    """
    return any(
        isinstance(symbol, (*TRAINED, Name, NameMatrix))
        # A random variable is one symbol, and θ may be in its distribution.
        or (symbol.args and symbol.atoms(*TRAINED))
        for symbol in expr.free_symbols
    )


def expression(given: Any, asked: str) -> Any:
    """What was given as a SymPy object; an error where it is none, as a string is."""
    try:
        return _sympify(given)
    except SympifyError:
        raise ShapeError(
            f"asked for {asked}, but received {given!r} ({type(given).__name__}): write a SymPy "
            "expression, as sigmoid(b) with b = Parameter('b')"
        ) from None


TRAINED = (Parameter, Observable, ParameterMatrix, ObservableVector)
