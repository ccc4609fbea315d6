"""NumPy source of one expression, in the names of a program, as a person would write it.

SciPy's printer of SymPy knows the functions; here are the order of factors and terms, plain Python
numbers (which leave float32 what it is), nested calls that broadcast, and an error for what has no
code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sympy import Basic, Mul, Pow, S
from sympy.core.function import Application
from sympy.printing.numpy import SciPyPrinter

from ..errors import NoRuleError
from .careful import (
    HELPERS,
    HELPERS_NEED,
    Careful,
    EntryOf,
)
from .careful_gaps import (
    Gap,
)
from .code_names import natural
from .expectations import Quadrature
from .sharing import Sharing, is_below

__all__ = ["NumpyWriter"]

# How tightly the text of an expression holds together: a factor must bind tighter than its product.
_SUM, _PRODUCT, _SIGN, _POWER, _CALL = range(5)
_EXACT = 2**53


class NumpyWriter(SciPyPrinter):
    """Writes expressions in the code names given; ``imports`` and ``helpers`` are what the text
    needs so far.
    """

    def __init__(
        self, names: Mapping[Any, str], sharing: Sharing, fresh: Callable[[str], str] = str
    ) -> None:
        super().__init__({"fully_qualified_modules": False})
        self._fresh = fresh
        #: The functions of integrands in use, and their names.
        self.integrands: dict[type[Quadrature], str] = {}
        self._names = names
        self._sharing = sharing
        self.imports: set[str] = set()
        self.helpers: set[str] = set()

    def write(self, expr: Any) -> str:
        """The expression by its name, if it has one, else written out."""
        return self._print(expr)

    def definition(self, expr: Any) -> str:
        """The expression written out, whether it has a name or not."""
        opposite = self._sharing.opposite(expr)
        if opposite is not None:
            return "-" + self._within(opposite, _SUM)
        if expr.is_Function and expr.is_number and expr.is_extended_real:
            return repr(float(expr))
        return str(super()._print(expr))

    def _print(self, expr: Any, **kwargs: Any) -> str:
        if not isinstance(expr, Basic):
            return str(super()._print(expr, **kwargs))
        name = self._names.get(expr)
        return self.definition(expr) if name is None else name

    # --- brackets ---------------------------------------------------------------------------------
    def _tightness(self, expr: Any) -> int:
        if expr in self._names:
            return _CALL
        if self._sharing.opposite(expr) is not None:
            return _SIGN
        if expr.is_Add or isinstance(expr, Gap):
            return _SUM
        if expr.is_Mul or is_below(expr):
            return _PRODUCT
        if expr.is_Number:
            whole = expr.is_Integer or expr.is_Float
            return (_SIGN if expr.is_negative else _CALL) if whole else _PRODUCT
        if expr.is_Pow:
            return _CALL if expr.exp is S.Half and not expr.is_number else _POWER
        if expr.is_Relational or expr.is_Boolean:
            return _SUM
        return _CALL

    def _within(self, expr: Any, tightness: int) -> str:
        """The text, in brackets unless it binds tighter than ``tightness``."""
        text = self._print(expr)
        tight = min(self._tightness(expr), _SIGN if text.startswith("-") else _CALL)
        return text if tight > tightness else f"({text})"

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> str:
        """Brackets where SymPy's printers and the templates of functions ask for them."""
        return self._within(item, _PRODUCT)

    # --- arithmetic -------------------------------------------------------------------------------
    def _print_Add(self, expr: Any, order: Any = None) -> str:
        # The difference of two terms is taken before it is added to others.
        texts = [
            f"({text})" if isinstance(term, Gap) and term not in self._names else text
            for term, text in ((term, self._print(term)) for term in expr.args)
        ]
        constants = [t for t, term in zip(texts, expr.args, strict=True) if term.is_number]
        others = sorted(
            (t for t in texts if t not in constants), key=lambda t: natural(t.lstrip("-"))
        )
        ordered = others + constants
        # A sum begins with what is added.
        first = next((i for i, text in enumerate(ordered) if not text.startswith("-")), 0)
        ordered.insert(0, ordered.pop(first))
        total = ordered[0]
        for text in ordered[1:]:
            total += f" - {text[1:]}" if text.startswith("-") else f" + {text}"
        return total

    def _print_Mul(self, expr: Any) -> str:
        coefficient, rest = expr.as_coeff_Mul()
        if coefficient is S.NegativeOne:
            return "-" + self._within(rest, _SUM)
        if coefficient is not S.One and rest.is_Mul and rest in self._names:
            return self._fraction(coefficient, [rest])
        return self._fraction(coefficient, list(Mul.make_args(rest)))

    def _fraction(self, coefficient: Any, factors: list[Any]) -> str:
        above, below = [], []
        for factor in factors:
            if factor not in self._names and is_below(factor):
                below.append(Pow(factor.base, -factor.exp))
            else:
                above.append(factor)
        sign, p, q = "", coefficient, S.One
        if coefficient.is_Rational:
            sign, p, q = "-" if coefficient.is_negative else "", abs(coefficient.p), coefficient.q
        tops = [self._within(f, _SIGN) for f in sorted(above, key=self._reading_order)]
        bottoms = [self._within(f, _SIGN) for f in sorted(below, key=self._reading_order)]
        if p != 1 or not tops:
            tops.insert(0, self._number(p))
        if q != 1:
            bottoms.insert(0, self._number(q))
        top = "*".join(tops)
        if not bottoms:
            return sign + top
        return (
            f"{sign}{top}/{bottoms[0]}"
            if len(bottoms) == 1
            else f"{sign}{top}/({'*'.join(bottoms)})"
        )

    def _reading_order(self, factor: Any) -> tuple[int, tuple[Any, ...]]:
        """Numbers, symbols, functions, sums in brackets; by name within each."""
        base = factor if factor in self._names or not factor.is_Pow else factor.base
        named = base in self._names or base.is_Symbol
        kind = 0 if factor.is_number else 1 if named else 3 if base.is_Add else 2
        return kind, natural(self._print(factor))

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, exponent = expr.args
        if is_below(expr):
            return "1/" + self._within(Pow(base, -exponent), _SIGN)
        if exponent is S.Half and not base.is_number:
            return f"np.sqrt({self._print(base)})"
        return f"{self._within(base, _POWER)}**{self._within(exponent, _SIGN)}"

    # --- numbers: Python's own, which do not change the type of an array --------------------------
    def _number(self, value: Any) -> str:
        if isinstance(value, int):
            return str(value) if value < _EXACT else repr(float(value))
        return self._print(value)

    def _print_Integer(self, expr: Any) -> str:
        return str(expr.p) if abs(expr.p) < _EXACT else repr(float(expr.p))

    def _print_Rational(self, expr: Any) -> str:
        return f"{expr.p}/{expr.q}"

    def _print_Float(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_NumberSymbol(self, expr: Any) -> str:
        return {"Pi": "np.pi", "Exp1": "np.e"}.get(type(expr).__name__) or repr(float(expr))

    _print_Pi = _print_Exp1 = _print_EulerGamma = _print_GoldenRatio = _print_NumberSymbol

    def _print_Infinity(self, expr: Any) -> str:
        return "np.inf"

    def _print_NegativeInfinity(self, expr: Any) -> str:
        return "-np.inf"

    def _print_NaN(self, expr: Any) -> str:
        return "np.nan"

    # --- functions --------------------------------------------------------------------------------
    def _module_format(self, fqn: str, register: bool = True) -> str:
        module, _, name = fqn.rpartition(".")
        if module == "numpy":
            return f"np.{name}"
        if module == "scipy.special":
            self.imports.add(name)
        elif module == "helper":
            others, functions = HELPERS_NEED.get(name, ((), ()))
            self.helpers.update((name, *others))
            self.imports.update(functions)
        elif module:
            raise NoRuleError(
                f"asked for NumPy code of a function that is written with {fqn}: give its class a "
                "`code` with a template for scipy that uses NumPy and scipy.special"
            )
        return name

    def emptyPrinter(self, expr: Any) -> str:
        """Nothing is written that is not known to be code."""
        raise no_code(expr)

    def _print_not_supported(self, expr: Any) -> str:
        raise no_code(expr)

    def _print_Function(self, expr: Any) -> str:
        if isinstance(expr, EntryOf):
            return f"{self._print(expr.args[0])}[{expr.args[1]}]"
        if isinstance(expr, Quadrature):
            return self._quadrature(expr)
        if isinstance(expr, Gap):
            first, second = (self._within(arg, _SUM) for arg in expr.args)
            return f"{first} - {second}"
        if isinstance(expr, Careful):
            return self._call(self._module_format(expr.call), expr.args)
        return str(super()._print_Function(expr))

    def _quadrature(self, expr: Any) -> str:
        call = type(expr)
        if call not in self.integrands:
            self.integrands[call] = self._fresh("integrand")
        opening = [self.integrands[call], *filter(None, [call.setting])]
        helper = self._module_format(f"helper.{call.helper}")
        return f"{helper}({', '.join([*opening, *map(self._print, expr.args)])})"

    def _call(self, name: str, args: Any) -> str:
        return f"{name}({', '.join(map(self._print, args))})"

    def _nested(self, name: str, args: Any) -> str:
        texts = sorted(map(self._print, args), key=natural)
        total = texts[0]
        for text in texts[1:]:
            total = f"{name}({total}, {text})"
        return total

    def _print_Max(self, expr: Any) -> str:
        return self._nested("np.maximum", expr.args)

    def _print_Min(self, expr: Any) -> str:
        return self._nested("np.minimum", expr.args)

    def _print_Abs(self, expr: Any) -> str:
        return self._call("np.abs", expr.args)

    def _print_KroneckerDelta(self, expr: Any) -> str:
        left, right = sorted(map(self._print, expr.args[:2]), key=natural, reverse=True)
        return f"np.where({left} == {right}, 1.0, 0.0)"

    def _print_Heaviside(self, expr: Any) -> str:
        return self._call("np.heaviside", expr.args[:2])

    def _print_LambertW(self, expr: Any) -> str:
        return f"np.real({self._call(self._module_format('scipy.special.lambertw'), expr.args)})"

    def _print_polygamma(self, expr: Any) -> str:
        order, x = expr.args
        if order.is_zero:
            return self._call(self._module_format("scipy.special.digamma"), [x])
        return self._call(self._module_format("scipy.special.polygamma"), expr.args)

    def _print_Piecewise(self, expr: Any) -> str:
        pieces = list(expr.args)
        text = self._print(pieces.pop().expr) if pieces[-1].cond is S.true else "np.nan"
        for piece in reversed(pieces):
            text = f"np.where({self._print(piece.cond)}, {self._print(piece.expr)}, {text})"
        return text

    # --- conditions -------------------------------------------------------------------------------
    def _print_Relational(self, expr: Any) -> str:
        return f"{self._print(expr.lhs)} {expr.rel_op} {self._print(expr.rhs)}"

    def _print_And(self, expr: Any) -> str:
        return " & ".join(sorted(f"({self._print(arg)})" for arg in expr.args))

    def _print_Or(self, expr: Any) -> str:
        return " | ".join(sorted(f"({self._print(arg)})" for arg in expr.args))

    def _print_Not(self, expr: Any) -> str:
        return f"~({self._print(expr.args[0])})"

    def _print_MatrixElement(self, expr: Any) -> str:
        matrix = self._names.get(expr.parent)
        if matrix is None or not (expr.i.is_Integer and expr.j.is_Integer):
            raise no_code(expr)
        index = f"{expr.i}" if expr.parent.shape[1] == 1 else f"{expr.i}, {expr.j}"
        return f"{matrix}[..., {index}]"

    def needed(self) -> list[str]:
        """The source of the helpers in use, in a fixed order."""
        return [HELPERS[name] for name in HELPERS if name in self.helpers]


def no_code(expr: Any) -> NoRuleError:
    """The error for a node that no NumPy code is known for."""
    kind = "function" if isinstance(expr, Application) else "node"
    return NoRuleError(
        f"asked for NumPy code of {expr}, but none is known for the {kind} {type(expr).__name__}. "
        "Write it with functions that NumPy or SciPy have, as expr.doit() or expr.rewrite(...) "
        "may do"
    )
