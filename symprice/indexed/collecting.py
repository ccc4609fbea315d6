"""Collecting what was raised: sums over the same index, products with the same matrix.

`Σ_i u_i + Σ_i v_i` becomes one sum, `⟨M, A⟩ + ⟨M, B⟩` becomes `⟨M, A + B⟩`, and
`c (uᵀu') + c (vᵀv')` becomes `c (uᵀu' + vᵀv')`, of matrices as of scalars.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from sympy import Add, MatAdd, MatMul, Mul, OneMatrix, S

from ..elementwise import ScalarProduct
from .entries import indices_of
from .raising_matrices import added, transposed
from .raising_matrices import product as multiplied
from .sums import SumOver

__all__ = ["collected", "collected_matrix"]

Marked = Callable[[Any], bool]


def collected(expr: Any, marked: Marked) -> Any:
    """A scalar sum with its terms collected by the factors that ``marked`` accepts."""
    terms = Add.make_args(expr)
    if len(terms) == 1 and not expr.has(SumOver):
        return expr
    sums: dict[Any, list[Any]] = {}
    wide: list[tuple[Any, Any]] = []
    factored: dict[Any, list[Any]] = {}
    for term in terms:
        coefficient, found = _single(term, SumOver)
        if found is not None:
            sizes = tuple(index.size for index in found.indices)
            sums.setdefault((coefficient, sizes), []).append(found)
            continue
        coefficient, found = _single(term, ScalarProduct)
        if found is not None and (_is_wide(found) or _is_total(found)):
            wide.append((coefficient, found))
            continue
        inner = [f for f in Mul.make_args(term) if marked(f)]
        outer = [f for f in Mul.make_args(term) if not marked(f)]
        factored.setdefault(Mul(*inner), []).append(Mul(*outer))
    for (coefficient, _), group in sums.items():
        whole = _joined(group, marked)
        for term in Add.make_args(whole):
            more, found = _single(term, ScalarProduct)
            if found is not None and _is_wide(found):
                wide.append((coefficient * more, found))
            else:
                factored.setdefault(coefficient * term, []).append(S.One)
    return Add(*_of_coefficients(factored), *_of_matrices(wide))


def collected_matrix(parts: Iterable[Any]) -> Any:
    """The sum of matrices with sums over the same ranges joined, equal matrices counted once."""
    # SymPy's own sum of matrices evaluates deeply, and writes explicit sizes out.
    summands = [term for part in parts for term in MatAdd.make_args(part)]
    sums: dict[Any, list[Any]] = {}
    counted: dict[Any, list[Any]] = {}
    for term in summands:
        coefficient, matrix = _split_scalar(term)
        if isinstance(matrix, SumOver):
            sizes = tuple(index.size for index in matrix.indices)
            sums.setdefault((coefficient, sizes), []).append(matrix)
        else:
            counted.setdefault(matrix, []).append(coefficient)
    for (coefficient, _), group in sums.items():
        indices = group[0].indices
        body = collected_matrix(_aligned(group))
        counted.setdefault(SumOver(body, *indices), []).append(coefficient)
    shape = summands[0].shape
    alike: dict[Any, list[Any]] = {}
    for matrix, coefficients in counted.items():
        alike.setdefault(Add(*coefficients), []).append(matrix)
    pairs: list[tuple[Any, Any]] = []
    for coefficient, matrices in alike.items():
        if coefficient.is_number:
            pairs += [(coefficient, matrix) for matrix in matrices]
        else:
            whole = added([(S.One, matrix) for matrix in matrices], shape)
            pairs.append((_factored(coefficient), whole))
    return added(pairs, shape)


def _split_scalar(term: Any) -> tuple[Any, Any]:
    """The coefficient of a matrix and the matrix."""
    if not isinstance(term, MatMul):
        return S.One, term
    coefficient, matrices = term.as_coeff_matrices()
    return coefficient, matrices[0] if len(matrices) == 1 else MatMul(*matrices)


def _aligned(group: list[Any]) -> list[Any]:
    """The summands of sums over the same ranges, all with the indices of the first."""
    first = group[0]
    bodies = [first.expr]
    for other in group[1:]:
        rule = dict(zip(other.indices, first.indices, strict=True))
        moved = {old: new for old, new in rule.items() if old != new}
        bodies.append(other.expr.xreplace(moved) if moved else other.expr)
    return bodies


def _single(term: Any, kind: type) -> tuple[Any, Any]:
    """The one factor of a kind and the rest; None if there is not exactly one."""
    factors = Mul.make_args(term)
    found = [f for f in factors if isinstance(f, kind)]
    if len(found) != 1:
        return term, None
    return Mul(*(f for f in factors if f is not found[0])), found[0]


def _is_wide(product: ScalarProduct) -> bool:
    """Whether it is a product of matrices, not of columns."""
    return bool(product.args[0].shape[1] != 1)


def _is_total(product: ScalarProduct) -> bool:
    """Whether it is `(A1)ᵀ(B1)`, the sum of the entries of AᵀB."""
    return all(
        isinstance(arg, MatMul)
        and isinstance(arg.args[-1], OneMatrix)
        and all(getattr(factor, "is_Matrix", False) for factor in arg.args)
        for arg in product.args
    )


# --- ⟨M, A⟩ + ⟨M, B⟩ -----------------------------------------------------------------------------
def _of_matrices(pairs: list[tuple[Any, Any]]) -> list[Any]:
    """The scalar products of matrices, collected by the matrix that most of them share."""
    left = [(c, *_sides(product), product) for c, product in pairs]
    result: list[Any] = []
    while left:
        counts = Counter(s for _, a, b, _ in left for s in {_upright(a), _upright(b)})
        key, most = max(counts.items(), key=lambda item: item[1])
        if most == 1:
            return result + [c * product for c, _, _, product in left]
        group = []
        for c, a, b, _ in left:
            if _upright(a) != key and _upright(b) == key:
                a, b = b, a
            if _upright(a) == key:
                group.append((c, a, b))
        left = [item for item in left if key not in map(_upright, item[1:3])]
        coefficients = {c for c, _, _ in group}
        shared = coefficients.pop() if len(coefficients) == 1 else S.One
        others = []
        for c, a, b in group:
            b = b if a == key else transposed(b)
            own = S.One if c == shared else c
            others.append(b if own == 1 else MatMul(own, b))
        whole = added([(S.One, other) for other in others], key.shape)
        result.append(shared * ScalarProduct(key, whole))
    return result


def _sides(product: ScalarProduct) -> tuple[Any, Any]:
    """The two matrices; of `(A1)ᵀ(B1)` they are AᵀB and 11ᵀ."""
    if _is_wide(product):
        return product.args
    one, other = (multiplied(*arg.args[:-1]) for arg in product.args)
    inner = multiplied(transposed(one), other)
    return inner, OneMatrix(*inner.shape)


def _upright(matrix: Any) -> Any:
    """A matrix or its transpose: the same for both."""
    return min(matrix, transposed(matrix), key=lambda m: m.sort_key())


# --- c u + c v ------------------------------------------------------------------------------------
def _of_coefficients(factored: dict[Any, list[Any]]) -> list[Any]:
    """The collected terms, those with the same coefficient as one product."""
    by_coefficient: dict[Any, list[Any]] = {}
    result = _of_factors(factored.pop(S.One, []))
    for key, others in factored.items():
        by_coefficient.setdefault(Add(*others), []).append(key)
    for coefficient, keys in by_coefficient.items():
        if coefficient.is_number:
            result += [coefficient * key for key in keys]
        else:
            result.append(_factored(coefficient) * Add(*keys))
    return result


def _factored(coefficient: Any) -> Any:
    """`η u + η` as `η (u + 1)`."""
    return Add(*_of_factors(list(Add.make_args(coefficient))))


def _of_factors(terms: list[Any]) -> list[Any]:
    """Terms with the factor that most of them share taken out."""
    result: list[Any] = []
    while terms:
        counts = Counter(f for t in terms for f in Mul.make_args(t) if not f.is_number)
        key, most = max(counts.items(), key=lambda item: item[1], default=(None, 0))
        if most < 2:
            return result + terms
        sharing = [t for t in terms if key in Mul.make_args(t)]
        terms = [t for t in terms if t not in sharing]
        result.append(key * Add(*(t / key for t in sharing)))
    return result


def _joined(group: list[SumOver], marked: Marked) -> Any:
    """Sums over the same ranges as one; what does not depend on the index leaves it."""
    first = group[0]
    body = collected(Add(*_aligned(group)), marked)
    coefficient, product = _single(body, ScalarProduct)
    bound = set(first.indices)
    if product is not None and _is_wide(product) and bound.isdisjoint(indices_of(coefficient)):
        still = [a for a in product.args if bound.isdisjoint(indices_of(a))]
        if len(still) == 1:
            (moving,) = (a for a in product.args if a is not still[0])
            return coefficient * ScalarProduct(still[0], SumOver(moving, *first.indices))
    return SumOver(body, *first.indices) if body != S.Zero else S.Zero
