"""The errors of symprice: each says what was asked, what was received and what to write instead."""

from __future__ import annotations


class SympriceError(Exception):
    """Base class: ``except SympriceError`` catches every error raised on purpose here.

    Examples
    ========

    >>> from symprice import MLP, SympriceError
    >>> try:
    ...     MLP(2)
    ... except SympriceError as error:
    ...     print(type(error).__name__)
    ShapeError
    """


class NoParameterError(SympriceError, ValueError):
    """A covariance was asked of something that no Parameter or Observable occurs in.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import NTVar
    >>> NTVar(Symbol('b'))
    Traceback (most recent call last):
        ...
    symprice.errors.NoParameterError: asked for NTVar(b), but no Parameter...
    """


class NoRuleError(SympriceError, NotImplementedError):
    """No rule says how to differentiate, evaluate or print a node; a zero would be wrong.

    Examples
    ========

    >>> from symprice import Parameter, observables
    >>> observables('P').diff(Parameter('w'))
    Traceback (most recent call last):
        ...
    symprice.errors.NoRuleError: asked for the derivative of the observable P by the parameter w...
    """


class ShapeError(SympriceError, ValueError):
    """Shapes, widths or numbers of arguments do not fit together.

    Examples
    ========

    >>> from symprice import Dense, Network
    >>> Network(Dense(2, 3), Dense(4, 1))
    Traceback (most recent call last):
        ...
    symprice.errors.ShapeError: layer 1, Dense(2, 3), gives 3 entries, but layer 2...
    """


class PolicyError(SympriceError, ValueError):
    """Probabilities, actions or rewards do not make a policy.

    Examples
    ========

    >>> from symprice import CategoricalPolicy
    >>> CategoricalPolicy(probabilities=[0.5, 0.6])
    Traceback (most recent call last):
        ...
    symprice.errors.PolicyError: ...
    """


class EliminationError(SympriceError, ValueError):
    """A result could not be written wholly in the quantities that were named.

    Examples
    ========

    >>> from symprice import express, parameters, sigmoid
    >>> w, b = parameters('w b')
    >>> express(w*sigmoid(b), p=sigmoid(b))
    Traceback (most recent call last):
        ...
    symprice.errors.EliminationError: asked for w*sigmoid(b) in terms of p, but w is left over...
    """


class NameClashError(SympriceError, ValueError):
    """A name cannot be used: it is no identifier, or it already means something else.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import lambdify
    >>> lambdify(None, Symbol('lambda'))
    Traceback (most recent call last):
        ...
    symprice.errors.NameClashError: ...
    """


class ParseError(SympriceError, ValueError):
    """A formula typed as text was refused; ``position`` is where, ``text`` is what was typed.

    Examples
    ========

    >>> from symprice import ParseError
    >>> print(ParseError('write 2*b', '2b', 1).caret())
    2b
     ^
    """

    def __init__(self, message: str, text: str = "", position: int = 0) -> None:
        super().__init__(message)
        self.text = text
        self.position = position

    def caret(self) -> str:
        """The text with a caret under the place that was refused."""
        return f"{self.text}\n{' ' * self.position}^"

    def __reduce__(self) -> tuple[type[ParseError], tuple[str, str, int]]:
        return type(self), (str(self), self.text, self.position)


class DivergenceError(SympriceError, ArithmeticError):
    """Training with a step size that is too large left the numbers behind.

    Examples
    ========

    >>> from symprice.errors import DivergenceError
    >>> issubclass(DivergenceError, ArithmeticError)
    True
    """


class StepSizeWarning(UserWarning):
    """A step size lies above the threshold at which training is stable; the text says where it is.

    Examples
    ========

    >>> from symprice.errors import StepSizeWarning
    >>> issubclass(StepSizeWarning, UserWarning)
    True
    """


class NothingSharedWarning(UserWarning):
    """Two networks were asked for their covariance that have no parameter in common: it is 0.

    Examples
    ========

    >>> from symprice import NothingSharedWarning
    >>> issubclass(NothingSharedWarning, UserWarning)
    True
    """


class TimeLimitExceeded(BaseException):
    """The deadline of a computation passed.

    Derived from BaseException, so that ``except Exception`` inside SymPy does not swallow it.
    """
