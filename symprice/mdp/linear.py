"""Linear systems of decision processes: exactly over a field of rational functions, or in float64.

Over rationals and symbols the elimination is fraction-free (Bareiss), so that no intermediate
fraction swells; in float64 it is sparse LU, or BiCGSTAB with a residual that is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import (
    Add,
    Dummy,
    ImmutableDenseMatrix,
    Mul,
    Poly,
    Pow,
    Rational,
    S,
    factor,
    fraction,
    log,
    together,
)

from ..errors import NoRuleError
from ..networks.logits import SoftmaxEntry
from ..timelimit import within

__all__ = [
    "SparseSolver",
    "product",
    "short",
    "solve_by_minors",
    "solve_exactly",
    "with_values_named",
]

# Seconds for the elimination, and for the short form of an entry.
LIMIT, SHORTENING = 30.0, 2.0
# An entry of more operations is left as it is: factoring takes longer than that.
LENGTH = 1000
# From how many states on the LU factors of a matrix without structure would fill the memory.
DIRECT = 3000
# The residual that an iterative solution may leave, relative to the terms that it is made of.
RESIDUAL = 1e-14
ROUNDS = 8


def solve_exactly(
    matrix: list[list[Any]], column: list[list[Any]], seconds: float = LIMIT
) -> list[list[Any]]:
    """X with `A X = B`, entries short and exact.

    Raises
    ======

    NoRuleError : where the elimination is not done after some seconds, half a minute.
    """
    from sympy.polys.matrices import DomainMatrix

    atoms = _Atoms([*matrix, *column])
    left = ImmutableDenseMatrix(atoms.inserted(matrix))
    right = ImmutableDenseMatrix(atoms.inserted(column))

    def eliminate() -> Any:
        a, b = DomainMatrix.from_Matrix(left), DomainMatrix.from_Matrix(right)
        a, b = a.unify(b)
        if not a.domain.is_Exact:
            return None
        numerators, denominator = a.solve_den(b)
        field = a.domain.get_field()
        down = field.convert_from(denominator, a.domain)
        quotients = numerators.convert_to(field).to_list()
        return [[field.to_sympy(x / down) for x in row] for row in quotients]

    rational = all(entry.is_Rational for entry in (*left, *right))
    found = eliminate() if rational else within(seconds, eliminate)
    if found is None:
        raise NoRuleError(
            f"asked for the exact solution of a Bellman system of {len(matrix)} states with "
            f"symbols in it, which was not done after {seconds:g} s: put numbers in for some "
            "symbols, or evaluate it in float64 with NumPy arrays"
        )
    return [[atoms.back(entry) for entry in row] for row in found]


def solve_by_minors(matrix: Any, column: list[Any]) -> list[Any] | None:
    """x with `A x = b` for a small symmetric matrix by Cramer's rule, nothing multiplied out; None
    where the determinant is 0 at some points.
    """
    n = matrix.rows
    names = {(i, j): Dummy(f"f{j}{i}") for i in range(n) for j in range(i + 1)}
    generic = ImmutableDenseMatrix(n, n, lambda i, j: names[max(i, j), min(i, j)])
    values = {name: matrix[place] for place, name in names.items()}
    determinant = generic.det(method="berkowitz").xreplace(values)
    free = sorted(determinant.free_symbols, key=str)
    for k in range(2):
        point = {v: Rational(3 + 5 * i + 7 * k, 11 + 2 * i) for i, v in enumerate(free)}
        size = Mul(*(matrix[i, i].xreplace(point).evalf(40) for i in range(n)))
        if abs(determinant.xreplace(point).evalf(40)) <= abs(size) * Rational(1, 10**25):
            return None
    minors = generic.adjugate(method="berkowitz").xreplace(values)
    return [x / determinant for x in minors * ImmutableDenseMatrix(column)]


def with_values_named(entries: Any, letter: str) -> tuple[list[Any], dict[Any, Any]]:
    """The entries with a positive symbol for each that is no number, and what the symbols mean."""
    names = [x if x.is_number else Dummy(f"{letter}{k}", real=True) for k, x in enumerate(entries)]
    return names, {name: x for name, x in zip(names, entries, strict=True) if name is not x}


def short(entry: Any) -> Any:
    """An entry factored, where that is done in time; a softmax sums to one in it."""
    if entry.is_Atom or entry.is_number or _is_long(entry):
        return entry
    atoms = _Atoms([[entry]])
    ((inserted,),) = atoms.inserted([[entry]])
    return atoms.back(inserted)


def _is_long(entry: Any) -> bool:
    return bool(entry.count_ops() > LENGTH)


def product(*factors: Any) -> Any:
    """A product in which a factor and its negative are one power, and the sign stands inside."""
    whole, sign, found = Mul(*factors), 1, []
    for factor_ in Mul.make_args(whole):
        base, power = factor_.as_base_exp()
        if isinstance(base, Add) and power.is_Integer and base.could_extract_minus_sign():
            base, sign = -base, sign * (-1) ** (power % 2)
        found.append(Pow(base, power))
    return _oriented(Mul(sign, *found))


def _factored(entry: Any, logs: Any) -> Any:
    """Factored; the coefficient of each logarithm by itself, where it is linear in these."""
    inside = [dummy for dummy in logs if entry.has(dummy)]
    if not inside:
        return factor(entry)
    over, under = fraction(together(entry))
    if under.has(*inside) or Poly(over, *inside).total_degree() > 1:
        return factor(entry)
    rest = over.xreplace(dict.fromkeys(inside, S.Zero))
    return Add(*(factor(over.diff(each) / under) * each for each in inside), factor(rest / under))


def _oriented(entry: Any) -> Any:
    """`-c (p - 1)` as `c (1 - p)`: the sign goes into a factor that begins with a minus."""
    if not entry.could_extract_minus_sign() or not isinstance(entry, Mul):
        return entry
    for factor_ in entry.args:
        base, power = factor_.as_base_exp()
        odd = power.is_Integer and power % 2
        if odd and isinstance(base, Add) and base.as_coeff_Add()[0].is_negative:
            return Mul(-1, entry / factor_, Pow(-base, power))
    return entry


class _Atoms:
    """What stands in a matrix besides rational numbers, as symbols; the last of the probabilities
    of a softmax as one less the others.
    """

    def __init__(self, rows: list[list[Any]]) -> None:
        entries = set().union(*(e.atoms(SoftmaxEntry) for row in rows for e in row))
        heads = sorted({e.logits for e in entries}, key=str)
        self.names: dict[Any, Any] = {}
        self.sums: dict[Any, Any] = {}
        for logits in heads:
            ps = [SoftmaxEntry(k, *logits) for k in range(1, len(logits) + 1)]
            free = [p for p in ps[:-1] if isinstance(p, SoftmaxEntry)]
            for p in free:
                self.names[p] = Dummy(f"p{len(self.names)}")
            if len(free) == len(ps) - 1:
                self.names[ps[-1]] = 1 - Add(*(self.names[p] for p in free))
                self.sums[self.names[ps[-1]]] = ps[-1]
        self.values = {v: k for k, v in self.names.items() if v.is_Symbol}
        found = set().union(*(e.atoms(log) for row in rows for e in row))
        #: Logarithms are generators of the field of their own, else nothing cancels.
        self.logs: dict[Any, Any] = {}
        self.written: dict[Any, Any] = {}
        for k, each in enumerate(sorted(found, key=str)):
            dummy = self.logs.setdefault(each.xreplace(self.names), Dummy(f"l{k}"))
            self.written[dummy] = each

    def inserted(self, rows: list[list[Any]]) -> list[list[Any]]:
        return [[e.xreplace(self.names).xreplace(self.logs) for e in row] for row in rows]

    def back(self, entry: Any) -> Any:
        """The entry, factored, in what the names stand for; 1 less all others is the last one."""
        factored = entry
        if not (entry.is_Atom or entry.is_number or _is_long(entry)):
            factored = within(SHORTENING, lambda: _factored(entry, self.written), entry)
        if self.sums:
            factored = factored.replace(lambda e: isinstance(e, Add), lambda e: self._complement(e))
        return _oriented(factored.xreplace(self.values).xreplace(self.written))

    def _complement(self, e: Any) -> Any:
        for total, p in self.sums.items():
            if e == total:
                return p
            if e == -total or (e + total) == 0:
                return Mul(-1, p)
        return e


class SparseSolver:
    """Solves `(I - γP) x = b` and `(I - γP)ᵀ x = b` for one matrix, in float64."""

    def __init__(self, matrix: Any) -> None:
        import scipy.sparse as sparse

        self.matrix = sparse.csc_matrix(matrix)
        self._factors: Any = None
        self._rows = self.matrix.T.tocsr()
        if self.matrix.shape[0] <= DIRECT:
            self._factor()

    def __getstate__(self) -> dict[str, Any]:
        # The factors belong to the library that made them, and are made again.
        return {"matrix": self.matrix}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["matrix"])  # type: ignore[misc]

    def _factor(self) -> None:
        from scipy.sparse.linalg import splu

        self._factors = splu(self.matrix)

    def __call__(self, right: Any, transposed: bool = False) -> Any:
        """The solution; with ``transposed`` of the transposed system."""
        import numpy as np

        right = np.asarray(right, dtype=np.result_type(float, right))
        if self._factors is None:
            found = self._iterated(right, transposed)
            if found is not None:
                return found
            self._factor()
        solve: Callable[..., Any] = self._factors.solve
        way = "T" if transposed else "N"
        matrix = self._rows if transposed else self.matrix
        x = solve(right, trans=way)
        # One step of refinement takes the rounding of the elimination away.
        return x + solve(right - matrix @ x, trans=way)

    def _iterated(self, right: Any, transposed: bool) -> Any:
        import numpy as np
        from scipy.sparse.linalg import bicgstab

        matrix = self._rows if transposed else self.matrix.tocsr()
        size, x, before = float(np.linalg.norm(right)), np.zeros_like(right), np.inf
        # Restarted from what is left: the recursive residual drifts away from the true one. What is
        # left is measured by what rounding leaves of a solution of this length.
        for _ in range(ROUNDS):
            left = right - matrix @ x
            rest = float(np.linalg.norm(left)) / max(size + 2 * float(np.linalg.norm(x)), 1e-300)
            if rest <= RESIDUAL / 10 or rest > before / 2:
                break
            before = rest
            x = x + bicgstab(matrix, left, rtol=1e-10, atol=0.0, maxiter=2000)[0]
        return x if rest <= RESIDUAL else None
