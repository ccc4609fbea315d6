"""Covariances of a multilayer perceptron for every depth: a sum over layers and two recursions.

The formula is not stored. The covariance is derived at two depths by the rules for any other one,
and what its layers have in common becomes the formula.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NoReturn

from sympy import Basic, Eq, Identity, S, Symbol
from sympy.core.function import AppliedUndef
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify

from ..closedform import ClosedForm, ClosedFormMatrix
from ..errors import NameClashError, NoRuleError, ShapeError
from ..indexed.entries import Entry, Index
from ..indexed.families import Member
from ..indexed.sums import SumOver
from ..outputs import Outputs
from ..symbols import Name, NameMatrix, Observable, ObservableVector, expression, inputs
from .closing import closed_form
from .covariance import NTCov, NTVar
from .layer_kernel import KernelRecursion, kernel_recursion, unrolled_kernel
from .layer_names import covariance_at, depth_of
from .layer_pattern import ALIKE, PRIMED, LayerPattern
from .properties import TangentCovariance

__all__ = ["DepthFormula", "symbolic_depth"]


def symbolic_depth(covariance_or_network: Any, L: Any = None) -> Any:
    r"""The tangent covariance of a multilayer perceptron for every depth L.

    `NTCov(f, f') = Σ_{l=1}^{L} (a_{l-1}ᵀ a'_{l-1} + 1) δ_lᵀ δ'_l`, forward with
    `h_l = W_l a_{l-1} + b_l`, `a_l = φ(h_l)`, `a_0 = x`, and backward with
    `δ_l = φ'(h_l) ∘ W_{l+1}ᵀ δ_{l+1}`, `δ_L = I`. It is derived at the depth that is given and at
    the next one, and every layer is compared with the others.

    Parameters
    ==========

    covariance_or_network : an NTCov or NTVar of a network, or its closed form; or a network, for
        its NTCov at two inputs x and y. It has at least four hidden layers, of one width and of any
        activation.
    L : the number of layers with weights, a Symbol; 'L' where it is left out. A number gives the
        closed form at that depth.

    Returns a DepthFormula.

    Raises
    ======

    NoRuleError : where the layers do not follow one pattern; it says at which layer.
    ShapeError : for what is no covariance of a network at matrix level, or no depth.
    NameClashError : where the network uses the symbol L already.

    References
    ==========

    A. Jacot, F. Gabriel, C. Hongler, Neural tangent kernel: convergence and generalization in
    neural networks, NeurIPS 2018: the recursion over the depth (in the limit of infinite width).

    Examples
    ========

    >>> from sympy import Function, symbols
    >>> from symprice import MLP, symbolic_depth
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> K = symbolic_depth(MLP(d, m, m, m, m, 1, activation=Function('phi')))
    >>> print(K.latex(where=False))
    \operatorname{NTCov}(f, f') = \sum_{l=1}^{L} \left(a_{l-1}^{\top} a'_{l-1} + 1\right)\,
    \delta_{l}^{\top} \delta'_{l}
    >>> len(K.at(20).definitions)
    114
    """
    depth = Symbol("L") if L is None else expression(L, "a formula for every depth L")
    return DepthFormula(_covariance(covariance_or_network), depth)


class DepthFormula(Outputs, Basic):
    """A covariance of a multilayer perceptron for every depth. Made by ``symbolic_depth``.

    Parameters
    ==========

    covariance : the NTCov or NTVar at one depth.
    depth : the Symbol L for the number of layers.

    The names of layer l are members of families, ``Member(h, l)`` with an Index l. It begins at 0
    and is printed from 1, so `a_0` is ``Member(a, -1)``.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import MLP, symbolic_depth
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> K = symbolic_depth(MLP(d, m, m, m, m, 1, activation=tanh))
    >>> K.forward[0]
    Eq(Member(h, l), Member(W, l)*Member(a, l - 1) + Member(b, l))
    >>> K.backward[-1]
    Eq(Member(delta_prime, L - 1), I)
    """

    args: Any
    _pattern: LayerPattern
    _families: tuple[str, ...]  # that the properties are the last members of

    def __new__(cls, covariance: Any, depth: Any) -> Any:
        covariance, depth = _sympify(covariance), _sympify(depth)
        if not (depth.is_Symbol or depth.is_Integer):
            raise ShapeError(f"asked for the depth {depth}: write a Symbol or a positive integer")
        if depth.is_Symbol and depth.name in _names(covariance):
            raise NameClashError(
                f"asked for a formula for every depth {depth}, but the network uses that name "
                "already: write another Symbol"
            )
        formula = super().__new__(cls, covariance, depth)
        # Derived from args alone, so equality, hashing and pickling do not see it.
        formula._pattern, formula._families = _derived(covariance, depth)
        return formula if depth.is_Symbol else formula.at(depth)

    @property
    def covariance(self) -> Any:
        """The covariance that was given, at its depth."""
        return self.args[0]

    @property
    def depth(self) -> Any:
        """The symbol L for the number of layers."""
        return self.args[1]

    # --- the formula ------------------------------------------------------------------------------
    @property
    def index(self) -> Index:
        """The index l of a layer."""
        return self._pattern.index

    @property
    def term(self) -> Any:
        """The summand of layer l."""
        return self._pattern.term

    @property
    def expr(self) -> Any:
        """The sum over the layers."""
        return SumOver(self.term, self.index)

    @property
    def forward(self) -> tuple[Eq, ...]:
        """The recursions from the input on, and what they begin with."""
        pattern = self._pattern
        begin = [(_member(f, v.shape, S.NegativeOne), v) for f, v in pattern.bottom.items()]
        return _equations(
            [*self._recursions(False), *begin, *pattern.given, *pattern.widths.items()]
        )

    @property
    def backward(self) -> tuple[Eq, ...]:
        """The recursions from the output back, and what they begin with."""
        last = self.depth - 1
        begin = [
            (_member(family, value.shape, last), value.xreplace({self.index: last}))
            for family, value in self._pattern.top.items()
        ]
        return _equations([*self._recursions(True), *begin])

    def _recursions(self, backward: bool) -> list[tuple[Any, Any]]:
        pattern = self._pattern
        return [
            (name, pattern.values[family])
            for family, name in pattern.names.items()
            if pattern.is_backward(family) is backward
        ]

    @cached_property
    def _kernel(self) -> KernelRecursion:
        return kernel_recursion(self.covariance, self._pattern)

    @property
    def kernel_recursion(self) -> tuple[Eq, ...]:
        """The covariance `Θ_l` of the values `h_l` of a layer, forward from layer to layer.

        `Θ_{l+1} = (a_lᵀ a'_l + 1) I + J_lᵀ Θ_l J'_l` with `J_l = φ'(h_l) ∘ W_{l+1}ᵀ`, beginning
        with `Θ_1 = (xᵀx' + 1) I`; the covariance of the outputs is `Θ_L`. It is derived from one
        layer on top of a vector that may be any function of the parameters below.

        Examples
        ========

        >>> from sympy import symbols, tanh
        >>> from symprice import MLP, symbolic_depth
        >>> d, m = symbols('d m', integer=True, positive=True)
        >>> K = symbolic_depth(MLP(d, m, m, m, m, 1, activation=tanh))
        >>> print(K.kernel_recursion[0].rhs.args[0])
        Member(J, l).T*Member(Theta, l)*Member(J_prime, l)
        """
        kernel = self._kernel
        above = kernel.theta.xreplace({self.index: self.index + 1})
        first = kernel.theta.xreplace({self.index: S.Zero})
        return _equations([(above, kernel.step), (first, kernel.start), *kernel.jacobians.items()])

    # --- at one depth -----------------------------------------------------------------------------
    def at(self, depth: Any) -> Any:
        """The closed form at a depth, derived there by the ordinary rules.

        Examples
        ========

        >>> from sympy import symbols, tanh
        >>> from symprice import MLP, symbolic_depth
        >>> d, m = symbols('d m', integer=True, positive=True)
        >>> symbolic_depth(MLP(d, m, m, m, m, 1, activation=tanh, bias=False)).at(2).expr
        (ScalarProduct(x, y))*(ScalarProduct(delta1, delta1_prime)) + ScalarProduct(a1, a1_prime)
        """
        return closed_form(covariance_at(self.covariance, depth))

    def unrolled(self, depth: Any) -> Any:
        """The sum and its recursions written out layer by layer, a closed form that no rule of
        covariances was applied to; ``check`` holds it to the definition of the covariance.
        """
        covariance = covariance_at(self.covariance, depth)
        expr, definitions = self._pattern.unrolled(covariance, int(depth))
        cls = ClosedFormMatrix if getattr(expr, "is_Matrix", False) else ClosedForm
        return cls(expr, definitions, covariance)

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """The formula at depths that it was not derived at."""
        # A function that is not specified becomes a wild one, which is not applied many times.
        depths = 3, 2 if self.covariance.has(AppliedUndef) else 4
        written = [self.unrolled(depth) for depth in depths]
        items = [
            (f"L = {depth}", closed.origin, closed.without_origin())
            for depth, closed in zip(depths, written, strict=True)
        ]
        if self._families[0] == next(iter(self._pattern.values)):
            kernel = unrolled_kernel(self._pattern, self._kernel, written[0])
            items.append((f"the kernel's recursion, L = {depths[0]}", written[0].origin, kernel))
        return items

    def source(self, args: Any = None, **settings: Any) -> NoReturn:
        """Code has a depth: an error that says so."""
        raise NoRuleError(
            f"asked for code of a formula for every depth {self.depth}: write it at one, as in "
            "formula.at(5).source()"
        )

    def lambdify(self, args: Any = None, **settings: Any) -> NoReturn:
        """Code has a depth: an error that says so."""
        self.source()

    def by_parameter(self) -> NoReturn:
        """The parameters have a depth: an error that says so."""
        raise NoRuleError(
            f"asked for the contributions of the parameters at every depth {self.depth}: write "
            "formula.at(5).by_parameter(); that of layer l is formula.term"
        )

    def doit(self, **hints: Any) -> Any:
        """The same: only ``at`` a depth can it be written out."""
        return self

    # --- on paper ---------------------------------------------------------------------------------
    def latex(self, **settings: Any) -> str:
        """LaTeX of the sum and its recursions; ``where=False`` leaves the recursions out."""
        if not settings.get("where", True):
            return str(self._sum().latex(**settings))
        return super().latex(**settings)

    def _sum(self) -> ClosedForm | ClosedFormMatrix:
        """The sum, as the closed form of a covariance of some f and f'."""
        k = self.covariance.properties[0].shape[0]
        outputs = [Observable(f) if k == 1 else ObservableVector(f, k, 1) for f in self._letters()]
        kind = NTVar if len(outputs) == 1 else NTCov
        return (ClosedForm if k == 1 else ClosedFormMatrix)(self.expr, (), kind(*outputs))

    def _letters(self) -> list[str]:
        """What the properties are called."""
        letter = _free("fgFu", self.covariance, self.depth)
        return [letter, letter + PRIMED][: len(self._families)]

    def _formula(self) -> list[Any]:
        """The lines in which the formula is shown; of what is primed alike, only its beginning."""
        k = self.covariance.properties[0].shape[0]
        pairs = [eq.args for eq in (*self.forward, *self.backward)]
        primed = [pair for pair in pairs if _symbol(pair[0]).name.endswith(PRIMED)]
        alike = bool(primed) and self._pattern.is_mirrored()
        if alike:
            pairs = [pair for pair in pairs if pair not in primed]
        heads = [
            (ObservableVector(f, k, 1), _member(family, (k, 1), self.depth - 1))
            for f, family in zip(self._letters(), self._families, strict=True)
        ]
        pairs = [*heads[: 1 if alike else None], *pairs]
        lines: list[Any] = [self._sum()]
        for n, (name, value) in enumerate(pairs):
            left = name if n else _Words(r"\text{where}\quad ", name, "")
            value = S.One if value == Identity(1) else value
            comma = "," if alike or n < len(pairs) - 1 else ""
            lines.append(_equal(left, _Words("", value, comma)))
        if alike:
            # An index begins at 0, so layer 0 has the label -1.
            begin = [pair for pair in primed if S.NegativeOne in pair[0].args or not pair[0].args]
            words = [rf"\text{{{ALIKE}, from }} ", *[""] * len(begin)]
            lines += [_Words(w, _equal(*pair), "") for w, pair in zip(words, begin, strict=False)]
        return lines

    def _latex(self, printer: Any) -> str:
        return str(printer._print(self.expr))


class _Words(Basic):
    """An expression with LaTeX before and behind it, where it is printed."""

    def __new__(cls, before: Any, expr: Any, behind: Any) -> _Words:
        front, back = (text if isinstance(text, Str) else Str(text) for text in (before, behind))
        return super().__new__(cls, front, expr, back)

    def _latex(self, printer: Any) -> str:
        before, expr, behind = self.args
        if getattr(getattr(printer, "notation", None), "second", "") == "tilde":
            before = Str(before.name.replace("primes", "tildes"))
        return f"{before.name}{printer._print(expr)}{behind.name}"


def _covariance(given: Any) -> Any:
    """The covariance that is meant."""
    if isinstance(given, (ClosedForm, ClosedFormMatrix)) and given.origin is not None:
        given = given.origin
    if isinstance(given, TangentCovariance):
        first, last = given.properties[0], given.properties[-1]
        return NTVar(first, given.metric) if first == last else given
    width = getattr(given, "fan_in", None)
    if width is None or not callable(given):
        raise ShapeError(
            f"asked for a formula for every depth of {given}: write a network, as MLP(d, m, m, m, "
            "m, 1), or a covariance, as NTCov(net(x), net(y))"
        )
    x, y = inputs("x y", width)
    return NTCov(given(x), given(y))


def _derived(covariance: Any, depth: Any) -> tuple[LayerPattern, tuple[str, ...]]:
    """The pattern of the layers, held at two depths, and the families of the properties."""
    given = depth_of(covariance)
    index = Index(_free("lst", covariance, depth), depth)
    width = Name(_free("nNr", covariance, depth))
    outputs = covariance.properties[0].shape[0]
    pattern = LayerPattern(closed_form(covariance), given, outputs, index, width)
    pattern.hold(closed_form(covariance_at(covariance, given + 1)), given + 1)
    families = [pattern.holds_output(prop, given) for prop in covariance.properties]
    families[1:] = [family + PRIMED for family in families[1:]]
    return pattern, tuple(families)


def _names(covariance: Any) -> set[str]:
    """What the symbols of a covariance and the sizes of its matrices are called."""
    symbols = covariance.free_symbols
    sizes = {size for symbol in symbols for size in getattr(symbol, "shape", ())}
    return {symbol.name for symbol in symbols.union(*(size.free_symbols for size in sizes))}


def _free(letters: str, covariance: Any, depth: Any) -> str:
    """The first letter that nothing else is called."""
    taken = _names(covariance) | {str(depth)}
    return next((letter for letter in letters if letter not in taken), f"{letters[0]}_")


def _member(family: str, shape: Any, label: Any) -> Any:
    return Member(NameMatrix(family.format(""), *shape), label)


def _symbol(name: Any) -> Any:
    """What is defined, without its label."""
    return name.args[0] if isinstance(name, (Member, Entry)) else name


def _equal(left: Any, right: Any) -> Eq:
    return Eq(left, right, evaluate=False)


def _equations(pairs: Iterable[tuple[Any, Any]]) -> tuple[Eq, ...]:
    return tuple(_equal(left, right) for left, right in pairs)
