"""Rewards of continuous or countable actions: what was given, in the symbol of the action."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sympy import Dict, Expr, Lambda, MatrixSymbol, S, Symbol
from sympy.core.function import FunctionClass
from sympy.core.sympify import _sympify

from ..errors import PolicyError
from ..symbols import TRAINED
from .arguments import called, listed, scalar
from .poles import require_defined

if TYPE_CHECKING:
    from .distribution import DistributionPolicy

__all__ = ["finite", "in_action", "in_state", "without_action"]


def in_action(policy: DistributionPolicy, given: Any) -> Any:
    """A function of the action, as an expression in its symbol.

    ``given`` is a Function('r') that is left unspecified, a Lambda or a Python function, or an
    expression in the symbol ``a`` (whatever its assumptions).

    Raises
    ======

    PolicyError : for a table of rewards, for an expression in which no action occurs, and for one
        without a number at some action.
    """
    a = policy.action
    if isinstance(given, (Mapping, Dict)) or listed(given, "rewards") is not None:
        raise PolicyError(
            f"asked for the expected reward of a table under {policy}, whose actions are "
            f"{policy.support}: write an expression in the action, as {a}**2, a function, or "
            "Function('r')"
        )
    if isinstance(given, (FunctionClass, Lambda)) or (
        callable(given) and not isinstance(given, Expr)
    ):
        return require_defined(policy, finite(scalar(_sympify(called(given, a)), "the reward")))
    expr = scalar(given, "the reward")
    clash = [s for s in policy.free_symbols if s.name == a.name] if a.is_Symbol else []
    if clash:
        raise PolicyError(
            f"the reward {expr} is read in the action {a}, but {clash[0]} is a parameter of "
            f"{policy} too: give the parameter another name, or write lambda action: ..."
        )
    named = [s for s in expr.free_symbols if getattr(s, "name", None) == a.name]
    if not named and not expr.is_number:
        raise PolicyError(
            f"asked for the expected reward {expr}, in which the action {a} does not occur: write "
            f"it in Symbol('{a}'), as a function (lambda action: ...), or Function('r')"
        )
    return require_defined(policy, finite(expr.xreplace({s: a for s in named})))


def without_action(policy: Any, known: set[Any], expr: Any) -> Any:
    """The expression itself, of which each sample has the same value: a baseline.

    ``known`` are symbols that mean something else, whatever their names.

    Raises
    ======

    PolicyError : where a symbol in it is that of the action, as rewards are read.
    """
    action = getattr(policy, "action", Symbol("a"))
    names = {a.name for a in ([action] if isinstance(action, Symbol) else action)}
    if any(getattr(s, "name", None) in names for s in expr.free_symbols - known):
        raise PolicyError(
            f"asked for the baseline {expr}, which depends on the action: then the estimator is "
            "biased. Write an expression without it"
        )
    return expr


def finite(expr: Any) -> Any:
    """The reward itself, unless it is known not to be finite."""
    if expr.is_finite is False or expr is S.NaN:
        raise PolicyError(f"the reward is {expr}: rewards are finite")
    return expr


def in_state(policy: Any, given: Any, state: Any) -> Any:
    """The reward of an action in a state: a function r(s, a), with the state put in.

    Raises
    ======

    PolicyError : for a state that is trained, or on which nothing depends.
    """
    entries = [state] if isinstance(state, (Symbol, MatrixSymbol)) else listed(state, "the state")
    for s in entries or [state]:
        if not isinstance(s, (Symbol, MatrixSymbol)) or isinstance(s, TRAINED):
            raise PolicyError(
                f"asked for a policy gradient in the state {state!r}: write a Symbol, a list of "
                "them, or a column of inputs, on which the policy depends and which is not trained"
            )
    states = tuple(entries or ())
    known = set().union(*(h.free_symbols for h in _inputs(policy)))
    if isinstance(given, FunctionClass):
        return lambda action: given(*states, action)
    if callable(given) and not isinstance(given, Expr):
        count = len(inspect.signature(given).parameters)
        return given if count == 1 else lambda action: given(*states, action)
    rewards = list(given.values()) if isinstance(given, (Mapping, Dict)) else [given]
    rewards = [r for each in rewards for r in (listed(each, "rewards") or [each])]
    known = known.union(*(_sympify(r).free_symbols for r in rewards))
    missing = [s for s in states if s not in known]
    if missing:
        raise PolicyError(
            f"asked for the policy gradient of {policy} in the state {missing[0]}, on which "
            "neither the policy nor the reward depends: write the same symbol in both places"
        )
    return given


def _inputs(policy: Any) -> tuple[Any, ...]:
    heads = getattr(policy, "heads", None)
    return heads if heads is not None else policy._given
