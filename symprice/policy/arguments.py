"""What a policy is given, read and checked: scalars, probabilities, actions, rewards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sympy import Add, Basic, Dict, Expr, MatrixExpr, Rational, Symbol, Tuple, expand
from sympy.core.function import AppliedUndef, FunctionClass
from sympy.core.sympify import SympifyError, _sympify
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm
from ..errors import PolicyError
from ..symbols import Observable, ObservableVector, Parameter, ParameterMatrix

__all__ = [
    "action_label",
    "check_probabilities",
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
    if isinstance(value, Expr) and not getattr(value, "is_Matrix", False):
        return value
    hint = f", Symbol({given!r}) or a number" if isinstance(given, str) else " such as a Symbol or a number"
    raise PolicyError(
        f"asked for a policy with {given!r} as {what}, which is a {type(given).__name__}: write a scalar "
        f"expression{hint}"
    )


def listed(given: Any, what: str) -> list[Any] | None:
    """The entries of a list, tuple or column; None for what is none of these."""
    if isinstance(given, (list, tuple, Tuple)):
        return list(given)
    if isinstance(given, (MatrixBase, MatrixExpr)):
        rows, columns = map(_sympify, given.shape)
        if not (rows.is_Integer and columns == 1):
            raise PolicyError(
                f"asked for {what} from {given}, which is {rows} × {columns}: write a column with a known number of "
                "rows, or a list"
            )
        return [given[k, 0] for k in range(int(rows))]
    return None


def action_label(given: Any) -> Any:
    """An action as a SymPy object; a word is the Symbol of that name."""
    if isinstance(given, str):
        if not given.isidentifier():
            raise PolicyError(f"asked for an action named {given!r}: write one word, as 'left', or a number")
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
                f"received {len(entries)} rewards for the {len(actions)} actions {_shown(actions)}: write one reward "
                "for each action, in this order"
            )
        found = entries
    elif isinstance(reward, FunctionClass) or (callable(reward) and not isinstance(reward, Expr)):
        found = [reward(action) for action in actions]
    else:
        example = ", ".join(f"{action}: r_{action}" for action in actions)
        raise PolicyError(
            f"asked for the expected reward of {reward!r}: write the reward of each action, {{{example}}}, a list in "
            "the order of the actions, or a Function"
        )
    values = [scalar(r, f"the reward of action {a}") for a, r in zip(actions, found, strict=True)]
    for action, value in zip(actions, values, strict=True):
        if value.is_number and value.is_finite is False or value.is_comparable is None:
            raise PolicyError(f"the reward of action {action} is {value}: rewards are finite")
    return Tuple(*values)


def _by_action(actions: list[Any], given: Mapping[Any, Any]) -> list[Any]:
    unknown = [a for a in given if a not in actions]
    missing = [a for a in actions if a not in given]
    if unknown:
        raise PolicyError(
            f"received a reward for {_shown(unknown)}, which is no action of this policy: its actions are "
            f"{_shown(actions)}"
        )
    if missing:
        example = ", ".join(f"{a}: {given.get(a, 0)}" for a in actions)
        raise PolicyError(
            f"received no reward for action {_shown(missing)}: write one for each action, as {{{example}}}"
        )
    return [given[a] for a in actions]


def _shown(items: Iterable[Any]) -> str:
    return ", ".join(map(str, items))


def check_probabilities(actions: Iterable[Any], probabilities: list[Any]) -> None:
    """Raise a PolicyError unless these are positive and sum to one, as far as this can be told."""
    for action, p in zip(actions, probabilities, strict=True):
        if p.is_zero or p.is_negative or (p - 1).is_positive:
            remedy = "leave the action out" if p.is_zero else "write a number between 0 and 1"
            raise PolicyError(f"the probability of action {action} is {p}: {remedy}")
    total = Add(*probabilities)
    if total != 1 and expand(total - 1) != 0 and not _vanishes(total - 1):
        first = Add(*probabilities[:-1])
        raise PolicyError(
            f"the probabilities {_shown(probabilities)} sum to {total}, not to 1: write {1 - first} for the last one, "
            "or give logits, which need not be normalised"
        )


def _vanishes(expr: Any) -> bool:
    """Whether ``expr`` is 0 at some points of (0, 1), to 20 digits; to 12 where it has Floats in it."""
    inner = expr.atoms(AppliedUndef, MatrixElement)
    symbols = sorted(inner or set(), key=str)
    free = sorted(expr.xreplace({e: Symbol(f"u{i}") for i, e in enumerate(symbols)}).free_symbols, key=str)
    masked = expr.xreplace({e: Symbol(f"u{i}") for i, e in enumerate(symbols)})
    bound = Rational(1, 10**12) if expr.is_number or masked.is_Float else Rational(1, 10**12)
    for trial in range(5):
        point = {s: Rational((37 * (7 * i + 11 * trial + 3)) % 97 + 1, 101) for i, s in enumerate(free)}
        value = masked.xreplace(point).evalf(30)
        if not value.is_number or not value.is_comparable and not value.is_zero or abs(value) > bound:
            return False
    return True


def trained(*exprs: Basic) -> tuple[Any, ...]:
    """The Parameters in some expressions (entries of ParameterMatrix too), in order of first appearance."""
    return _found(exprs, Parameter, ParameterMatrix, lambda e: e.parameters if isinstance(e, ClosedForm) else ())


def observed(*exprs: Basic) -> tuple[Any, ...]:
    """The Observables in some expressions (entries of ObservableVector too), in order of first appearance."""
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
