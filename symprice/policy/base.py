"""What every policy answers, whatever its actions are."""

from __future__ import annotations

from typing import Any

from sympy import Basic, log

from ..errors import NoRuleError, PolicyError
from ..outputs import DescribedPolicy

__all__ = ["Policy"]


class Policy(DescribedPolicy, Basic):
    """A distribution over actions whose probabilities depend on θ; the base of all policies.

    A subclass states its ``actions``, ``parameters``, ``prob``, ``score`` and ``expectation``; the
    rest follows. Made as ``BernoulliPolicy(logit)``, ``GaussianPolicy(mean, sigma)`` or another
    family, as ``Policy(A)`` of a random symbol of sympy.stats, or by ``Policy.from_log_prob``.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter, Policy
    >>> pi = BernoulliPolicy(logit=Parameter('theta'))
    >>> isinstance(pi, Policy), pi.actions, pi.prob(1)
    (True, (1, 0), sigmoid(theta))
    """

    def __new__(cls, *args: Any) -> Any:
        if cls is Policy and args:
            if len(args) == 1 and hasattr(args[0], "pspace"):
                from .written_law import of_random_symbol

                return of_random_symbol(args[0])
            raise PolicyError(
                f"Policy takes a random symbol of sympy.stats, received {args[0]!r}: write "
                "GaussianPolicy(mean, sigma), or Policy.from_log_prob(expr, a, set)"
            )
        return super().__new__(cls, *args)

    @staticmethod
    def from_log_prob(expr: Any, action: Any, support: Any) -> Any:
        """The policy with `log π(a)` as written in the symbol ``action``, on a set of actions: an
        interval, whole numbers in a row (S.Naturals0, Range), or a list.

        Examples
        ========

        >>> from sympy import Interval, Symbol, log, oo
        >>> from symprice import Parameter, Policy
        >>> a, c = Symbol('a', positive=True), Parameter('c', positive=True)
        >>> Policy.from_log_prob(log(c) - c*a, a, Interval(0, oo)).expectation(a)
        1/c
        """
        from .written_law import written

        return written(expr, action, support)

    @property
    def actions(self) -> Any:
        """The actions that can be taken."""
        raise self._unstated("actions")

    @property
    def parameters(self) -> tuple[Any, ...]:
        """What is trained, in order of first appearance."""
        raise self._unstated("parameters")

    def prob(self, action: Any) -> Any:
        """The probability (density) π(a) of an action."""
        raise self._unstated("prob")

    def expectation(self, f: Any) -> Any:
        """E[f(a)] over the actions of this policy."""
        raise self._unstated("expectation")

    def log_prob(self, action: Any) -> Any:
        """The log-likelihood log π(a) of an action."""
        return log(self.prob(action))

    def score(self, action: Any, wrt: Any = None) -> Any:
        """The score ∇log π(a) of an action."""
        raise self._unstated("score")

    def entropy(self) -> Any:
        """The entropy -E[log π(a)], in nats."""
        return -self.expectation(self.log_prob)

    def expected(self, reward: Any) -> Any:
        """The expected reward J = E[r(a)]; rewards are given as to ``policy_gradient``."""
        return self.expectation(reward)

    def _unstated(self, what: str) -> NoRuleError:
        return NoRuleError(
            f"asked for {what} of {self}, which a {type(self).__name__} does not state: write "
            f"BernoulliPolicy(logit) or CategoricalPolicy(logits), or give the class a {what}"
        )
