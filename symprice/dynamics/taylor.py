"""What one finite step does to a property: Taylor's theorem along the step, term by term.

`E[ΔP] = ∇P·Δθ + ½ Δθᵀ∇²P Δθ + ½ tr(Σ ∇²P) + …`, in powers of the step size, with covariances for
the derivatives: no Hessian is ever formed.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

from sympy import Add, Basic, Expr, Integer, Mul, O, Poly, Rational, S
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Derivation, Rule, Step, rewrite
from ..nodes import Node
from ..symbols import TRAINED, Parameter
from ..tangent.differences import displaced
from ..tangent.gradient import DefinitionOfCovariance, Inner, KnownVector, Linearity, Nabla
from ..tangent.properties import ScalarOfParameters
from ..tangent.second import (
    BilinearForm,
    HessianForm,
    HessianTrace,
    IteratedCovariance,
    ThirdDerivative,
    ThirdForm,
)
from ..tangent.vectors import theta_tex
from .update import Dynamics, Noise, mean_loss, symbol_of_order

__all__ = ["AfterStep", "derivation", "parts", "with_remainder", "written"]


class Taylor(Rule):
    """P(θ + Δ) - P(θ) = ∇P · Δ + ½ Δᵀ ∇²P Δ + O(|Δ|³), in expectation over the noise in Δ."""

    @property
    def name(self) -> str:
        """'Taylor expansion'."""
        return "Taylor expansion"


class Linear(Rule):
    """Products with vectors are linear in each of them."""

    @property
    def name(self) -> str:
        """'linearity'."""
        return "linearity"

    def apply(self, node: Any) -> Any:
        """The terms of an inner product or of a second derivative."""
        return Linearity().apply(node) or BilinearForm().apply(node) or _scaled(node)


def _scaled(node: Any) -> Any:
    """∇³P[c v, c v, c v] = c³ ∇³P[v, v, v]."""
    if not isinstance(node, ThirdForm):
        return None
    from ..tangent.vectors import terms

    parts = terms(node.args[1])
    if len(parts) != 1 or parts[0][0] == 1:
        return None
    return parts[0][0] ** 3 * ThirdForm(node.args[0], parts[0][1])


class HigherDerivatives(Rule):
    """Second and third derivatives along gradients are covariances of covariances."""

    @property
    def name(self) -> str:
        """'iterated covariance'."""
        return "iterated covariance"

    def apply(self, node: Any) -> Any:
        """Iterated covariances, where the vectors allow it."""
        return IteratedCovariance().apply(node) or ThirdDerivative().apply(node)


RULES = (Linear(), KnownVector(), DefinitionOfCovariance(), HigherDerivatives())


def written(expr: Any) -> Any:
    """An expression in vectors by covariances, as far as its vectors are gradients."""
    for rule in (*RULES, *RULES):
        expr = rewrite(expr, rule)
    return expr


def expansion(dynamics: Dynamics, prop: Any, loss: Any, order: int) -> dict[str, Any]:
    """The terms of E[ΔP] by name, in vectors still."""
    selection, bias = S.Zero, S.Zero
    for power, vector in dynamics.gradient_terms(loss):
        if power + 1 <= order:
            selection += Inner(Nabla(prop), dynamics.applied(loss, vector))
    shift = dynamics.bias(loss)
    if shift is not None:
        bias = Inner(Nabla(prop), shift)
    found = {"selection": selection, "bias": bias}
    noise = dynamics.noise(loss)
    if noise is not None and noise.order <= order:
        found["noise"] = _spread(dynamics, noise, prop, loss, order)
    if order >= 2:
        found["curvature"] = HessianForm(prop, dynamics.terms_of_order(loss, 1)) / 2
    if order >= 3:
        found["curvature"] += Rational(1, 6) * ThirdForm(prop, dynamics.terms_of_order(loss, 1))
    return found


def _spread(dynamics: Dynamics, noise: Noise, prop: Any, loss: Any, order: int) -> Any:
    """½ tr(Σ ∇²P). Gaussian noise of the first order, the same everywhere, replaces P by P + ½ tr(Σ
    ∇²P) + ⅛ tr(Σ ∇² tr(Σ ∇²P)) + … before θ is moved.
    """
    spread = noise.factor / 2 * HessianTrace(prop, noise.metric)
    if noise.order > 1 or order == 1:
        return spread
    twice = noise.factor**2 / 8 * HessianTrace(HessianTrace(prop, noise.metric), noise.metric)
    moved = Inner(Nabla(HessianTrace(prop, noise.metric)), dynamics.terms_of_order(loss, 1))
    return spread + twice + noise.factor / 2 * moved


def remainder(dynamics: Dynamics, prop: Any, loss: Any, order: int) -> Any:
    """What an expansion to an order leaves out: nothing, where no derivative of P is left."""
    degree = degree_in_parameters(prop)
    if degree is not None and degree <= order:
        if dynamics.is_of_first_order(loss):
            return S.Zero
    return O(symbol_of_order(dynamics) ** Integer(order + 1))


def degree_in_parameters(prop: Any) -> int | None:
    """The degree of a polynomial in its Parameters; None for another property."""
    trained = [s for s in prop.free_symbols if isinstance(s, TRAINED)]
    if not all(isinstance(s, Parameter) for s in trained) or prop.has(Node):
        return None
    return int(Poly(prop, *trained).total_degree()) if prop.is_polynomial(*trained) else None


def derivation(dynamics: Dynamics, prop: Any, loss: Any, order: int) -> Derivation:
    """Taylor's theorem along the step, then covariances for the derivatives."""
    rest = remainder(dynamics, prop, loss, order)
    current = sum(expansion(dynamics, prop, loss, order).values(), S.Zero)
    # Beside an O-term SymPy looks for the step size everywhere: it stands outside of the vectors.
    current = _distributed(rewrite(current, Linear()))
    steps = [Step(Taylor(), AfterStep(prop, loss, dynamics) - prop, with_remainder(current, rest))]
    for rule in (*RULES, *RULES[:3]):
        after = rewrite(current, rule)
        if after != current:
            steps.append(Step(rule, with_remainder(current, rest), with_remainder(after, rest)))
            current = after
    return Derivation(steps)


def with_remainder(expr: Any, rest: Any) -> Any:
    """A sum with its O-term. SymPy's own addition asks of every term whether it is of that order,
    and rewrites what is in it to find out, networks too; here it is known that none is.
    """
    if rest == 0 or expr == 0:
        return expr + rest
    # In SymPy's own order, so that the sum is the one that it would make.
    terms = sorted((*Add.make_args(expr), rest), key=cmp_to_key(Basic.compare))
    return Add._from_args(terms, is_commutative=True)


def _distributed(expr: Any) -> Any:
    """A sum of products, with coefficients left as they are."""
    if isinstance(expr, Add):
        return Add(*map(_distributed, expr.args))
    for factor in Mul.make_args(expr):
        if isinstance(factor, Add) and factor.has(Node):
            return Add(*(_distributed(expr / factor * part) for part in factor.args))
    return expr


def parts(dynamics: Dynamics, prop: Any, loss: Any, order: int) -> dict[str, Any]:
    """The terms by name, in covariances, and a function that gives the remainder."""
    found = {k: written(v) for k, v in expansion(dynamics, prop, loss, order).items()}
    return {**found, "remainder": lambda: remainder(dynamics, prop, loss, order)}


class AfterStep(ScalarOfParameters):
    """E[P(θ + Δθ)]: the property after one step of training on L.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent, Parameter
    >>> from symprice.dynamics.taylor import AfterStep
    >>> w, eta = Parameter('w'), symbols('eta')
    >>> AfterStep(w**2, w**2/2, GradientDescent(eta)).doit()
    w**2*(1 - eta)**2
    """

    def __new__(cls, prop: Any, loss: Any, dynamics: Any) -> AfterStep:
        return Expr.__new__(cls, *map(_sympify, (prop, loss)), dynamics)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The step itself, where the update has a formula."""
        return (TakeTheStep(),)

    #: The property stands at the moved parameters, and wants a letter there.
    is_of_the_moved = True

    def called(self) -> dict[str, Any]:
        """What it is about, by the letters that are usual for it."""
        return {"P": self.args[0], "L": self.args[1]}

    def as_shown(self) -> Any:
        """Itself with the mean loss, which is what is printed."""
        return self.func(self.args[0], mean_loss(self.args[1]), *self.args[2:])

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        prop, loss, dynamics = self.args
        return sum(
            weight * evaluate(prop, displaced(point, shift))
            for weight, shift in dynamics.outcomes(loss, evaluate, point)
        )

    def _tex(self, printer: Any) -> str:
        prop, loss, dynamics = self.args
        shown = printer.parenthesize(prop, PRECEDENCE["Atom"])
        update = printer._print(dynamics.update(loss))
        joint = " " if update.startswith("-") else " + "
        noisy = dynamics.noise(loss) is not None
        theta = theta_tex(printer)
        text = rf"{shown}\left({theta}{joint}{update}{NOISE if noisy else ''}\right)"
        return rf"\operatorname{{E}}\left[{text}\right]" if noisy else text


NOISE = r" + \xi"


class TakeTheStep(Rule):
    """P(θ + Δθ) is P with every parameter θᵢ replaced by θᵢ + Δθᵢ."""

    def apply(self, node: Any) -> Any:
        """The property at the moved parameters, if nothing in it is unspecified."""
        from sympy import factor_terms

        if not isinstance(node, AfterStep) or node.args[2].noise(node.args[1]) is not None:
            return None
        prop, loss, dynamics = node.args
        if any(
            isinstance(s, TRAINED) and not isinstance(s, Parameter)
            for s in prop.free_symbols | loss.free_symbols
        ):
            return None
        update = dynamics.update(loss)
        moved = {
            p: factor_terms(p + rewrite(Inner(Nabla(p), update), Linear()).doit())
            for p in sorted(prop.free_symbols, key=lambda s: s.name)
            if isinstance(p, Parameter)
        }
        return prop.doit().subs(moved, simultaneous=True)
