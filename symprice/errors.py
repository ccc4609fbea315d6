"""The errors of symprice: each says what was asked, what was received and what to write instead."""

from __future__ import annotations


class SympriceError(Exception):
    """Base class: ``except SympriceError`` catches every error raised on purpose here."""


class NoParameterError(SympriceError, ValueError):
    """A covariance was asked of something that no Parameter or Observable occurs in."""


class NoRuleError(SympriceError, NotImplementedError):
    """No rule says how to differentiate, evaluate or print a node; a zero would be wrong."""


class ShapeError(SympriceError, ValueError):
    """Shapes, widths or numbers of arguments do not fit together."""


class PolicyError(SympriceError, ValueError):
    """Probabilities, actions or rewards do not make a policy."""


class EliminationError(SympriceError, ValueError):
    """A result could not be written wholly in the quantities that were named."""


class NameClashError(SympriceError, ValueError):
    """A name cannot be used: it is no identifier, or it already means something else."""


class ParseError(SympriceError, ValueError):
    """A formula typed as text was refused; ``position`` is where, ``text`` is what was typed."""

    def __init__(self, message: str, text: str = "", position: int = 0) -> None:
        super().__init__(message)
        self.text = text
        self.position = position

    def caret(self) -> str:
        """The text with a caret under the place that was refused."""
        return f"{self.text}\n{' ' * self.position}^"

    def __reduce__(self) -> tuple[type[ParseError], tuple[str, str, int]]:
        return type(self), (str(self), self.text, self.position)


class TimeLimitExceeded(BaseException):
    """The deadline of a computation passed.

    Derived from BaseException, so that ``except Exception`` inside SymPy does not swallow it.
    """
