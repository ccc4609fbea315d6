r"""Algorithm boxes of what the package runs: ways of moving θ, REINFORCE, Python functions.

Nothing is written again for a box: the update of a way of moving θ is what the package runs, run
once with symbols; the score is the policy's; a Python function is read as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sympy import Basic

from ..dynamics.equation import PriceEquation
from ..dynamics.update import Dynamics
from ..errors import NoRuleError
from ..symbols import Observable
from .documents.algorithmic import Algorithm, checked, to_algorithmic
from .latex import ems
from .notation import noted
from .sampling_algorithms import reinforce
from .training_algorithms import Training

__all__ = ["AlgorithmBox", "algorithm", "algorithm_of"]


# Lines with fractions in them stand a little apart.
_APART = r"\setlength{\lineskip}{3pt}\setlength{\lineskiplimit}{2pt}"


@dataclass(frozen=True)
class AlgorithmBox:
    """An algorithm as LaTeX, Markdown and in notebooks. Made by ``algorithm``.

    Attributes
    ==========

    subject : what it is the algorithm of.
    title : its caption.
    notation : how its formulas are written; None for the notation in use.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent, algorithm
    >>> box = algorithm(GradientDescent(symbols('eta', positive=True)))
    >>> box.subject
    GradientDescent(eta)
    """

    subject: Any
    title: str = ""
    notation: Any = None

    def model(self, notation: Any = None) -> Algorithm:
        """The algorithm as plain data."""
        found = algorithm_of(self.subject, notation if notation is not None else self.notation)
        if not self.title:
            return found
        return Algorithm(self.title, found.name, found.arguments, found.lines)

    def latex(
        self,
        *,
        width: float | str = "line",
        label: str | None = None,
        floating: bool = True,
        notation: Any = None,
    ) -> str:
        r"""The box: the packages algorithm and algpseudocode set it.

        Parameters
        ==========

        width : of the line, as for ``to_latex``.
        label : a ``\label`` for its number.
        floating : whether it has a caption and a number; else the bare ``algorithmic``.
        notation : as for ``to_latex``.
        """
        from .documents.texprose import prose

        spelling = noted(notation if notation is not None else self.notation)
        found = self.model(spelling)
        body = spelling.abbreviated(to_algorithmic(checked(found), ems(width)))
        if not floating:
            return body
        mark = rf"\label{{{label}}}" if label else ""
        caption = rf"\caption{{{prose(found.title)}}}{mark}"
        return "\n".join([r"\begin{algorithm}[H]", caption, _APART, body, r"\end{algorithm}"])

    def markdown(self) -> str:
        """The algorithm as an indented list."""
        from .documents.algorithmic import pseudocode
        from .documents.markdown import block_markdown
        from .documents.model import Procedure

        found = self.model()
        return block_markdown(Procedure(found.title, tuple(pseudocode(found)), str))

    def _repr_markdown_(self) -> str:
        from .notation import in_use

        with in_use().but(macros=False).use():
            return self.markdown()

    def __str__(self) -> str:
        from .documents.algorithmic import pseudocode
        from .from_latex import from_latex

        found = self.model()
        lines = [found.title]
        lines += ["    " * (depth + 1) + text for depth, text in pseudocode(found)]
        for i, line in enumerate(lines):
            parts = line.split("$")
            parts[1::2] = map(from_latex, parts[1::2])
            lines[i] = "".join(parts)
        return "\n".join(lines)


def algorithm(subject: Any, title: str = "", *, notation: Any = None) -> AlgorithmBox:
    r"""An algorithm box.

    Parameters
    ==========

    subject : a way of moving θ, as ``Adam(eta)``; a Price equation, whose terms are computed beside
        each step; a policy gradient or its estimator, for REINFORCE; or a Python function of
        assignments, loops and branches.
    title : its caption; a name of its own where not given.
    notation : as for ``to_latex``.

    Raises
    ======

    NoRuleError : for a flow, which takes no steps; for a step with noise of its own; for a Python
        function that the box cannot show, with the line.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import HeavyBall
    >>> eta, beta = symbols('eta beta', positive=True)
    >>> print(algorithm(HeavyBall(eta, beta)))
    Heavy ball
        v ← 0
        for t = 1, 2, …
            g ← ∇L(θ)
            v ← β v - η g
            θ ← θ + v
        return θ

    The LaTeX, written by latexify, is for the package algpseudocode:

    >>> print(algorithm(HeavyBall(eta, beta)).latex(floating=False).splitlines()[5])
                \State $v \gets \beta v - \eta g$
    """
    box = AlgorithmBox(subject, title, notation)
    box.model()  # what cannot be shown is found out now
    return box


def algorithm_of(subject: Any, notation: Any = None) -> Algorithm:
    """The plain data of an algorithm."""
    spelling = noted(notation)
    if isinstance(subject, AlgorithmBox):
        return subject.model(notation)
    if isinstance(subject, Dynamics):
        return Training(subject, Observable("L"), spelling).algorithm(None)
    if isinstance(subject, PriceEquation):
        return Training(subject.dynamics, subject.loss, spelling).algorithm(subject)
    if hasattr(subject, "estimator"):
        subject = subject.estimator
    if hasattr(subject, "summand") and hasattr(subject, "gradient"):
        return reinforce(subject, spelling)
    if callable(subject) and not isinstance(subject, Basic):
        from .python_algorithms import from_python

        return from_python(subject)
    raise NoRuleError(
        f"asked for the algorithm of {subject!r}: write a way of moving θ, as Adam(eta), a Price "
        "equation, a policy gradient, or a Python function"
    )
