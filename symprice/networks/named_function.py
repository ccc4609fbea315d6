"""The base of functions with a name: they stay atoms, and everything follows from a definition.

A subclass states its ``definition`` in elementary functions, its ``partials`` in closed form, and
the code that is right in the tails; values, limits, series, ``evalf`` and rewriting follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import mpmath
from mpmath.libmp import prec_to_dps
from sympy import Basic, Dummy, Expr, Float, Function, Rational, factorial
from sympy.core.function import ArgumentIndexError
from sympy.core.logic import fuzzy_and
from sympy.core.sympify import _sympify
from sympy.printing.numpy import SciPyPrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.pycode import SymPyPrinter

from ..errors import NoRuleError, ShapeError

__all__ = ["Code", "NamedFunction", "write"]


@dataclass(frozen=True)
class Code:
    """How to write a function, by language, so that it is right in the tails.

    In a template ``{x}`` is the argument and ``{p}`` the argument as a factor; any other name is a
    function of the language. A template is a call or stands in brackets, so that it is safe under
    a power. SciPy, JAX and CuPy fall back on NumPy, mpmath on math and math on NumPy; a language
    without a template is written from the definition.
    """

    numpy: str | None = None
    scipy: str | None = None
    jax: str | None = None
    cupy: str | None = None
    torch: str | None = None
    math: str | None = None
    mpmath: str | None = None

    def template(self, language: str) -> str | None:
        """The template for a language."""
        chain = {"torch": ("torch",), "mpmath": ("mpmath", "math", "numpy")}
        templates = (getattr(self, name) for name in chain.get(language, (language, "numpy")))
        return next((template for template in templates if template is not None), None)


# Where each language keeps its array functions, and where its special functions.
_LIBRARIES = {
    "scipy": ("numpy.", "scipy.special."),
    "numpy": ("numpy.", "scipy.special."),
    "jax": ("jax.numpy.", "jax.scipy.special."),
    "cupy": ("cupy.", "cupyx.scipy.special."),
    "torch": ("torch.", "torch.nn.functional."),
    "math": ("math.", "math."),
    "mpmath": ("mpmath.", "mpmath."),
}
_SPECIAL = frozenset({"expit", "log_expit", "ndtr", "logsigmoid"})
_BUILTIN = {"minimum": "min", "maximum": "max"}
# Bits beyond the precision asked for: a tail at x multiplies the error of its argument by about x.
_GUARD = 100


class _Names(dict[str, str]):
    """The fields of a code template; a name that is no field is a function of the language."""

    def __init__(self, printer: Any, language: str, **fields: str) -> None:
        super().__init__(fields)
        self._printer, self._language = printer, language

    def __missing__(self, name: str) -> str:
        if self._language in ("math", "mpmath") and name in _BUILTIN:
            return _BUILTIN[name]
        library, special = _LIBRARIES[self._language]
        prefix = special if name in _SPECIAL else library
        return str(self._printer._module_format(prefix + name))


class NamedFunction(Function):
    """A function that stays an atom and knows its definition in elementary functions.

    Subclasses state ``definition``, ``partials`` and ``code``; and ``_mpmath``, a function of
    mpmath numbers, where the definition loses digits that no working precision brings back.
    """

    code: ClassVar[Code] = Code()
    _mpmath: ClassVar[Callable[..., Any] | None] = None

    def __new__(cls, *args: Any, **options: Any) -> Expr:
        args = tuple(map(_sympify, args))
        for arg in args:
            if not isinstance(arg, Expr) or getattr(arg, "is_Matrix", False):
                raise ShapeError(
                    f"{cls.__name__} takes scalars, received {arg} ({type(arg).__name__}). Apply "
                    f"it to the entries of an explicit matrix, X.applyfunc({cls.__name__}); "
                    "X.as_explicit() makes one of an expression whose size is a number."
                )
        return super().__new__(cls, *args, **options)

    @classmethod
    def definition(cls, *args: Expr) -> Expr:
        """The function of these arguments, written in elementary functions."""
        raise NoRuleError(
            f"{cls.__name__} has no definition. Give the class a classmethod "
            "`definition(cls, x)` that returns an expression in elementary functions of x."
        )

    def partials(self) -> tuple[Expr, ...]:
        """The derivative in each argument: a subclass gives them in closed form."""
        slots = [Dummy("x") for _ in self.args]
        formula, back = self.definition(*slots), dict(zip(slots, self.args, strict=True))
        return tuple(formula.diff(slot).xreplace(back) for slot in slots)

    def fdiff(self, argindex: int = 1) -> Expr:
        """The derivative in one argument, counted from 1."""
        if not 1 <= argindex <= len(self.args):
            raise ArgumentIndexError(self, argindex)
        return self.partials()[argindex - 1]

    # --- numbers ----------------------------------------------------------------------------------
    def _eval_evalf(self, prec: int) -> Expr | None:
        if not all(arg.is_number for arg in self.args):
            return None
        # Floats mean the binary number they hold: as Rationals they survive higher precision.
        floats = {f: Rational(f) for arg in self.args for f in arg.atoms(Float)}
        args = [arg.xreplace(floats) for arg in self.args]
        function = self._mpmath
        if function is None:
            return self.definition(*args).evalf(prec_to_dps(prec + _GUARD))
        with mpmath.workprec(prec + _GUARD):
            value = function(*(arg._to_mpmath(prec + _GUARD) for arg in args))
        return Expr._from_mpmath(mpmath.mpmathify(value), prec + _GUARD)

    @classmethod
    def _floats(cls, *args: Expr) -> Expr | None:
        """The value at numbers of which some are Floats; SymPy alone asks for all to be."""
        precisions = [arg._prec for arg in args if arg.is_Float]
        if precisions and all(arg.is_number for arg in args):
            return cls(*args, evaluate=False).evalf(prec_to_dps(min(precisions)))
        return None

    def _eval_is_extended_real(self) -> bool | None:
        return fuzzy_and(arg.is_extended_real for arg in self.args) or None

    def _eval_is_finite(self) -> bool | None:
        return fuzzy_and(arg.is_real for arg in self.args) or None

    # --- rewriting, series, limits ----------------------------------------------------------------
    def _eval_rewrite(self, rule: Any, args: tuple[Expr, ...], **hints: Any) -> Expr | None:
        if not (isinstance(rule, type) and issubclass(rule, Basic)):
            return None
        formula = self.definition(*args)
        rewritten = formula if formula.has(rule) else formula.rewrite(rule)
        return rewritten if rewritten.has(rule) else None

    def _eval_rewrite_as_tractable(self, *args: Expr, **hints: Any) -> Expr:
        return self.definition(*args).rewrite("tractable", **hints)

    @classmethod
    def taylor_term(cls, n: Any, x: Expr, *previous_terms: Expr) -> Expr:
        """The n-th term of the expansion at 0; SymPy's own is wrong where x is not a symbol."""
        slot = Dummy("x")
        return cls(slot).diff(slot, n).subs(slot, 0) * x**n / factorial(n)

    def _eval_aseries(self, n: int, args0: Any, x: Expr, logx: Any) -> Expr:
        return self.definition(*self.args)._eval_nseries(x, n, logx)

    def _eval_as_leading_term(self, x: Expr, logx: Any, cdir: Any) -> Expr:
        args0 = [arg.limit(x, 0, "-" if cdir == -1 else "+") for arg in self.args]
        if all(arg.is_finite is not False for arg in args0):
            value = self.func(*args0)
            if not value.is_zero:
                return value
        return self.definition(*self.args).as_leading_term(x, logx=logx, cdir=cdir)

    # --- printing ---------------------------------------------------------------------------------
    def _tex(self, printer: Any) -> str:
        """This node without an exponent."""
        inner = ", ".join(printer._print(arg) for arg in self.args)
        return rf"\operatorname{{{type(self).__name__}}}{{\left({inner} \right)}}"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        # The exponent goes last: a sigma with a square before its argument reads as a variance.
        return self._tex(printer) + ("" if exp is None else f"^{{{exp}}}")

    def _fields(self, printer: Any) -> dict[str, str]:
        x = self.args[0]
        factor = printer.parenthesize(x, PRECEDENCE["Mul"], strict=True)
        return {"x": printer._print(x), "p": factor}

    def _write(self, printer: Any, language: str) -> str:
        """The source of this node in one language, safe as a factor and under a power."""
        template = self.code.template(language)
        if template is None:
            return write(printer, self.definition(*self.args))
        return template.format_map(_Names(printer, language, **self._fields(printer)))

    def _numpycode(self, printer: Any, **kwargs: Any) -> str:
        return self._write(printer, "scipy" if isinstance(printer, SciPyPrinter) else "numpy")

    def _pythoncode(self, printer: Any, **kwargs: Any) -> str:
        # SymPy's printer of SymPy code answers to the same method: there the name is the code.
        if isinstance(printer, SymPyPrinter):
            return str(printer._print_Function(self))
        return self._write(printer, "math")

    def _jaxcode(self, printer: Any, **kwargs: Any) -> str:
        return self._write(printer, "jax")

    def _cupycode(self, printer: Any, **kwargs: Any) -> str:
        return self._write(printer, "cupy")

    def _torchcode(self, printer: Any, **kwargs: Any) -> str:
        return self._write(printer, "torch")

    def _mpmathcode(self, printer: Any, **kwargs: Any) -> str:
        return self._write(printer, "mpmath")


def write(printer: Any, expr: Expr) -> str:
    """The source of an expression where a printer expects a function: safe as a factor."""
    text = str(printer._print(expr))
    return text if isinstance(expr, NamedFunction) else f"({text})"
