"""Where generated source becomes a function: the only place that executes anything.

The source is parsed first and held to what the writer of NumPy code can write: arithmetic,
subscripts, calls of NumPy and SciPy functions by name, nothing else. Code for the array API calls
functions of the namespace ``xp`` instead, and loops that Numba compiles are let through; so are
quadratures and means over directions, where they are known word for word. It runs with a few
harmless builtins, and its lines are known to tracebacks and to ``inspect.getsource``.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import linecache
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import scipy.special

from ..errors import NameClashError, NoRuleError
from .bessel_code import BESSEL
from .loop_functions import LOOP_DECORATORS, LOOP_FUNCTIONS
from .quadrature_code import QUADRATURE

__all__ = ["compile_source"]

_ARRAY_FUNCTIONS = frozenset(
    "angle arange argmax asarray broadcast_arrays broadcast_shapes concatenate cumsum e "
    "einsum empty eye flip float32 full full_like imag inf max min nan pi real reshape "
    "result_type shape sinc sort stack sum swapaxes take take_along_axis transpose where "
    "zeros zeros_like".split()
)
_LINEAR_ALGEBRA = frozenset(("np.linalg", "np.linalg.solve", "np.linalg.svd"))
# Of the array API: what its standard defines and array programs call.
_STANDARD_FUNCTIONS = frozenset(
    "abs acos acosh arange argmax asin asinh astype atan atanh ceil concat cos cosh "
    "cumulative_sum exp eye flip floor full_like "
    "inf log log1p matrix_transpose max maximum min minimum permute_dims reshape "
    "sign sin sinh sqrt stack sum take tan tanh tensordot where zeros zeros_like".split()
)
# Libraries written in C import with the builtins of the frame that calls them; generated code
# itself holds no import, and no name with two underscores.
_BUILTINS = {
    "__import__": builtins.__import__,
    **{f.__name__: f for f in (abs, range, len, map, max, min, int, float, ArithmeticError)},
}
_NODES = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.Expr,
    ast.Constant, ast.Name, ast.Load, ast.Store, ast.Attribute, ast.Subscript, ast.Slice, ast.Call,
    ast.keyword, ast.Starred, ast.Tuple, ast.List, ast.Dict, ast.BinOp, ast.UnaryOp, ast.Compare,
    ast.operator, ast.unaryop, ast.cmpop, ast.Delete, ast.Del,
)  # fmt: skip


def compile_source(source: str, name: str) -> Callable[..., Any]:
    """The function ``name`` of a source text that this package has written.

    Raises
    ======

    NameClashError : if the text holds anything that generated code does not.
    """
    tree = ast.parse(source)
    names: dict[str, Any] = {"__builtins__": _BUILTINS, "__name__": "symprice.generated"}
    statements = []
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            names.update(_imported(statement))
        else:
            statements.append(statement)
    tree.body = statements
    for statement in statements:
        if isinstance(statement, ast.FunctionDef) and statement.name in _known():
            if ast.unparse(statement) == _known()[statement.name]:
                continue  # known word for word
        for node in _walked(statement):
            _check(node)
    file = f"<symprice {name} {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(tree, file, "exec"), names)
    function: Callable[..., Any] = names[name]
    return function


@cache
def _known() -> dict[str, str]:
    """The functions with loops and conditions in them that generated code may hold."""
    texts = {**BESSEL, **QUADRATURE, **LOOP_FUNCTIONS}
    statements = [s for text in texts.values() for s in ast.parse(text).body]
    return {s.name: ast.unparse(s) for s in statements if isinstance(s, ast.FunctionDef)}


def _imported(statement: ast.Import | ast.ImportFrom) -> dict[str, Any]:
    if ast.unparse(statement) == "import numpy as np":
        return {"np": np}
    if isinstance(statement, ast.ImportFrom) and statement.module == "scipy.special":
        return {alias.name: getattr(scipy.special, alias.name) for alias in statement.names}
    if isinstance(statement, ast.ImportFrom) and statement.module == "array_api_compat":
        helpers = _standard_helpers()
        if all(alias.name in helpers and alias.asname is None for alias in statement.names):
            return {alias.name: helpers[alias.name] for alias in statement.names}
    if ast.unparse(statement) == "from numba import njit, prange":
        return _compilers()
    raise _refused(ast.unparse(statement))


def _compilers() -> dict[str, Callable[..., Any]]:
    """What compiles loops."""
    try:
        from numba import njit, prange
    except ImportError:
        raise NoRuleError(
            "asked for code with backend='numba', which needs the package numba: install "
            "symprice[numba]"
        ) from None
    return {"njit": njit, "prange": prange}


def _standard_helpers() -> dict[str, Callable[..., Any]]:
    """The namespace of an array, and where it lies."""
    try:
        from array_api_compat import array_namespace, device
    except ImportError:
        raise NoRuleError(
            "asked for code with backend='array_api', which needs the package array-api-compat: "
            "install symprice[array-api]"
        ) from None
    return {"array_namespace": array_namespace, "device": device}


def _walked(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes to be checked: of loops that Numba compiles, all but that they are loops."""
    if isinstance(statement, ast.FunctionDef) and not statement.args.defaults:
        decorators = {ast.unparse(decorator) for decorator in statement.decorator_list}
        if decorators and decorators <= LOOP_DECORATORS:
            nodes = (node for part in statement.body for node in ast.walk(part))
            yield from (node for node in nodes if not isinstance(node, ast.For))
            return
    yield from ast.walk(statement)


def _check(node: ast.AST) -> None:
    if not isinstance(node, _NODES):
        raise _refused(type(node).__name__)
    if isinstance(node, ast.Name) and node.id.startswith("__"):
        raise _refused(node.id)
    if isinstance(node, ast.Attribute) and not _of_an_array(node):
        known = node.attr in _ARRAY_FUNCTIONS or isinstance(getattr(np, node.attr, None), np.ufunc)
        library = node.value.id if isinstance(node.value, ast.Name) else ""
        standard = library == "xp" and node.attr in _STANDARD_FUNCTIONS
        algebra = ast.unparse(node) in _LINEAR_ALGEBRA
        if not (standard or algebra or (library == "np" and known)):
            raise _refused(ast.unparse(node))
    if isinstance(node, ast.FunctionDef) and (node.decorator_list or node.args.defaults):
        raise _refused(f"def {node.name} with decorators or defaults")


def _of_an_array(node: ast.Attribute) -> bool:
    """`W.T`, `x.shape`: what is read off an array, not off a module."""
    if node.attr == "type":
        return isinstance(node.value, ast.Attribute) and node.value.attr == "dtype"
    return node.attr in ("T", "dtype", "shape", "size") and not (
        isinstance(node.value, ast.Name) and node.value.id in ("np", "xp")
    )


def _refused(what: str) -> NameClashError:
    return NameClashError(
        f"generated code holds {what!r}, which NumPy code of a formula never does: check what a "
        "class of yours writes in its _numpycode, or its template"
    )
