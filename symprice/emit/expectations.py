"""Integrals and sums that stay, as calls: of a function for the integrand, and of a quadrature.

`∫ exp(l(x)) r(x) dx` becomes ``over_line(integrand, *parameters)`` with a function that gives l
and r. They exist between unfolding and printing only, as other calls do.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sympy import (
    Add,
    Dummy,
    Expr,
    Float,
    Integral,
    Lambda,
    Mul,
    Pow,
    S,
    Sum,
    Symbol,
    binomial,
    erf,
    erfc,
    exp,
    expand_mul,
    factorial,
    gamma,
    log,
    loggamma,
    polygamma,
    tanh,
)
from sympy.matrices.expressions.matexpr import MatrixElement

from ..closedform import Name
from ..errors import NoRuleError
from ..networks.activations import log_sigmoid, sigmoid
from ..networks.logits import logsumexp
from ..policy.peaks import WEIGHTS, single_peaks
from .careful import Careful

__all__ = ["Quadrature", "as_calls"]

# What is smooth where the argument is a count that is not small, besides sums, products, powers.
_SMOOTH = (exp, log, gamma, loggamma, factorial, binomial, polygamma, sigmoid, log_sigmoid, tanh)
_SMOOTH_SUMS = (Add, Mul, Pow, Symbol)
# Powers up to this are not large or small beyond all floats.
_SMALL = 4
# Sums of fewer terms can be written out.
_FEW = 50
_LARGE = Float("1e200")


class Quadrature(Careful):
    """A call of a quadrature, of bounds and of parameters; a subclass for each integrand."""

    helper: ClassVar[str] = ""
    letter = "integral"
    #: The function's variable, its parameters as symbols, the pair that it gives.
    variable: ClassVar[Any] = None
    parameters: ClassVar[tuple[Any, ...]] = ()
    pair: ClassVar[tuple[Any, ...]] = ()
    #: The names in that pair, and what they stand for.
    definitions: ClassVar[dict[Any, Any]] = {}
    #: What stands before the arguments of the call, as text.
    setting: ClassVar[str] = ""


_KNOWN: dict[Any, type[Quadrature]] = {}
_INSIDE: dict[Any, Any] = {}


def as_calls(scalar: Any) -> Any:
    """An expression with calls for its integrals and sums over one variable each.

    Raises
    ======

    NoRuleError : for a variable without real bounds, and where integrals that vary with it stand in
        one another.

    Examples
    ========

    >>> from sympy import Integral, Symbol, exp, oo
    >>> from symprice.emit.expectations import as_calls
    >>> x, m = Symbol('x', real=True), Symbol('m', real=True)
    >>> as_calls(2*Integral(exp(-(x - m)**2), (x, -oo, oo)))
    2*over_line(m)
    """
    few = {node: _written_out(node) for node in _outermost(scalar) if _is_short_mixture(node)}
    scalar = scalar.xreplace(few) if few else scalar
    calls = {node: _with_inner_calls(node) for node in _outermost(scalar)}
    found = {node: call for node, call in calls.items() if call is not None}
    return scalar.xreplace(found) if found else scalar


def _is_short_mixture(node: Any) -> bool:
    """Whether a sum is of few terms whose weight may have several peaks."""
    if not isinstance(node, Sum) or len(node.limits) != 1 or not node.function.has(logsumexp):
        return False
    _, low, high = node.limits[0]
    return bool(low.is_Integer and high.is_Integer and high - low < _FEW)


def _written_out(node: Any) -> Any:
    k, low, high = node.limits[0]
    return Add(*(node.function.subs(k, place) for place in range(int(low), int(high) + 1)))


def _with_inner_calls(node: Any) -> Any:
    """The call for an integral; one inside of it that does not vary with its variable, as a mean
    reward, is a parameter. None where this does not make it single.
    """
    if len(node.limits) != 1 or len(node.limits[0]) != 3:
        return None
    inside = {
        inner: _INSIDE.setdefault(inner, Dummy("J", real=True))
        for inner in _outermost(node.function)
        if node.variables[0] not in inner.free_symbols
    }
    plain = node.func(node.function.xreplace(inside), node.limits[0])
    if not _is_single(plain):
        return None
    return _call(plain).xreplace({symbol: as_calls(inner) for inner, symbol in inside.items()})


def _outermost(scalar: Any) -> list[Any]:
    found, stack, seen = [], [scalar], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, (Integral, Sum)):
            found.append(node)
        else:
            stack.extend(node.args)
    return found


def _is_single(node: Any) -> bool:
    return (
        len(node.limits) == 1
        and len(node.limits[0]) == 3
        and not node.function.has(Integral, Sum)
        and not any(bound.has(Integral, Sum) for bound in node.limits[0][1:])
    )


def _call(node: Any) -> Any:
    (variable, low, high), inner = node.limits[0], _written(node.function)
    inner = inner.replace(_is_gap_of_tanh, lambda gap: _gap_of_tanh(gap, variable))
    total = S.Zero
    if isinstance(node, Sum):
        if low.is_infinite:
            raise _no_code(node)
        k = Dummy(variable.name, integer=True, nonnegative=low.is_nonnegative)
        for term in single_peaks(inner.xreplace({variable: k}), k):
            smooth = "True" if _is_smooth(term, k) else "False"
            total += _made("over_counts", term, k, (low, high), smooth)
        return total
    x = Dummy(variable.name, real=True)
    if low is S.NegativeInfinity and high is S.Infinity:
        for term in single_peaks(inner.xreplace({variable: x}), x):
            total += _made("over_line", term, x, ())
        return total
    d = Dummy("d", positive=True)
    if high is S.Infinity:
        sides, length = [low + d], S.Infinity
    elif low is S.NegativeInfinity:
        sides, length = [high - d], S.Infinity
    else:
        sides, length = [low + d, high - d], (high - low) / 2
    for place in sides:
        for term in single_peaks(inner.xreplace({variable: place}), d):
            total += _made("over_distances", term, d, (length,))
    return total


def _is_gap_of_tanh(total: Any) -> bool:
    """Whether a sum is tanh x - tanh y."""
    signs = [term.as_coeff_Mul() for term in total.args] if isinstance(total, Add) else []
    return sorted(c for c, _ in signs) == [-1, 1] and all(isinstance(f, tanh) for _, f in signs)


def _gap_of_tanh(total: Any, variable: Any) -> Any:
    """`tanh x - tanh y = 2 σ(2y) σ(-2y) tanh(x-y)/(σ(2y) σ(2(x-y)) + σ(-2y) σ(-2(x-y)))`, which has
    its digits where both are close, or close to 1.
    """
    terms = sorted(total.args, key=lambda term: not term.has(variable))
    (way, moving), (_, still) = (term.as_coeff_Mul() for term in terms)
    y = still.args[0]
    d = moving.args[0] - y
    below = sigmoid(2 * y) * sigmoid(2 * d) + sigmoid(-2 * y) * sigmoid(-2 * d)
    return way * 2 * sigmoid(2 * y) * sigmoid(-2 * y) * tanh(d) / below


def _written(function: Any) -> Any:
    """An integrand in which every density has its formula."""
    named = [node for node in function.atoms(Expr) if type(node).__name__ == "DensityOf"]
    return function.xreplace({node: node.doit() for node in named})


def _made(helper: str, term: Any, x: Any, bounds: tuple[Any, ...], setting: str = "") -> Any:
    atoms = set(term.atoms(MatrixElement))
    inside = set().union(*(a.free_symbols for a in atoms))
    given = sorted((term.free_symbols - {x} - inside) | atoms, key=str)
    own = [
        Dummy(s.name, **s.assumptions0) if isinstance(s, Symbol) else Dummy(f"entry_{k}", real=True)
        for k, s in enumerate(given)
    ]
    letter = next(name for name in "xtuvwabc" if all(s.name != name for s in own))
    place = Dummy(letter, **x.assumptions0)
    inner = term.xreplace({x: place, **dict(zip(given, own, strict=True))})
    pair, definitions = _in_logarithms(*_split(inner, place))
    key = (helper, Lambda(x, term), setting)
    if key not in _KNOWN:
        stated = {
            "helper": helper,
            "variable": place,
            "parameters": tuple(own),
            "pair": pair,
            "definitions": definitions,
            "setting": setting,
        }
        _KNOWN[key] = type(helper, (Quadrature,), stated)
    return _KNOWN[key](*bounds, *given)


def _split(term: Any, x: Any) -> tuple[Any, Any]:
    """The logarithm of the factors of a weight, and what stands beside them."""
    logarithms, rest = [], []
    for factor in Mul.make_args(term):
        base, power = factor.as_base_exp()
        if isinstance(factor, exp):
            logarithms.append(factor.args[0])
        elif factor.is_number and not (factor.is_positive and _is_no_float(factor)):
            rest.append(factor)
        elif factor.is_positive and not factor.has(x):
            logarithms.append(power * log(base))
        elif isinstance(base, WEIGHTS) or not (power.is_Integer and abs(power) <= _SMALL):
            # Where the base is negative, the logarithm is no number, and the quadrature raises.
            logarithms.append(power * log(base))
        else:
            rest.append(factor)
    return Add(*logarithms), Mul(*rest)


def _is_no_float(number: Any) -> bool:
    """Whether a number is larger or smaller than floats, as 1/Γ(10⁶) is."""
    value = abs(number.evalf(15))
    return bool(value > _LARGE or value < 1 / _LARGE)


def _in_logarithms(weight: Any, rest: Any) -> tuple[tuple[Any, Any], dict[Any, Any]]:
    """The pair with names for log π and log π', where the rest is made of them: as they are written
    in a log-likelihood, they are computed without loss.
    """
    if weight.is_Atom:
        return (weight, rest), {}
    here, there = Name("log_weight"), Name("log_other")
    definitions, factors = {here: weight}, []
    for factor in Mul.make_args(rest):
        found = factor
        for way in (1, -1) if factor.is_Add else ():
            left = expand_mul(factor - way * weight)
            if left == 0:
                found = way * here
            elif len(Add.make_args(left)) < len(factor.args) and there not in definitions:
                definitions[there] = -way * left
                found = way * (here - there)
        factors.append(found)
    return (here, Mul(*factors)), definitions


def _is_smooth(term: Any, x: Any) -> bool:
    """Whether a summand is made of what is smooth on the scale of its argument."""
    stack = [term]
    while stack:
        node = stack.pop()
        if not node.has(x):
            continue
        if not isinstance(node, (*_SMOOTH, *_SMOOTH_SUMS, erf, erfc)):
            return False
        stack.extend(node.args)
    return True


def _no_code(node: Any) -> NoRuleError:
    return NoRuleError(
        f"asked for code of {node}, a sum without a first term: write it as two sums, from 0 on"
    )
