"""Covariances and rates in a causal model: by its equations, and path by path."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sympy import Add, Basic, Eq, Mul, Order, S, factor_terms, sstr

from ..derivation import Derivation, Step
from ..errors import NoRuleError
from ..outputs import Result
from ..symbols import Observable, Parameter
from ..tangent.covariance import NTCov, NTVar, covariance
from ..tangent.metric import Metric, as_metric
from .graph import ancestors, count_paths, directed_paths
from .paths import CausalPath, contributions
from .rules import StructuralEquation, TracingRule, ValuesOfParameters

__all__ = ["CausalCovariance", "CausalRate"]

# More paths than anybody reads: the sum over them is then given by the equations alone.
MANY_PATHS = 1000


class _Traced(Result, Basic):
    """A covariance of two nodes of a model, up to a factor: its parts, its paths, its steps."""

    @property
    def model(self) -> Any:
        """The causal model."""
        return self.args[0]

    def _ends(self) -> tuple[Any, Any, Any, Any]:
        """The two nodes, the metric, and the factor of their covariance."""
        raise NotImplementedError

    def _before(self) -> tuple[list[Step], Any, Any]:
        """The steps up to the covariance, where they arrive, and what is there besides it."""
        raise NotImplementedError

    @property
    def paths(self) -> tuple[CausalPath, ...]:
        """The paths that carry the covariance; their contributions add up to it.

        Raises
        ======

        NoRuleError : if there are more than a thousand.
        """
        if (number := self.count_paths()) > MANY_PATHS:
            raise NoRuleError(
                f"asked for a list of {number} paths, which nobody reads: their sum is .equation, "
                "and .total_effect of the model gives the sums over directed paths"
            )
        return tuple(self._traced())

    def count_paths(self) -> int:
        """The number of paths, without listing them."""
        X, Y, *_ = self._ends()
        parents = self.model.parents
        return sum(
            count_paths(parents, r, X) * count_paths(parents, s, Y) for r, s in self._root_pairs()
        )

    def _root_pairs(self) -> Iterator[tuple[Any, Any]]:
        """The roots above X and those above Y, where their covariance is not known to be 0."""
        X, Y, metric, _ = self._ends()
        above = [ancestors(self.model.parents, node) for node in (X, Y)]
        for r in self.model.roots:
            for s in self.model.roots:
                if r in above[0] and s in above[1] and _known(covariance(r, s, metric=metric)) != 0:
                    yield r, s

    def _traced(self) -> Iterator[CausalPath]:
        X, Y, metric, factor = self._ends()
        parents, coefficients = self.model.parents, self.model.path_coefficients

        def sided(path: tuple[Any, ...]) -> list[tuple[Any, Any]]:
            nodes = path[::-1]
            arrows = pairwise(nodes)
            return [(nodes[0], S.One), *((p, coefficients[child, p]) for child, p in arrows)]

        for r, s in self._root_pairs():
            root = _known(covariance(r, s, metric=metric))
            for up in directed_paths(parents, r, X):
                for down in directed_paths(parents, s, Y):
                    yield CausalPath(sided(up), sided(down), root, factor)

    @property
    def derivation(self) -> Derivation:
        """The equations put in one after the other, effects first; then the sum over the paths."""
        X, Y, metric, factor = self._ends()
        steps, current, rest = self._before()
        left, right = {X: S.One}, {Y: S.One}
        coefficients = self.model.path_coefficients
        equations = dict(self.model.args[0])
        for variable in self.model.variables[::-1]:
            if variable not in left and variable not in right:
                continue
            same = left == right
            for side in (left,) if same else (left, right):
                weight = side.pop(variable, S.Zero)
                for parent in self.model.parents[variable] if weight != 0 else ():
                    gained = weight * coefficients[variable, parent]
                    side[parent] = factor_terms(side.get(parent, S.Zero) + gained)
            right = dict(left) if same else right
            after = _collected(left, right, metric, factor) + rest
            if after != current:
                equation = Eq(variable, equations[variable], evaluate=False)
                steps.append(Step(StructuralEquation(), current, after, [equation]))
                current = after
        known = current.xreplace({n: _known(n) for n in current.atoms(NTCov, NTVar)})
        if known != current:
            steps.append(Step(ValuesOfParameters(), current, known))
            current = known
        put_in, given = self._in_roots(rest)
        if put_in != rest:
            before, current, rest = current, current - rest + put_in, put_in
            steps.append(Step(StructuralEquation(), before, current, given))
        if self.count_paths() <= MANY_PATHS:
            by_paths = contributions(self.paths) + rest
            if by_paths != current:
                steps.append(Step(TracingRule(), current, by_paths))
        return Derivation(steps or [Step(TracingRule(), current, current)])

    def _in_roots(self, rest: Any) -> tuple[Any, list[Any]]:
        """What stands beside the covariance, as noise or momentum, in terms of the roots; and the
        equations that say so.
        """
        here = rest.free_symbols & set(self.model.variables)
        formulas = {v: self.model._in_roots(v) for v in sorted(here, key=lambda v: v.sort_key())}
        equations = [Eq(v, formula, evaluate=False) for v, formula in formulas.items()]
        return rest.xreplace(formulas).doit() if formulas else rest, equations

    @property
    def expr(self) -> Any:
        """The right-hand side: covariances of the roots, collected."""
        last = self.derivation.steps[-1]
        return last.before if isinstance(last.rule, TracingRule) else last.after

    def doit(self, **hints: Any) -> Any:
        """The value in terms of what the roots are made of, with all covariances unfolded."""
        return self.expr.xreplace(self.model._formulas()).doit(**hints)

    def _eval_subs(self, old: Any, new: Any) -> Any:
        if old not in self.model.nodes or isinstance(new, (Observable, Parameter)):
            return None
        # What is put for a root is its formula: the root keeps its name in the graph.
        return self.func(self.model.subs(old, new), *self.args[1:])

    def _formula(self) -> Any:
        found = self.doit()
        return found.removeO() if isinstance(found, Add) else found

    def __str__(self) -> str:
        shown = f"{sstr(self.equation.lhs)} = {sstr(self.equation.rhs)}"
        if self.count_paths() > MANY_PATHS:
            return shown
        return "\n".join([shown, *(f"{p}: {sstr(p.contribution)}" for p in self.paths)])

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        """The equation, and a table of the paths with what each contributes."""
        rows = [f"$$\n{self.latex()}\n$$"]
        if self.count_paths() <= MANY_PATHS:
            rows += ["", "| path | contribution |", "|---|---|"]
            rows += [f"| ${p.arrows_latex()}$ | ${p.latex()}$ |" for p in self.paths]
        return "\n".join(rows)


class CausalCovariance(_Traced):
    """NTCov(X, Y) of two nodes of a causal model as a sum over paths.

    Made by ``CausalModel.covariance``.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables
    >>> from symprice.causal.model import CausalModel
    >>> P, Q, L = observables('P Q L')
    >>> a, b, c = symbols('a b c')
    >>> CausalModel({Q: c*P, L: a*P + b*Q}).covariance(L).expr
    (a + b*c)**2*NTVar(P)
    """

    def __new__(cls, model: Any, X: Any, Y: Any, metric: Any = None) -> CausalCovariance:
        if metric is not None and not isinstance(metric, Metric):
            metric = as_metric(metric, model.free_symbols)
        return super().__new__(cls, *((model, X, Y) if metric is None else (model, X, Y, metric)))

    @property
    def covariance(self) -> Any:
        """What it is: NTCov(X, Y), or NTVar(X)."""
        X, Y, metric, _ = self._ends()
        return covariance(X, Y, metric=metric)

    def _ends(self) -> tuple[Any, Any, Any, Any]:
        X, Y = self.args[1:3]
        return X, Y, self.args[3] if len(self.args) > 3 else None, S.One

    def _before(self) -> tuple[list[Step], Any, Any]:
        return [], self.covariance, S.Zero

    @property
    def equation(self) -> Any:
        """NTCov(X, Y) in covariances of the roots."""
        return Eq(self.covariance, self.expr, evaluate=False)


class CausalRate(_Traced):
    """How a node of a causal model moves in training, as a sum over paths.

    Made by ``CausalModel.rate``. The covariance with the loss is what goes along paths; what other
    dynamics add to it (noise, curvature, bias) stands beside it, in terms of the roots.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import derive, observables
    >>> from symprice.causal.model import CausalModel
    >>> P, R, L = observables('P R L')
    >>> j, s = symbols('j s')
    >>> rate = CausalModel({R: j*s*P, L: -R}).rate(P, loss=L)
    >>> rate.equation
    Eq(Derivative(P(t), t), j*s*NTVar(P))
    >>> [step.rule.name for step in rate.derivation][-2:]
    ['structural equation', 'structural equation']
    """

    def __new__(cls, model: Any, X: Any, loss: Any, dynamics: Any = None) -> CausalRate:
        if dynamics is None or getattr(dynamics, "continuous", False):
            _refuse_time(model, X, loss)
        return super().__new__(
            cls, *((model, X, loss) if dynamics is None else (model, X, loss, dynamics))
        )

    @property
    def loss(self) -> Any:
        """What training descends."""
        return self.args[2]

    @property
    def price(self) -> Any:
        """Price's equation of the node for itself, before the model is put in."""
        from ..dynamics.equation import price

        return price(self.args[1], self.loss, *self.args[3:])

    def _selection(self) -> tuple[Any, Any, Any]:
        """The covariance with the loss in Price's equation, its factor, and the rest."""
        law = self.price
        ends = {self.args[1], self.loss}
        found = {
            n for n in law.selection.atoms(NTCov, NTVar) if {*map(_unsigned, _both(n))} == ends
        }
        node = found.pop() if len(found) == 1 else S.NaN
        factor = law.selection.coeff(node)
        parts = Add.make_args(law.change)
        if factor * node not in parts:
            raise NoRuleError(
                f"asked for the paths of the change of {self.args[1]}, which is {law.change}: no "
                f"multiple of its covariance with {self.loss} stands in it by itself"
            )
        return node, factor, Add(*(part for part in parts if part != factor * node))

    def _ends(self) -> tuple[Any, Any, Any, Any]:
        node, factor, _ = self._selection()
        sign = Mul(*(-1 if p != _unsigned(p) else 1 for p in _both(node)))
        return self.args[1], self.loss, node.metric, factor * sign

    def _before(self) -> tuple[list[Step], Any, Any]:
        law = self.price
        return list(law.derivation.steps), law.change, self._selection()[2]

    @property
    def equation(self) -> Any:
        """The law of change: `dX/dt = …` for a flow."""
        return Eq(self.price.equation.lhs, self.expr, evaluate=False)

    @property
    def remainder(self) -> Any:
        """What is left out, as an O-term: 0 for a flow."""
        return self.expr.getO() or S.Zero if self.expr.has(Order) else S.Zero


def _refuse_time(model: Any, X: Any, loss: Any) -> None:
    """Raise where an equation holds the symbol of time: what it says moves without training too."""
    formulas = {**dict(model._root_pairs), **dict(model.args[0])}
    above = ancestors(model.parents, X) | ancestors(model.parents, loss)
    for node in sorted(above & formulas.keys(), key=lambda node: node.sort_key()):
        formula = formulas[node]
        plain = formula.free_symbols - formula.atoms(Observable, Parameter)
        if times := [s for s in plain if getattr(s, "name", None) == "t"]:
            raise NoRuleError(
                f"asked for the rate of {X} where {node} = {formula} holds t, the symbol of time: "
                f"it moves by ∂{node}/∂t besides. Write price(model.formula({X}), "
                f"model.formula({loss}), time={times[0]}), or another name for a constant"
            )


def _both(node: Any) -> tuple[Any, Any]:
    return node.properties[0], node.properties[-1]


def _unsigned(prop: Any) -> Any:
    return -prop if prop.could_extract_minus_sign() else prop


def _collected(left: dict[Any, Any], right: dict[Any, Any], metric: Any, factor: Any) -> Any:
    """factor × Σ c_r d_s NTCov(r, s), each covariance once, with a short coefficient."""
    same = left == right
    found: dict[Any, Any] = {}
    nodes = list(left)
    for place, r in enumerate(nodes):
        others = nodes[place:] if same else list(right)
        for s in others:
            weight = left[r] * right[s] * (2 if same and r != s else 1)
            pair = covariance(r, s, metric=metric)
            found[pair] = found.get(pair, S.Zero) + weight
    return factor_terms(factor * Add(*(weight * pair for pair, weight in found.items())))


def _known(pair: Any) -> Any:
    """The covariance of two roots: of two Parameters its value."""
    if isinstance(pair, (NTCov, NTVar)) and all(isinstance(p, Parameter) for p in pair.properties):
        return pair.doit()
    return pair
