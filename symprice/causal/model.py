"""Causal models: structural equations between the properties of what is trained."""

from __future__ import annotations

from typing import Any

from sympy import Add, Basic, Eq, S, Tuple

from ..errors import NoParameterError, NoRuleError, ShapeError
from ..outputs import Result
from ..symbols import Observable, Parameter, expression
from .graph import ancestors, directed_paths, ordered
from .reading import (
    causes,
    distinct,
    pairs_of,
    partial_derivative,
    refuse_plain_namesakes,
    right_side,
    root_formulas,
)

__all__ = ["CausalModel"]


class CausalModel(Result, Basic):
    """Structural equations `X = f(parents of X)` between properties, with roots that are trained.

    A root is a property with no equation: it is moved by training itself, and covaries with the
    other roots. What has an equation moves because its parents do, so its covariances are sums over
    the paths of the graph (S. Wright, 1934): products of the path coefficients `∂X/∂parent`, times
    a covariance of two roots.

    Parameters
    ==========

    equations : a dict {variable: expression}, or a list of Eq. A variable is an Observable. The
        order is free; expressions may be nonlinear. Plain Symbols are constants.
    roots : all properties that need no equation, so that a slip of the pen is found; a dict
        {root: formula} says what they are, as {P: sigmoid(b)}. Where not given, whatever is trained
        and has no equation is a root. A disturbance of a variable is a root in its equation.

    Raises
    ======

    NoRuleError : for a circle of causes, and for covariances within an equation.
    NameClashError : for two equations of one variable.
    NoParameterError : for a variable that is a plain Symbol, and for what is neither a root nor has
        an equation.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import observables
    >>> from symprice.causal.model import CausalModel
    >>> P, R, L = observables('P R L')
    >>> j, s = symbols('j s')
    >>> model = CausalModel({R: j*s*P, L: -R})
    >>> model.roots, model.variables
    ((P,), (R, L))
    >>> model.path_coefficients
    {(R, P): j*s, (L, R): -1}
    >>> model.rate(R, loss=L).equation
    Eq(Derivative(R(t), t), j**2*s**2*NTVar(P))

    References
    ==========

    S. Wright, The method of path coefficients, Annals of Mathematical Statistics 5 (1934).
    tailcalled, Price's equation for neural networks (2022).
    """

    def __new__(cls, equations: Any, roots: Any = None) -> CausalModel:
        pairs = distinct(pairs_of(equations))
        made = {variable: right_side(variable, side) for variable, side in pairs}
        if not made:
            raise ShapeError("asked for a causal model without equations: write {R: j*P, ...}")
        known = root_formulas(roots, made)
        refuse_plain_namesakes([*made.values(), *known.values()], {*made, *known})
        exprs = {v: causes(e) for v, e in made.items()}
        used = {cause for found in exprs.values() for cause in found} - made.keys()
        if roots is None:
            known = dict.fromkeys(used)
        elif stray := used - known.keys():
            name = min(map(str, stray))
            raise NoParameterError(
                f"asked for a causal model in which {name} has no equation, and is not among the "
                f"roots {', '.join(map(str, known))}: add an equation for it, or put it there"
            )
        order = ordered(exprs)
        return super().__new__(
            cls,
            Tuple(*(Tuple(variable, made[variable]) for variable in order)),
            Tuple(
                *(
                    root if known[root] is None else Tuple(root, known[root])
                    for root in sorted(known, key=lambda root: root.sort_key())
                )
            ),
        )

    # --- what it consists of ----------------------------------------------------------------------
    @property
    def equations(self) -> tuple[Any, ...]:
        """The structural equations, causes first; those of the roots that have a formula."""
        return tuple(Eq(*pair, evaluate=False) for pair in (*self._root_pairs, *self.args[0]))

    @property
    def variables(self) -> tuple[Any, ...]:
        """What has an equation, causes first."""
        return tuple(variable for variable, _ in self.args[0])

    @property
    def roots(self) -> tuple[Any, ...]:
        """What is trained by itself."""
        return tuple(r[0] if isinstance(r, Tuple) else r for r in self.args[1])

    @property
    def nodes(self) -> tuple[Any, ...]:
        """Roots and variables."""
        return (*self.roots, *self.variables)

    @property
    def _root_pairs(self) -> tuple[Any, ...]:
        return tuple(root for root in self.args[1] if isinstance(root, Tuple))

    @property
    def parents(self) -> dict[Any, tuple[Any, ...]]:
        """The direct causes of each variable."""
        return {variable: causes(expr) for variable, expr in self.args[0]}

    @property
    def path_coefficients(self) -> dict[tuple[Any, Any], Any]:
        """{(effect, cause): ∂effect/∂cause}, one for each arrow of the graph."""
        return {
            (variable, cause): partial_derivative(expr, cause)
            for variable, expr in self.args[0]
            for cause in causes(expr)
        }

    def formula(self, node: Any) -> Any:
        """A variable in terms of the roots, or of what the roots are made of.

        Examples
        ========

        >>> from sympy import exp
        >>> from symprice import observables
        >>> from symprice.causal.model import CausalModel
        >>> P, R, L = observables('P R L')
        >>> CausalModel({L: exp(R), R: 2*P}).formula(L)
        exp(2*P)
        """
        return self._formulas().get(self._node(node), node)

    def _formulas(self) -> dict[Any, Any]:
        """What every variable is, and every root that has a formula."""
        found: dict[Any, Any] = {root: formula for root, formula in self._root_pairs}
        for variable, expr in self.args[0]:
            found[variable] = expr.xreplace(found)
        return found

    def _in_roots(self, variable: Any) -> Any:
        """A variable in terms of the roots, by their names."""
        found: dict[Any, Any] = {}
        for each, expr in self.args[0]:
            found[each] = expr.xreplace(found)
        return found[variable]

    # --- what follows -----------------------------------------------------------------------------
    def total_effect(self, cause: Any, effect: Any) -> Any:
        """d effect/d cause: the products of the coefficients, summed over all directed paths.

        Examples
        ========

        >>> from sympy import symbols
        >>> from symprice import observables
        >>> from symprice.causal.model import CausalModel
        >>> P, Q, L = observables('P Q L')
        >>> a, b, c = symbols('a b c')
        >>> CausalModel({Q: c*P, L: a*P + b*Q}).total_effect(P, L)
        a + b*c
        """
        cause, effect = self._node(cause), self._node(effect)
        parents, coefficients = self.parents, self.path_coefficients
        within = ancestors(parents, effect)
        effects: dict[Any, Any] = {cause: S.One}
        for variable in self.variables:
            if variable in within and variable != cause:
                effects[variable] = Add(
                    *(effects.get(p, 0) * coefficients[variable, p] for p in parents[variable])
                )
        return effects.get(effect, S.Zero)

    def directed_paths(self, cause: Any, effect: Any) -> tuple[tuple[Any, ...], ...]:
        """All directed paths from a cause to an effect."""
        return tuple(directed_paths(self.parents, self._node(cause), self._node(effect)))

    def covariance(self, X: Any, Y: Any = None, *, metric: Any = None) -> Any:
        """NTCov(X, Y) of two of the nodes (NTVar of one) as a sum over the paths between them.

        Examples
        ========

        >>> from sympy import symbols
        >>> from symprice import observables
        >>> from symprice.causal.model import CausalModel
        >>> P, Q, A, B = observables('P Q A B')
        >>> a, b = symbols('a b')
        >>> found = CausalModel({A: a*P, B: b*Q}).covariance(A, B)
        >>> found.equation
        Eq(NTCov(A, B), a*b*NTCov(P, Q))
        >>> print(*found.paths)
        A ← P ↔ Q → B
        """
        from .tracing import CausalCovariance

        X = self._node(X)
        return CausalCovariance(self, X, X if Y is None else self._node(Y), metric)

    def rate(self, X: Any, loss: Any, dynamics: Any = None) -> Any:
        """dX/dt in training on a loss that is one of the nodes, as a sum over paths.

        Parameters
        ==========

        X : a root or a variable.
        loss : the same, or an expression in these, as -R to maximise R: it becomes a variable of
            the model by the name L.
        dynamics : as for ``price``; gradient flow where not given.

        Examples
        ========

        >>> from sympy import symbols
        >>> from symprice import observables
        >>> from symprice.causal.model import CausalModel
        >>> P, R, L = observables('P R L')
        >>> j, s = symbols('j s')
        >>> print(CausalModel({R: j*s*P, L: -R}).rate(R, loss=L))
        Derivative(R(t), t) = j**2*s**2*NTVar(P)
        R ← P ↔ P → R → L: j**2*s**2*NTVar(P)
        """
        from .tracing import CausalRate

        X, loss = self._node(X), expression(loss, "the loss of a causal model")
        model = self
        if loss not in self.nodes and loss.free_symbols & set(self.nodes):
            model, loss = self._with_loss(loss)
        return CausalRate(model, X, model._node(loss), dynamics)

    def _with_loss(self, loss: Any) -> tuple[CausalModel, Observable]:
        """The model with another variable, and that."""
        taken = {str(s) for s in self.free_symbols | loss.free_symbols}
        name = "L"
        while name in taken:
            name += "_0"
        variable = Observable(name)
        roots: dict[Any, Any] = {**dict.fromkeys(self.roots), **dict(self._root_pairs)}
        return CausalModel({**dict(self.args[0]), variable: loss}, roots), variable

    def rates(self, loss: Any, dynamics: Any = None) -> dict[Any, Any]:
        """The rate of every root and every variable."""
        return {node: self.rate(node, loss, dynamics) for node in self.nodes}

    def _node(self, given: Any) -> Any:
        node = expression(given, "a variable of a causal model")
        if node not in self.nodes:
            raise ShapeError(
                f"asked for {node}, but the causal model is of "
                f"{', '.join(map(str, self.nodes))}: add an equation {{Observable('X'): {node}}} "
                "for a property that is made of these"
            )
        return node

    # --- how it is shown and changed --------------------------------------------------------------
    def _formula(self) -> Any:
        return list(self.equations)

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """That every path coefficient is the derivative, in the covariances of the parents."""
        from ..tangent.covariance import covariance

        items = []
        for variable, expr in self.args[0]:
            for other in self.roots:
                right = Add(
                    *(partial_derivative(expr, p) * covariance(p, other) for p in causes(expr))
                )
                items.append((f"coefficients of {variable}", covariance(expr, other), right))
        return items

    def _repr_svg_(self) -> str:
        from .drawing import svg

        return svg(self)

    def _eval_subs(self, old: Any, new: Any) -> Any:
        """A root becomes what is put for it; a variable can be renamed only."""
        if old in self.variables and not isinstance(new, Observable):
            raise NoRuleError(
                f"asked to put {new} for {old}, which has an equation: make a CausalModel with "
                "another equation for it"
            )
        if old in self.roots and not isinstance(new, (Observable, Parameter)):
            roots = {r: None for r in self.roots} | {r: f for r, f in self._root_pairs}
            return CausalModel(dict(self.args[0]), roots | {old: new})
        return None
