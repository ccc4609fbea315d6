"""Rewriting for float64: the same formula, without overflow and without cancellation in the tails.

One pass from the leaves up; the rules are local and know what the names stand for: where ``p`` is
defined as ``sigmoid(b)``, ``1 - p`` is ``sigmoid(-b)``. A name defined as a tanh is left alone, so
that a network's ``1 - a**2`` stays the product that it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sympy import Add, Basic, LambertW, Mul, Pow, S, cosh, erf, exp, log, tanh
from sympy.matrices.expressions.matexpr import MatrixElement

from ..arrays import SoftmaxVector
from ..networks.activations import log_sigmoid, normal_cdf, sigmoid
from ..networks.logits import LogSoftmaxEntry, SoftmaxEntry, logsumexp
from ..networks.named_function import NamedFunction
from ..policy.cosine_moments import CosineMoment
from ..policy.gamma_differences import GammaQuotient, PolygammaDifference
from ..policy.trigamma_gaps import TrigammaFall
from .careful import (
    CosineMean,
    EntryOf,
    LogAddExp,
    PolygammaBend,
    PolygammaRise,
    ScaledTrigammaGap,
    ScaledTrigammaRest,
    WrightOmega,
)
from .stable_bessel import stable_bessel_product, stable_bessel_sum
from .stable_bregman import stable_bregman_sum, stable_slope_sum
from .stable_divergences import (
    stable_digamma_sum,
    stable_divergence_sum,
    stable_trigamma_sum,
)
from .stable_exponentials import stable_coth_sum, stable_exponential_sum
from .stable_gammas import over_tails, stable_gamma_product, stable_gamma_sum
from .stable_logarithms import stable_exponential, stable_logarithm
from .stable_powers import stable_power_sum
from .stable_products import stable_product
from .stable_ratios import (
    log_ratios,
    stable_bend_sum,
    stable_geometric_sum,
    stable_softmax_sum,
    with_ratios,
    with_scaled_ratio,
)
from .stable_scores import stable_score
from .stable_sums import stable_sum

__all__ = ["stabilise"]

# A name for one of these is replaced by it while the rules look; equal values get their name back
# when code is shared.
_TRANSPARENT = (sigmoid, normal_cdf, SoftmaxEntry, exp)
# A value of one of these kinds that has a name keeps it: it is not taken apart.
_KEPT = (tanh, erf)
# Of a sum in which a few other functions stand, in this order.
_RULES_OF_SUMS = (
    stable_score,
    stable_bessel_sum,
    stable_trigamma_sum,
    stable_digamma_sum,
    stable_gamma_sum,
    stable_bend_sum,
    stable_geometric_sum,
    stable_divergence_sum,
    stable_power_sum,
    stable_exponential_sum,
    stable_coth_sum,
    stable_slope_sum,
)
# Up to so many actions every r - J becomes a sum over the others.
_ACTIONS = 32


def stabilise(
    scalars: Sequence[Any], definitions: Mapping[Any, Any]
) -> tuple[list[Any], dict[Any, Any]]:
    """The scalars and the definitions of their names, rewritten; every name keeps its value.

    Examples
    ========

    >>> from sympy import Symbol, exp
    >>> from symprice import Name
    >>> from symprice.emit.stable import stabilise
    >>> b, p = Symbol('b'), Name('p')
    >>> stabilise([p*(1 - p)], {p: 1/(1 + exp(-b))})
    ([sigmoid(-b)*sigmoid(b)], {p: sigmoid(b)})
    """
    rewriting = _Rewriting()
    stable = {name: rewriting.define(name, value) for name, value in definitions.items()}
    results = [rewriting.visit(scalar) for scalar in scalars]
    done: dict[Basic, Any] = {}
    return (
        [_written_out(result, done) for result in results],
        {name: _written_out(value, done) for name, value in stable.items()},
    )


class _Rewriting:
    """One pass over definitions and formulas; what is shared is visited once."""

    def __init__(self) -> None:
        self._memo: dict[Basic, Any] = {}
        self._meaning: dict[Basic, Any] = {}
        self._named: dict[Basic, Any] = {}

    def define(self, name: Any, value: Any) -> Any:
        """The value of a name, rewritten, and from now on known."""
        stable = self.visit(value)
        if stable.is_Atom or isinstance(stable, _TRANSPARENT):
            self._memo[name] = stable
        elif isinstance(stable, _KEPT):
            self._named[stable] = self._memo[value] = name
        self._meaning[name] = stable
        return stable

    def meaning(self, expr: Any) -> Any:
        """The value of a name; any other expression means itself."""
        return self._meaning.get(expr, expr)

    def visit(self, node: Any) -> Any:
        """The node, rewritten from its leaves up."""
        found = self._memo.get(node)
        if found is None:
            known = stable_bregman_sum(node) if isinstance(node, Add) else node
            found = self._rule(self._with_visited_args(known))
            found = self._named.get(found, found)
            self._memo[node] = found
        return found

    def _with_visited_args(self, node: Any) -> Any:
        if not node.args or isinstance(node, MatrixElement):
            return node
        args = [self._factor(arg) if node.is_Mul else self.visit(arg) for arg in node.args]
        if all(new is old for new, old in zip(args, node.args, strict=True)):
            return node
        return node.func(*args)

    def _factor(self, factor: Any) -> Any:
        # A power is seen by the rules together with the factors beside it.
        return self._with_visited_args(factor) if factor.is_Pow else self.visit(factor)

    def _with_mean(self, total: Any) -> Any:
        """`r - J` with J = Σ r_k π_k written out, where that removes a difference: J is close to r
        where its action is nearly certain.
        """
        for term in total.args:
            coefficient, name = term.as_coeff_Mul()
            mean = self._meaning.get(name)
            if isinstance(mean, (Add, Mul)) and _is_mean(mean):
                if (gaps := _gaps(total - term, coefficient, mean)) is not None:
                    return gaps
                if len(mean.args) > _ACTIONS:
                    continue
                parts = (coefficient * part for part in Add.make_args(mean))
                written = Add(total - term, *parts)
                stable = stable_sum(written) if isinstance(written, Add) else written
                return total if stable == written else stable
        held = [term for term in total.args if term.has(SoftmaxEntry)]
        mean = Add(*held)
        if 0 < len(held) < len(total.args) and _is_mean(mean):
            gaps = _gaps(total - mean, S.One, mean)
            return total if gaps is None else gaps
        return total

    def _with_stable_exponents(self, product: Any) -> Any:
        """A product whose exponentials have exponents that no rule has seen yet."""
        factors = [
            exp(self.visit(f.args[0])) if isinstance(f, exp) else f for f in Mul.make_args(product)
        ]
        return Mul(*factors)

    def _rule(self, node: Any) -> Any:
        if isinstance(node, Add):
            total = log_ratios(node)
            if isinstance(total, Add):
                total = stable_softmax_sum(self._with_mean(total))
            if isinstance(total, Add):
                total = stable_sum(_without_difference(total))
            if total.has(PolygammaRise, PolygammaBend):
                return total  # its terms are differences already: multiplied out, they cancel
            for rule in _RULES_OF_SUMS:
                total = rule(total) if isinstance(total, Add) else total
            return total
        if isinstance(node, Mul) and (opened := over_tails(node)) is not None:
            return self.visit(opened)
        if isinstance(node, (Mul, Pow, cosh)):
            exponential = stable_gamma_product(node) or stable_bessel_product(node)
            if exponential is not None:
                return self._with_stable_exponents(exponential)
            return stable_product(node, self.meaning)
        if isinstance(node, log):
            return stable_logarithm(node, self.meaning)
        if isinstance(node, exp):
            return stable_exponential(node)
        if isinstance(node, LambertW) and len(node.args) == 1:
            exponent = _logarithm_of(node.args[0])
            return node if exponent is None else WrightOmega(exponent)
        if isinstance(node, PolygammaDifference) and node.args[0].is_Integer:
            return (PolygammaRise if len(node.args) == 2 else PolygammaBend)(*node.args)
        if isinstance(node, GammaQuotient):
            return exp(PolygammaBend(-1, *node.args))
        if isinstance(node, CosineMoment):
            return CosineMean(*node.args)
        if isinstance(node, TrigammaFall):
            return (ScaledTrigammaRest if len(node.args) == 1 else ScaledTrigammaGap)(*node.args)
        if isinstance(node, MatrixElement) and isinstance(node.parent, SoftmaxVector):
            return _entry_of_softmax(node)
        if isinstance(node, NamedFunction) and type(node)._write is NamedFunction._write:
            if node.code.template("scipy") is None:
                return self.visit(node.definition(*node.args))
        return node


def _logarithm_of(product: Any) -> Any:
    """u of `e^u`, also where a positive number stands before it; None of anything else."""
    found = []
    for factor in Mul.make_args(product):
        if isinstance(factor, exp):
            found.append(factor.args[0])
        elif factor.is_number and factor.is_positive:
            found.append(log(factor))
        else:
            return None
    return Add(*found) if product.has(exp) and product.free_symbols else None


def _without_difference(total: Any) -> Any:
    """`x - ω(x)` as `log ω(x)`, which has the digits that the difference of large numbers loses."""
    for term in total.args if isinstance(total, Add) else ():
        coefficient, omega = term.as_coeff_Mul()
        if isinstance(omega, WrightOmega):
            rest = (total - term + coefficient * omega.args[0]).expand()
            if rest.is_number:
                return rest - coefficient * log(omega)
    return total


def _is_mean(total: Any) -> bool:
    """Whether a sum is Σ r_k π_k over the entries of one softmax."""
    logits = set()
    for term in Add.make_args(total):
        entries = [factor for factor in Mul.make_args(term) if isinstance(factor, SoftmaxEntry)]
        if len(entries) != 1:
            return False
        logits.add(entries[0].logits)
    return len(logits) == 1


def _gaps(rest: Any, coefficient: Any, mean: Any) -> Any:
    """`r_a - Σ r_k π_k` as `Σ π_k (r_a - r_k)`, where nothing cancels if several actions are
    likely, and alike; None where the rest is none of the r_k. Of many actions it is an entry of a
    vector, so that all of them do not cost the square of their number.
    """
    values: dict[Any, Any] = {}
    for term in Add.make_args(mean):
        (entry,) = (f for f in Mul.make_args(term) if isinstance(f, SoftmaxEntry))
        values[entry] = values.get(entry, 0) + term / entry
    logits = next(iter(values)).logits
    entries = [SoftmaxEntry(k, *logits) for k in range(1, len(logits) + 1)]
    gaps = [(e, rest + coefficient * values.get(e, 0)) for e in entries]
    place = next((k for k, (_, gap) in enumerate(gaps, start=1) if gap == 0), None)
    if place is None:
        return None
    if len(entries) > _ACTIONS:
        rewards = [values.get(e, S.Zero) for e in entries]
        return -coefficient * EntryOf.gap(place, logits, rewards)
    return Add(*(e * gap for e, gap in gaps))


def _entry_of_softmax(element: Any) -> Any:
    logits = element.parent.argument
    if not (logits.shape[0].is_Integer and element.i.is_Integer):
        return element
    return SoftmaxEntry(element.i + 1, *(logits[k, 0] for k in range(int(logits.shape[0]))))


def _written_out(node: Any, done: dict[Basic, Any]) -> Any:
    """The functions of several logits in terms of what they share: one log-softmax a vector of
    logits.
    """
    if not node.args or isinstance(node, MatrixElement):
        return node
    found = done.get(node)
    if found is None:
        args = [_written_out(arg, done) for arg in node.args]
        found = node
        if isinstance(node, (SoftmaxEntry, LogSoftmaxEntry)) and len(args) == 3:
            logit = args[args[0]] - args[3 - args[0]]
            found = sigmoid(logit) if isinstance(node, SoftmaxEntry) else log_sigmoid(logit)
        elif isinstance(node, (SoftmaxEntry, LogSoftmaxEntry)):
            found = EntryOf.softmax(args[0], tuple(args[1:]), isinstance(node, LogSoftmaxEntry))
        elif isinstance(node, logsumexp):
            found = args[0]
            for logit in args[1:]:
                found = LogAddExp(found, logit)
        elif any(new is not old for new, old in zip(args, node.args, strict=True)):
            found = node.func(*args)
        if isinstance(found, Add):
            found = with_ratios(found)
        elif isinstance(found, Mul):
            found = with_scaled_ratio(found)
        done[node] = found
    return found
