r"""Names in generated code: every symbol becomes one identifier, or an error that says what to
write.

Generated source is executed, so a name is never copied into it unchecked: it is an identifier
already, or LaTeX and primes of a fixed grammar (``x'``, ``\theta_{1}``) from which an identifier is
read off.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from ..errors import NameClashError

__all__ = ["CodeNames", "check_identifier", "identifier", "natural"]

# What generated code always holds, so that no argument may be called like it.
RESERVED = frozenset({"np"})
_SCRIPT = r"(?:[_^](?:\\?\w+|\{[\w\s,()\\'′*+-]*\}))"
_LATEX = re.compile(rf"\\?[^\W\d_]\w*{_SCRIPT}*(?P<primes>['′]*){_SCRIPT}*")


def natural(text: str) -> tuple[Any, ...]:
    """A sort key that reads numbers as numbers: ``w1_2`` comes before ``w1_10``."""
    return tuple(int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", text))


def identifier(name: str) -> str:
    r"""The identifier that a name is written as in code.

    Raises
    ======

    NameClashError : if the name is no identifier and cannot be read as one, is a keyword, or has
        two leading underscores.

    Examples
    ========

    >>> from symprice.emit.code_names import identifier
    >>> [identifier(name) for name in ("w1_2", "θ", "x'", r"\theta_{1}", r"w^{(1)}_{23}")]
    ['w1_2', 'θ', 'x_prime', 'theta_1', 'w_1_23']
    """
    # Python reads identifiers in this normal form, in which ϕ and φ are one.
    code = unicodedata.normalize("NFKC", name)
    if not code.isidentifier():
        read = _LATEX.fullmatch(code)
        if read is None:
            raise NameClashError(
                f"asked for code in which a symbol is called {name!r}, which is no name in "
                "Python: call it by letters, digits and underscores, as in expr.subs(symbol, "
                "Symbol('x_1'))"
            )
        primes = code.count("'") + code.count("′")
        suffix = {0: "", 1: "_prime"}.get(primes, f"_prime{primes}")
        code = re.sub(r"[^\w]+", "_", re.sub(r"['′\\{}]", " ", code).replace("^", "_").strip())
        code = re.sub(r"_+", "_", code).strip("_") + suffix
    return check_identifier(code, name)


def check_identifier(code: str, name: str | None = None) -> str:
    """The code name itself, if it may stand in generated code; ``name`` is what it is made from."""
    shown = code if name is None else name
    if not code.isidentifier():
        reason = "is no name in Python: use letters, digits and underscores"
    elif keyword.iskeyword(code):
        reason = f"Python reserves: write '{code}_'"
    elif code.startswith("__"):
        reason = "begins with two underscores, which have a meaning of their own: leave them out"
    elif code in RESERVED:
        reason = f"is NumPy in generated code: write '{code}_'"
    else:
        return code
    raise NameClashError(
        f"asked for code in which something is called {shown!r}, which {reason}. A symbol is "
        "renamed by expr.subs(symbol, Symbol('x_1')), the function by name='g'"
    )


class CodeNames:
    """The identifiers of the symbols of one function; no two symbols share one."""

    def __init__(self, arguments: Iterable[Any]) -> None:
        self.of: dict[Any, str] = {}
        self.taken: dict[str, Any] = {}
        self._counts: dict[str, int] = {}
        for symbol in arguments:
            code = identifier(symbol.name)
            if code in self.taken:
                raise _clash(code, self.taken[code], symbol)
            self.of[symbol], self.taken[code] = code, symbol

    def bind(self, symbol: Any) -> str:
        """An identifier for a definition: its name, with a number where that is taken."""
        self.of[symbol] = self.fresh(identifier(symbol.name))
        return self.of[symbol]

    def fresh(self, wanted: str) -> str:
        """``wanted``, or ``wanted`` with a number where that is taken."""
        code, count = wanted, 1
        while code in self.taken or hasattr(builtins, code):
            count += 1
            code = f"{wanted}_{count}"
        self.taken[code] = code
        return code

    def numbered(self, letter: str) -> str:
        """The next free of ``s1``, ``s2``, …"""
        count = 1 + self._counts.get(letter, 0)
        while f"{letter}{count}" in self.taken:
            count += 1
        self._counts[letter] = count
        self.taken[f"{letter}{count}"] = letter
        return f"{letter}{count}"


def _clash(code: str, first: Any, second: Any) -> NameClashError:
    if first == second:
        return NameClashError(f"the argument {first} is listed twice: list it once")
    kinds = f"a {type(first).__name__} and a {type(second).__name__}"
    if first.name == second.name:
        same = f"{kinds}, both called {first.name!r}"
        if type(first) is type(second):
            shapes = {getattr(symbol, "shape", ()) for symbol in (first, second)}
            differ = "different shapes" if len(shapes) > 1 else "different assumptions"
            same = f"two symbols called {first.name!r} with {differ}"
        return NameClashError(
            f"the arguments hold {same}: use one of them everywhere, or rename one with expr.subs"
        )
    return NameClashError(
        f"the arguments {first.name!r} and {second.name!r} would both be called {code!r} in code: "
        f"rename one of them, as in expr.subs(symbol, Symbol('{code}_2'))"
    )
