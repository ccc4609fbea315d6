"""The best baselines of a softmax, by the rewards of the actions that were not taken."""

from __future__ import annotations

from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

from sympy import Add, S, exp, log

from ..networks.logits import logsumexp, softmax
from .short import short

if TYPE_CHECKING:
    from .outcomes import Outcomes

__all__ = ["OtherActions"]

# Scores of so many actions are compared in threes.
_FEW = 6


class OtherActions:
    """The reward given that the action is another one than the m-th, `E[r | a ≠ m]`.

    The probabilities are then `exp(z_k - L_m)` with `L_m = log Σ_{k≠m} exp z_k`. No digit of them
    is lost where π_m is nearly 1, and they are no 0/0 where it is 1 to all digits.

    A component of the score that is the same for all actions but m has the mean 0, so that
    `s_m = -s (1 - π_m)/π_m` if s is that of the others. What minimises `E[(r - b)² s²]` is then
    `b = (1 - π_m) r_m + π_m E[r | a ≠ m]`, and the variance that is left is
    `s² (1 - π_m) Var[r | a ≠ m]`.
    """

    def __init__(self, found: Outcomes) -> None:
        self.found = found
        assert found.setting is not None
        self.logits = list(found.setting.policy.logits)
        self.places = range(len(self.logits))

    def singled_out(self, i: int) -> int | None:
        """The action whose i-th score differs from those of all others, which are equal."""
        column = [s[i] for s in self.found.scores]
        if len(set(column)) != 2:
            return None
        alone = [m for m, s in enumerate(column) if column.count(s) == 1]
        return alone[0] if alone else None

    def shared_score(self, i: int) -> Any:
        """The i-th score of all actions but the one that is singled out."""
        m = self.singled_out(i)
        return next(s[i] for k, s in enumerate(self.found.scores) if k != m)

    def baseline(self, m: int) -> Any:
        """(1 - π_m) r_m + π_m E[r | a ≠ m]."""
        p, own, rest = self.found.probabilities[m], self.found.rewards[m], self._means[m]
        return own if own == rest else (1 - p) * own + p * rest

    def variance(self, i: int, m: int) -> Any:
        """s² (1 - π_m) Var[r | a ≠ m]."""
        p = self.found.probabilities[m]
        return self.shared_score(i) ** 2 * (1 - p) * self._spread(m)

    def best(self, i: int) -> Any:
        """The best baseline of a component; None where no form of it is sure in the tails."""
        if (m := self.singled_out(i)) is not None:
            return self.baseline(m)
        return self.weighted_baseline(i) if self._is_plain(i) else None

    def least(self, i: int) -> Any:
        """The variance that it leaves; None where no form of it is sure in the tails."""
        if (m := self.singled_out(i)) is not None:
            return self.variance(i, m)
        return self.weighted_variance(i) if self._is_plain(i) else None

    def common_baseline(self) -> Any:
        """`Σ β_i b_i` with `β_i = E[s_i²]/Σ E[s_i²]`; None where a b_i is not known."""
        components = range(len(self.found.variables))
        singled = [self.singled_out(i) for i in components]
        best = [self.best(i) for i in components]
        if None in best:
            return None
        if len(set(best)) == 1 or (len(self.places) == 2 and None not in singled):
            return best[0]
        norms = [self._norm(i) for i in components]
        return Add(
            *(
                self._defined("beta", i, share) * self._defined("b", i, b)
                for i, (share, b) in enumerate(zip(softmax(*norms), best, strict=True))
            )
        )

    def _is_plain(self, i: int) -> bool:
        """Whether the i-th scores of few actions differ by numbers."""
        column = [s[i] for s in self.found.scores]
        return len(column) <= _FEW and all(short(s - column[0]).is_number for s in column)

    # --- of any scores ----------------------------------------------------------------------------
    def weighted_baseline(self, i: int) -> Any:
        """Σ w_a r_a with the weights `w_a = π_a s_a²/E[s²]`, of any scores of few actions.

        `E[s²] = Σ_{j<k} π_j π_k (s_j - s_k)²` and `s_a = Σ_k π_k (s_a - s_k)`, where differences of
        scores are numbers: w_a is a square of exponentials of differences of logits, in which
        nothing is 0/0.
        """
        if len(set(self.found.rewards)) == 1:
            return self.found.rewards[0]
        level, column = self._norm(i), [s[i] for s in self.found.scores]
        total = []
        for a, r in zip(self.places, self.found.rewards, strict=True):
            inner = Add(
                *(
                    short(column[a] - column[k])
                    * exp(self.logits[k] + (self.logits[a] - level - self._total) / 2)
                    for k in self.places
                )
            )
            total.append(r * self._defined("w", a, inner**2))
        return Add(*total)

    def weighted_variance(self, i: int) -> Any:
        """`G(x, s, 1)/G(s, 1)` with x = r s, where G is Gram's determinant.

        By the formula of Cauchy and Binet both are sums of squares, over triples and over pairs.
        """
        level, column = self._norm(i), [s[i] for s in self.found.scores]
        total = []
        for triple in combinations(self.places, 3):
            weight = exp(Add(*(self.logits[k] for k in triple)) - level - self._total)
            total.append(weight * self._area(triple, column) ** 2)
        return Add(*total)

    def _area(self, triple: Any, column: list[Any]) -> Any:
        """det of the rows (r_a s_a, s_a, 1) of three actions; where two rewards are equal it is of
        the third alone, and nothing cancels.
        """
        r, p = self.found.rewards, self.found.probabilities
        kept = next((k for k in triple if sum(r[k] == r[j] for j in triple) > 1), triple[-1])
        terms = []
        for a in triple:
            j, k = _after(triple, a)
            own = Add(*(p[m] * short(column[a] - column[m]) for m in self.places))
            terms.append((r[a] - r[kept]) * own * short(column[j] - column[k]))
        return Add(*terms)

    @cached_property
    def _total(self) -> Any:
        """L = log Σ exp z_k."""
        found = self.found
        assert found.setting is not None
        name = found.setting.names.fresh("L")
        return found.definitions.define(name, logsumexp(*self.logits))

    def _norm(self, i: int) -> Any:
        """log E[s²] + 2 L = log Σ_{j<k} exp(z_j + z_k) (s_j - s_k)²."""
        found, column = self.found, [s[i] for s in self.found.scores]
        if (m := self.singled_out(i)) is not None:
            slope = short(column[m] - self.shared_score(i))
            return self.logits[m] + self._levels[m] + log(slope**2)
        terms = []
        for j, k in combinations(self.places, 2):
            gap = short(column[j] - column[k])
            if gap != 0:
                terms.append(self.logits[j] + self.logits[k] + log(gap**2))
        assert found.setting is not None
        name = found.setting.names.fresh("M")
        return found.definitions.define(name, logsumexp(*terms))

    # --- in names ---------------------------------------------------------------------------------
    def _defined(self, letter: str, m: int, value: Any) -> Any:
        found = self.found
        assert found.setting is not None
        if value.is_Atom:
            return value
        name = found.setting.names.numbered(letter, found.actions[m : m + 1])[0]
        return found.definitions.define(name, value)

    @cached_property
    def _levels(self) -> list[Any]:
        """L_m = log Σ_{k≠m} exp z_k."""
        return [
            self._defined("L", m, logsumexp(*(z for k, z in enumerate(self.logits) if k != m)))
            for m in self.places
        ]

    def _shares(self, m: int) -> list[tuple[Any, Any]]:
        """The probability given a ≠ m of each other action, and its reward."""
        return [
            (exp(self.logits[k] - self._levels[m]), self.found.rewards[k])
            for k in self.places
            if k != m
        ]

    @cached_property
    def _means(self) -> list[Any]:
        """E[r | a ≠ m]."""
        found = []
        for m in self.places:
            shares = self._shares(m)
            alike = len({r for _, r in shares}) == 1
            mean = shares[0][1] if alike else Add(*(q * r for q, r in shares))
            found.append(mean if alike else self._defined("J_not", m, mean))
        return found

    def _spread(self, m: int) -> Any:
        """Var[r | a ≠ m] = Σ_{j<k} q_j q_k (r_j - r_k)²."""
        terms = [
            q * p * (r - x) ** 2 for (q, r), (p, x) in combinations(self._shares(m), 2) if r != x
        ]
        return self._defined("V_not", m, Add(*terms)) if terms else S.Zero


def _after(triple: tuple[int, int, int], a: int) -> tuple[int, int]:
    """The two actions that follow one in a cycle of three."""
    place = triple.index(a)
    return triple[(place + 1) % 3], triple[(place + 2) % 3]
