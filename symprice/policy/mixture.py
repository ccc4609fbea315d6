"""Mixtures: one of several policies is drawn, then its action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sympy import Add, Max, Min, Mul, Tuple, log

from ..errors import PolicyError
from ..networks.logits import LogSoftmaxEntry, SoftmaxEntry, logsumexp
from .arguments import check_sum, listed, scalar
from .distribution import DistributionPolicy
from .given import stand_in

__all__ = ["MixturePolicy"]


class MixturePolicy(DistributionPolicy):
    """An action of component k with probability w_k: `π(a) = Σ_k w_k π_k(a)`.

    Scores are those of the components times their responsibilities `ρ_k = w_k π_k(a)/π(a)`, and
    `E[ρ_k f] = w_k E_k[f]`. The Fisher information has no closed form.

    Parameters
    ==========

    components : two or more policies with the same kind of actions.
    logits : of the weights w = softmax(logits), or instead
    probabilities : the weights themselves.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.policy.gaussian import GaussianPolicy
    >>> from symprice.policy.mixture import MixturePolicy
    >>> m1, m2, p = parameters('m1 m2 p')
    >>> pi = MixturePolicy([GaussianPolicy(m1, 1), GaussianPolicy(m2, 1)], probabilities=[p, 1-p])
    >>> pi.expectation(lambda a: a)
    m1*p + m2*(1 - p)
    """

    patience: ClassVar[float] = 0

    def __new__(cls, components: Any, logits: Any = (), probabilities: Any = ()) -> Any:
        parts = listed(components, "the components") or []
        if len(parts) < 2 or not all(isinstance(p, DistributionPolicy) for p in parts):
            raise PolicyError(
                f"asked for a mixture of {components!r}: write a list of two or more policies, as "
                "[GaussianPolicy(0, 1), GaussianPolicy(mu, 1)]"
            )
        if len({p.support for p in parts}) > 1:
            raise PolicyError(
                f"asked for a mixture of policies with the supports "
                f"{', '.join(str(p.support) for p in parts)}: they must be the same"
            )
        zs, ps = (
            [scalar(x, "a weight") for x in listed(w, "weights") or []]
            for w in (logits, probabilities)
        )
        if bool(zs) == bool(ps) or len(zs or ps) != len(parts):
            raise PolicyError(
                f"a mixture of {len(parts)} takes as many logits or probabilities, received "
                f"{len(zs)} logits and {len(ps)} probabilities"
            )
        if ps:
            check_sum(ps)
        return super().__new__(cls, Tuple(*parts), Tuple(*zs), Tuple(*ps))

    @property
    def components(self) -> tuple[Any, ...]:
        """The policies π_k."""
        return tuple(self.args[0])

    @property
    def weights(self) -> tuple[Any, ...]:
        """The probabilities w_k."""
        zs = self.args[1]
        if zs:
            return tuple(SoftmaxEntry(k, *zs) for k in range(1, len(zs) + 1))
        return tuple(self.args[2])

    @property
    def support(self) -> Any:
        """That of the components."""
        return self.components[0].support

    @property
    def bounds(self) -> tuple[Any, Any]:
        """Those of the components: of numbers of successes the number of tries, which may be a
        symbol while rules run.
        """
        lows, highs = zip(*(part.bounds for part in self.components), strict=True)
        return Min(*lows), Max(*highs)

    @property
    def heads(self) -> tuple[Any, ...]:
        """The logits or probabilities, then the parameters of each component."""
        return (*self.args[1], *self.args[2], *(h for p in self.components for h in p.heads))

    def with_heads(self, heads: Any) -> MixturePolicy:
        """The same mixture with other parameters."""
        rest = list(heads)
        count = len(self.components)
        weights, rest = rest[:count], rest[count:]
        parts = []
        for part in self.components:
            parts.append(part.with_heads(rest[: len(part.heads)]))
            rest = rest[len(part.heads) :]
        given, blank = Tuple(*weights), Tuple()
        pair = (given, blank) if self.args[1] else (blank, given)
        # Symbols that stand for probabilities need not sum to one.
        return DistributionPolicy.__new__(type(self), Tuple(*parts), *pair)

    def stand_ins(self) -> tuple[Any, ...]:
        """A symbol for each weight and each parameter of a component."""
        own = [stand_in(f"z_{k}", "real") for k, _ in enumerate(self.args[1], start=1)]
        own += [stand_in(f"w_{k}", "unit") for k, _ in enumerate(self.args[2], start=1)]
        for k, part in enumerate(self.components, start=1):
            for symbol in part.stand_ins():
                domain = (
                    "count" if symbol.is_integer else "positive" if symbol.is_positive else "real"
                )
                own.append(stand_in(f"{symbol.name}_{k}", domain))
        return tuple(own)

    def log_density(self, a: Any) -> Any:
        """log Σ_k exp(log w_k + log π_k(a))."""
        return logsumexp(*self._logs(a))

    def _logs(self, a: Any) -> list[Any]:
        zs = self.args[1]
        logs = (
            [LogSoftmaxEntry(k, *zs) for k in range(1, len(zs) + 1)]
            if zs
            else [log(w) for w in self.args[2]]
        )
        return [w + p.log_density(a) for w, p in zip(logs, self.components, strict=True)]

    def scores(self, a: Any) -> list[Any]:
        """ρ_k - w_k by a logit, ρ_k/w_k by a weight, ρ_k s_k by a parameter of component k."""
        logs = self._logs(a)
        owners = [SoftmaxEntry(k, *logs) for k in range(1, len(logs) + 1)]
        pairs = list(zip(owners, self.weights, strict=True))
        own = [r - w for r, w in pairs] if self.args[1] else [r / w for r, w in pairs]
        return own + [
            r * s for r, p in zip(owners, self.components, strict=True) for s in p.scores(a)
        ]

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E[f] = Σ w_k E_k[f], and E[ρ_k f] = w_k E_k[f] for a responsibility ρ_k."""
        logs = tuple(self._logs(a))
        owners = [
            f for f in Mul.make_args(term) if isinstance(f, SoftmaxEntry) and f.logits == logs
        ]
        if len(owners) == 1:
            rest = term / owners[0]
            if rest.has(owners[0], *logs):
                return None
            k = int(owners[0].index) - 1
            return self.weights[k] * self.components[k].mean_in_heads(rest, a, check)
        if owners or any(
            part.has(SoftmaxEntry, logsumexp) for part in Mul.make_args(term) if part.has(a)
        ):
            return None
        return Add(
            *(
                w * p.mean_in_heads(term, a, check)
                for w, p in zip(self.weights, self.components, strict=True)
            )
        )

    def draw(self, rng: Any, n: int) -> Any:
        """n actions."""
        import numpy as np

        weights = np.array([float(w.doit().evalf()) for w in self.weights])
        which = rng.choice(len(weights), size=n, p=weights / weights.sum())
        drawn = np.stack([part.draw(rng, n) for part in self.components])
        return drawn[which, np.arange(n)]

    def _sympystr(self, printer: Any) -> str:
        parts = ", ".join(map(printer._print, self.components))
        name = "logits" if self.args[1] else "probabilities"
        weights = ", ".join(map(printer._print, self.args[1] or self.args[2]))
        return f"MixturePolicy([{parts}], {name}=[{weights}])"

    def _latex(self, printer: Any) -> str:
        pairs = zip(self.weights, self.components, strict=True)
        return " + ".join(rf"{printer.parenthesize(w, 50)} {printer._print(p)}" for w, p in pairs)
