"""Formulas that are written as Python functions, and Python functions shown as formulas.

``@definition`` turns a function into an expression by running it on symbols, and keeps it as it was
written for LaTeX; ``latexify_source`` shows generated code as mathematics, a second view of what it
computes.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sympy import Basic, Eq, Function, MatrixSymbol, Symbol
from sympy.core.sympify import SympifyError, _sympify

from ..errors import NoRuleError, ShapeError
from ..outputs import Outputs
from ..symbols import Observable, Parameter
from .as_written import as_written
from .latex import displayed
from .lines import ChainLine, Lines, lines_of
from .notation import noted
from .python_subset import LIBRARIES, called, restricted
from .tracing import traced

__all__ = ["Traced", "definition", "from_function", "latexify_source", "source_lines"]

_SYMBOLS = {"Parameter": Parameter, "Observable": Observable, "Symbol": Symbol}


@dataclass(frozen=True)
class Traced(Outputs):
    """A definition: the expression that a Python function computes, and its source.

    Made by ``from_function`` and ``@definition``. Calling it puts values for its arguments.

    Attributes
    ==========

    name : the function's name.
    args : what its arguments stand for, in order.
    expr : the expression.
    display : 'as written' where ``latex()`` shows the source, else 'as computed'.
    why : why it is not shown as it was written; empty where it is.
    """

    name: str
    args: tuple[Any, ...]
    expr: Any
    display: str = "as computed"
    why: str = ""
    written: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __call__(self, *values: Any) -> Any:
        """The expression at other arguments."""
        if len(values) != len(self.args):
            raise ShapeError(
                f"asked for {self.name} of {len(values)} arguments: it takes {len(self.args)}, "
                f"{', '.join(map(str, self.args))}"
            )
        pairs = list(zip(self.args, map(_sympify, values), strict=True))
        return self.expr.subs(pairs, simultaneous=True)

    def latex(
        self, *, environment: str | None = None, label: str | None = None, **settings: Any
    ) -> str:
        r"""LaTeX of the definition as it was written, or else of the expression; see ``display``.

        With settings of SymPy's printer, which source knows nothing of, it is that of the
        expression.
        """
        given = ("where", "width", "rules", "numbers", "notation")
        layout = {name: settings.pop(name) for name in given if name in settings}
        if self.written and not settings:
            chain = tuple(ChainLine(left, "=", right) for left, right in self.written)
            shown = Lines(chain)
        else:
            from .latex_printer import PaperPrinter

            spelling = noted(layout.get("notation"))
            shown = lines_of(self.equation, PaperPrinter(settings, spelling).doprint)
        return displayed(shown, environment=environment, label=label, **layout)

    def source(self, args: Any = None, **settings: Any) -> str:
        """NumPy source of the definition, with its own name and arguments."""
        from .numpy import source

        args = self.args if args is None else args
        return source(args, self.expr, **{"name": self.name, **settings})

    def lambdify(self, args: Any = None, **settings: Any) -> Any:
        """A NumPy function of the definition's arguments."""
        from .numpy import lambdify

        args = self.args if args is None else args
        return lambdify(args, self.expr, **{"name": self.name, **settings})

    def _formula(self) -> Any:
        return self.expr

    def _sympy_(self) -> Any:
        return self.expr

    @property
    def equation(self) -> Any:
        """`f(x) = …`; of matrices, the expression alone."""
        if any(isinstance(arg, MatrixSymbol) for arg in self.args) or getattr(
            self.expr, "is_Matrix", False
        ):
            return self.expr
        return Eq(Function(self.name)(*self.args), self.expr, evaluate=False)


def from_function(function: Callable[..., Any], /, **symbols: Any) -> Traced:
    r"""The definition that a Python function states.

    Parameters
    ==========

    function : pure arithmetic and calls of math, NumPy, SciPy or SymPy; helper functions may be
        called.
    symbols : what its arguments stand for, by name. An argument that is not given is what its
        annotation says (``Parameter``, ``Observable``, ``Symbol``), else a plain Symbol of its
        name.

    Raises
    ======

    NoRuleError : where the function branches on a symbol, or calls what has no symbolic
        counterpart.
    ShapeError : for `*args`, for symbols that are no arguments, for what is no expression.

    Examples
    ========

    >>> from symprice import NTVar, Parameter
    >>> def p(b, x):
    ...     return 1/(1 + x**b)
    >>> f = from_function(p, b=Parameter('b'))
    >>> f.expr, NTVar(f.expr).doit()
    (1/(x**b + 1), x**(2*b)*log(x)**2/(x**b + 1)**4)
    >>> f(0, 5)
    1/2
    """
    if not inspect.isfunction(function):
        raise NoRuleError(
            f"asked for the definition that {function!r} states: write a Python function, def or "
            "lambda"
        )
    positional, keywords = _arguments(function, symbols)
    expr = traced(function, list(positional.values()), keywords)
    every = {**positional, **keywords}
    written, why = _shown(function, every)
    return Traced(
        _identifier(function.__name__),
        tuple(every.values()),
        expr,
        "as written" if written else "as computed",
        why,
        written,
    )


def definition(function: Any = None, /, **symbols: Any) -> Any:
    """Decorator: the function becomes the definition that it states, a ``Traced``.

    Examples
    ========

    >>> from symprice import Parameter, sigmoid
    >>> @definition
    ... def loss(b: Parameter, r):
    ...     p = sigmoid(b)
    ...     return -r*p
    >>> loss.expr, loss.args
    (-r*sigmoid(b), (b, r))
    >>> @definition(b=Parameter('b', real=True))
    ... def reward(b):
    ...     return sigmoid(b)
    >>> reward.expr.is_positive
    True
    """
    if function is None:
        return lambda late: from_function(late, **symbols)
    return from_function(function, **symbols)


def latexify_source(function: Any) -> str:
    r"""LaTeX of a straight-line NumPy function: what its code computes, line by line.

    Parameters
    ==========

    function : Python source with one function (of several, the last), or an object with such a
        ``source``.

    Raises
    ======

    NoRuleError : for what cannot be shown: keyword arguments, subscripts, branches, unknown
        functions.

    Examples
    ========

    >>> print(latexify_source("def f(b):\n    s = expit(b)\n    return s**2/2"))
    \begin{aligned}
    s &= \sigma(b) \\
    f(b) &= \frac{s^{2}}{2}
    \end{aligned}
    """
    text = function if isinstance(function, str) else getattr(function, "source", None)
    return displayed(Lines(source_lines(text if isinstance(text, str) else _source_of(function))))


def source_lines(text: str) -> tuple[ChainLine, ...]:
    """The lines of a function in source, the last of several; errors as for ``latexify_source``."""
    try:
        body = ast.parse(textwrap.dedent(text)).body
    except SyntaxError as error:
        raise NoRuleError(f"asked for the LaTeX of source that is no Python: {error}") from error
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    if not functions:
        raise NoRuleError(
            "asked for the LaTeX of source without a function: write 'def f(x): return …'"
        )
    return tuple(ChainLine(left, "=", right) for left, right in as_written(functions[-1]))


def _arguments(
    function: Callable[..., Any], given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the positional and the keyword-only arguments stand for."""
    positional: dict[str, Any] = {}
    keywords: dict[str, Any] = {}
    signature = inspect.signature(function)
    unknown = [name for name in given if name not in signature.parameters]
    if unknown:
        raise ShapeError(
            f"asked for {function.__name__} with {', '.join(unknown)}, which is none of its "
            "arguments: it has "
            f"{', '.join(signature.parameters) or 'none'}"
        )
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ShapeError(
                f"asked for the definition that {function.__name__}({parameter}) states: every "
                "argument needs a "
                "name, as in def f(x1, x2)"
            )
        side = keywords if parameter.kind is parameter.KEYWORD_ONLY else positional
        side[name] = _symbol(name, parameter.annotation, given, function)
    return positional, keywords


def _symbol(name: str, annotation: Any, given: dict[str, Any], function: Any) -> Any:
    if name in given:
        try:
            return _sympify(given[name])
        except SympifyError:
            raise ShapeError(
                f"asked for {function.__name__} with {name} = {given[name]!r}: write a symbol, as "
                "in "
                f"{name}=Parameter({name!r})"
            ) from None
    if isinstance(annotation, str):  # postponed annotations are looked up by name, never evaluated
        annotation = _SYMBOLS.get(annotation.rsplit(".", 1)[-1])
    if isinstance(annotation, Symbol):
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, Symbol):
        return annotation(name)
    return Symbol(name)


def _identifier(name: str) -> str:
    return name if name.isidentifier() else "f"


def _shown(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> tuple[tuple[tuple[str, str], ...], str]:
    """The source as LaTeX, or nothing and the reason why."""
    other = [f"{n} stands for {v}" for n, v in arguments.items() if getattr(v, "name", "") != n]
    if other:
        return (), other[0]
    try:
        body = ast.parse(textwrap.dedent(_source_of(function))).body
    except (NoRuleError, SyntaxError):
        return (), "its source cannot be read"
    if len(body) != 1 or not isinstance(tree := body[0], ast.FunctionDef):
        return (), "it is no def statement of its own"
    foreign = _foreign(tree, function)
    if foreign:
        return (), foreign
    try:
        return tuple(as_written(tree)), ""
    except NoRuleError as error:
        return (), str(error)


def _foreign(tree: ast.FunctionDef, function: Any) -> str:
    """What stands in the source but is neither argument, nor defined there, nor a library's."""
    outside = inspect.getclosurevars(function)
    values = {**outside.builtins, **outside.globals, **outside.nonlocals}
    try:
        statements = restricted(tree)
    except NoRuleError as error:
        return str(error)
    inside = [node for statement in tree.body for node in ast.walk(statement)]
    for node in inside:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        value = values.get(name := called(node))
        home = str(getattr(value, "__module__", "") or "").split(".")[0]
        if home not in LIBRARIES and type(value).__name__ != "ufunc":
            return f"{name} is a function of its own"
    local = {name for name, _ in statements if name}
    local |= {argument.arg for argument in (*tree.args.posonlyargs, *tree.args.args)}
    for name in sorted({node.id for node in inside if isinstance(node, ast.Name)} - local):
        value = values.get(name)
        if isinstance(value, (int, float)) or (isinstance(value, Basic) and str(value) != name):
            return f"{name} is a value from outside of it"
    return ""


def _source_of(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        raise NoRuleError(
            f"asked for the source of {function!r}, which cannot be read: write it in a file or a "
            "notebook"
        ) from None
