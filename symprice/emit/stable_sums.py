"""Sums without cancellation: `1 - σ(x)` is `σ(-x)`, `1 - tanh²` is `4 σ(2x) σ(-2x)`, `1 - π_1` is
`π_2 + π_3`.

A sum is grouped by what multiplies a probability: within a group it is a polynomial in that
probability, whose roots at the ends of the interval are divided out exactly. So `p - 2 p² + p³` is
found to be `p (1 - p)²` as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sympy import Add, Expr, Mul, Number, Rational, S, default_sort_key, erf, erfc, exp, sqrt, tanh

from ..networks.activations import log_sigmoid, normal_cdf, sigmoid, softplus
from ..networks.logits import LogSoftmaxEntry, SoftmaxEntry, logsumexp
from .careful import Expm1
from .stable_products import stable_product

__all__ = ["stable_sum"]

# Coefficients, from the constant upwards.
Polynomial = list[Any]


class Family(NamedTuple):
    """A function with values in an interval, and what `1 - g/r` is at a root r: pairs (root, its
    formula in x).
    """

    roots: tuple[tuple[Any, Callable[[Any], Any]], ...]
    mirrored: bool  # g(-x) = 1 - g(x) is of the family too


_FAMILIES: dict[type, Family] = {
    sigmoid: Family(
        ((S.One, lambda x: sigmoid(-x)), (Rational(1, 2), lambda x: -tanh(x / 2))), mirrored=True
    ),
    normal_cdf: Family(
        ((S.One, lambda x: normal_cdf(-x)), (Rational(1, 2), lambda x: -erf(x / sqrt(2)))),
        mirrored=True,
    ),
    tanh: Family(
        ((S.One, lambda x: 2 * sigmoid(-2 * x)), (S.NegativeOne, lambda x: 2 * sigmoid(2 * x))),
        mirrored=False,
    ),
    erf: Family(((S.One, erfc), (S.NegativeOne, lambda x: erfc(-x))), mirrored=False),
}
_LOGARITHMS = (log_sigmoid, LogSoftmaxEntry)
_FUNCTIONS = (*_FAMILIES, SoftmaxEntry, exp, softplus, logsumexp, *_LOGARITHMS)
_DEGREE = 24


def stable_sum(expr: Any) -> Any:
    """A sum with its differences of nearly equal terms written as products, where a rule knows
    them.
    """
    if not any(_concerns(factor) for term in expr.args for factor in Mul.make_args(term)):
        return expr
    for rule in _rules():
        expr = rule(expr)
        if not isinstance(expr, Add):
            break
    return expr


def _rules() -> tuple[Callable[[Any], Any], ...]:
    bounded = _bounded_quotients, _bounded_functions
    return *bounded, _softmaxes, _exponentials, _logarithms, _log_odds


def _concerns(factor: Any) -> bool:
    return isinstance(factor.base if factor.is_Pow else factor, _FUNCTIONS)


class _Terms:
    """The terms of a sum by what they hold: coefficient of every product, and the products that a
    function is in.
    """

    def __init__(self, expr: Any, kinds: tuple[type, ...]) -> None:
        self.coefficients: dict[Any, Any] = {}
        self.holding: dict[Any, list[Any]] = {}
        for term in expr.args:
            coefficient, product = term.as_coeff_Mul()
            self.coefficients[product] = coefficient
            for factor in Mul.make_args(product):
                base = _integer_power(factor)[0]
                if isinstance(base, kinds):
                    self.holding.setdefault(_generator(base), []).append(product)

    def total(self) -> Any:
        return Add(*(Mul(c, product) for product, c in self.coefficients.items()))


def _integer_power(factor: Any) -> tuple[Any, int]:
    base, exponent = factor.as_base_exp()
    if exponent.is_Integer and exponent.is_positive:
        return base, int(exponent)
    return (factor, 1) if isinstance(factor, exp) else (S.One, 0)


def _generator(base: Any) -> Any:
    """One function for `σ(x)` and `σ(-x)`; one entry for all of a softmax."""
    if isinstance(base, SoftmaxEntry):
        return SoftmaxEntry(1, *base.logits)
    family = _FAMILIES.get(type(base))
    if family is not None and family.mirrored and base.args[0].could_extract_minus_sign():
        return base.func(-base.args[0])
    return base


# --- functions with values in an interval ---------------------------------------------------------


def _bounded_functions(expr: Any) -> Any:
    terms = _Terms(expr, tuple(_FAMILIES))
    for generator in sorted(terms.holding, key=default_sort_key):
        family = _FAMILIES[type(generator)]
        mirror = generator.func(-generator.args[0]) if family.mirrored else None
        groups: dict[Any, dict[Any, tuple[int, int]]] = {}
        for product in dict.fromkeys(terms.holding[generator]):
            rest, degrees = _split(product, generator, mirror)
            groups.setdefault(rest, {})[product] = degrees
        for rest, members in groups.items():
            if rest in terms.coefficients:
                members[rest] = (0, 0)
            polynomial = _polynomial({p: (terms.coefficients[p], d) for p, d in members.items()})
            found = None if polynomial is None else _divided(polynomial, generator, family)
            if found is not None:
                for product in members:
                    del terms.coefficients[product]
                rewritten = Add(terms.total(), stable_product(Mul(rest, found)))
                return stable_sum(rewritten) if isinstance(rewritten, Add) else rewritten
    if len(terms.holding) == 1 and len(expr.args) > 2:
        return _shared_complement(expr, *terms.holding)
    return expr


def _bounded_quotients(expr: Any) -> Any:
    """1 - 1/σ(x) = -σ(-x)/σ(x): a sum of quotients as one, where that removes a difference."""
    lowest: dict[Any, Any] = {}
    for term in expr.args:
        for factor in Mul.make_args(term):
            base, exponent = factor.as_base_exp()
            if isinstance(base, tuple(_FAMILIES)) and exponent.is_Integer and exponent < 0:
                lowest[base] = min(lowest.get(base, S.Zero), exponent)
    for base in sorted(lowest, key=default_sort_key):
        below = base ** lowest[base]
        raised = Add(*(term / below for term in expr.args))
        found = _bounded_functions(raised) if isinstance(raised, Add) else raised
        if not isinstance(found, Add):
            return stable_product(Mul(found, below))
    return expr


def _split(product: Any, generator: Any, mirror: Any) -> tuple[Any, tuple[int, int]]:
    """A product as rest × g^i × g(-x)^j."""
    rest, i, j = [], 0, 0
    for factor in Mul.make_args(product):
        base, exponent = _integer_power(factor)
        if base == generator:
            i += exponent
        elif mirror is not None and base == mirror:
            j += exponent
        else:
            rest.append(factor)
    return Mul(*rest), (i, j)


def _polynomial(members: dict[Any, tuple[Any, tuple[int, int]]]) -> Polynomial | None:
    """Σ c g^i (1 - g)^j as coefficients; None where there is nothing to find."""
    degree = max(i + j for _, (i, j) in members.values())
    if len(members) < 2 or degree > _DEGREE:
        return None
    total = [S.Zero] * (degree + 1)
    for coefficient, (i, j) in members.values():
        if not isinstance(coefficient, Number):
            return None
        power: Polynomial = [S.Zero] * i + [S.One]
        for _ in range(j):
            power = [a - b for a, b in zip([*power, S.Zero], [S.Zero, *power], strict=True)]
        for k, value in enumerate(power):
            total[k] += coefficient * value
    return total


def _divided(polynomial: Polynomial, generator: Any, family: Family) -> Any:
    """The polynomial with its roots at the ends of the interval divided out, or None if it has none
    there.
    """
    while polynomial and polynomial[-1] == 0:
        polynomial = polynomial[:-1]
    if len(polynomial) < 2:
        return polynomial[0] if polynomial else S.Zero
    factors, argument = [], generator.args[0]
    for root, formula in family.roots:
        while (quotient := _quotient(polynomial, root)) is not None:
            polynomial = quotient
            factors.append(formula(argument))
    if not factors:
        return None
    lowest = next(k for k, c in enumerate(polynomial) if c != 0)
    rest = Add(*(c * generator**k for k, c in enumerate(polynomial[lowest:])))
    return Mul(generator**lowest, rest, *factors)


def _quotient(polynomial: Polynomial, root: Any) -> Polynomial | None:
    """P(g)/(1 - g/root), where that is a polynomial."""
    if len(polynomial) < 2:
        return None
    carried, quotient = S.Zero, []
    for coefficient in polynomial[:-1]:
        carried = coefficient + carried / root
        quotient.append(carried)
    return quotient if quotient[-1] == -polynomial[-1] * root else None


def _shared_complement(expr: Any, generator: Any) -> Any:
    """A + B g = A (1 - g) where B = -A is a sum, as in `r₁ - r₀ + (r₀ - r₁) σ(x)`."""
    family = _FAMILIES[type(generator)]
    free: list[Any] = []
    linear: list[Any] = []
    for term in expr.args:
        rest, (i, _) = _split(term, generator, None)
        if i > 1:
            return expr
        (linear if i else free).append(rest)
    constant, slope = Add(*free), Add(*linear)
    for root, formula in family.roots:
        if isinstance(constant, Add) and constant == -slope * root:
            return constant * formula(generator.args[0])
    return expr


# --- softmax --------------------------------------------------------------------------------------


def _softmaxes(expr: Any) -> Any:
    terms = _Terms(expr, (SoftmaxEntry,))
    for generator in sorted(terms.holding, key=default_sort_key):
        logits = generator.logits
        groups: dict[Any, dict[tuple[int, ...], Any]] = {}
        for product in dict.fromkeys(terms.holding[generator]):
            rest, indices = _split_entries(product, logits)
            groups.setdefault(rest, {})[indices] = product
        for rest, members in groups.items():
            if rest in terms.coefficients:
                members[()] = rest
            found = _linear(
                {indices: terms.coefficients[p] for indices, p in members.items()}, logits
            )
            if found is not None:
                for product in members.values():
                    del terms.coefficients[product]
                rewritten = Add(terms.total(), Mul(rest, found))
                return _softmaxes(rewritten) if isinstance(rewritten, Add) else rewritten
    return expr


def _split_entries(product: Any, logits: tuple[Expr, ...]) -> tuple[Any, tuple[int, ...]]:
    """A product as rest × π_i π_j …, with the indices sorted."""
    rest, indices = [], []
    for factor in Mul.make_args(product):
        base, exponent = _integer_power(factor)
        if isinstance(base, SoftmaxEntry) and base.logits == logits:
            indices += [int(base.index)] * exponent
        else:
            rest.append(factor)
    return Mul(*rest), tuple(sorted(indices))


def _linear(members: dict[tuple[int, ...], Any], logits: tuple[Expr, ...]) -> Any:
    """c + Σ c_i π_i = Σ (c + c_i) π_i where that removes a difference, after common factors; else
    None.
    """
    if len(members) < 2:
        return None
    common = min(members, key=len)
    for i in dict.fromkeys(common):
        if all(i in indices for indices in members):
            inner = _linear({_without(indices, i): c for indices, c in members.items()}, logits)
            return None if inner is None else SoftmaxEntry(i, *logits) * inner
    if () not in members or max(map(len, members)) > 1:
        return None
    constant = members[()]
    if not any((c * constant).is_negative for c in members.values()):
        return None
    return Add(
        *(
            (constant + members.get((i,), S.Zero)) * SoftmaxEntry(i, *logits)
            for i in range(1, len(logits) + 1)
        )
    )


def _without(indices: tuple[int, ...], i: int) -> tuple[int, ...]:
    position = indices.index(i)
    return indices[:position] + indices[position + 1 :]


# --- exponentials and logarithms ------------------------------------------------------------------


def _exponentials(expr: Any) -> Any:
    """c (exp(x) - 1) = c expm1(x)."""
    terms = _Terms(expr, (exp,))
    changed = False
    for generator, products in terms.holding.items():
        for product in products:
            rest, _ = _split(product, generator, None)
            coefficient = terms.coefficients.get(product)
            if coefficient is not None and terms.coefficients.get(rest) == -coefficient:
                del terms.coefficients[product], terms.coefficients[rest]
                terms.coefficients[Mul(rest, Expm1(generator.args[0]))] = coefficient
                changed = True
    return terms.total() if changed else expr


def _logarithms(expr: Any) -> Any:
    """z_i - logsumexp(z) = log π_i and x - softplus(x) = -softplus(-x), up to a factor."""
    present = set(expr.args)
    for term in expr.args:
        coefficient, product = term.as_coeff_Mul()
        if isinstance(product, softplus):
            choices = [(product.args[0], -softplus(-product.args[0]))]
        elif isinstance(product, logsumexp):
            choices = [
                (z, LogSoftmaxEntry(i, *product.args)) for i, z in enumerate(product.args, start=1)
            ]
        else:
            continue
        for argument, difference in choices:
            wanted = Add.make_args(-coefficient * argument)
            if argument != 0 and present.issuperset(wanted):
                rest = present.difference(wanted, (term,))
                rewritten = Add(*rest, -coefficient * difference)
                return _logarithms(rewritten) if isinstance(rewritten, Add) else rewritten
    return expr


def _log_odds(expr: Any) -> Any:
    """log σ(x) - log σ(-x) = x and log π_i - log π_j = z_i - z_j, up to a factor."""
    terms = _Terms(expr, _LOGARITHMS)
    for function, products in terms.holding.items():
        for product in products:
            rest, (power, _) = _split(product, function, None)
            for other, difference in _partners(function, terms.holding):
                partner = Mul(rest, other)
                coefficient = terms.coefficients[product]
                if power == 1 and terms.coefficients.get(partner) == -coefficient:
                    del terms.coefficients[product], terms.coefficients[partner]
                    rewritten = Add(terms.total(), Mul(coefficient, rest, difference))
                    return _log_odds(rewritten) if isinstance(rewritten, Add) else rewritten
    return expr


def _partners(function: Any, present: Iterable[Any]) -> list[tuple[Any, Any]]:
    """The logarithms whose difference from this one is known, each with the difference."""
    if isinstance(function, log_sigmoid):
        return [(log_sigmoid(-function.args[0]), function.args[0])]
    logits = function.args[1:]
    return [
        (other, logits[function.args[0] - 1] - logits[other.args[0] - 1])
        for other in present
        if isinstance(other, LogSoftmaxEntry) and other != function and other.args[1:] == logits
    ]
