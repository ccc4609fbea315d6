"""Array code of random index expressions, against loops over all indices."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from sympy import Add, KroneckerDelta, MatrixSymbol, Mod, Mul, Pow, Symbol, symbols, tanh

from symprice import (
    ClosedForm,
    ClosedFormMatrix,
    EntriesOf,
    Family,
    Index,
    NameMatrix,
    Parameter,
    ParameterFamily,
    ParameterMatrix,
    SumOver,
)
from symprice.emit.matrix_function import MatrixFunction
from symprice.indexed.entries import Entry, Within
from symprice.indexed.shifts import wrapped

a, b, L, k, N = symbols("a b L k N", integer=True, positive=True)
SIZES = {a: 3, b: 2, L: 4, k: 2, N: 3}
W = ParameterMatrix("W", a, b)
V = ParameterMatrix("V", 1, a)
c = ParameterMatrix("c", b, 1)
F = ParameterFamily("F", a, b, k)
s = Parameter("s")
eps = Symbol("epsilon")
x, y = MatrixSymbol("x", a, 1), MatrixSymbol("y", b, 1)
X, Z = MatrixSymbol("X", b, L), MatrixSymbol("Z", L, a)
D = MatrixSymbol("D", b, 1)  # a family over the data
INPUTS = (x, y, X, Z, D)
LABELS = {D: (N,)}


class Loops:
    """The value of closed forms whose definitions are entries, by loops over all indices: slow,
    plain, and no code of the package.

    Arrays are stored as their entries are written: rows, columns, labels, without axes of length 1.
    """

    def __init__(self, arrays: Mapping[Any, Any], sizes: Mapping[Any, int]) -> None:
        self.arrays, self.sizes = dict(arrays), dict(sizes)

    def size(self, expr: Any) -> int:
        return int(expr.subs(self.sizes))

    def closed(self, closed: Any) -> Any:
        for name, given in closed.definitions.items():
            labels = given.labels if isinstance(given, Family) else ()
            node = given.expr if isinstance(given, Family) else given
            assert isinstance(node, EntriesOf)
            places = [p for p in node.args[1:] if isinstance(p, Index)]
            self.arrays[name] = self.table(node.expr, [*places, *labels])
        body = closed.expr
        if isinstance(body, EntriesOf):
            return self.table(body.expr, [p for p in body.args[1:] if isinstance(p, Index)])
        return self.value(body, {})

    def table(self, expr: Any, places: list[Any]) -> Any:
        result = np.empty([self.size(p.size) for p in places])
        for at in np.ndindex(*result.shape):
            result[at] = self.value(expr, dict(zip(places, at, strict=True)))
        return result

    def value(self, expr: Any, at: Mapping[Any, int]) -> Any:
        if isinstance(expr, Entry):
            return self.arrays[expr.array][tuple(int(self.value(p, at)) for p in expr.positions)]
        if isinstance(expr, SumOver):
            ranges = [range(self.size(index.size)) for index in expr.indices]
            return sum(
                self.value(expr.expr, {**at, **dict(zip(expr.indices, places, strict=True))})
                for places in product(*ranges)
            )
        if isinstance(expr, Index):
            return at[expr]
        if expr in self.sizes:
            return self.sizes[expr]
        if expr in self.arrays:
            return float(self.arrays[expr])
        if expr.is_number:
            return float(expr)
        if isinstance(expr, Mul):
            # A factor 0 stands for what does not exist beside it.
            total = 1.0
            for arg in sorted(expr.args, key=lambda a: not isinstance(a, Within)):
                if total != 0:
                    total *= self.value(arg, at)
            return total
        values = [self.value(arg, at) for arg in expr.args]
        if isinstance(expr, Within):
            return float(0 <= values[0] < values[1])
        return OPERATIONS[type(expr)](*values)


OPERATIONS: dict[type, Callable[..., Any]] = {
    Add: lambda *terms: sum(terms),
    KroneckerDelta: lambda i, j: float(i == j),
    Mod: lambda position, size: position % size,
    Pow: lambda base, exponent: base**exponent,
    tanh: np.tanh,
}


def axes(symbol: Any) -> tuple[Any, ...]:
    """The sizes of the positions of an entry."""
    labels = (k,) if symbol == F else LABELS.get(symbol, ())
    return (*(size for size in symbol.shape if size != 1), *labels)


def sizes_known() -> Any:
    """A term of arrays from which every size can be read."""
    i, j, t, u, n = (Index(name, z) for name, z in zip("ijtun", (a, b, L, k, N), strict=True))
    return SumOver(Entry(X, j, t) * Entry(F, i, j, u) * Entry(D, j, n), i, j, t, u, n)


class Draw:
    """Random index expressions over the arrays above."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.defined: dict[Any, Any] = {}
        self.count = 0

    def index(self, size: Any) -> Index:
        self.count += 1
        return Index(f"i{self.count}", size)

    def position(self, size: Any, pool: list[Index]) -> Any:
        """A place on an axis, mostly an index that occurs elsewhere, and a factor."""
        fitting = [index for index in pool if index.size == size]
        draw = self.random.random()
        if size == L and draw < 0.35:
            inner = [index for index in pool if index.size == k]
            shift = self.random.choice(inner) if inner else self.new(k, pool)
            if draw < 0.12:
                return self.new(L - k + 1, pool) + shift, 1
            along = self.random.choice(fitting) if fitting else self.new(L, pool)
            if draw < 0.24:
                return wrapped(along + shift, L), 1
            place = along - shift
            return place, Within(place, L)
        if draw > 0.95:
            return self.random.randrange(SIZES[size]), 1
        if fitting and draw < 0.85:
            return self.random.choice(fitting), 1
        return self.new(size, pool), 1

    def new(self, size: Any, pool: list[Index]) -> Index:
        index = self.index(size)
        pool.append(index)
        return index

    def entry(self, pool: list[Index]) -> Any:
        symbol = self.random.choice([W, V, c, F, *INPUTS, *self.defined])
        sizes = self.defined.get(symbol) or axes(symbol)
        places = [self.position(size, pool) for size in sizes]
        return Entry(symbol, *(p for p, _ in places)) * Mul(*(f for _, f in places))

    def factor(self, pool: list[Index], deep: int = 1) -> Any:
        draw = self.random.random()
        if draw < 0.62 or not deep:
            return self.entry(pool)
        if draw < 0.70:
            return tanh(self.entry(pool))
        if draw < 0.76:
            return self.entry(pool) ** 2
        if draw < 0.82:
            return Add(*(self.factor(pool, 0) for _ in range(2)), self.random.choice([1, eps, s]))
        if draw < 0.88:
            index = self.index(self.random.choice([a, b]))
            inner = [*pool, index]
            term = self.factor(inner, 0) * self.factor(inner, 0)
            return SumOver(term, *(i for i in inner[len(pool) :] if term.has(i)))
        if draw < 0.94 and pool:
            index = self.random.choice(pool)
            return KroneckerDelta(index, self.new(index.size, pool))
        return self.random.choice([s, eps, 2, Symbol("epsilon") + 1, a])

    def term(self, open_indices: tuple[Index, ...]) -> Any:
        pool: list[Index] = list(open_indices)
        factors = [self.factor(pool) for _ in range(self.random.choice([2, 2, 3, 3, 4]))]
        term = Mul(*factors)
        bound = [i for i in pool if i not in open_indices and term.has(i)]
        return SumOver(term, *bound)

    def closed(self) -> Any:
        definitions: dict[Any, Any] = {}
        for number in range(self.random.randint(0, 2)):
            rows, columns = self.random.choice([(a, 1), (b, 1), (b, a), (L, b)])
            i, j = self.index(rows), self.index(columns) if columns != 1 else 0
            labels = (self.index(N),) if self.random.random() < 0.3 else ()
            opened = (i, *((j,) if columns != 1 else ()), *labels)
            value = Family(EntriesOf(self.term(opened) + self.term(opened), i, j), *labels)
            name = NameMatrix(f"h{number + 1}", rows, columns)
            definitions[name] = value
            self.defined[name] = tuple(index.size for index in opened)
        draw = self.random.random()
        if draw < 0.6:
            return ClosedForm(self.term(()) + self.term(()) + sizes_known(), definitions)
        i, j = self.index(a), self.index(b)
        body = self.term((i, j)) + self.term((i,)) + sizes_known()
        return ClosedFormMatrix(EntriesOf(body, i, j), definitions)


def stored(symbol: Any, value: Any) -> Any:
    """An array as the code takes it: labels of data in front, rows of length 1 kept."""
    if symbol in LABELS:
        return np.moveaxis(value, -1, 0)
    return value[None] if symbol == V else value


def arrays(generator: Any) -> dict[Any, Any]:
    sizes = {q: axes(q) for q in (W, V, c, F, *INPUTS)}
    drawn = {q: generator.normal(size=[SIZES[n] for n in shape]) for q, shape in sizes.items()}
    return drawn | {s: generator.normal(), eps: generator.normal()}


def compare(closed: Any, batch: dict[Any, str], seed: int) -> None:
    """Code with batches against the loops, at some elements of them."""
    generator = np.random.default_rng(seed)
    function = MatrixFunction(closed, batch)
    lengths = {label: 2 + n for n, label in enumerate(dict.fromkeys(batch.values()))}
    base = arrays(generator)
    batches = {q: [arrays(generator)[q] for _ in range(lengths[z])] for q, z in batch.items()}
    params = {q.name: stored(q, base[q]) if q != s else base[q] for q in (W, V, c, F, s)}
    given = []
    for symbol in function.inputs:
        if symbol in batches:
            given.append(np.array([stored(symbol, value) for value in batches[symbol]]))
        else:
            given.append(stored(symbol, base[symbol]) if symbol != eps else base[eps])
    found = np.asarray(function(params, *given))
    if importlib.util.find_spec("array_api_compat"):
        standard = MatrixFunction(closed, batch, backend="array_api")
        arguments = [np.asarray(value) for value in given]
        theirs = {name: np.asarray(value) for name, value in params.items()}
        assert np.allclose(standard(theirs, *arguments), found, rtol=1e-11, atol=1e-12)
    assert found.shape[: len(lengths)] == tuple(lengths.values())
    elements = list(np.ndindex(*lengths.values()))
    for places in {elements[0], elements[-1], elements[seed % len(elements)]}:
        at = dict(zip(lengths, places, strict=True))
        here = {q: batches[q][at[batch[q]]] for q in batches}
        expected = Loops(base | here, SIZES).closed(closed)
        scale = 1 + np.abs(expected).max()
        assert found[places].shape == np.shape(expected)
        assert np.allclose(found[places], expected, rtol=1e-11, atol=1e-12 * scale)


@pytest.mark.parametrize("seed", range(30))
def test_random_expressions(seed: int) -> None:
    closed = Draw(seed).closed()
    used = [q for q in (*INPUTS, eps) if q in closed.free_symbols]
    chooser = random.Random(seed)
    batch = {q: chooser.choice("nm") for q in used if chooser.random() < 0.6}
    compare(closed, batch, seed)
