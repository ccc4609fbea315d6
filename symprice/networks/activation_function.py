"""The base of activations: exact values, signs, and the two branches of those with a kink at 0.

The indicator ``step`` is here too, in which the derivatives of the kinked ones are written.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sympy import DiracDelta, Dummy, Expr, Heaviside, Integer, S, exp
from sympy.printing.precedence import PRECEDENCE
from sympy.series.gruntz import sign as eventual_sign

from .named_function import Code, NamedFunction

__all__ = ["ActivationFunction", "KinkedActivation", "step"]


class ActivationFunction(NamedFunction):
    """A scalar function of one argument, with at most one parameter after it.

    Subclasses state ``definition``, ``partials`` (the derivatives in closed form), ``code``,
    ``tex`` (the name in LaTeX), ``sign`` (of the value at real arguments: "positive", "negative",
    or "x": that of the argument, if the parameter is positive) and ``default`` (of the parameter).

    Examples
    ========

    >>> from sympy.abc import x
    >>> from symprice import ActivationFunction
    >>> class cubic(ActivationFunction):
    ...     @classmethod
    ...     def definition(cls, x):
    ...         return x**3 + x
    >>> cubic(x).diff(x)
    3*x**2 + 1
    """

    tex: ClassVar[str] = ""
    sign: ClassVar[str] = ""
    default: ClassVar[Expr] = S.One

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        """Exact values where the definition has them: at 0 and at ±∞."""
        if x is S.NaN or x is S.ComplexInfinity:
            return S.NaN
        if x.is_zero and not x.is_Float:
            return cls.definition(S.Zero)
        if x in (S.Infinity, S.NegativeInfinity):
            value, slot = cls.definition(x), Dummy("x", real=True)
            return cls.definition(slot).limit(slot, x) if value is S.NaN else value
        return None

    def _follow(self, fact: str) -> bool | None:
        signs = {"positive": S.One, "negative": S.NegativeOne, "x": self.args[0]}
        known = self.args[0].is_real and all(arg.is_positive for arg in self.args[1:])
        return getattr(signs[self.sign], fact) if known and self.sign else None

    def _eval_is_positive(self) -> bool | None:
        return self._follow("is_positive")

    def _eval_is_negative(self) -> bool | None:
        return self._follow("is_negative")

    def _eval_is_nonnegative(self) -> bool | None:
        return self._follow("is_nonnegative")

    def _eval_is_nonpositive(self) -> bool | None:
        return self._follow("is_nonpositive")

    def _tex(self, printer: Any) -> str:
        x, *parameter = (printer._print(arg) for arg in self.args)
        subscript = f"_{{{parameter[0]}}}" if parameter else ""
        name = self.tex or rf"\operatorname{{{type(self).__name__}}}"
        return rf"{name}{subscript}{{\left({x} \right)}}"

    def _fields(self, printer: Any) -> dict[str, str]:
        fields = super()._fields(printer)
        a = self.args[1] if len(self.args) > 1 else self.default
        factor = printer.parenthesize(a, PRECEDENCE["Mul"], strict=True)
        return {**fields, "a": "" if a is S.One else f"{factor}*"}


class KinkedActivation(ActivationFunction):
    """An activation of real arguments with one smooth branch on each side of 0.

    The definition is in ``Max`` and ``Min``, which decide themselves where the sign is known. The
    derivative at 0 is that from the left, in formulas as in generated code.
    """

    @classmethod
    def eval(cls, x: Expr, parameter: Expr | None = None) -> Expr | None:
        """The branch, if the sign of x is known; a parameter equal to its default is dropped."""
        if x is S.NaN or x is S.ComplexInfinity:
            return S.NaN
        if parameter is not None and parameter == cls.default:
            return cls(x)
        args = (x,) if parameter is None else (x, parameter)
        if (value := cls._floats(*args)) is not None:
            return value
        if not (x.is_extended_positive or x.is_extended_nonpositive):
            return None
        slot, formula = cls._branch(bool(x.is_extended_positive), *args[1:])
        # An exponential stays behind its name, where evalf and code keep its digits near 0.
        if x.is_finite and not x.is_zero and any(e.has(slot) for e in formula.atoms(exp)):
            return None
        return cls.definition(*args)

    @classmethod
    def _branch(cls, positive: bool, *parameter: Expr) -> tuple[Dummy, Expr]:
        """A slot, and the smooth formula in it that holds on one side of 0."""
        slot = Dummy("x", positive=True) if positive else Dummy("x", negative=True)
        return slot, cls.definition(slot, *parameter)

    def _beside(self, side: Expr) -> Expr | None:
        """The smooth formula that holds where the argument has the sign of ``side``."""
        if not (side.is_extended_positive or side.is_extended_negative):
            return None
        x, *parameter = self.args
        slot, formula = self._branch(bool(side.is_extended_positive), *parameter)
        return formula.xreplace({slot: x})

    def _side(self, x: Expr, cdir: Any) -> Expr:
        """Something with the sign of the argument as x tends to 0 from the side ``cdir``."""
        direction = -1 if cdir == -1 else 1
        value = self.args[0].limit(x, 0, "-" if direction < 0 else "+")
        if not value.is_zero:
            return value
        coefficient, order = self.args[0].leadterm(x, cdir=direction)
        return coefficient * direction**order

    def _eval_nseries(self, x: Expr, n: int, logx: Any, cdir: Any = 0) -> Expr:
        branch = self._beside(self._side(x, cdir))
        if branch is None:
            return super()._eval_nseries(x, n, logx, cdir)
        return branch.nseries(x, n=n, logx=logx, cdir=cdir)

    def _eval_as_leading_term(self, x: Expr, logx: Any, cdir: Any) -> Expr:
        branch = self._beside(self._side(x, cdir))
        if branch is None:
            return super()._eval_as_leading_term(x, logx, cdir)
        return branch.as_leading_term(x, logx=logx, cdir=cdir)

    def _eval_rewrite_as_tractable(self, *args: Expr, limitvar: Any = None, **hints: Any) -> Expr:
        side = S.Zero if limitvar is None else Integer(eventual_sign(args[0], limitvar))
        branch = self.func(*args, evaluate=False)._beside(side)
        return self.definition(*args) if branch is None else branch


class step(KinkedActivation):
    r"""Indicator of a positive argument: `step(x) = 1[x > 0]`, 0 at the kink.

    The derivative is ``DiracDelta(x)``; code for an impulse does not exist, and SymPy's
    ``lambdify`` of one fails when it is called. Powers are the function itself.

    Examples
    ========

    >>> from symprice import step
    >>> from sympy import latex
    >>> from sympy.abc import x
    >>> step(0), step(2), step(x)**2, latex(step(x))
    (0, 1, step(x), '\\mathbf{1}{\\left[x > 0 \\right]}')
    """

    code = Code(
        numpy="{heaviside}({x}, 0.0)",
        math="(1 if {p} > 0 else 0)",
        torch="{sign}({relu}({x}))",
    )

    @classmethod
    def definition(cls, x: Expr) -> Expr:
        return Heaviside(x, 0)

    def partials(self) -> tuple[Expr, ...]:
        return (DiracDelta(self.args[0]),)

    def _eval_is_nonnegative(self) -> bool | None:
        return self.args[0].is_real

    def _eval_is_integer(self) -> bool | None:
        return self.args[0].is_real

    def _eval_power(self, exponent: Expr) -> Expr | None:
        return self if exponent.is_positive else None

    def _tex(self, printer: Any) -> str:
        return rf"\mathbf{{1}}{{\left[{printer._print(self.args[0])} > 0 \right]}}"
