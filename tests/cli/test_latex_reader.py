"""The reader of LaTeX against SymPy's printer, and against any row of tokens."""

from __future__ import annotations

import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sympy import Rational, Symbol, latex

from symprice.cli.latex_formulas import chains
from symprice.cli.parser import parse
from symprice.errors import ParseError

w, b, x = NAMES = [Symbol(name, positive=True) for name in ("w", "b_1", "theta")]
POINT = dict(zip(NAMES, map(Rational, ("0.37", "1.61", "0.83")), strict=True))
KNOWN = {str(symbol): symbol for symbol in NAMES}

leaves = st.sampled_from([*NAMES, sympy.Integer(2), sympy.Integer(-3), Rational(1, 2), sympy.E])


def grown(inner: st.SearchStrategy[sympy.Expr]) -> st.SearchStrategy[sympy.Expr]:
    functions = (sympy.tanh, sympy.log, sympy.exp, sympy.sqrt, sympy.Abs, sympy.sin)
    return st.one_of(
        st.builds(lambda f, a: f(a), st.sampled_from(functions), inner),
        st.builds(lambda a, n: sympy.Pow(a, n), inner, st.sampled_from([-1, 2, Rational(1, 2), 3])),
        st.builds(lambda a, c: a + c, inner, inner),
        st.builds(lambda a, c: a * c, inner, inner),
        st.builds(lambda a, c: a - c, inner, inner),
    )


expressions = st.recursive(leaves, grown, max_leaves=7)


@settings(max_examples=150, deadline=None)
@given(expressions)
def test_what_sympy_prints_is_read_as_it_is_meant(expr: sympy.Expr) -> None:
    value = complex(expr.subs(POINT).evalf(20))
    if not abs(value) < 1e6 or abs(value.imag) > 0:
        return
    try:
        (sides,) = chains(latex(expr), KNOWN)
        read = parse(sides[0], KNOWN)
    except ParseError:  # refused, perhaps for its bounds: no reading is not a wrong one
        return
    found = complex(read.subs(POINT).evalf(20))
    assert abs(found - value) <= 1e-9 * max(abs(value), 1), (latex(expr), sides)


def test_most_of_it_is_read() -> None:
    """Refusing everything would pass, too."""
    for expr in (w**2 / (b + 1), -sympy.log(w) * b, sympy.sqrt(w + x) / 3, sympy.exp(-w * x) - b):
        (sides,) = chains(latex(expr), KNOWN)
        assert sympy.simplify(parse(sides[0], KNOWN) - expr) == 0


TOKENS = r"""w \theta b_1 1 23 0.5 + - = & \\ \quad ( ) [ ] \left( \right) { } ^ _
    ' , / | \frac \sqrt
    \tanh \sigma \cdot \odot \top ^\top \mathbf{w} \text{and} \text{where} \begin{pmatrix}
    \end{pmatrix} \lvert \rvert e E L \NTVar \operatorname{NTCov} \foo . ; !""".split()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=12))
@example([r"\begin{pmatrix}", "=", r"\end{pmatrix}"])
@example(["^", "^"])
@example([r"\left(", "w", r"\right)", "'", "_"])
def test_any_row_of_tokens_is_read_or_refused(row: list[str]) -> None:
    try:
        read = chains(" ".join(row), ["L"])
    except ParseError:
        return
    assert all(isinstance(side, str) for sides in read for side in sides)
