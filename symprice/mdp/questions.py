"""What else is asked of a decision process; each question loads the file that answers it."""

from __future__ import annotations

from typing import Any

__all__ = ["Questions"]


class Questions:
    """The methods of a decision process beyond values and gradients."""

    def evaluated(self, policy: Any) -> Any:
        """All quantities of a policy."""
        raise NotImplementedError

    def posed(self, policy: Any) -> tuple[Any, Any]:
        """The process and the policy as they are evaluated."""
        raise NotImplementedError

    def natural_gradient(self, policy: Any, wrt: Any = None, damping: Any = 0) -> Any:
        """`(F + λ)⁻¹∇J` in the Fisher metric of the occupancy; without damping λ it holds the
        weights of compatible features.
        """
        from .natural import natural_gradient

        process, read = self.posed(policy)
        return natural_gradient(process, process.evaluated(read), wrt, damping)

    def compared(self, new: Any, old: Any) -> Any:
        """`J(π') - J(π)` by the performance-difference lemma."""
        from .comparisons import Comparison

        (one, read), (other, before) = self.posed(new), self.posed(old)
        process = other if one is self else one
        return Comparison(process, process.evaluated(read), process.evaluated(before))

    def average_reward(self, policy: Any) -> Any:
        """The reward of a step in the long run, with its stationary distribution."""
        from .long_run import AverageReward

        return AverageReward(*self.posed(policy))

    def soft(self, temperature: Any) -> Any:
        """The same process with an entropy bonus: `J = E Σ γᵗ (r_t + τ H(π(·|s_t)))`.

        The bonus of an action belongs to it: `Q(s, a) = r - τ log π(a|s) + γ Σ p V(s')`, so that
        `V = Σ π Q` and `Σ π A = 0` as ever. Add `τ log π(a|s)` for the Q of soft actor-critic.
        """
        from .soft import softened

        return softened(self, temperature)

    def soft_optimum(self) -> Any:
        """The best policy of a soft process, `π = exp((Q - V)/τ)`, `V = τ log Σ exp(Q/τ)`."""
        from .soft import soft_optimum

        return soft_optimum(self)

    def trajectories(self, policy: Any, horizon: int) -> Any:
        """All courses of the first ``horizon`` steps with their probabilities."""
        from .horizon import Trajectories

        return Trajectories(*self.posed(policy), horizon)

    def gae(self, policy: Any, lam: Any, values: Any = None) -> Any:
        """The expectation of generalised advantage estimates with the values ``values``."""
        from .gae import GeneralizedAdvantage

        process, read = self.posed(policy)
        return GeneralizedAdvantage(process, process.evaluated(read), lam, values)
