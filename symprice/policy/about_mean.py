"""Variances of the score estimator from moments about the mean reward.

`(r - b) s` is `(r - J) s` and `(J - b) s`, so that every baseline follows from the same moments:
with `v = Var[(r - J) s]`, `w = E[(r - J) s²]` and `F = E[s²]` it leaves `v + 2 (J-b) w + (J-b)² F`,
the best one `v - w²/F`, and that is `J + w/F`. A kind of policy states these moments where it can
do so without differences of nearly equal numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["AboutMean"]


class AboutMean(NamedTuple):
    """The moments of a reward r and one score s."""

    expected: Any  # J
    spread: Any  # Var r
    slope: Any  # E[r s]
    covariance: Any  # E[(r - J) s²]
    square: Any  # E[s²]
    least: Any  # Var[(r - J) s]
    tidy: Callable[[Any], Any] = lambda expr: expr

    def variance(self, baseline: Any) -> Any:
        """Var[(r - b) s], where b is a formula or 'optimal'.

        Examples
        ========

        >>> from sympy import symbols
        >>> from symprice.policy.about_mean import AboutMean
        >>> J, b = symbols('J b')
        >>> AboutMean(J, 1, 1, 0, 1, 2).variance(b)
        (J - b)**2 + 2
        """
        if baseline == "optimal":
            return self.tidy(self.least - self.covariance**2 / self.square)
        away = self.expected - baseline
        return self.tidy(self.least + 2 * away * self.covariance + away**2 * self.square)

    def best(self) -> Any:
        """E[s² r]/E[s²], the best baseline."""
        return self.tidy(self.expected + self.covariance / self.square)

    def leave_one_out(self, n: Any) -> Any:
        """The variance of the mean of n samples, each with the mean of the others as baseline."""
        pairs = self.square * self.spread + self.slope**2
        return self.tidy(self.least / n + pairs / (n * (n - 1)))
