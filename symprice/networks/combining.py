"""Layers made of layers: around a skip connection, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Add, HadamardProduct, MatMul, Mul, Transpose

from ..errors import ShapeError
from ..indexed.shifts import Shift, UnitVector
from .layer import (
    CHANNELS,
    COLUMN,
    SEQUENCE,
    Layer,
    Scope,
    Signal,
    Weight,
    added,
    chain_forward,
    chain_on_matrix,
    chain_taken,
    chain_weights,
    checked_chain,
)

__all__ = ["ParallelProduct", "ParallelStack", "ParallelSum", "Residual"]


class _Composite(Layer):
    """A layer whose arguments are layers."""

    layouts = (COLUMN, SEQUENCE, CHANNELS)

    @property
    def taken(self) -> tuple[str, ...]:
        """Those that the layers inside take."""
        return chain_taken(self.args)

    @property
    def pools(self) -> bool:
        """Whether a layer inside does."""
        return any(layer.pools for layer in self.args)

    def weights(self, scope: Scope) -> tuple[Weight, ...]:
        """Those of the layers in order."""
        return chain_weights(self.args, scope)


class Residual(_Composite):
    """The skip connection `x + F(x)` around layers F.

    Parameters
    ==========

    layers : layers one after another, which give as many entries as they take.

    Examples
    ========

    >>> from sympy import symbols, tanh
    >>> from symprice import Activation, Dense, Network, Residual, inputs
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> block = Residual(Dense(d, m), Activation(tanh), Dense(m, d))
    >>> Network(block)(inputs('x', d)).expr
    x + W2*a1 + b2
    """

    def __new__(cls, *layers: Any) -> Residual:
        if not layers:
            raise ShapeError("asked for Residual(): give the layers that it goes around")
        fan_in, fan_out = checked_chain(layers, "Residual")
        if None not in (fan_in, fan_out) and fan_in != fan_out:
            raise ShapeError(
                f"asked for a Residual around layers that take {fan_in} entries and give "
                f"{fan_out}: these are added, so they must be equal"
            )
        return super().__new__(cls, *layers)

    @property
    def widths(self) -> tuple[Any, Any]:
        """The width of the layers, on both sides."""
        known = [width for width in checked_chain(self.args, "Residual") if width is not None]
        return (known[0], known[0]) if known else (None, None)

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """`x_i + F_i(x)`."""
        inner = [scope.name("h", j, entry) for j, entry in enumerate(entries, start=1)]
        outer = chain_forward(self.args, inner, scope)
        return [
            scope.name("r", i, x + f) for i, (x, f) in enumerate(zip(inner, outer, strict=True), 1)
        ]

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`x + F(x)`."""
        inner = scope.named(self.fitting(signal))
        result = chain_on_matrix(self.args, signal.but(inner), scope)
        _alike(self, [signal.but(inner), result])
        return signal.but(added(inner, result.value), "r")


class _Parallel(_Composite):
    """Layers or networks side by side, at one input."""

    @property
    def taken(self) -> tuple[str, ...]:
        """Those that every branch takes."""
        return tuple(n for n in self.layouts if all(n in branch.taken for branch in self.args))

    def __new__(cls, *branches: Any) -> Any:
        if not branches or not all(isinstance(branch, Layer) for branch in branches):
            raise ShapeError(
                f"asked for {cls.__name__}{branches}: write layers or networks, as "
                f"{cls.__name__}(Dense(2, 3), MLP(2, 5, 3))"
            )
        taken = {branch.widths[0] for branch in branches} - {None}
        if len(taken) > 1:
            raise ShapeError(
                f"asked for {cls.__name__} of branches that take "
                f"{', '.join(sorted(map(str, taken)))} entries: they share one input"
            )
        return super().__new__(cls, *branches)

    @property
    def widths(self) -> tuple[Any, Any]:
        """The width of the input, and that of every branch."""
        known = [branch.widths[0] for branch in self.args if branch.widths[0] is not None]
        given = [branch.widths[1] for branch in self.args if branch.widths[1] is not None]
        return (known[0] if known else None), (given[0] if given else None)

    def branches(self, signal: Signal, scope: Scope) -> list[Signal]:
        """What the branches give, each with a name of its own."""
        inner = signal.but(scope.named(self.fitting(signal)))
        results = []
        for branch in self.args:
            result = branch.on_matrix(inner, scope)
            results.append(Signal(scope.named(result), result.layout, result.letter))
        return results

    def _branch_entries(self, entries: Sequence[Any], scope: Scope) -> list[list[Any]]:
        inner = [scope.name("h", j, entry) for j, entry in enumerate(entries, start=1)]
        results = []
        for branch in self.args:
            outer = branch.forward(inner, scope)
            results.append([scope.name("h", i, value) for i, value in enumerate(outer, start=1)])
        return results


class _OfEqualWidths(_Parallel):
    def __new__(cls, *branches: Any) -> Any:
        given = {getattr(branch, "widths", (None, None))[1] for branch in branches} - {None}
        if len(given) > 1:
            raise ShapeError(
                f"asked for {cls.__name__} of branches that give "
                f"{', '.join(sorted(map(str, given)))} entries: their widths must be equal"
            )
        return super().__new__(cls, *branches)


class ParallelSum(_OfEqualWidths):
    """The sum `f(x) + g(x) + …` of layers or networks at one input.

    Examples
    ========

    >>> from symprice import Dense, MLP, Network, ParallelSum
    >>> Network(ParallelSum(Dense(1, 1), Dense(1, 1, bias=False))).explicit().doit()
    b1_1 + w1_11*x1 + w2_11*x1
    """

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """The sums of the entries."""
        return [Add(*parts) for parts in zip(*self._branch_entries(entries, scope), strict=True)]

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """The sum of what the branches give."""
        results = _alike(self, self.branches(signal, scope))
        return results[0].but(added(*(result.value for result in results)), "r")


class ParallelProduct(_OfEqualWidths):
    """The product `f(x) ∘ g(x) ∘ …` of layers or networks at one input, entry by entry.

    Examples
    ========

    >>> from symprice import Dense, Network, ParallelProduct
    >>> linear = Dense(1, 1, bias=False)
    >>> Network(ParallelProduct(linear, linear)).explicit().doit()
    w1_11*w2_11*x1**2
    """

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """The products of the entries."""
        return [Mul(*parts) for parts in zip(*self._branch_entries(entries, scope), strict=True)]

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """The product of what the branches give."""
        results = _alike(self, self.branches(signal, scope))
        values = [result.value for result in results]
        return results[0].but(values[0] if len(values) == 1 else HadamardProduct(*values), "r")


class ParallelStack(_Parallel):
    """The outputs of layers or networks at one input, one below the other; of sequences, side by
    side in every row.

    Examples
    ========

    >>> from symprice import Dense, Network, ParallelStack
    >>> Network(ParallelStack(Dense(1, 1), Dense(1, 2, bias=False))).explicit().expr.T
    Matrix([[h1_1, h2_1, h2_2]])
    """

    @property
    def widths(self) -> tuple[Any, Any]:
        """The width of the input, and the sum of those of the branches."""
        given = [branch.widths[1] for branch in self.args]
        return super().widths[0], None if None in given else Add(*given)

    def forward(self, entries: Sequence[Any], scope: Scope) -> list[Any]:
        """All entries."""
        return [entry for branch in self._branch_entries(entries, scope) for entry in branch]

    def on_matrix(self, signal: Signal, scope: Scope) -> Signal:
        """`Σ_i E_i f_i`, where E_i puts a branch in its place."""
        results = self.branches(signal, scope)
        layout = results[0].layout
        # The other axis, which all have in common.
        across = {result.value.shape[0 if layout == SEQUENCE else 1] for result in results}
        if len(across) > 1 or len({result.layout for result in results}) > 1:
            raise _unlike(self, results)
        total, offset, terms = Add(*(result.width for result in results)), Add(), []
        for result in results:
            terms.append(_placed(result, offset, total))
            offset = offset + result.width
        return results[0].but(added(*terms), "r")


def _placed(result: Signal, offset: Any, total: Any) -> Any:
    """A matrix in its place among ``total`` rows, or columns of a sequence, and zeros around it."""
    sequence = result.layout == SEQUENCE
    if result.width == total:
        return result.value
    if result.width == 1:
        place = UnitVector(total, offset)
        factors = (result.value, Transpose(place)) if sequence else (place, result.value)
        return MatMul(*factors)
    if sequence:
        return Shift(result.value, -offset, total)
    return Transpose(Shift(Transpose(result.value), -offset, total))


def _alike(layer: Layer, results: list[Signal]) -> list[Signal]:
    """Signals of one shape, or an error that says which they are."""
    if len({(result.value.shape, result.layout) for result in results}) > 1:
        raise _unlike(layer, results)
    return results


def _unlike(layer: Layer, results: list[Signal]) -> ShapeError:
    shapes = ", ".join(
        f"{result.value.shape[0]} × {result.value.shape[1]} ({result.layout})" for result in results
    )
    return ShapeError(f"{layer} joins matrices that do not fit together: {shapes}")
