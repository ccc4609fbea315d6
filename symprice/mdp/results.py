"""Values, advantages and occupancies as results: tables that print, derive and check themselves."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from sympy import Add, Eq, Float, ImmutableDenseMatrix, Inverse, MatMul, S

from ..derivation import Derivation, Step
from ..errors import NoRuleError, PolicyError
from ..outputs import Outputs
from ..policy.arguments import action_label
from .naming import applied, column, named_probabilities, with_names
from .quantities import ProcessQuantity
from .rules import BellmanEquation, Definition, Elimination, LinearSystem

__all__ = ["Numeric", "ValueTable"]

# What is written out; longer tables are arrays to compute with.
LONGEST = 40
# The relative error that float64 may leave in a system that is solved with refinement.
FLOAT = 1e-8


def written_out(table: Any) -> None:
    """Raise for a table of float64 that is too long to write out."""
    if table.size > LONGEST:
        raise NoRuleError(
            f"asked to write out {' × '.join(map(str, table.shape))} numbers: it is an array, read "
            ".table"
        )


def summary(value: Any) -> str:
    """A value in a line: written out where it is short, else its size and its range."""
    shape = getattr(value, "shape", ())
    size = 1
    for axis in shape:
        size *= axis
    if size <= LONGEST:
        return f" = {value.tolist() if hasattr(value, 'dtype') and shape else value}"
    text = f", {' × '.join(map(str, shape))} entries"
    if hasattr(value, "dtype"):
        text += f" from {value.min():.6g} to {value.max():.6g}"
    return text


class Numeric(Outputs):
    """A result whose numbers may be float64: they are held to fewer digits."""

    exact: bool = True

    def check(self, **settings: Any) -> Any:
        """A Report, exact at many digits, or of float64 to 1e-8; see ``symprice.check``."""
        if not self.exact:
            settings = {"tolerance": FLOAT, "points": 1, **settings}
        return super().check(**settings)

    #: What it is, in words.
    _title: str = "result"

    def _repr_latex_(self) -> str | None:
        try:
            return super()._repr_latex_()
        except NoRuleError:
            # A long table is shown as plain text, in a line.
            return None

    def __repr__(self) -> str:
        return f"{self._title}{summary(self.doit())}"  # type: ignore[attr-defined]


class ValueTable(Numeric):
    """V, Q, A, the occupancy d, or the objective J of a policy.

    Attributes
    ==========

    table : a column (S × 1) or S × A matrix, of exact entries; a NumPy array in float64; J is a
        scalar.
    mdp : the process; evaluation: the other quantities of the same policy.

    Q and A of an action that a state does not have are -∞.

    ``table[s]`` is read with names: ``mdp.value(pi)['home']``, ``mdp.q(pi)['home', 'go']``.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice.mdp.process import MDP
    >>> chain = MDP([[[0, 1]], [[0, 1]]], [[1], [2]], Rational(1, 2), rho=1)
    >>> V = chain.value([[1], [1]])
    >>> V.table.T, V[1]
    (Matrix([[3, 4]]), 3)
    >>> print(V.derivation.result.T)
    Matrix([[3, 4]])
    """

    def __init__(self, mdp: Any, evaluation: Any, kind: str) -> None:
        self.mdp, self.evaluation, self.kind = mdp, evaluation, kind
        self.exact = evaluation.exact

    @cached_property
    def table(self) -> Any:
        """The entries."""
        e = self.evaluation
        found = {"V": lambda: e.V, "Q": lambda: e.Q, "A": lambda: e.A, "d": lambda: e.occupancy}
        if self.kind == "J":
            return e.J
        entries = found[self.kind]()
        absent = e.shape.absent if self.kind in "QA" else ()
        if not self.exact:
            for s, a in absent:
                entries = entries.copy()
                entries[s, a] = -float("inf")
            return entries
        if absent:
            entries = [
                [S.NegativeInfinity if (s, a) in absent else x for a, x in enumerate(row)]
                for s, row in enumerate(entries)
            ]
        return ImmutableDenseMatrix(entries) if self.kind in "QA" else column(entries)

    def doit(self, **hints: Any) -> Any:
        """The table, written out."""
        return self.table

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        import numpy as np

        table = self.table
        if self.exact and self.kind in "Vd":
            table = list(table)
        elif self.exact and self.kind in "QA":
            table = table.tolist()
        return np.array(table, dtype=dtype or (None if not self.exact else float))

    def __getitem__(self, place: Any) -> Any:
        names = place if isinstance(place, tuple) else (place,)
        known = (self.mdp.states, self.mdp.actions)[: 2 if self.kind in "QA" else 1]
        wanted = ("a state", "a state and an action")[len(known) - 1]
        wanted = "no state" if self.kind == "J" else wanted
        if self.kind == "J" or len(names) != len(known):
            raise PolicyError(f"asked for {self.kind} at {place}: it takes {wanted}")
        found = []
        for name, labels in zip(names, known, strict=True):
            label = action_label(name)
            if label not in labels:
                raise PolicyError(f"asked for {self.kind} at {name}, which is no name here")
            found.append(labels.index(label))
        table = self.table
        if not self.exact:
            return table[tuple(found)]
        return table[found[0], found[1] if len(found) == 2 else 0]

    def __float__(self) -> float:
        return float(self.table)

    def __iter__(self) -> Iterator[Any]:
        # Otherwise Python would ask for place 0, 1, ….
        return iter(self.table)

    def _short(self) -> None:
        entries = len(self.mdp.states) * (len(self.mdp.actions) if self.kind in "QA" else 1)
        if entries > LONGEST and self.kind != "J":
            raise NoRuleError(
                f"asked to write out {self.kind} of {len(self.mdp.states)} states: it is an array, "
                "read .table, or [state]"
            )

    @cached_property
    def names(self) -> Any:
        """V(s), Q(s, a), …, in the shape of the table."""
        states, actions = self.mdp.states, self.mdp.actions
        if self.kind == "J":
            from sympy import Symbol

            return Symbol("J")
        if self.kind in "QA":
            return ImmutableDenseMatrix(
                [[applied(self.kind, s, a) for a in actions] for s in states]
            )
        return column(applied(self.kind, s) for s in states)

    @property
    def equation(self) -> Any:
        """The table as an equation, in the names of the probabilities."""
        self._short()
        return Eq(self.names, self._formula(), evaluate=False)

    @property
    def _equations(self) -> Any:
        """A line for each entry, where entries are formulas; the table else."""
        if not self.exact or self.kind == "J" or not self.free_symbols:
            return None
        self._short()
        names = named_probabilities(self.evaluation)
        return [
            Eq(name, with_names(entry, names), evaluate=False)
            for name, entry in zip(self.names, self.table, strict=True)
            if entry != S.NegativeInfinity
        ]

    def _formula(self) -> Any:
        self._short()
        if not self.exact:
            table = self.table
            return Float(table) if self.kind == "J" else ImmutableDenseMatrix(table)
        return with_names(self.table, named_probabilities(self.evaluation))

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols in the table."""
        return set(self.table.free_symbols) if self.exact else set()

    @cached_property
    def derivation(self) -> Derivation:
        """The Bellman equation of V, the linear system, its solution; then the definition."""
        if not self.exact:
            raise NoRuleError(
                "asked for the derivation of values in float64: write mdp.rational(), and a policy "
                "in symbols or fractions"
            )
        self._short()
        e, mdp = self.evaluation, self.mdp
        names = named_probabilities(e)
        alive = e.alive
        v = {s: ProcessQuantity("V", (mdp.states[s],), (), e.V[s]) for s in alive}

        def close(x: Any) -> Any:
            return with_names(x, names)

        bellman = [
            Add(
                *(
                    p * (r + mdp.gamma * Add(*(q * v[t] for t, q in m.items() if t in v)))
                    for p, r, m in zip(e.pi[s], e.tables.rewards[s], e.tables.moves[s], strict=True)
                )
            )
            for s in alive
        ]
        left = column(v.values())
        inverse = MatMul(
            Inverse(ImmutableDenseMatrix(e.system())),
            column(e.mean_rewards[s] for s in alive),
            evaluate=False,
        )
        solution = close(column(e.V[s] for s in alive))
        steps = [
            *(
                Step(BellmanEquation(), v[s], close(after))
                for s, after in zip(alive, bellman, strict=True)
            ),
            Step(LinearSystem(), left, close(inverse)),
            Step(Elimination(), close(inverse), solution),
        ]
        if self.kind != "V":
            defined = self._defined(v)
            if self.kind in "QA" and e.shape.absent:
                # -∞ on both sides is nothing to compare.
                steps += [
                    Step(Definition(), defined[s, a], close(self.table[s, a]))
                    for s, a in e.shape.pairs()
                ]
            else:
                steps.append(Step(Definition(), defined, self._formula()))
        return Derivation(steps)

    def _defined(self, v: dict[int, Any]) -> Any:
        """Q, A, J from V; the occupancy from its own balance."""
        e, mdp = self.evaluation, self.mdp
        if self.kind == "J":
            return Add(*(p * v[s] for s, p in enumerate(e.rho) if s in v))
        if self.kind == "d":
            scale = S.One if mdp.gamma == 1 else 1 - mdp.gamma
            row = ImmutableDenseMatrix([[e.rho[s] for s in e.alive]])
            solved = row * scale * ImmutableDenseMatrix(e.system()).inv()
            entries = dict(zip(e.alive, list(solved), strict=True))
            return column(entries.get(s, S.Zero) for s in range(len(mdp.states)))
        rows = []
        for s in range(len(mdp.states)):
            base = v.get(s, S.Zero) if self.kind == "A" else S.Zero
            rows.append(
                [
                    r + mdp.gamma * Add(*(p * v.get(t, S.Zero) for t, p in m.items())) - base
                    for r, m in zip(e.tables.rewards[s], e.tables.moves[s], strict=True)
                ]
            )
        return ImmutableDenseMatrix(rows)

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """What characterises the quantity: the balance that it keeps, with nothing solved."""
        from .balances import balances

        return balances(self)

    def __repr__(self) -> str:
        return f"{self.kind}{summary(self.table)}"

    def __reduce__(self) -> Any:
        return type(self), (self.mdp, self.evaluation, self.kind)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, ValueTable) or (self.kind, self.exact) != (
            other.kind,
            other.exact,
        ):
            return NotImplemented if not isinstance(other, ValueTable) else False
        same = self.table == other.table
        return bool(same if self.exact or self.kind == "J" else same.all())

    __hash__ = None  # type: ignore[assignment]
