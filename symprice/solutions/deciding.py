"""Claims that two formulas are equal: proved, found true at random points, or refuted at one."""

from __future__ import annotations

from typing import Any

from sympy import Basic, ImmutableDenseMatrix, Tuple, sstr
from sympy.core.symbol import Str
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm, ClosedFormMatrix
from ..derivation import Derivation, Rule, Step, derive
from ..errors import NoRuleError
from ..outputs import Result
from ..symbols import Observable, ObservableVector, expression
from ..tangent.closing import closed_form
from ..timelimit import within
from .simple_points import simple_point
from .vanishing import proved_zero

__all__ = ["NEAR", "SECONDS", "DecidedClaim", "decided", "inline", "with_formula"]

PROVED, SAMPLED, REFUTED = "proved", "sampled", "refuted"
# A few points find what is not 0; where nothing is proved, more are asked for, at more digits.
_FEW, _MANY, _DIGITS = 3, 20, 40
SECONDS = 20
NEAR = 1e-15


class NormalForm(Rule):
    """Two formulas are equal where their normal forms are: multiplied out, sums over indices with
    the definitions put in, `relu(u) = u step(u)`.
    """


class AtRandomPoints(Rule):
    """Two formulas agree at twenty random points, to thirty digits: no proof."""


class DecidedClaim(Result, Basic):
    """A claim that two formulas are equal, and what was found out about it.

    Arguments: what it is about (two of them), the verdict, the point and value that refute it.
    """

    def __bool__(self) -> bool:
        return self._verdict != REFUTED

    @property
    def _verdict(self) -> str:
        return str(self.args[2].name)

    @property
    def proved(self) -> bool:
        """Whether it was proved by a normal form; if it holds and was not, it holds at random
        points only.
        """
        return self._verdict == PROVED

    @property
    def counterexample(self) -> dict[Any, Any] | None:
        """A point of small integers where it fails, if one was found; sizes are in it."""
        return dict(self.args[3]) or None

    @property
    def value(self) -> Any:
        """The difference of the two sides at the counterexample."""
        return self.args[4] if len(self.args) > 4 else None

    def _sides(self) -> tuple[Any, Any]:
        raise NotImplementedError

    @property
    def derivation(self) -> Derivation:
        """The steps from the covariance to the other side, or to the formula that it is."""
        left, right = self._sides()
        steps = [step for step in derive(left).steps if step.before != step.after]
        last = steps[-1].after if steps else left
        if self and last != right:
            rule = NormalForm() if self.proved else AtRandomPoints()
            steps.append(Step(rule, last, right))
        return Derivation(steps or [Step(NormalForm(), left, left)])

    def _other_side(self) -> Any:
        """What the left side is where it is not the right one."""
        closed = closed_form(self._sides()[0])
        return closed.without_origin() if closed.definitions else closed.expr

    def _shown_point(self) -> str:
        if self.counterexample is None:
            return ""
        point = ", ".join(f"{key} = {inline(value)}" for key, value in self.args[3])
        return f", as at {point}, where it is {sstr(self.value)}"


def decided(left: Any, right: Any, seconds: float) -> tuple[Any, ...]:
    """The verdict on left = right as arguments of a claim; where it fails, with a point and the
    difference there.

    Numbers come first, from the definition: what they refute needs no attempt at a proof.
    """
    difference = left if right == 0 or getattr(right, "is_ZeroMatrix", False) else left - right
    claim = Step(AtRandomPoints(), left, right)
    report = claim.check(points=_FEW, code=False, timeout=seconds)
    if not _disagrees(report):
        if proved_zero(difference, seconds):
            return Str(PROVED), Tuple()
        report = claim.check(points=_MANY, digits=_DIGITS, code=False, timeout=2 * seconds)
    found = _point_of(difference, seconds)
    exact = found is not None and found[1].is_Rational
    if report and not exact:
        return Str(SAMPLED), Tuple()
    if not exact and not _disagrees(report):
        raise NoRuleError(
            f"asked whether {left} is {right}: no proof was found in {seconds:g} s, and the "
            f"numbers decide nothing ({report.verdict}). A greater seconds=... may help"
        )
    if found is None:
        if proved_zero(difference, seconds):
            raise NoRuleError(
                f"asked whether {left} is {right}: a normal form says so, and the numbers say "
                f"{report.verdict}; one of them is wrong"
            )
        return Str(REFUTED), Tuple()
    point, value = found
    return Str(REFUTED), Tuple(*(Tuple(key, each) for key, each in point.items())), value


def _disagrees(report: Any) -> bool:
    """Whether a check found the sides to differ: what is not 0 where 0 stands has an error of 1."""
    return bool(report.checked) and report.worst > NEAR


def _point_of(difference: Any, seconds: float) -> Any:
    try:
        return within(seconds, lambda: simple_point(difference))
    except (NoRuleError, NotImplementedError, TypeError, ValueError):
        return None  # an unspecified function, a softmax: the verdict stands without a point


def with_formula(given: Any, asked: str) -> Any:
    """A scalar or a matrix in which nothing is unspecified."""
    thing = expression(given, asked)
    unspecified = thing.atoms(Observable, ObservableVector)
    if unspecified:
        name = min(map(str, unspecified))
        raise NoRuleError(
            f"asked for {asked} of {thing}, in which {name} has no formula: write a property of "
            "Parameters, as the output of a network"
        )
    return ImmutableDenseMatrix(thing) if isinstance(thing, MatrixBase) else thing


def inline(value: Any) -> str:
    """A formula or a matrix in a line; of a closed form the main formula."""
    if isinstance(value, (ClosedForm, ClosedFormMatrix)):
        value = value.expr
    return sstr(value.tolist()) if isinstance(value, MatrixBase) else sstr(value)
