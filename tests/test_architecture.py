"""The shape of the package: which room imports which, how long a file grows, what never runs."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from sympy import Basic
from sympy.printing.latex import LatexPrinter
from sympy.printing.numpy import NumPyPrinter, SciPyPrinter
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pycode import MpmathPrinter, PythonCodePrinter
from sympy.printing.repr import ReprPrinter
from sympy.printing.str import StrPrinter

import symprice

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "symprice"
FILES = sorted(PACKAGE.rglob("*.py"))

# The rooms from the top down. A room imports rooms of lower levels only; rooms of one level do not
# know each other, except in the lowest, which is one piece. A new room is registered here.
LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"cli"}),
    frozenset({"plots"}),
    frozenset({"checks", "training"}),
    frozenset({"emit"}),
    frozenset({"causal", "mdp", "populations", "solutions"}),
    frozenset({"dynamics", "policy"}),
    frozenset({"networks", "tangent"}),
    frozenset(
        "array_nodes arrays binding closedform counts derivation elementwise errors indexed nodes "
        "outputs spelling symbols timelimit".split(),
    ),
)
BASE = LEVELS[-1]
# The front is symprice/__init__.py: it reaches every room through a lazy table, so a room that
# imports a public name from it could reach upwards unseen.
FRONT = "symprice itself"
LEVEL = {room: -depth for depth, rooms in enumerate(LEVELS) for room in rooms} | {FRONT: 0}

LINE_LIMIT = 400

# Calls that run text as Python, or may run for ever: (file, name) -> why it is right there.
ALLOWED_CALLS: dict[tuple[str, str], str] = {
    ("emit/compile.py", "exec"): "the one place where generated source becomes a function",
    ("emit/compile.py", "compile"): "gives that source a file name, for tracebacks",
}
RUN_TEXT = {"eval", "exec", "compile", "__import__", "sympify", "parse_expr", "S"}
MENTIONED = re.compile(rf"\b({'|'.join(sorted(RUN_TEXT - {'S'}))}|simplify|S\()")

HEAVY = {"numpy", "scipy", "rich", "latexify", "matplotlib", "math_core"}
SYMBOLIC = [
    f"symprice.{room}"
    for room in sorted(BASE | {"networks", "tangent"})
    if PACKAGE.joinpath(room).is_dir() or PACKAGE.joinpath(f"{room}.py").is_file()
]

PRINTERS = (
    LatexPrinter,
    StrPrinter,
    PrettyPrinter,
    ReprPrinter,
    NumPyPrinter,
    SciPyPrinter,
    MpmathPrinter,
    PythonCodePrinter,
)
# Classes that share a name with a SymPy printer method on purpose: name -> why.
INTENDED_PRINTER_NAMES: dict[str, str] = {}


@cache
def parsed(source: str) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(source)


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def module_parts(file: str) -> list[str]:
    """The dotted name of a file under symprice/, as parts; a package is its __init__."""
    parts = ["symprice", *Path(file).with_suffix("").parts]
    return parts[:-1] if parts[-1] == "__init__" else parts


def room_of(file: str) -> str:
    room = Path(file).parts[0].removesuffix(".py")
    return {"__init__": FRONT, "__main__": "cli"}.get(room, room)


# -- (1) imports point one way --------------------------------------------------------------------


STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


class Import(NamedTuple):
    line: int
    target: str
    lazy: bool  # inside a function, or for type checkers only


def imports(file: str, source: str) -> Iterator[Import]:
    """Every import of symprice in a file, as absolute dotted names, wherever it stands."""
    here = module_parts(file)
    package = here if Path(file).name == "__init__.py" else here[:-1]

    # An import is a statement, unless it is called.
    visited = ast.AST if "import_module" in source else STATEMENTS
    stack: list[tuple[ast.AST, bool]] = [(parsed(source), False)]
    while stack:
        node, lazy = stack.pop()
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(level=level, module=module):
                start = package[: len(package) - level + 1] if level else []
                origin = ".".join([*start, *([module] if module else [])])
                names = [origin]
                if origin == "symprice":
                    names = [f"symprice.{alias.name}" for alias in node.names]
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module")):
                names = [imported_text(node)]
            case _:
                names = []
        for name in names:
            if name.split(".")[0] == "symprice":
                yield Import(getattr(node, "lineno", 0), name, lazy)
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            inside = True
        children = ast.iter_child_nodes(node)
        stack += [(child, inside) for child in children if isinstance(child, visited)]


def imported_text(call: ast.Call) -> str:
    """What import_module(...) is given, as far as it stands in the source."""
    match call.args:
        case [ast.Constant(value=str(text)), *_]:
            return text
        case [ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]), *_]:
            return text + "?"
    return ""


def target_room(target: str) -> str | None:
    """The room a dotted name belongs to; None for the version, which anyone may read."""
    if target == "symprice.__version__":
        return None
    parts = target.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LEVEL else FRONT


def wrong_imports(file: str, source: str) -> list[str]:
    room, wrong = room_of(file), []
    if room == FRONT or room not in LEVEL:
        return []
    for line, target, lazy in imports(file, source):
        other = target_room(target)
        below = other in LEVEL and LEVEL[other] < LEVEL[room]
        if (
            other in (None, room)
            or below
            or {room, other} <= BASE
            or (file == "outputs.py" and lazy)
        ):
            continue
        if room == "cli":  # nothing imports cli, so it may use the front door
            continue
        wrong.append(f"symprice/{file}:{line}: the room {room!r} may not import {target}")
    return wrong


def test_every_room_is_registered() -> None:
    unknown = sorted({room_of(relative(path)) for path in FILES} - set(LEVEL))
    assert not unknown, (
        f"symprice/ has rooms that no level names: {', '.join(unknown)}. Register each in LEVELS "
        "of tests/test_architecture.py, at the level it may be imported from, and say why it is a "
        "room of its own in docs/decisions.md"
    )


def test_imports_point_one_way() -> None:
    wrong = [line for path in FILES for line in wrong_imports(relative(path), path.read_text())]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("tangent/rules.py", "from symprice.networks.layers import Dense"),
        ("tangent/rules.py", "from ..networks import layers"),
        ("tangent/rules.py", "from .. import networks"),
        ("tangent/rules.py", "def f():\n    import symprice.emit.latex"),
        ("tangent/rules.py", "if TYPE_CHECKING:\n    from symprice.checks import Report"),
        ("tangent/rules.py", "importlib.import_module('symprice.emit')"),
        ("tangent/rules.py", "from symprice import NTCov"),
        ("tangent/rules.py", "import symprice"),
        ("tangent/__init__.py", "from ..emit import latex"),
        ("networks/__init__.py", "from ..tangent.covariance import NTCov"),
        ("policy/score.py", "from symprice.dynamics.price import price"),
        ("emit/latex.py", "def f():\n    from symprice.checks import check"),
        ("plots/sheet.py", "from symprice.cli import main"),
        ("closedform.py", "from .emit import latex"),
        ("closedform.py", "import_module(f'symprice.{room}')"),
        ("outputs.py", "from .emit import latex"),
    ],
)
def test_an_import_upwards_is_found(file: str, source: str) -> None:
    assert wrong_imports(file, source)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("tangent/rules.py", "from ..nodes import Node\nfrom .metric import Metric\nimport sympy"),
        ("tangent/__init__.py", "from .metric import Metric as Metric"),
        ("dynamics/price.py", "from symprice.tangent.covariance import NTCov"),
        ("emit/report.py", "from symprice import __version__"),
        ("closedform.py", "from .nodes import Node"),
        ("outputs.py", "def latex(self):\n    from .emit import latex"),
        ("cli/main.py", "import symprice"),
        ("__main__.py", "from symprice.cli.main import main"),
    ],
)
def test_an_import_downwards_is_left_alone(file: str, source: str) -> None:
    assert not wrong_imports(file, source)


# -- (2), (3) files -------------------------------------------------------------------------------


def test_no_file_outgrows_one_idea() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in FILES}
    long = [f"symprice/{file}: {n} lines" for file, n in lengths.items() if n > LINE_LIMIT]
    assert not long, f"split what is over {LINE_LIMIT} lines: " + "; ".join(long)


def test_no_module_is_named_like_a_public_name() -> None:
    """Importing such a module would put it in the place of what it is named after."""
    public = set(symprice.__all__)
    modules = {relative(path): module_parts(relative(path))[1:] for path in FILES}
    clashes = [file for file, parts in modules.items() if public.intersection(parts)]
    assert not clashes, f"rename these modules, public names are spelled the same: {clashes}"


# -- (4) what never runs --------------------------------------------------------------------------


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def forbidden_calls(file: str, source: str) -> list[str]:
    """Where a file could run text as Python, or simplify without a time limit."""
    if not MENTIONED.search(source):
        return []
    found: list[tuple[int, str]] = []
    tree = parsed(source)
    limited = {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, ast.Call) and called(outer) == "within"
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="simplify") | ast.Attribute(attr="simplify")):
                if node not in limited:
                    found.append((node.lineno, "simplify"))
            case ast.Call(func=ast.Name(id="S"), args=[ast.Constant(value=int()), *_]):
                pass  # S(1)/2 holds no text
            case ast.Call(func=ast.Name(id="S")):
                found.append((node.lineno, "S"))
            case ast.Call(func=ast.Attribute(attr="sympify" | "parse_expr" as name)):
                found.append((node.lineno, name))
            case ast.Name(id=name, ctx=ast.Load()) if name in RUN_TEXT - {"S"}:
                found.append((node.lineno, name))  # also where it is passed on, not called
            case ast.ImportFrom(names=names):
                evaluators = {"sympify", "parse_expr"}.intersection(alias.name for alias in names)
                found += [(node.lineno, name) for name in evaluators]
    return [
        f"symprice/{file}:{line}: {name}"
        for line, name in sorted(set(found))
        if (file, name) not in ALLOWED_CALLS
    ]


def test_no_text_is_evaluated_and_nothing_simplifies_without_a_limit() -> None:
    found = [line for path in FILES for line in forbidden_calls(relative(path), path.read_text())]
    assert not found, (
        "write _sympify(x) for what is a SymPy object already, the whitelist parser for text, and "
        "within(seconds, lambda: simplify(e)) for simplify; a place that is right as it stands is "
        "listed with its reason in ALLOWED_CALLS of this test:\n" + "\n".join(found)
    )


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "exec(text)",
        "run = eval",
        "map(sympify, texts)",
        "sympy.sympify(text)",
        "from sympy import sympify as convert",
        "from sympy.parsing.sympy_parser import parse_expr",
        "S(text)",
        "S('1/2')",
        "simplify(e)",
        "e.simplify()",
        "sympy.simplify(e)",
        "simplify(within(3, lambda: e))",
    ],
)
def test_a_forbidden_call_is_found(source: str) -> None:
    assert forbidden_calls("tangent/rules.py", source)


@pytest.mark.parametrize(
    "source",
    [
        "_sympify(x)",
        "S.One",
        "S(1)/2",
        "within(3, lambda: simplify(e))",
        "re.compile('a')",
        "e.evalf()",
    ],
)
def test_a_harmless_call_is_left_alone(source: str) -> None:
    assert not forbidden_calls("tangent/rules.py", source)


# -- (5), (6) the front ---------------------------------------------------------------------------


def test_public_names_resolve_and_explain_themselves() -> None:
    listed, faults = symprice.__all__, []
    for name in listed:
        try:
            value = getattr(symprice, name)
        except Exception as error:
            faults.append(f"{name} does not resolve: {type(error).__name__}: {error}")
            continue
        doc = getattr(value, "__doc__", None) or ""
        if not doc.strip() or doc.startswith(f"{name}("):  # the latter is what dataclass fills in
            faults.append(f"{name} has no docstring")
    faults += [f"{name} is listed twice" for name in listed if listed.count(name) > 1]
    faults += [f"dir(symprice) lacks {name}" for name in sorted(set(listed) - set(dir(symprice)))]
    assert not faults, "\n".join(faults)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        symprice.no_such_name  # noqa: B018


@pytest.mark.parametrize("modules", [["symprice"], SYMBOLIC], ids=["front", "symbolic rooms"])
def test_symbols_need_no_arrays(modules: list[str]) -> None:
    """Importing symprice is quick: what computes, draws or typesets is loaded when it is used."""
    report = f"import sys, {', '.join(modules)}\nprint(*sorted({HEAVY!r} & sys.modules.keys()))"
    command = [sys.executable, "-W", "error", "-c", report]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert not run.stdout.split(), f"also imported: {run.stdout.strip()}"


# -- (7) names that SymPy's printers know ---------------------------------------------------------


def subclasses(cls: type) -> Iterator[type]:
    for sub in type.__subclasses__(cls):
        yield sub
        yield from subclasses(sub)


def test_no_class_is_printed_as_another_one() -> None:
    """Printers look for _print_<class name>: a node called Trace would be printed as SymPy's."""
    for module in pkgutil.walk_packages([str(PACKAGE)], "symprice."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    ours = {cls for cls in subclasses(Basic) if str(cls.__module__).split(".")[0] == "symprice"}
    assert ours, "no class of symprice derives from Basic: this test looks in the wrong place"
    clashes = {
        f"{cls.__module__}.{cls.__name__} ({printer.__name__})"
        for cls in ours
        for printer in PRINTERS
        if hasattr(printer, f"_print_{cls.__name__}") and cls.__name__ not in INTENDED_PRINTER_NAMES
    }
    assert not clashes, (
        f"rename, or list with a reason in INTENDED_PRINTER_NAMES: {sorted(clashes)}"
    )
