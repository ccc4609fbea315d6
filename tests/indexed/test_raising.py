"""What is raised to matrix notation has the entries that it was raised from."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
import sympy
from sympy import (
    Function,
    HadamardProduct,
    Identity,
    KroneckerDelta,
    Lambda,
    MatAdd,
    MatMul,
    MatrixSymbol,
    Mod,
    OneMatrix,
    S,
    Subs,
    Symbol,
    Trace,
    Transpose,
    ZeroMatrix,
    atan2,
    exp,
    symbols,
    tanh,
)

from symprice.elementwise import Elementwise, ScalarProduct, ScaledRows
from symprice.emit.latex import to_latex
from symprice.errors import ShapeError
from symprice.indexed.entries import Entry, Index, Within, indices_of
from symprice.indexed.families import EntriesOf, Member, ParameterFamily
from symprice.indexed.lowering import entry, scalar
from symprice.indexed.raising import raised
from symprice.indexed.shifts import Shift, UnitVector
from symprice.indexed.sums import SumOver, summed
from symprice.symbols import Name, NameMatrix, ParameterMatrix, inputs
from tests.seeds import seeds

d, m, k, n, T, L, K = symbols("d m k n T L K", integer=True, positive=True)
SIZES = {d: 2, m: 3, k: 2, n: 3, T: 4, L: 6, K: 3}
x, y = inputs("x y", d)
h, v = NameMatrix("h1", m, 1), NameMatrix("v", m, 1)
M, N = MatrixSymbol("M", m, d), MatrixSymbol("N", m, d)
i, i2, i3 = (Index(s, m) for s in ("i", "i2", "i3"))
a, a2, a3 = (Index(s, d) for s in ("a", "a2", "a3"))
p, q = Index("p", k), Index("q", k)
t, u = Index("t", T), Index("u", T)
hh = Symbol("h")
SLOPE = Lambda(hh, 1 - tanh(hh) ** 2)


# --- an evaluation by definition -----------------------------------------------------------------
FUNCTION = {
    sympy.Add: lambda *e: sum(e),
    sympy.Mul: lambda *e: math.prod(e),
    sympy.Pow: lambda base, power: base**power,
    Mod: np.mod,
    tanh: np.tanh,
    exp: np.exp,
    sympy.cos: np.cos,
    atan2: np.arctan2,
    KroneckerDelta: lambda one, other: (one == other) * 1.0,
}


class Evaluation:
    """Values of index expressions and of matrix expressions, by definition, with NumPy.

    Every index is an array along an axis of its own; a sum adds an axis and sums over it.
    """

    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)
        self.arrays: dict = {}

    def size(self, size) -> int:
        return int(sympy.sympify(size).subs(SIZES))

    def entry(self, array, positions):
        """The entries of an array at some places; 0 outside of its axes."""
        sizes = [self.size(s) for s in getattr(array, "shape", ()) if s != 1]
        sizes += [8] * (len(positions) - len(sizes))
        if array not in self.arrays:
            self.arrays[array] = self.generator.uniform(0.2, 1.5, sizes)
        inside = math.prod((0 <= p) & (p < size) for size, p in zip(sizes, positions, strict=True))
        places = [np.clip(p, 0, size - 1) for size, p in zip(sizes, positions, strict=True)]
        return self.arrays[array][tuple(places)] * inside

    def number(self, expr, at):
        if expr in at:
            return at[expr]
        if isinstance(expr, Entry):
            return self.entry(expr.array, [self.number(e, at) for e in expr.positions])
        if isinstance(expr, SumOver) and expr.has(ScalarProduct, Trace):
            return sum(self.number(expr.expr, inner) for inner in self.each(expr, at))
        if isinstance(expr, SumOver):
            axes = max((np.ndim(e) for e in at.values()), default=0)
            inner = dict(at)
            for index in expr.indices:
                size = self.size(index.size)
                inner[index] = np.arange(size).reshape(size, *[1] * axes)
                axes += 1
            whole = np.broadcast_shapes(*(np.shape(e) for e in inner.values()))
            value = np.broadcast_to(self.number(expr.expr, inner), whole)
            return value.sum(axis=tuple(range(len(expr.indices))))
        if isinstance(expr, ScalarProduct):
            u, v = (self.matrix(arg, at) for arg in expr.args)
            return np.sum(u * v)
        if isinstance(expr, Trace):
            return np.trace(self.matrix(expr.arg, at))
        if isinstance(expr, Within):
            place = self.number(expr.args[0], at)
            return ((0 <= place) & (place < self.size(expr.args[1]))) * 1.0
        if expr.is_Symbol:
            return SIZES[expr] if expr in SIZES else self.entry(expr, [])
        if not expr.args:
            return int(expr) if expr.is_Integer else float(expr)
        if isinstance(expr, Subs):
            slot = expr.variables[0]
            return self.number(expr.expr.doit(), {slot: self.number(expr.point[0], at)})
        return FUNCTION[expr.func](*(self.number(arg, at) for arg in expr.args))

    def matrix(self, node, at) -> np.ndarray:
        """A matrix whose labels are numbers."""
        shape = tuple(map(self.size, node.shape))
        if isinstance(node, (MatMul, MatAdd, HadamardProduct)):
            result, *rest = (self.matrix(arg, at) for arg in node.args if arg.is_Matrix)
            for part in rest:
                if isinstance(node, MatMul):
                    result = result @ part
                else:
                    assert result.shape == part.shape
                    result = result + part if isinstance(node, MatAdd) else result * part
            result = math.prod(self.number(e, at) for e in node.args if not e.is_Matrix) * result
        elif isinstance(node, Transpose):
            result = self.matrix(node.arg, at).T
        elif isinstance(node, ScaledRows):
            result = self.matrix(node.args[0], at) * self.matrix(node.args[1], at)
        elif isinstance(node, SumOver):
            result = sum(self.matrix(node.expr, inner) for inner in self.each(node, at))
        elif isinstance(node, Elementwise):
            (slot,) = node.function.variables
            result = self.number(node.function.expr, {slot: self.matrix(node.argument, at)})
        elif isinstance(node, Shift):
            matrix = self.matrix(node.matrix, at)
            places = np.arange(shape[1]) + self.number(node.args[1], at)
            columns = matrix[:, places % matrix.shape[1]]
            inside = (0 <= places) & (places < matrix.shape[1])
            result = columns if node.args[3].name == "circular" else columns * inside
        else:
            rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
            result = np.broadcast_to(self.cells(node, rows, columns, at), shape)
        assert result.shape == shape, node
        return result

    def each(self, node, at):
        """The values of the indices of a sum."""
        for values in itertools.product(*(range(self.size(i.size)) for i in node.indices)):
            yield {**at, **dict(zip(node.indices, values, strict=True))}

    def cells(self, node, rows, columns, at):
        if isinstance(node, OneMatrix):
            return 1.0
        if isinstance(node, ZeroMatrix):
            return 0.0
        if isinstance(node, Identity):
            return (rows == columns) * 1.0
        if isinstance(node, UnitVector):
            return (rows == self.number(node.args[1], at)) * 1.0
        if isinstance(node, EntriesOf):
            pairs = zip(node.args[1:], (rows, columns), strict=True)
            return self.number(node.expr, {**at, **{s: e for s, e in pairs if s != 0}})
        array, labels = node, ()
        if isinstance(node, Member):
            array, labels = node.array, [self.number(e, at) for e in node.labels]
        own = [e for e, size in zip((rows, columns), array.shape, strict=True) if size != 1]
        return self.entry(array, [*own, *labels])


def hold(expr, row=None, column=None, labels=()):
    """Raise, and compare with the entries before and after, read by NumPy and lowered again."""
    result = raised(expr, row, column)
    evaluation = Evaluation()
    is_scalar = row is None and column is None
    if is_scalar:
        assert not getattr(result, "is_Matrix", False)
        back = scalar(result)
    else:
        assert result.shape == tuple(S.One if s is None else s.size for s in (row, column))
        back = entry(result, *(S.Zero if s is None or s.size == 1 else s for s in (row, column)))
    places = {}
    for axis, index in ((1, row), (0, column)):
        if index is not None:
            places[index] = np.arange(evaluation.size(index.size)).reshape(-1, *[1] * axis)
    for values in itertools.product(*(range(evaluation.size(s.size)) for s in labels)):
        fixed = dict(zip(labels, values, strict=True))
        expected = evaluation.number(expr, {**fixed, **places})
        again = evaluation.number(back, {**fixed, **places})
        found = (evaluation.number if is_scalar else evaluation.matrix)(result, fixed)
        for value in (found, again):
            close = np.allclose(value, expected, rtol=1e-11, atol=1e-11)
            assert close, f"{expr} became {result}, which reads {back}"
    return result


# --- how results read ----------------------------------------------------------------------------
D1, E1 = NameMatrix("D1", m, k), NameMatrix("D1_prime", m, k)
W2, W3 = ParameterMatrix("W2", k, m), ParameterMatrix("W3", k, m)
delta, Delta = NameMatrix("delta", k, 1), NameMatrix("Delta", k, d)
GRAM = summed(Entry(D1, i, p) * Entry(E1, i, q), [i])
slope = 1 - tanh(Entry(h, i)) ** 2
back_once = summed(Entry(W3, p, i) * Entry(delta, p), [p])
backs = summed(Entry(W3, p, i) * Entry(Delta, p, a), [p])
prob, reward = NameMatrix("p", d, 1), NameMatrix("r", d, 1)
gap = Entry(reward, a) - summed(Entry(prob, a2) * Entry(reward, a2), [a2])
one_m, one_d = OneMatrix(m, 1), OneMatrix(d, 1)
A, V = NameMatrix("A", T, T), NameMatrix("V", T, d)
B, W1 = NameMatrix("B", 1, 1), ParameterMatrix("W1", 1, m)
xy = summed(Entry(x, a) * Entry(y, a), [a])
weights = ParameterFamily("W", m, d, K)
X, s, r = MatrixSymbol("X", d, T), Index("s", K), Index("i", K)


@pytest.mark.parametrize(
    ("expr", "places", "expected"),
    [
        (GRAM, (p, q), MatMul(D1.T, E1)),
        ((xy + 1) * GRAM, (p, q), MatMul(ScalarProduct(x, y) + 1, D1.T, E1)),
        (Entry(W2, p, i) * slope, (i, p), ScaledRows(Elementwise(SLOPE, h), W2.T)),
        (slope * back_once, (i,), ScaledRows(Elementwise(SLOPE, h), MatMul(W3.T, delta))),
        (slope * backs, (i, a), ScaledRows(Elementwise(SLOPE, h), MatMul(W3.T, Delta))),
        (
            Entry(prob, a) * gap,
            (a,),
            ScaledRows(prob, MatAdd(reward, MatMul(-ScalarProduct(prob, reward), one_d))),
        ),
        (summed(Entry(A, t, u) * Entry(V, u, a), [u]), (t, a), MatMul(A, V)),
        (summed(Entry(A, t, u) * Entry(V, t, a), [t]), (u, a), MatMul(A.T, V)),
        (xy, (), ScalarProduct(x, y)),
        (summed(Entry(x, a) ** 2, [a]), (), ScalarProduct(x, x)),
        (summed(Entry(M, i, a) ** 2, [i, a]), (), ScalarProduct(M, M)),
        (summed(Entry(v, i), [i]), (), ScalarProduct(one_m, v)),
        (summed(Entry(M, i, a) * Entry(N, i, a), [i, a]), (), ScalarProduct(M, N)),
        (
            summed(Entry(v, i) * Entry(M, i, a) * Entry(x, a), [i, a]),
            (),
            ScalarProduct(v, MatMul(M, x)),
        ),
        (summed(Entry(A, t, t), [t]), (), Trace(A)),
        (Entry(v, i) * Entry(x, a), (i, a), MatMul(v, x.T)),
        (Entry(v, i), (a, i), MatMul(one_d, v.T)),
        (Entry(v, i) - 3, (i,), MatAdd(v, MatMul(-3, one_m))),
        (Entry(v, i), (None, i), v.T),
        (KroneckerDelta(p, q) * xy, (p, q), MatMul(ScalarProduct(x, y), Identity(k))),
        (KroneckerDelta(i, 2), (i,), UnitVector(m, 2)),
        (Entry(M, i, 1), (i,), MatMul(M, UnitVector(d, 1))),
        (Entry(B) + summed(Entry(W1, i) * Entry(h, i), [i]), (), Entry(B) + ScalarProduct(W1.T, h)),
        (
            Entry(B) + summed(Entry(W1, i) * Entry(h, i), [i]),
            (Index("o", 1),),
            MatAdd(MatMul(W1, h), B),
        ),
        (
            summed(Entry(weights, i, a, s) * Entry(X, a, Mod(t + s, T)), [a, s]),
            (i, t),
            SumOver(MatMul(Member(weights, s), Shift(X, s, T, "circular")), s),
        ),
        (tanh(Entry(weights, i, a, s)), (i, a), Elementwise(tanh, Member(weights, s))),
        (
            summed(Entry(weights, i, a, s) * Entry(weights, i2, a, s), [a, s]),
            (i, i2),
            SumOver(MatMul(Member(weights, r), Transpose(Member(weights, r))), r),
        ),
    ],
)
def test_the_form_that_is_read(expr, places, expected):
    """The notation of a paper, node by node."""
    free = [s] if s in indices_of(expr) else []
    assert hold(expr, *places, labels=free) == expected
    assert raised(expr, *places) == expected


def test_gradients_of_sequences_are_paired_by_role():
    """⟨δδ'ᵀ, XX'ᵀ⟩ with matrices of T × T, never δᵀX of width × width."""
    names = [NameMatrix("delta", T, m), MatrixSymbol("X", T, d)]
    primed = [NameMatrix("delta_prime", T, m), MatrixSymbol("X_prime", T, d)]
    one = Entry(names[0], t, i) * Entry(names[1], t, a)
    other = Entry(primed[0], u, i) * Entry(primed[1], u, a)
    result = hold(summed(one * other, [t, u, i, a]))
    assert result == ScalarProduct(MatMul(names[0], primed[0].T), MatMul(names[1], primed[1].T))


def test_gradients_of_kernels_are_summed_over_the_offset():
    """Σ_s ⟨δᵀδ', X_sᵀ X'_s⟩ of a circular convolution."""
    names = [NameMatrix("delta", m, T), MatrixSymbol("X", d, T)]
    primed = [NameMatrix("delta_prime", m, T), MatrixSymbol("X_prime", d, T)]
    one = Entry(names[0], i, t) * Entry(names[1], a, Mod(t + s, T))
    other = Entry(primed[0], i, u) * Entry(primed[1], a, Mod(u + s, T))
    result = hold(summed(one * other, [t, u, i, a, s]))
    moved = [Shift(matrix, s, T, "circular") for matrix in (names[1], primed[1])]
    expected = ScalarProduct(MatMul(names[0].T, primed[0]), MatMul(moved[0].T, moved[1]))
    assert result == SumOver(expected, s)


def test_no_two_matrices_are_multiplied_where_vectors_are():
    """Σ x W W W y goes through vectors."""
    W, U = MatrixSymbol("W", m, m), MatrixSymbol("U", m, d)
    expr = Entry(v, i) * Entry(W, i, i2) * Entry(W, i2, i3) * Entry(U, i3, a) * Entry(x, a)
    result = hold(summed(expr, [i, i2, i3, a]))
    assert result == ScalarProduct(v, MatMul(W, W, U, x))


def test_quadratic_forms_are_symmetric():
    """(Wx)ᵀ(Wy), and (Wᵀu)ᵀ(Wᵀv)."""
    expr = Entry(M, i, a) * Entry(x, a) * Entry(M, i, a2) * Entry(y, a2)
    assert hold(summed(expr, [i, a, a2])) == ScalarProduct(MatMul(M, x), MatMul(M, y))
    expr = Entry(M, i, a) * Entry(v, i) * Entry(M, i2, a) * Entry(h, i2)
    assert hold(summed(expr, [i, a, i2])) == ScalarProduct(MatMul(M.T, v), MatMul(M.T, h))


def test_padding_is_that_of_the_shift():
    """The adjoint of a padded sequence needs no mask of its own."""
    W, Y = ParameterFamily("W", m, d, K), NameMatrix("delta", m, T)
    place = t - s
    expr = summed(Entry(W, i, a, s) * Entry(Y, i, place) * Within(place, T), [i, s])
    expected = SumOver(MatMul(Member(W, s).T, Shift(Y, -s, T, "zero")), s)
    assert hold(expr, a, t) == expected
    masked = summed(exp(Entry(Y, i, place)) * Within(place, T), [i])
    assert hold(masked, t, labels=[s]).has(Shift)


def test_a_valid_convolution():
    """Positions that never leave the sequence."""
    short = Index("t", T - K + 1)
    expr = summed(Entry(weights, i, a, s) * Entry(X, a, short + s), [a, s])
    moved = Shift(X, s, T - K + 1, "zero")
    assert hold(expr, i, short) == SumOver(MatMul(Member(weights, s), moved), s)


def test_an_unspecified_slope():
    """φ'(h) of an unspecified φ is one function of the entry."""
    phi, w = Function("phi"), Symbol("w")
    expr = Subs(phi(w).diff(w), w, Entry(h, i))
    result = raised(expr * Entry(v, i), i)
    assert isinstance(result, ScaledRows) and result.args[1] == v
    assert isinstance(result.args[0], Elementwise) and result.args[0].argument == h
    expr = Subs(phi(w).diff(w), w, summed(Entry(M, i, a) * Entry(x, a), [a]))
    assert raised(expr, i).argument == MatMul(M, x)


def test_what_has_no_matrix_stays_a_sum_or_its_entries():
    """Functions of two arrays; sums over data of scalars."""
    pair = atan2(Entry(v, i), Entry(h, i))
    assert hold(pair, i) == EntriesOf(pair, i, S.Zero)
    assert hold(summed(pair, [i])) == SumOver(pair, i)
    assert hold(summed(pair * Entry(M, i, a), [i]), a).has(EntriesOf)
    f, target = Name("f"), Name("y")
    j = Index("j", n)
    loss = summed((Entry(f, j) - Entry(target, j)) ** 2, [j]) / n
    i_n = Index("i", n)
    assert hold(loss) == SumOver((Entry(f, i_n) - Entry(target, i_n)) ** 2, i_n) / n


def test_three_matrices_on_one_index():
    """Σ_i A_ia B_ip C_it has no matrix product; the index stays."""
    U, R = MatrixSymbol("U", m, k), MatrixSymbol("R", m, T)
    S3 = MatrixSymbol("S", d, k)
    expr = Entry(M, i, a) * Entry(U, i, p) * Entry(R, i, t) * Entry(S3, a, p)
    assert hold(summed(expr, [i, a, p]), t).shape == (T, 1)
    expr = Entry(M, i, a) * Entry(U, i, p) * Entry(R, i, t) * Entry(x, a) * Entry(delta, p)
    vectors = [MatMul(M, x), MatMul(U, delta)]
    assert hold(summed(expr, [i, a, p]), t) == MatMul(R.T, ScaledRows(*vectors))


def test_names_of_bound_and_open_indices_do_not_meet():
    """Sums that reuse the name of an open index, or of one around them."""
    own = SumOver(Entry(v, i) * Entry(M, i, a), i)
    hold(own * Entry(v, i), i, a)
    hold(SumOver(Entry(h, i) * tanh(SumOver(Entry(v, i) * Entry(M, i, a), i)), i), a)
    hold(SumOver(SumOver(Entry(v, i), i) * Entry(h, i) * SumOver(Entry(M, i, a), i), i), a)
    hold(SumOver(SumOver(Entry(M, i, a) * Entry(x, a), a) * Entry(M, i, a), i), a)


def test_numbers_and_zero():
    """A constant is spread over the shape."""
    assert hold(S.Zero, i, a) == ZeroMatrix(m, d)
    assert hold(S.Zero) == 0
    assert hold(S(2), i, a) == MatMul(2, OneMatrix(m, d))
    assert hold(S(2), Index("o", 1)).shape == (1, 1)
    assert hold(Entry(v, i), Index("o", 1), i) == v.T
    assert hold(i + 1, i).shape == (m, 1)
    assert hold(SumOver(Entry(v, i), i, a)) == d * ScalarProduct(v, one_m)
    assert hold(SumOver(Entry(A, t, t), t, a)) == d * Trace(A)


def test_the_scalar_product_of_matrices():
    """Symmetric, of any one shape, of rows as of columns; written out where sizes are numbers."""
    one, other = MatrixSymbol("C", 2, 3), MatrixSymbol("D", 2, 3)
    places = itertools.product(range(2), range(3))
    assert ScalarProduct(one, other) == ScalarProduct(other, one)
    assert ScalarProduct(one, other).doit() == sum(one[e] * other[e] for e in places)
    assert ScalarProduct(v.T, h.T) == ScalarProduct(v, h)
    assert ScalarProduct(Identity(m), Identity(m)) == m
    assert to_latex(ScalarProduct(M, N)) == r"\left\langle M, N \right\rangle"
    assert to_latex(ScalarProduct(v, one_m)) == r"\mathbf{1}^{\top} v"
    with pytest.raises(ShapeError, match="scalar product"):
        ScalarProduct(M, M.T)


# --- random expressions --------------------------------------------------------------------------
def pool(size):
    return [Index(f"{size.name}{c}", size) for c in "abc"]


POOL = {size: pool(size) for size in (m, d, T)}
KERNEL = [Index("ka", K)]
ARRAYS = [
    (NameMatrix("v", m, 1), (m,)),
    (NameMatrix("w", d, 1), (d,)),
    (NameMatrix("z", T, 1), (T,)),
    (MatrixSymbol("r", 1, m), (m,)),
    (MatrixSymbol("M", m, d), (m, d)),
    (MatrixSymbol("N", m, d), (m, d)),
    (MatrixSymbol("P", d, m), (d, m)),
    (MatrixSymbol("A", m, m), (m, m)),
    (MatrixSymbol("Y", m, T), (m, T)),
    (MatrixSymbol("Y_prime", m, T), (m, T)),
    (MatrixSymbol("B", 1, 1), ()),
]
FUNCTIONS = [tanh, exp, lambda e: 1 - tanh(e) ** 2, lambda e: e**2, lambda e: 1 / (1 + e * e)]


class Drawing:
    """Random index expressions over a few indices."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def entry(self):
        array, sizes = self.random.choice(ARRAYS)
        positions = [self.random.choice(POOL[size]) for size in sizes]
        kind = self.random.random()
        if positions and kind < 0.06:
            positions[-1] = S(self.random.randrange(2))
        if sizes and sizes[-1] == T and kind > 0.6:
            place = positions[-1] + self.random.choice([1, KERNEL[0], -KERNEL[0]])
            if kind > 0.8:
                return Entry(array, *positions[:-1], Mod(place, T))
            return Entry(array, *positions[:-1], place) * Within(place, T)
        return Entry(array, *positions)

    def factor(self, depth=0):
        kind = self.random.random()
        if kind < 0.55:
            return self.entry()
        if kind < 0.65:
            return self.random.choice(FUNCTIONS)(self.entry())
        if kind < 0.72:
            place = self.random.choice(POOL[m])
            return Entry(weights, place, self.random.choice(POOL[d]), KERNEL[0])
        if kind < 0.76:
            return KroneckerDelta(*self.random.sample(POOL[m], 2))
        if kind < 0.79:
            return atan2(self.entry(), self.entry() + 2)
        if kind < 0.81:
            return self.random.choice([Name("J"), self.random.choice(POOL[m]) + 1, S(3)])
        if depth > 1:
            return self.entry()
        if kind < 0.92:
            return self.product(depth + 1, 2) + self.product(depth + 1, 2) - 1
        if kind < 0.96:
            return tanh(self.closed(self.product(depth + 1, 2)))
        return self.closed(self.product(depth + 1, 2)) ** 2

    def product(self, depth=0, most=4):
        count = self.random.randint(1, most)
        return sympy.Mul(*(self.factor(depth) for _ in range(count)))

    def closed(self, expr):
        """Some of the indices summed over, in normal form or not."""
        given = sorted(expr.atoms(Index), key=lambda index: index.name)
        bound = [index for index in given if self.random.random() < 0.5]
        if not bound:
            return expr
        return SumOver(expr, *bound) if self.random.random() < 0.3 else summed(expr, bound)


def drawn(seed: int):
    """A random expression with its open indices: all others are summed over."""
    drawing = Drawing(seed)
    expr = sympy.Add(*(drawing.product() for _ in range(drawing.random.choice([1, 1, 2]))))
    row, column = (
        drawing.random.choice([None, *POOL[size]]) for size in drawing.random.sample([m, d, T], 2)
    )
    if drawing.random.random() < 0.3:
        column = None
    labels = [KERNEL[0]] if drawing.random.random() < 0.2 else []
    held = {row, column, *labels}
    bound = sorted(indices_of(expr) - held, key=lambda index: index.name)
    while len(bound) > 5:
        expr = expr.xreplace({bound.pop(): S.Zero})
    terms = sympy.Add.make_args(expr)
    if drawing.random.random() < 0.3:
        return sympy.Add(*(SumOver(e, *bound) for e in terms)), row, column, labels
    return summed(expr, bound), row, column, labels


@pytest.mark.parametrize("seed", seeds(50))
def test_random_expressions_have_the_same_entries(seed):
    """Raised and read back, entry by entry."""
    expr, row, column, labels = drawn(seed)
    first = hold(expr, row, column, labels)
    assert raised(expr, row, column) == first
