"""Policies whose action is a column: what they share, and Dirichlet actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sympy import (
    Add,
    Dummy,
    Expr,
    Interval,
    Lambda,
    Mul,
    ProductSet,
    S,
    Tuple,
    expand,
    expand_func,
    expand_log,
    gamma,
    log,
)
from sympy.core.function import FunctionClass
from sympy.core.sympify import _sympify

from ..errors import PolicyError
from .arguments import called, listed, scalar
from .distribution import Action, DistributionPolicy, exponential
from .given import stand_in
from .integrals import ActionIntegral
from .rewards import finite
from .short import short

__all__ = ["DirichletPolicy", "VectorPolicy", "entries_of"]


def entries_of(given: Any, what: str) -> list[Any]:
    """Two or more scalars, from a list or a column."""
    found = listed(given, what)
    if found is None or len(found) < 2:
        raise PolicyError(f"asked for {what} from {given!r}: write a list of two or more scalars")
    return [scalar(entry, what) for entry in found]


class VectorPolicy(DistributionPolicy):
    """A policy whose action is a tuple of real numbers `a_1, …, a_d`."""

    @property
    def size(self) -> int:
        """How many entries an action has."""
        raise self._unstated("size")

    @property
    def action(self) -> Any:
        """The symbols `a_1, …, a_d` of an action."""
        return Tuple(*(Action(f"a_{k}", **self._entry) for k in range(1, self.size + 1)))

    _entry: ClassVar[dict[str, bool]] = {"real": True}

    @property
    def is_countable(self) -> bool:
        """No."""
        return False

    @property
    def _bound(self) -> Any:
        domain = "positive" if "positive" in self._entry else "real"
        return Tuple(*(stand_in(f"a_{k}", domain) for k in range(1, self.size + 1)))

    def _renamed(self) -> dict[Any, Any]:
        return dict(zip(self._bound, self.action, strict=True))

    def in_action(self, f: Any) -> Any:
        """A function of the entries of an action, or an expression in a_1, a_2, …"""
        if isinstance(f, (FunctionClass, Lambda)) or (callable(f) and not isinstance(f, Expr)):
            return finite(scalar(_sympify(called(f, *self.action)), "the reward"))
        expr = scalar(f, "the reward")
        names = {a.name: a for a in self.action}
        clash = [s for s in self.free_symbols if getattr(s, "name", "") in names]
        if clash:
            raise PolicyError(
                f"the reward {expr} is read in {', '.join(names)}, but {clash[0]} is a parameter "
                f"of {self} too: give the parameter another name, or write a function"
            )
        moved = {s: names[s.name] for s in expr.free_symbols if getattr(s, "name", "") in names}
        if not moved and not expr.is_number:
            raise PolicyError(
                f"asked for the expected reward {expr}, in which no action occurs: write it in "
                f"{', '.join(names)}, or as a function of {self.size} arguments"
            )
        return finite(expr.xreplace(moved))

    def mean(self, expr: Any, conditions: list[Any] | None = None) -> Any:
        """E of an expression in the symbols of the action; what must be positive for it is added to
        ``conditions``.
        """
        inner = expr.xreplace(dict(zip(self.action, self._bound, strict=True)))
        values = dict(zip(self.stand_ins(), self.heads, strict=True))

        def check(bound: Any) -> Any:
            value = bound.xreplace(values)
            # What holds wherever the law is one is no condition, whatever a head is known to be.
            if conditions is not None and not bound.is_positive:
                conditions.append(value)
            return value

        return self.inserted(self.pure.mean_in_heads(inner, self._bound, check))

    def mean_in_heads(self, expr: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E of an expression, of a policy whose heads are symbols."""
        known, left = [], []
        for term in Add.make_args(expand(expand_log(expr), log=False)):
            coefficient, rest = term.as_independent(*a, as_Add=False)
            value = S.One if rest == 1 else self.mean_of(rest, a, check)
            if value is None:
                left.append(term)
            else:
                known.append(coefficient * value)
        total = Add(*known)
        if left:
            total += self.integral(Add(*left), a)
        return short(total)

    def in_moments(self, expr: Any) -> Any:
        """E of an expression as its moments come, before anything is collected; None if some do not
        close.
        """
        known = {h: z for h, z in zip(self.heads, self.stand_ins(), strict=True) if h.is_Symbol}
        a = self._bound
        inner = expr.xreplace({**dict(zip(self.action, a, strict=True)), **known})
        values, pure = dict(zip(self.stand_ins(), self.heads, strict=True)), self.pure
        found = []
        for term in Add.make_args(expand(expand_log(inner), log=False)):
            coefficient, rest = term.as_independent(*a, as_Add=False)
            mean = S.One if rest == 1 else pure.mean_of(rest, a, lambda x: x.xreplace(values))
            if mean is None:
                return None
            found.append(coefficient * mean)
        return self.inserted(Add(*found))

    def integral(self, expr: Any, a: Any) -> Any:
        """E of an expression as an integral over all entries."""
        weight = exponential(self.log_density(a))
        limits = [(x, low, high) for x, (low, high) in zip(a, self.entry_bounds, strict=True)]
        return ActionIntegral(expr * weight, *limits)

    @property
    def dimensions(self) -> int:
        """How many entries are free."""
        return self.size

    def placed(self, t: list[Any]) -> tuple[list[Any], Any]:
        """The entries of actions at standardised coordinates on the line, arrays of NumPy, and the
        logarithm of how much of the support a unit of them covers; the parameters are numbers.
        """
        raise self._unstated("placed")

    @property
    def entry_bounds(self) -> list[tuple[Any, Any]]:
        """The smallest and the largest value of each entry."""
        return [(S.NegativeInfinity, S.Infinity)] * self.size

    def at(self, formula: Any, action: Any) -> Any:
        """A formula in the symbols of the action, at an action."""
        if action is None:
            return formula
        values = entries_of(action, "an action")
        if len(values) != self.size:
            raise PolicyError(f"an action of {self} has {self.size} entries, received {action}")
        if self.support.contains(Tuple(*values)) is S.false or not self._may_be(values):
            raise PolicyError(f"asked for the action {action} of {self}, which it does not take")
        return formula.xreplace(dict(zip(self.action, values, strict=True)))

    def _may_be(self, values: list[Any]) -> bool:
        """Whether entries that lie in the support, each by itself, may be an action together."""
        return True


class DirichletPolicy(VectorPolicy):
    """Probabilities `a_1 + … + a_K = 1` with density `∏ a_k^(α_k-1) Γ(Σα)/∏Γ(α_k)`.

    The density is with respect to all entries but the last, which stays in formulas as a_K.

    Parameters
    ==========

    concentration : the list of α_k > 0.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.policy.vectors import DirichletPolicy
    >>> pi = DirichletPolicy(parameters('alpha1:4'))
    >>> pi.expectation(lambda a, b, c: a)
    alpha1/(alpha1 + alpha2 + alpha3)
    """

    _entry: ClassVar[dict[str, bool]] = {"positive": True}

    def __new__(cls, concentration: Any) -> Any:
        given = entries_of(concentration, "the concentration")
        for value in given:
            if value.is_nonpositive:
                raise PolicyError(
                    f"asked for a Dirichlet policy with concentration {value}: it must be positive"
                )
        return super().__new__(cls, Tuple(*given))

    @property
    def size(self) -> int:
        """The number of probabilities."""
        return len(self.args[0])

    @property
    def heads(self) -> tuple[Any, ...]:
        """The concentrations."""
        return tuple(self.args[0])

    def with_heads(self, heads: Any) -> DirichletPolicy:
        """The policy with other concentrations."""
        return DirichletPolicy(list(heads))

    def stand_ins(self) -> tuple[Any, ...]:
        """Positive symbols."""
        return tuple(stand_in(f"alpha_{k}", "positive") for k in range(1, self.size + 1))

    @property
    def support(self) -> Any:
        """The open simplex, as a part of the unit cube."""
        return ProductSet(*[Interval.open(0, 1)] * self.size)

    def log_density(self, a: Any) -> Any:
        """Σ (α_k - 1) log a_k + log Γ(Σα) - Σ log Γ(α_k)."""
        alpha = self.heads
        powers = Add(*((k - 1) * log(x) for k, x in zip(alpha, a, strict=True)))
        return powers + log(gamma(Add(*alpha))) - Add(*(log(gamma(k)) for k in alpha))

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E[∏ a_k^(s_k)] = Γ(Σα)/Γ(Σ(α+s)) ∏ Γ(α_k+s_k)/Γ(α_k); logarithms are derivatives."""
        powers = dict.fromkeys(a, S.Zero)
        logs: dict[Any, int] = {}
        for part in Mul.make_args(term):
            base, exponent = part.as_base_exp()
            if base in powers and not exponent.has(*a):
                powers[base] += exponent
            elif isinstance(base, log) and base.args[0] in powers and exponent.is_Integer:
                logs[base.args[0]] = logs.get(base.args[0], 0) + int(exponent)
            else:
                return None
        bends = {x: Dummy("s") for x in logs}
        value: Any = S.One
        total, moved = Add(*self.heads), Add(*self.heads)
        for x, alpha in zip(a, self.heads, strict=True):
            if powers[x] != 0 and check(alpha + powers[x]).is_nonpositive:
                raise PolicyError(
                    f"asked for an expectation of {term.xreplace(self._renamed())}, which is "
                    "infinite; write a reward that is smaller where an entry is near 0"
                )
            s = powers[x] + bends.get(x, S.Zero)
            value *= gamma(alpha + s) / gamma(alpha)
            moved += s
        value *= gamma(total) / gamma(moved)
        for x, bend in bends.items():
            value = value.diff(bend, logs[x])
        return expand_func(value.subs({bend: 0 for bend in bends.values()}))

    def integral(self, expr: Any, a: Any) -> Any:
        """E of an expression as an integral over the simplex: the last entry is what is left."""
        *free, last = a
        inside = {last: 1 - Add(*free)}
        weight = exponential(self.log_density(a))
        limits = [(x, S.Zero, 1 - Add(*free[:k])) for k, x in enumerate(free)]
        return ActionIntegral((expr * weight).xreplace(inside), *reversed(limits))

    def _may_be(self, values: list[Any]) -> bool:
        rest = expand(Add(*values) - 1)
        return not rest.is_number or abs(rest) < 1e-9

    @property
    def dimensions(self) -> int:
        """All entries but the last."""
        return self.size - 1

    def placed(self, t: list[Any]) -> tuple[list[Any], Any]:
        """Broken off a stick: `a_k = v_k ∏_(j<k) (1 - v_j)`, and the logits of v_k in units of
        their standard deviation about their mean.
        """
        import numpy as np
        from scipy.special import digamma, expit, log_expit, polygamma

        alpha = [float(x) for x in self.heads]
        entries, left, volume = [], np.zeros_like(t[0]), np.zeros_like(t[0])
        for k, place in enumerate(t):
            own, rest = alpha[k], sum(alpha[k + 1 :])
            width = np.sqrt(polygamma(1, own) + polygamma(1, rest))
            logit = digamma(own) - digamma(rest) + width * place
            entries.append(np.exp(left) * expit(logit))
            volume = volume + left + log_expit(logit) + log_expit(-logit) + np.log(width)
            left = left + log_expit(-logit)
        return [*entries, np.exp(left)], volume

    def draw(self, rng: Any, n: int) -> Any:
        """n actions, one a row."""
        return rng.dirichlet([float(alpha) for alpha in self.heads], n)

    def _sympystr(self, printer: Any) -> str:
        return f"DirichletPolicy([{', '.join(map(printer._print, self.heads))}])"

    def _latex(self, printer: Any) -> str:
        inner = ", ".join(map(printer._print, self.heads))
        return rf"\operatorname{{Dirichlet}}{{\left({inner} \right)}}"
