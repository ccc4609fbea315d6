"""π(a) as it is written before its formula matters: in integrals and under derivatives."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Expr, Symbol
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

__all__ = ["DensityOf"]


class DensityOf(Expr):
    """`π(a)`, the probability or density of an action, not yet written out; ``doit()`` does that.

    Examples
    ========

    >>> from symprice import GaussianPolicy, Parameter
    >>> pi = GaussianPolicy(Parameter('mu'), 1)
    >>> p = DensityOf(pi, pi.action)
    >>> p.diff(Parameter('mu'))
    Derivative(DensityOf(GaussianPolicy(mu, 1), a), mu)
    >>> p.doit()
    sqrt(2)*exp(-(a - mu)**2/2)/(2*sqrt(pi))
    """

    is_commutative = True
    is_real = True
    is_Function = True
    is_nonnegative = True
    precedence = PRECEDENCE["Atom"]

    def __new__(cls, policy: Any, action: Any) -> DensityOf:
        return super().__new__(cls, policy, _sympify(action))

    @property
    def policy(self) -> Any:
        """The policy π."""
        return self.args[0]

    @property
    def action(self) -> Any:
        """The action a."""
        return self.args[1]

    @property
    def _written(self) -> Any:
        policy, action = self.args
        return policy.prob().xreplace({policy.action: action})

    def doit(self, **hints: Any) -> Any:
        """The formula of the density."""
        return self._written

    def _eval_derivative(self, symbol: Any) -> Any:
        return None

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        policy, action = self.args
        if isinstance(policy.action, Symbol):
            # Outside of its domain a density may have a number, but its logarithm has none.
            level = evaluate(policy.log_prob().xreplace({policy.action: action}), point)
            if isinstance(level, mpmath.mpc) and level.imag != 0:
                return mpmath.nan
        return evaluate(self._written, point)

    def _inlined_code(self, printer: Any) -> str:
        return f"({printer._print(self._written)})"

    _numpycode = _pythoncode = _mpmathcode = _scipycode = _inlined_code

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        tex = rf"\pi{{\left({printer._print(self.action)} \right)}}"
        return tex if exp is None else rf"{tex}^{{{exp}}}"

    def _pretty(self, printer: Any) -> Any:
        from sympy.printing.pretty.stringpict import prettyForm

        return prettyForm(f"π({self.action})")
