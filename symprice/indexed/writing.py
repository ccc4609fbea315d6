r"""How indices are written on paper: sums with their limits, places counted from 1.

An index runs over `0, …, n - 1` and is written `1, …, n`. One that moves a place, as s in
`X_{c,t+s}`, keeps its 0: a sum over it runs from 0 to `n - 1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import Any

from sympy import Add, KroneckerDelta, Mod, S
from sympy.printing.precedence import PRECEDENCE

from .entries import Entry, Index, Within, every_index
from .families import EntriesOf, Family, Member
from .shifts import Shift
from .sums import SumOver

__all__ = ["Offset", "letters", "place_latex", "subscripted", "sum_latex", "with_letters"]


class Offset(Index):
    """An index that is written from 0, as that of a move: made while a formula is printed."""


# --- letters --------------------------------------------------------------------------------------
def letters(
    expr: Any, indices: Iterable[Index], taken: Iterable[str] = (), moves: Iterable[Index] = ()
) -> dict[Index, Index]:
    """Letters for the indices that have none, whose names begin with an underscore: `i, j, k, …`;
    of a time or a move `t, s, …`. No symbol, size or other index of the expression has them.

    Parameters
    ==========

    expr : what they stand in.
    indices : the indices.
    taken : letters that are used around it.
    moves : those of the indices that move places.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Index, ParameterMatrix
    >>> from symprice.indexed.entries import Entry
    >>> from symprice.indexed.writing import letters
    >>> i, k, T = symbols('i k T', integer=True, positive=True)
    >>> bound = Index('_1', k), Index('_2', T)
    >>> letters(Entry(ParameterMatrix('W', k, T), *bound)*i, bound)
    {_1: j, _2: t}
    """
    used, moves = {*taken, *_names(expr)}, set(moves)
    found: dict[Index, Index] = {}
    for index in indices:
        if not index.name.startswith("_"):
            continue
        if index in moves:
            pool = "srtuijkl"
        else:
            pool = "tsrijklu" if str(index.size)[:1] in ("T", "L") else "ijklstru"
        numbered = (f"i_{n}" for n in count(1))
        name = next(name for name in chain(pool, numbered) if name not in used)
        used.add(name)
        found[index] = type(index)(name, index.size)
    return found


def _names(expr: Any) -> set[str]:
    """What an expression uses: its symbols, their sizes, its indices."""
    used = {index.name for index in every_index(expr)}
    for symbol in expr.free_symbols:
        sides = getattr(symbol, "shape", ())
        used |= {str(s) for side in sides for s in getattr(side, "free_symbols", ())}
        used.add(symbol.name)
    return used


def with_letters(expr: Any) -> Any:
    """An expression in which every free index has a letter; of a family, its labels too."""
    if isinstance(expr, Family):
        names = letters(expr.expr, expr.labels)
        if not names:
            return expr
        return Family(expr.expr.xreplace(names), *(names.get(i, i) for i in expr.labels))
    if not any(index.name.startswith("_") for index in every_index(expr)):
        return expr
    bound = {index for node in expr.atoms(SumOver) for index in node.indices}
    names = letters(expr, sorted(expr.atoms(Index) - bound, key=lambda index: index.name))
    if isinstance(expr, EntriesOf):
        return EntriesOf(expr.expr.xreplace(names), *(names.get(i, i) for i in expr.args[1:]))
    return expr.xreplace(names) if names else expr


# --- places ---------------------------------------------------------------------------------------
def place_latex(printer: Any, position: Any, label: bool = False) -> str:
    """A position as it is written, counted from 1; a label that is a move, from 0."""
    if isinstance(position, Mod):
        return _on_a_circle(place_latex(printer, position.args[0]))
    if label and isinstance(position, Offset):
        return str(printer._print(position))
    placed = position.atoms(Index) - _moving(position)
    counted = sum((_coefficient(position, index) for index in placed), start=S.Zero)
    terms = Add.make_args(position + 1 - counted)
    # Place first, then how far it is moved, then numbers.
    return _summed_up(printer, sorted(terms, key=_order))


def _on_a_circle(tex: str) -> str:
    """Addition of places that go round."""
    return re.sub(r"(?<=.)-", r" \\ominus ", tex.replace("+", r" \oplus "))


def _order(term: Any) -> Any:
    """A place first, then how far it is moved, then numbers."""
    negative = term.could_extract_minus_sign()
    return not term.has(Index), negative, term.has(Offset), str(term)


def _moving(position: Any) -> set[Index]:
    return {index for index in position.atoms(Index) if isinstance(index, Offset)}


def _coefficient(position: Any, index: Index) -> Any:
    return sum(
        (
            term.as_coeff_Mul()[0]
            for term in Add.make_args(position)
            if term.as_coeff_Mul()[1] == index
        ),
        start=S.Zero,
    )


def _summed_up(printer: Any, terms: Sequence[Any]) -> str:
    tex = ""
    for term in terms:
        piece = str(printer._print(term)).replace("- ", "-")
        tex += piece if not tex or piece.startswith("-") else f"+{piece}"
    return tex


def subscripted(tex: str, below: str) -> str:
    r"""``tex`` with a subscript, which joins one that is there.

    >>> from symprice.indexed.writing import subscripted
    >>> subscripted('h_{1}', 'i'), subscripted("x'", 'i'), subscripted(r'x_{1}^{2}', 'i')
    ('h_{1,i}', "x'_{i}", '{x_{1}^{2}}_{i}')
    """
    if tex.startswith("[") and tex.endswith("]"):
        return f"{tex}_{{{below}}}"
    start = _last_group(tex)
    if start is not None and tex[start - 1 : start] == "_":
        return f"{tex[:-1]},{below}}}"
    outside = tex
    while outside != (outside := re.sub(r"\{[^{}]*\}", "", outside)):
        pass
    return f"{{{tex}}}_{{{below}}}" if "_" in outside else f"{tex}_{{{below}}}"


def below(printer: Any, tex: str, script: str) -> str:
    """A name with a subscript, as a printer writes it."""
    own = getattr(printer, "subscripted", subscripted)
    return str(own(tex, script))


def _last_group(tex: str) -> int | None:
    """Where the group in braces begins that ``tex`` ends with."""
    depth = 0
    for place in range(len(tex) - 1, -1, -1):
        depth += (tex[place] == "}") - (tex[place] == "{")
        if depth == 0:
            return place if tex[place] == "{" else None
    return None


def labels_latex(printer: Any, labels: Iterable[Any]) -> str:
    """`i,j`: the labels of a member."""
    return ",".join(place_latex(printer, label, label=True) for label in labels)


# --- sums -----------------------------------------------------------------------------------------
def sum_latex(printer: Any, node: Any) -> str:
    r"""`\sum_{i=1}^{N} …`; indices of one range share a sign."""
    taken: frozenset[str] = getattr(printer, "letters_in_use", frozenset())
    inner, indices = prepared(node, taken)
    signs, left = [], list(indices)
    while left:
        first = left[0]
        alike = [i for i in left if i.size == first.size and type(i) is type(first)]
        left = [i for i in left if i not in alike]
        low = 0 if isinstance(first, Offset) else 1
        names = ",".join(str(printer._print(i)) for i in alike)
        top = printer._print(first.size - 1 + low)
        signs.append(rf"\sum_{{{names}={low}}}^{{{top}}}")
    body = within_letters(printer, indices, inner)
    loose = inner.is_Add or getattr(inner, "is_MatAdd", False) or body.startswith("-")
    if loose:
        body = rf"\left({body}\right)"
    return " ".join([*signs, body])


def within_letters(printer: Any, indices: Iterable[Index], inner: Any) -> str:
    """What stands under a sum: the sums in it have other letters."""
    outside: frozenset[str] = getattr(printer, "letters_in_use", frozenset())
    printer.letters_in_use = outside | {index.name for index in indices}
    try:
        return str(printer._print(inner))
    finally:
        printer.letters_in_use = outside


def prepared(node: Any, taken: Iterable[str] = ()) -> tuple[Any, list[Index]]:
    """What a sum adds up and its indices, with the letters and the ranges that they are written
    with.
    """
    moves = _offsets(node.expr, node.indices)
    names = letters(node.expr, node.indices, taken, moves)
    for index in moves:
        names[index] = Offset(names.get(index, index).name, index.size)
    inner = node.expr.xreplace(names) if names else node.expr
    return inner, [names.get(index, index) for index in node.indices]


def _offsets(expr: Any, indices: Sequence[Index]) -> list[Index]:
    """The summed indices that move places: of a Shift, or beside another index in a position."""
    shifts = expr.atoms(Shift)
    found = [index for index in indices if any(shift.args[1].has(index) for shift in shifts)]
    sums = [(place, size) for place, size in _positions(expr) if len(place.atoms(Index)) > 1]
    kernels = {node.args[-1] for node in expr.atoms(Entry, Member) if hasattr(node.args[0], "size")}

    def placed(index: Index) -> int:
        """How much like the place of an array an index is, and not like a move."""
        alike = any(
            place.has(index) and index.size.free_symbols & size.free_symbols for place, size in sums
        )
        return 0 if index in kernels else 1 + alike

    for index in sorted(reversed(indices), key=placed):
        mine = [place for place, _ in sums if place.has(index)]
        others = (place.atoms(Index) - {index, *found} - _moving(place) for place in mine)
        if mine and index not in found and all(others):
            found.append(index)
    return found


def _positions(expr: Any) -> list[tuple[Any, Any]]:
    """The positions in an expression, each with the size of its axis."""
    found: list[tuple[Any, Any]] = []
    for node in expr.atoms(Entry, Within, KroneckerDelta):
        if isinstance(node, Entry):
            sides = [side for side in getattr(node.array, "shape", ()) if side != 1]
            found += zip(node.positions, sides, strict=False)
        elif isinstance(node, Within):
            found.append(node.args)
        else:
            found += [(place, S.Zero) for place in node.args[:2]]
    return [(p.args[0] if isinstance(p, Mod) else p, size) for p, size in found]


def shift_latex(printer: Any, node: Any) -> str:
    r"""`X_{+s}`: the columns moved by s; round a circle, `X_{\oplus s}`."""
    offset = node.args[1]
    places = sum(_coefficient(offset, i) for i in offset.atoms(Index) - _moving(offset))
    moved = offset - places
    tex = _summed_up(printer, sorted(Add.make_args(moved), key=_order))
    inner = printer.parenthesize(node.matrix, PRECEDENCE["Atom"], strict=True)
    tex = tex if tex.startswith("-") else f"+{tex}"
    if node.args[3].name == "circular":
        tex = tex.replace("+", r"\oplus ").replace("-", r"\ominus ")
    return below(printer, str(inner), tex)


def entry_latex(printer: Any, node: Any) -> str:
    """`x_{i}` of a column, `W_{ij}` or `[W_{1}]_{ij}` of a matrix, `[x_{i}]_{r}` of a member."""
    array, places = node.args[0], list(node.args[1:])
    tex = str(printer._print(array))
    axes = sum(side != 1 for side in getattr(array, "shape", ()))
    own, labels = places[:axes], places[axes:]
    if labels:
        tex = below(printer, tex, labels_latex(printer, labels))
    if not own:
        return tex
    inner = [place_latex(printer, place) for place in own]
    script = "".join(inner) if all(len(place) == 1 for place in inner) else ",".join(inner)
    if labels or (len(own) == 2 and re.search(r"[_₀-₉]", tex)):
        tex = f"[{tex}]"
    return below(printer, tex, script)


def entries_latex(printer: Any, node: Any) -> str:
    r"""`\left[…\right]_{pq}`: a matrix by its entries."""
    node = with_letters(node)
    under = ",".join(str(printer._print(p)) for p in node.args[1:] if isinstance(p, Index))
    return rf"\left[{printer._print(node.args[0])}\right]_{{{under}}}"


def at_labels(name: Any, value: Any) -> tuple[Any, Any]:
    """The two sides in which a definition is written: of a family, at its labels.

    Examples
    ========

    >>> from sympy import MatrixSymbol
    >>> from symprice import Family, Index, Member, NameMatrix
    >>> from symprice.indexed.writing import at_labels
    >>> i, x = Index('_1', 10), MatrixSymbol('x', 3, 1)
    >>> at_labels(NameMatrix('h', 3, 1), Family(2*Member(x, i), i))
    (Member(h, i), 2*Member(x, i))
    """
    if not isinstance(value, Family):
        return name, value
    value = with_letters(value)
    kind = Member if getattr(name, "is_Matrix", False) else Entry
    return kind(name, *value.labels), value.expr
