r"""LaTeX of names: whatever a symbol or a function is called, its LaTeX compiles.

Layered names (``h1_2``) are read by ``symprice.symbols``, plain ones by SymPy; the rest is spelled
out character by character: Greek letters, primes, accents, raised and lowered digits, and `# % &`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from sympy.printing.conventions import split_super_sub
from sympy.printing.latex import accepted_latex_functions, translate

from ..symbols import latex_name
from .documents.unicode import as_latex

__all__ = ["PROJECTION", "adjoint_parts", "function_name", "symbol_name"]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_ADJOINT = re.compile(r"delta_([A-Za-z]|[A-Za-z]+\d+(?:_\d+)*)((?:_prime\d*)?)")
# The matrices of attention, numbered by the layer.
PROJECTION = re.compile(r"W([QKVO])(\d+(?:_\d+)?)")
_STACKED = re.compile(r"(?:_prime\d*){2,}$")
_CLUSTER = re.compile("[^\u0300-\u036f\u20d7][\u0300-\u036f\u20d7]*|[\u0300-\u036f\u20d7]")
_INDICES = re.compile(r"[ijklmnpqrst]{2}")
_PRIMES = re.compile(r"['′″]+|(?<=[A-Za-z0-9])prime$")
_SPECIAL = {
    "#": r"\#", "%": r"\%", "&": r"\&", "$": r"\$", "{": r"\{", "}": r"\}", "~": r"\sim ",
    "\\": r"\backslash ", "_": r"\_", "^": r"\wedge ", " ": r"\ ", '"': "''", "`": "`",
    "@": r"\mathtt{@}",
}  # fmt: skip
_ACCENTS = {
    "\u0300": "grave", "\u0301": "acute", "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar",
    "\u0306": "breve", "\u0307": "dot", "\u0308": "ddot", "\u030a": "mathring", "\u030c": "check",
    "\u20d7": "vec",
}  # fmt: skip
_RAISED_OR_LOWERED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵀ]+|[₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ]+")


@lru_cache(maxsize=4096)
def symbol_name(name: str) -> str:
    r"""LaTeX of a symbol's name.

    >>> symbol_name("w1_23"), symbol_name("x'_1"), symbol_name("η_max")
    ('w^{(1)}_{23}', "x'_{1}", '\\eta_{\\mathrm{max}}')
    >>> symbol_name("loss"), symbol_name("50%"), symbol_name("é")
    ('\\mathit{loss}', '50\\%', '\\acute{e}')
    >>> symbol_name("delta_K1_prime"), symbol_name("WQ1")
    ("\\delta'_{K_{1}}", 'W_{Q,1}')
    """
    name = _STACKED.sub(_one_prime, name)
    if (adjoint := _ADJOINT.fullmatch(name)) is not None:
        return symbol_name("delta" + adjoint[2]) + f"_{{{symbol_name(adjoint[1])}}}"
    if (projection := PROJECTION.fullmatch(name)) is not None:
        return f"W_{{{projection[1]},{projection[2].replace('_', ',')}}}"
    if re.fullmatch(r"[A-Za-z0-9_]+", name) and (layered := latex_name(name)) is not None:
        return re.sub(r"\^\{((?:\\prime)+)\}", lambda m: "'" * m[1].count("prime"), layered)
    base, raised, lowered = _parts(name)
    primes = "".join(_PRIMES.findall(base)).replace("″", "''").replace("′", "'")
    primes = primes.replace("prime", "'")
    tex = _word(_PRIMES.sub("", base), r"\mathit")
    if re.search(r"[\^_]", _outside_braces(tex)) and (raised or lowered or primes):
        tex = f"{{{tex}}}"
    below, above = (_apart([_word(part, r"\mathrm") for part in ps]) for ps in (lowered, raised))
    if raised:
        above += r"\prime" * len(primes)
        primes = ""
    tex += f"^{{{above}}}" if raised else primes
    return f"{tex}_{{{below}}}" if lowered else tex


def _apart(words: list[str]) -> str:
    """Subscripts side by side, with a space where one is a word: mathematics swallows the plain."""
    gap = r"\, " if any(word.startswith(r"\mathrm{") for word in words) else " "
    return gap.join(words)


def adjoint_parts(name: str) -> tuple[str, str] | None:
    """The name and the primes of an adjoint `δ_h` that is named after a definition, else None.

    >>> adjoint_parts("delta_K1_prime"), adjoint_parts("delta1")
    (('K1', '_prime'), None)
    """
    found = _ADJOINT.fullmatch(name)
    return None if found is None else (found[1], found[2])


def function_name(name: str) -> str:
    r"""LaTeX of a function's name: a letter, a command that LaTeX has, or an operator.

    >>> function_name("f"), function_name("tanh"), function_name("loss_1"), function_name("phi")
    ('f', '\\tanh', '\\operatorname{loss}_{1}', '\\phi')
    """
    if name in accepted_latex_functions:
        return f"\\{name}"
    tex = symbol_name(name)
    return tex.replace(r"\mathit{", r"\operatorname{", 1) if tex.startswith(r"\mathit{") else tex


def _one_prime(stacked: re.Match[str]) -> str:
    count = sum(int(digits or 1) for digits in re.findall(r"_prime(\d*)", stacked[0]))
    return f"_prime{count}"


def _parts(name: str) -> tuple[str, list[str], list[str]]:
    """The base of a name, what is raised and what is lowered, as SymPy reads `^` and `_`."""
    if not name.strip("_^ "):
        return name or " ", [], []
    base, raised, lowered = split_super_sub(name)
    return base or " ", [part for part in raised if part], [part for part in lowered if part]


def _word(text: str, style: str) -> str:
    """LaTeX of a run of characters; a word in letters that belong together."""
    if _PLAIN.fullmatch(text):
        tex = translate(text)
        if tex != text or len(text) == 1 or not text.isalpha():
            return tex
        if style == r"\mathrm" and _INDICES.fullmatch(text):
            return text
        return f"{style}{{{text}}}"
    if re.fullmatch(r"[\d.,]*", text):
        return text
    runs = _RAISED_OR_LOWERED.split(text)
    marks = _RAISED_OR_LOWERED.findall(text)
    tex = _characters(runs[0])
    for mark, run in zip(marks, runs[1:], strict=True):
        tex += (as_latex(mark) or "") + _characters(run)
        if run:
            tex = f"{{{tex}}}"
    return re.sub(r"(?<=[A-Za-z]) $", "", tex)


def _characters(text: str) -> str:
    return "".join(map(_character, _CLUSTER.findall(text)))


def _character(character: str) -> str:
    """LaTeX of one character, with the accents on it."""
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character.isascii():
        return character if character.isprintable() else " "
    if character in "'′":
        return r"\prime "
    found = as_latex(character)
    if found is not None:
        return f"{found} " if found[-1].isalpha() else found
    letter, *accents = list(unicodedata.normalize("NFD", character))
    if accents and all(accent in _ACCENTS for accent in accents):
        tex = _character(letter).strip()
        for accent in accents:
            tex = f"\\{_ACCENTS[accent]}{{{tex}}}"
        return tex
    return "".join(rf"\mathtt{{U{ord(part):04X}}}" for part in character)


def _outside_braces(tex: str) -> str:
    """``tex`` without what stands inside braces."""
    while tex != (tex := re.sub(r"\{[^{}]*\}", "", tex)):
        pass
    return tex
