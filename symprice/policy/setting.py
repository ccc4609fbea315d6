"""What a policy is differentiated by, and under which names it is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sympy import Add, Basic, Derivative, Expr, Symbol, log
from sympy.matrices.expressions.matexpr import MatrixElement

from ..closedform import ClosedForm, Definitions
from ..errors import PolicyError
from ..networks.logits import SoftmaxEntry
from ..symbols import Name, ParameterMatrix, depends_on_parameters
from .arguments import listed
from .pairs import needs_centring
from .rules import CommonPart, Score

if TYPE_CHECKING:
    from .finite import FinitePolicy

__all__ = ["Names", "Setting", "by_logits", "is_network", "variables_of"]


def variables_of(policy: FinitePolicy, wrt: Any = None) -> tuple[Any, ...]:
    """The variables of a gradient: those given, else the observed logits, else the Parameters."""
    if wrt is None:
        return _default(policy)
    entries = listed(wrt, "variables")
    variables = (wrt,) if entries is None else tuple(entries)
    if not variables:
        raise PolicyError(
            f"asked for the gradient of {policy} by no variable: write wrt=theta for a "
            "symbol theta, or a list of symbols (a policy given by its probabilities has no "
            "logits)"
        )
    if variables == policy.logits:
        return variables
    for variable in variables:
        if not isinstance(variable, (Symbol, MatrixElement)):
            raise PolicyError(
                f"asked for the gradient of {policy} by {variable}: write wrt=theta for a symbol "
                "theta, a list of symbols, or wrt=policy.logits for all its logits"
            )
        namesakes = [s for s in policy.free_symbols if str(s) == str(variable) and s != variable]
        if namesakes:
            raise PolicyError(
                f"asked for the gradient of {policy} by the {type(variable).__name__} "
                f"{variable}, but in it stands the {type(namesakes[0]).__name__} {variable}, a "
                "different object: write the same one in both places"
            )
        if variable not in policy.observables and policy.observables:
            raise PolicyError(
                f"asked for the gradient of {policy} by {variable}, but how the observable "
                f"{policy.observables[0]} depends on it is unspecified: write wrt=policy.logits, "
                "or NTCov of policy.expected(reward) for what the gradient does"
            )
    if len(set(variables)) < len(variables):
        raise PolicyError(
            f"asked for a gradient by {', '.join(map(str, variables))}: name each of them once"
        )
    return variables


def _default(policy: FinitePolicy) -> tuple[Any, ...]:
    if policy.observables:
        trained = tuple(z for z in policy.logits if depends_on_parameters(z))
        plain = set(trained) <= set(policy.observables) and len(set(trained)) == len(trained)
        if not policy.logits:
            return policy.observables
        return trained if plain else policy.logits
    if policy.logits and any(z.atoms(ParameterMatrix) for z in policy.logits):
        entries = all(isinstance(e, MatrixElement) for e in policy.parameters)
        if not (policy.parameters and entries):
            return policy.logits
    if policy.parameters:
        return policy.parameters
    if any(p.atoms(ParameterMatrix) for p in policy.probabilities):
        raise PolicyError(
            f"asked for the gradient of {policy}, whose probabilities are made from trained "
            "matrices by another way than logits: write the network as logit= (or as the logits of "
            "a CategoricalPolicy), or its scalars, as MLP(...).explicit()"
        )
    free = sorted(map(str, policy.free_symbols))
    example = free[0] if free else "theta"
    raise PolicyError(
        f"asked for the gradient of {policy}, in which nothing is trained: declare {example} = "
        f"Parameter('{example}') (a plain Symbol is a constant), or name the variable, as wrt=..."
    )


def by_logits(policy: FinitePolicy, variables: tuple[Any, ...]) -> bool:
    """Whether the variables are the logits by place, because some logit is no symbol of its own."""
    if variables != policy.logits:
        return False
    return len(set(variables)) < len(variables) or not all(
        isinstance(z, (Symbol, MatrixElement)) for z in variables
    )


def is_network(policy: FinitePolicy) -> bool:
    """Whether a logit is a closed form, whose derivatives are accumulated over its names."""
    return any(logit.has(ClosedForm) for logit in policy.logits)


class Names:
    """Names that mean nothing else in some expressions."""

    def __init__(self, *exprs: Basic) -> None:
        self._taken = {symbol.name for expr in exprs for symbol in expr.atoms(Symbol)}

    def fresh(self, name: str) -> Name:
        """The name, with primes where it is taken."""
        candidate, count = name, 0
        while candidate in self._taken:
            count += 1
            candidate = f"{name}_prime{count if count > 1 else ''}"
        self._taken.add(candidate)
        return Name(candidate)

    def numbered(self, name: str, labels: Any) -> list[Name]:
        """A name for each label, `pi_left`; by number where a label is no word."""
        words = [str(label) for label in labels]
        if not all(re.fullmatch(r"\w+", word) for word in words):
            words = [str(k) for k, _ in enumerate(words, start=1)]
        return [self.fresh(f"{name}_{word}") for word in words]


class Setting:
    """A policy before variables that are symbols: its named probabilities, and its scores.

    Probabilities of a softmax get names, `π_1, …`; others are short as they are.
    """

    def __init__(self, policy: FinitePolicy, variables: tuple[Any, ...], names: Names) -> None:
        self.policy, self.variables, self.names = policy, variables, names
        self.definitions = Definitions()
        self._means: dict[int, Any] = {}
        entries = names.numbered("pi", policy.actions)
        self.named = {
            p: self.definitions.define(name, p)
            for p, name in zip(policy.probabilities, entries, strict=True)
            if isinstance(p, SoftmaxEntry)
        }

    @property
    def probabilities(self) -> list[Any]:
        """π(a) of each action, by name where it has one."""
        return [self.named.get(p, p) for p in self.policy.probabilities]

    def log_derivatives(self) -> list[list[Any]]:
        """∂log π(a)/∂θᵢ, unevaluated: one row for each action."""
        return [[Derivative(log(p), v) for v in self.variables] for p in self.policy.probabilities]

    def scores(self) -> list[list[Any]]:
        """The scores in the names of the probabilities: one row for each action."""
        rule, pi = Score(), self.policy.probabilities
        return [[self.with_names(rule.of(p, v)) for v in self.variables] for p in pi]

    def centred(self, i: int, scores: list[Any]) -> tuple[list[Any], list[Any]] | None:
        """Of scores by the i-th variable, u(a) - E[u], the u(a) and the differences from a name of
        E[u]; None where the scores are short as they are.
        """
        if not self.named or not needs_centring(scores):
            return None
        split = CommonPart().split(scores, self.probabilities)
        if split is None or split[1] == 0:
            return None
        own = split[0]
        if i not in self._means:
            mean = Add(*(p * u for p, u in zip(self.probabilities, own, strict=True)))
            label = str(self.variables[i])
            word = f"_{label}" if label.isidentifier() else f"_{i + 1}"
            self._means[i] = self.definitions.define(self.names.fresh(f"zbar{word}"), mean)
        return own, [u - self._means[i] for u in own]

    def with_names(self, expr: Expr) -> Any:
        """An expression in which named probabilities go by their names."""
        return expr.xreplace(self.named)

    def without_names(self, expr: Any) -> Any:
        """An expression in which no names are left."""
        values: dict[Any, Any] = {}
        for name, value in self.definitions.items():
            values[name] = value.xreplace(values)
        return expr.xreplace(values)
