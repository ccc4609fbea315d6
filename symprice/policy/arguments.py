"""What a policy is given, read and checked: scalars, probabilities, actions, rewards."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sympy import (
    Add,
    Basic,
    Dict,
    Dummy,
    Expr,
    Float,
    IndexedBase,
    Lambda,
    MatrixExpr,
    Rational,
    S,
    Symbol,
    Tuple,
    default_sort_key,
    expand,
)
from sympy.core.function import AppliedUndef, FunctionClass
from sympy.core.sympify import SympifyError, _sympify
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm
from ..errors import PolicyError
from ..symbols import Observable, ObservableVector, Parameter, ParameterMatrix

__all__ = [
    "action_label",
    "called",
    "check_possible",
    "check_sum",
    "listed",
    "observed",
    "rewards_of",
    "scalar",
    "trained",
]


def scalar(given: Any, what: str) -> Any:
    """A scalar expression, or an error that says what it is instead."""
    try:
        value = _sympify(given)
    except SympifyError:
        value = None
    if isinstance(value, (MatrixBase, MatrixExpr)) and value.shape == (1, 1):
        # What a network with one output gives.
        return value[0, 0]
    if isinstance(value, Expr) and not getattr(value, "is_Matrix", False):
        return value
    hint = (
        f", Symbol({given!r}) or a number"
        if isinstance(given, str)
        else " such as a Symbol or a number"
    )
    raise PolicyError(
        f"asked for a policy with {given!r} as {what}, which is a {type(given).__name__}: write a "
        f"scalar expression{hint}"
    )


def listed(given: Any, what: str) -> list[Any] | None:
    """The entries of a list, tuple, array or column; None for what is none of these."""
    if getattr(given, "ndim", 0) == 1 and hasattr(given, "tolist"):
        given = given.tolist()
    if isinstance(given, (list, tuple, Tuple)):
        return list(given)
    if isinstance(given, (MatrixBase, MatrixExpr)):
        rows, columns = map(_sympify, given.shape)
        if not (rows.is_Integer and columns == 1):
            raise PolicyError(
                f"asked for {what} from {given}, which is {rows} × {columns}: write a column with "
                "a known number of rows, or a list"
            )
        return [given[k, 0] for k in range(int(rows))]
    return None


def action_label(given: Any) -> Any:
    """An action as a SymPy object; a word is the Symbol of that name."""
    if isinstance(given, str):
        if not given.isidentifier():
            raise PolicyError(
                f"asked for an action named {given!r}: write one word, as 'left', or a number"
            )
        return Symbol(given)
    if isinstance(given, bool):
        raise PolicyError(f"asked for the action {given}: write 1 for True and 0 for False")
    return scalar(given, "the label of an action")


def rewards_of(actions: Iterable[Any], reward: Any) -> Tuple:
    """The rewards in the order of the actions, from a dict, a list, a column or a function.

    Raises
    ======

    PolicyError : where a reward is missing, belongs to no action, or is no finite scalar.
    """
    actions = list(actions)
    if isinstance(reward, (Mapping, Dict)):
        found = _by_action(actions, {action_label(a): r for a, r in reward.items()})
    elif (entries := listed(reward, "rewards")) is not None:
        if len(entries) != len(actions):
            raise PolicyError(
                f"received {len(entries)} rewards for the {len(actions)} actions "
                f"{_shown(actions)}: write one reward for each action, in this order"
            )
        found = entries
    elif isinstance(reward, IndexedBase):
        found = [reward[action] for action in actions]
    elif isinstance(reward, (FunctionClass, Lambda)) or (
        callable(reward) and not isinstance(reward, Expr)
    ):
        found = [called(reward, action) for action in actions]
    elif (entries := _of_action(actions, reward)) is not None:
        found = entries
    else:
        example = ", ".join(f"{action}: r_{action}" for action in actions)
        raise PolicyError(
            f"asked for the expected reward of {reward!r}: write the reward of each action, "
            f"{{{example}}}, a list in the order of the actions, an expression in Symbol('a'), or "
            "a Function"
        )
    values = [scalar(r, f"the reward of action {a}") for a, r in zip(actions, found, strict=True)]
    for action, value in zip(actions, values, strict=True):
        if value.is_finite is False or value is S.NaN:
            raise PolicyError(f"the reward of action {action} is {value}: rewards are finite")
        if value.is_real is False:
            raise PolicyError(f"the reward of action {action} is {value}: rewards are real")
    return Tuple(*values)


def called(function: Any, *args: Any) -> Any:
    """The value of a reward given as a function.

    Raises
    ======

    PolicyError : where it takes another number of arguments.
    """
    if isinstance(function, (FunctionClass, Lambda)):
        fits = len(args) in function.nargs
    else:
        try:
            inspect.signature(function).bind(*args)
            fits = True
        except TypeError:
            fits = False
        except ValueError:  # of what is compiled nothing is known
            fits = True
    if not fits:
        raise PolicyError(
            f"asked for the reward at the action {_shown(args)} of a function that does not take "
            f"{len(args)} argument{'s' if len(args) > 1 else ''}: write one of the action alone, "
            "or policy_gradient(policy, r, state=s) for a function r(s, a)"
        )
    return function(*args)


def _of_action(actions: list[Any], given: Any) -> list[Any] | None:
    """A number, or an expression in the symbol ``a``, at each action; None for anything else."""
    try:
        expr = _sympify(given)
    except SympifyError:
        return None
    if not isinstance(expr, Expr) or getattr(expr, "is_Matrix", False):
        return None
    named = [s for s in expr.free_symbols if getattr(s, "name", None) == "a"]
    if any(isinstance(s, (Parameter, Observable)) for s in named):
        raise PolicyError(
            f"the reward {expr} is read in the action a, but {named[0]} is trained: give it "
            "another name, or write the reward of each action"
        )
    if not named and not expr.is_number:
        return None
    return [expr.subs({s: action for s in named}) for action in actions]


def _by_action(actions: list[Any], given: Mapping[Any, Any]) -> list[Any]:
    unknown = [a for a in given if a not in actions]
    missing = [a for a in actions if a not in given]
    if unknown:
        raise PolicyError(
            f"received a reward for {_shown(unknown)}, which is no action of this policy: its "
            f"actions are {_shown(actions)}"
        )
    if missing:
        example = ", ".join(f"{a}: {given.get(a, 0)}" for a in actions)
        raise PolicyError(
            f"received no reward for action {_shown(missing)}: write one for each action, as "
            f"{{{example}}}"
        )
    return [given[a] for a in actions]


def _shown(items: Iterable[Any]) -> str:
    return ", ".join(map(str, items))


def check_possible(actions: Iterable[Any], probabilities: Iterable[Any]) -> None:
    """Raise a PolicyError where a probability is known to be none, or to be 0."""
    for action, p in zip(actions, probabilities, strict=True):
        if p.is_zero or p.is_negative or (p - 1).is_positive or p is S.NaN:
            remedy = "leave the action out" if p.is_zero else "it must be a number between 0 and 1"
            raise PolicyError(f"the probability of action {action} is {p}: {remedy}")


def check_sum(probabilities: list[Any]) -> None:
    """Raise a PolicyError unless the probabilities sum to one, by algebra or at some points."""
    total = Add(*probabilities)
    if total != 1 and expand(total - 1) != 0 and not _vanishes(total - 1):
        raise PolicyError(
            f"the probabilities {_shown(probabilities)} sum to {total}, not to 1: write "
            f"{1 - Add(*probabilities[:-1])} for the last one, or give logits, which need not be "
            "normalised"
        )


def _vanishes(expr: Any) -> bool:
    """Whether ``expr`` is 0 at some points of (0, 1), to 20 digits; with Floats to 12."""
    opaque = sorted(expr.atoms(AppliedUndef, MatrixElement), key=str)
    expr = expr.xreplace({node: Dummy() for node in opaque})
    free = sorted(expr.free_symbols, key=default_sort_key)
    bound = Rational(1, 10 ** (12 if expr.atoms(Float) else 20))
    for trial in range(5):
        point = {
            s: Rational(37 * (7 * i + 11 * trial + 3) % 97 + 1, 101) for i, s in enumerate(free)
        }
        value = expr.xreplace(point).evalf(30)
        if not value.is_Number or abs(value) > bound:
            return False
    return True


def trained(*exprs: Basic) -> tuple[Any, ...]:
    """The Parameters and entries of ParameterMatrix, in order of first appearance."""
    return _found(
        exprs,
        Parameter,
        ParameterMatrix,
        lambda e: e.parameters if isinstance(e, ClosedForm) else (),
    )


def observed(*exprs: Basic) -> tuple[Any, ...]:
    """The Observables and entries of ObservableVector, in order of first appearance."""
    return _found(exprs, Observable, ObservableVector, lambda e: ())


def _found(
    exprs: Iterable[Basic], scalars: type, arrays: type, ordered: Callable[[Any], Iterable[Any]]
) -> tuple[Any, ...]:
    seen: dict[Any, None] = {}
    for expr in exprs:
        entries = {e for e in expr.atoms(MatrixElement) if isinstance(e.parent, arrays)}
        for symbol in (*ordered(expr), *sorted(expr.atoms(scalars) | entries, key=_natural)):
            seen[symbol] = None
    return tuple(seen)


def _natural(symbol: Any) -> tuple[Any, ...]:
    """A key that puts w2 before w10."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(symbol)))
