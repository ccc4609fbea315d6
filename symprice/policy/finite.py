"""Policies with finitely many actions: two with one logit, several with logits or probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Add, Integer, Symbol, Tuple, log

from ..errors import PolicyError
from ..networks.activations import normal_cdf, sigmoid
from ..networks.logits import softmax
from .arguments import (
    action_label,
    check_possible,
    check_sum,
    listed,
    observed,
    rewards_of,
    scalar,
    trained,
)
from .base import Policy
from .information import fisher, score

__all__ = ["BernoulliPolicy", "CategoricalPolicy", "FinitePolicy"]


class FinitePolicy(Policy):
    """A policy with finitely many actions; a subclass states them and their probabilities."""

    @property
    def actions(self) -> tuple[Any, ...]:
        """The actions in order."""
        raise self._unstated("actions")

    @property
    def probabilities(self) -> tuple[Any, ...]:
        """π(a) of each action, in order."""
        raise self._unstated("probabilities")

    @property
    def logits(self) -> tuple[Any, ...]:
        """The logits of the probabilities; empty where the probabilities themselves were given."""
        return ()

    def with_logits(self, logits: Any) -> FinitePolicy:
        """The same policy with other logits."""
        raise self._unstated("with_logits")

    @property
    def parameters(self) -> tuple[Any, ...]:
        """The Parameters that the policy depends on, in order of first appearance."""
        return trained(*self._given)

    @property
    def observables(self) -> tuple[Any, ...]:
        """The Observables that the policy depends on, in order of first appearance."""
        return observed(*self._given)

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols in the logits or probabilities; the labels of actions are none."""
        return set().union(*(given.free_symbols for given in self._given))

    @property
    def _given(self) -> tuple[Any, ...]:
        return self.logits or self.probabilities

    def _index(self, action: Any) -> int:
        label = action_label(action)
        if label not in self.actions:
            shown = ", ".join(map(str, self.actions))
            raise PolicyError(f"asked for action {action} of {self}, whose actions are {shown}")
        return self.actions.index(label)

    def prob(self, action: Any = None) -> Any:
        """The probability π(a) of an action: at the symbol `a` where no action is given."""
        if self._is_open(action):
            return self._in_symbol(self.probabilities)
        return self.probabilities[self._index(action)]

    def log_prob(self, action: Any = None) -> Any:
        """The log-likelihood log π(a) of an action: at the symbol `a` where no action is given."""
        if self._is_open(action):
            return self._in_symbol([super(FinitePolicy, self).log_prob(x) for x in self.actions])
        return super().log_prob(action)

    def _is_open(self, action: Any) -> bool:
        """Whether no action is named: the symbol `a` stands for any."""
        return action is None or (
            isinstance(action, Symbol) and action.name == "a" and action not in self.actions
        )

    def _in_symbol(self, values: Any) -> Any:
        from .outcomes import in_symbol

        return in_symbol(self, list(values))

    def expectation(self, f: Any) -> Any:
        """E[f(a)] = Σ π(a) f(a), for a function of an action, a dict {action: value} or a list."""
        values = rewards_of(self.actions, f)
        return Add(*(p * value for p, value in zip(self.probabilities, values, strict=True)))

    def sample(self, rng: Any, n: int, at: Mapping[Any, Any] | None = None) -> Any:
        """n actions as an array, drawn with a generator of NumPy; ``at`` gives symbols numbers."""
        import numpy as np

        point = dict(at or {})
        values = [p.subs(point).doit().evalf() for p in self.probabilities]
        if not all(value.is_number for value in values):
            raise PolicyError(
                f"asked for samples of {self} with no number for its parameters: write sample(rng, "
                "n, at={theta: 0.5})"
            )
        weights = np.array([float(value) for value in values])
        whole = all(a.is_Integer for a in self.actions)
        names = [int(a) if whole else str(a) for a in self.actions]
        return np.array(names)[rng.choice(len(names), size=n, p=weights / weights.sum())]

    def kl_divergence(self, other: Any) -> Any:
        """The divergence Σ π(a) log(π(a)/π'(a)) to a policy with the same actions, in nats."""
        if set(getattr(other, "actions", ())) != set(self.actions):
            raise PolicyError(
                f"asked for the divergence of {self} from {other}: write a policy with the actions "
                f"{', '.join(map(str, self.actions))}"
            )
        return Add(
            *(
                p * (log(p) - log(other.prob(a)))
                for a, p in zip(self.actions, self.probabilities, strict=True)
            )
        )

    def score(self, action: Any = None, wrt: Any = None) -> Any:
        """The score ∇log π(a): a scalar by one variable, a column by several; at the symbol `a`
        where no action is given.

        Examples
        ========

        >>> from symprice import BernoulliPolicy, Parameter
        >>> pi = BernoulliPolicy(logit=Parameter('theta'))
        >>> pi.score(1), pi.score(0)
        (1 - sigmoid(theta), -sigmoid(theta))
        >>> pi.score()
        a - sigmoid(theta)
        """
        if self._is_open(action):
            from .outcomes import score_in_symbol

            return score_in_symbol(self, [score(self, k, wrt) for k in range(len(self.actions))])
        return score(self, self._index(action), wrt)

    def fisher(self, wrt: Any = None) -> Any:
        """The Fisher information E[s sᵀ] of the scores s: by several variables a matrix.

        Examples
        ========

        >>> from symprice import BernoulliPolicy, CategoricalPolicy, Parameter, observables
        >>> BernoulliPolicy(logit=Parameter('theta')).fisher()
        (1 - sigmoid(theta))*sigmoid(theta)
        >>> F = CategoricalPolicy(observables('z1:4')).fisher()
        >>> F[0, 1]
        -SoftmaxEntry(1, z1, z2, z3)*SoftmaxEntry(2, z1, z2, z3)
        """
        return fisher(self, wrt)


class BernoulliPolicy(FinitePolicy):
    """Two actions, 1 with probability `σ(z)` and 0 with `1 - σ(z)`, where z is the logit.

    Parameters
    ==========

    logit : a Parameter, an Observable, an expression of these, or a network with one output.
    probability : instead of the logit, the probability p of action 1.
    probit : instead of the logit, x with `p = Φ(x)`.

    Raises
    ======

    PolicyError : if the logit is no scalar, or if it makes one of the actions impossible.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter
    >>> pi = BernoulliPolicy(logit=Parameter('theta'))
    >>> pi.actions, pi.probabilities
    ((1, 0), (sigmoid(theta), 1 - sigmoid(theta)))
    >>> pi.expected({1: 1, 0: -1})
    2*sigmoid(theta) - 1
    >>> BernoulliPolicy(probability=Parameter('p')).fisher()
    1/(p*(1 - p))
    """

    def __new__(cls, logit: Any = (), probability: Any = (), probit: Any = ()) -> BernoulliPolicy:
        forms = {"logit": logit, "probability": probability, "probit": probit}
        blank = {n for n, v in forms.items() if isinstance(v, (tuple, Tuple)) and len(v) == 0}
        if len(blank) != 2:
            raise PolicyError(
                "BernoulliPolicy takes one of logit, probability and probit, received "
                f"{', '.join(n for n in forms if n not in blank) or 'none'}: write "
                "BernoulliPolicy(logit=theta)"
            )
        entries = listed(logit, "a logit") if "logit" not in blank else None
        if entries is not None and len(entries) == 1 and hasattr(logit, "shape"):
            forms["logit"], entries = entries[0], None
        if entries is not None:
            raise PolicyError(
                f"BernoulliPolicy takes one logit, received {len(entries)}: write "
                f"CategoricalPolicy({entries})"
            )
        (name,) = set(forms) - blank
        value = scalar(forms[name], f"the {name}")
        places = [value if n == name else Tuple() for n in forms]
        self = super().__new__(cls, *places[: list(forms).index(name) + 1])
        check_possible(self.actions, self.probabilities)
        return self

    @property
    def logit(self) -> Any:
        """The logit z of action 1."""
        if self.logits:
            return self.args[0]
        p, q = self.probabilities
        return log(p / q)

    @property
    def logits(self) -> tuple[Any, ...]:
        """The one logit; empty where a probability or a probit was given."""
        return self.args if len(self.args) == 1 else ()

    @property
    def actions(self) -> tuple[Any, ...]:
        """1 and 0."""
        return Integer(1), Integer(0)

    @property
    def probabilities(self) -> tuple[Any, ...]:
        """p and 1 - p."""
        p = (sigmoid, lambda p: p, normal_cdf)[len(self.args) - 1](self.args[-1])
        return p, 1 - p

    @property
    def _given(self) -> tuple[Any, ...]:
        return (self.args[-1],)

    def _sympystr(self, printer: Any) -> str:
        name = ("", "probability=", "probit=")[len(self.args) - 1]
        return f"BernoulliPolicy({name}{printer._print(self.args[-1])})"

    def with_logits(self, logits: Any) -> BernoulliPolicy:
        """The policy with another logit."""
        return BernoulliPolicy(*logits)

    def _latex(self, printer: Any) -> str:
        return (
            rf"\operatorname{{Bernoulli}}{{\left({printer._print(self.probabilities[0])} \right)}}"
        )


class CategoricalPolicy(FinitePolicy):
    """Several actions with probabilities `π = softmax(z)`, or with probabilities as given.

    Parameters
    ==========

    logits : a list or column of logits, one for each action; or a network with several outputs. A
        column of symbolic size, or one of trained matrices, stays whole: a LogitColumnPolicy.
    probabilities : instead of logits, the probabilities themselves, which must sum to one.
    actions : their labels, numbers or words; ``1, ..., K`` where not given.
    temperature : T > 0, by which the logits are divided: `π = softmax(z/T)`.

    Raises
    ======

    PolicyError : if probabilities do not sum to one, an action is impossible, or labels do not fit.

    Examples
    ========

    >>> from symprice import CategoricalPolicy, Parameter, parameters
    >>> pi = CategoricalPolicy(parameters('z1:4'), actions=['left', 'stay', 'right'])
    >>> pi.prob('stay')
    SoftmaxEntry(2, z1, z2, z3)
    >>> p = Parameter('p')
    >>> CategoricalPolicy(probabilities=[p, 1 - p]).score(2)
    -1/(1 - p)
    >>> z, T = Parameter('z'), Parameter('T', positive=True)
    >>> CategoricalPolicy([z, 0], temperature=T).logits
    (z/T, 0)
    """

    def __new__(
        cls, logits: Any = (), probabilities: Any = (), actions: Any = (), temperature: Any = 1
    ) -> Any:
        from .logit_column import LogitColumnPolicy, is_column

        logits = _cooled(logits, scalar(temperature, "the temperature"))
        if is_column(logits) and not probabilities and not actions:
            return LogitColumnPolicy(logits)
        zs = _scalars(logits, "logits")
        ps = _scalars(probabilities, "probabilities")
        if bool(zs) == bool(ps) or len(zs or ps) < 2:
            raise PolicyError(
                "CategoricalPolicy takes the logits or the probabilities of two or more actions, "
                f"received {len(zs)} logits and {len(ps)} probabilities: write "
                "CategoricalPolicy([z1, z2]) or CategoricalPolicy(probabilities=[p, 1 - p])"
            )
        count = len(zs or ps)
        labels = [action_label(a) for a in listed(actions, "actions") or range(1, count + 1)]
        if len(labels) != count or len(set(labels)) != count:
            raise PolicyError(
                f"received the actions {', '.join(map(str, labels))} for {count} "
                f"{'logits' if zs else 'probabilities'}: write {count} different labels"
            )
        self = super().__new__(cls, Tuple(*zs), Tuple(*ps), Tuple(*labels))
        check_possible(labels, self.probabilities)
        if ps:
            check_sum(ps)
        return self

    @property
    def logits(self) -> tuple[Any, ...]:
        """The logits z, one for each action; empty where probabilities were given."""
        return tuple(self.args[0])

    @property
    def actions(self) -> tuple[Any, ...]:
        """The labels of the actions."""
        return tuple(self.args[2])

    @property
    def probabilities(self) -> tuple[Any, ...]:
        """The entries of softmax(z), or the probabilities that were given."""
        return tuple(softmax(*self.args[0])) if self.args[0] else tuple(self.args[1])

    def with_logits(self, logits: Any) -> CategoricalPolicy:
        """The policy with other logits and the same actions."""
        return CategoricalPolicy(logits, actions=self.actions)

    def _latex(self, printer: Any) -> str:
        inner = ", ".join(map(printer._print, self._given))
        if self.logits:
            inner = rf"\operatorname{{softmax}}{{\left({inner} \right)}}"
        return rf"\operatorname{{Categorical}}{{\left({inner} \right)}}"

    def _sympystr(self, printer: Any) -> str:
        logits, probabilities, actions = self.args
        shown = (
            printer._print(logits) if logits else f"probabilities={printer._print(probabilities)}"
        )
        if actions != Tuple(*range(1, len(actions) + 1)):
            shown += f", actions={printer._print(actions)}"
        return f"CategoricalPolicy({shown})"


def _cooled(logits: Any, temperature: Any) -> Any:
    """Logits divided by a temperature."""
    if temperature == 1:
        return logits
    if temperature.is_nonpositive or (isinstance(logits, (tuple, Tuple)) and not logits):
        raise PolicyError(
            f"asked for a policy with the temperature {temperature}: it is positive, and divides "
            "logits; write CategoricalPolicy(logits, temperature=T)"
        )
    if hasattr(logits, "shape"):
        return logits / temperature
    return [scalar(z, "one of the logits") / temperature for z in listed(logits, "logits") or ()]


def _scalars(given: Any, what: str) -> list[Any]:
    entries = listed(given, what)
    if entries is None:
        raise PolicyError(
            f"CategoricalPolicy takes a list of {what}, received {given!r}: write [{given}, ...] "
            "with one entry for each action; for two actions with one logit write BernoulliPolicy"
        )
    return [scalar(entry, f"one of the {what}") for entry in entries]
