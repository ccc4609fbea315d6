r"""How wide the characters of Computer Modern are, and how TeX classes them.

The numbers are advance widths of cmmi10, cmr10, cmsy10 and cmex10 (public tables of the fonts) in
ems; Latin Modern, MathJax's and KaTeX's fonts were drawn after them.
"""

from __future__ import annotations

from typing import Literal

__all__ = [
    "BIG",
    "CLASSES",
    "DELIMITERS",
    "ITALIC",
    "OPERATORS",
    "ROMAN",
    "SPACES",
    "WIDTHS",
    "Class",
]

Class = Literal["ord", "op", "bin", "rel", "open", "close", "punct", "inner"]


def _letters(letters: str, widths: str) -> dict[str, float]:
    return {a: int(w) / 1000 for a, w in zip(letters, widths.split(), strict=True)}


_LOWER, _UPPER = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

ITALIC = _letters(
    _LOWER,
    "529 429 433 520 466 490 477 576 345 412 521 298 878 600 485 503 446 451 469 361 572 485 716 "
    "572 490 465",
) | _letters(
    _UPPER,
    "750 759 715 828 738 643 786 831 440 555 849 681 970 803 763 642 791 759 613 584 683 583 944 "
    "828 581 683",
)
ROMAN = _letters(
    _LOWER,
    "500 556 444 556 444 306 500 556 278 306 528 278 833 556 500 556 528 392 394 389 556 528 722 "
    "528 528 444",
) | _letters(
    _UPPER,
    "750 708 722 764 681 653 785 750 361 514 778 625 917 750 778 681 778 736 556 722 750 750 1028 "
    "750 750 611",
) | dict(zip("0123456789 .,:;!?'()[]-/+=<>*_", (
    [0.5] * 10
    + [0.333, 0.278, 0.278, 0.278, 0.278, 0.278, 0.472, 0.278, 0.389, 0.389, 0.278, 0.278]
    + [0.333, 0.5, 0.778, 0.778, 0.778, 0.778, 0.5, 0.5]
), strict=True))  # fmt: skip

_GREEK = dict(zip(
    ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
     "upsilon phi chi psi omega varepsilon vartheta varpi varrho varsigma varphi "
     "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega").split(),
    (int(w) / 1000 for w in (
        "640 566 518 444 406 438 497 469 354 576 583 603 494 438 570 517 571 437 540 596 626 651 "
        "622 466 591 828 517 363 654 "
        "625 833 778 694 667 750 722 778 722 778 722").split()),
    strict=True,
))  # fmt: skip

_SIGNS: dict[Class, dict[float, str]] = {
    "bin": {
        0.778: "+ - \\pm \\mp \\times \\div \\odot \\otimes \\oplus \\ominus",
        0.667: "\\wedge \\vee \\cup \\cap",
        0.5: "* \\ast \\circ \\bullet \\setminus \\star",
        0.278: "\\cdot",
        0.556: "\\intercal",
    },
    "rel": {
        0.778: "= < > \\le \\leq \\ge \\geq \\ne \\neq \\approx \\sim \\simeq \\cong \\equiv "
        "\\propto \\subset \\subseteq \\perp \\doteq \\triangleq \\lt \\gt",
        1.0: "\\ll \\gg \\to \\rightarrow \\leftarrow \\leftrightarrow \\Rightarrow \\Leftarrow "
        "\\Leftrightarrow \\mapsto",
        0.667: "\\in \\notin \\ni",
        0.278: ": \\mid",
        0.5: "\\parallel",
        1.95: "\\bmod",
        1.056: "\\coloneqq \\coloneq",
        2.194: "\\iff \\implies",
        1.638: "\\longrightarrow \\Longrightarrow \\longmapsto",
    },
    "ord": {
        0.833: "\\nabla",
        0.531: "\\partial",
        1.0: "\\infty",
        0.778: "\\top \\bot",
        0.5: "/ \\emptyset \\# \\$ \\Vert \\|",
        0.278: "| \\vert . \\backslash !",
        0.417: "\\ell",
        0.54: "\\hbar",
        0.722: "\\Re",
        0.556: "\\Im \\forall \\exists",
        0.667: "\\neg \\lnot",
        0.833001: "\\%",
        0.275: "\\prime",
        0.472: "?",
        0.82: "\\checkmark",
    },
    "open": {
        0.389: "( \\langle",
        0.278: "[ \\lvert \\lbrack",
        0.5: "\\{ \\lbrace \\lVert",
        0.444: "\\lfloor \\lceil",
    },
    "close": {
        0.389001: ") \\rangle",
        0.278001: "] \\rvert \\rbrack",
        0.5: "\\} \\rbrace \\rVert",
        0.444: "\\rfloor \\rceil",
    },
    "punct": {0.278: ", ; \\colon"},
    "inner": {1.172: "\\dots \\ldots \\cdots", 1.282: "\\ddots"},
}

WIDTHS: dict[str, float] = {"\\" + name: width for name, width in _GREEK.items()}
CLASSES: dict[str, Class] = {}
for _class, _table in _SIGNS.items():
    for _width, _names in _table.items():
        for _name in _names.split():
            WIDTHS[_name], CLASSES[_name] = _width, _class

#: Operators: the width in display and elsewhere, and whether display puts the scripts above.
OPERATORS: dict[str, tuple[float, float, bool]] = {
    "\\sum": (1.444, 1.056, True),
    "\\prod": (1.278, 0.944, True),
    "\\bigotimes": (1.511, 1.111, True),
    "\\bigodot": (1.511, 1.111, True),
    "\\bigoplus": (1.511, 1.111, True),
    "\\bigcup": (1.111, 0.833, True),
    "\\bigcap": (1.111, 0.833, True),
    "\\int": (0.8, 0.6, False),
    "\\oint": (0.8, 0.6, False),
    "\\iint": (1.3, 1.0, False),
}
for _name in (
    "arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan "
    "tanh"
).split():
    _width = sum(ROMAN[letter] for letter in _name)
    OPERATORS["\\" + _name] = (_width, _width, False)
for _name in "det gcd inf lim max min Pr sup".split():
    _width = sum(ROMAN[letter] for letter in _name)
    OPERATORS["\\" + _name] = (_width, _width, True)

#: Explicit spaces.
SPACES: dict[str, float] = {
    "\\,": 3 / 18,
    "\\thinspace": 3 / 18,
    "\\:": 4 / 18,
    "\\>": 4 / 18,
    "\\;": 5 / 18,
    "\\!": -3 / 18,
    "\\negthinspace": -3 / 18,
    "\\ ": 0.333,
    "~": 0.333,
    "\\quad": 1.0,
    "\\qquad": 2.0,
    "\\enspace": 0.5,
}

#: Growing delimiters: their widths at the heights 1, 1.2, 1.8, 2.4 and 3 em, and built of pieces.
DELIMITERS: dict[str, tuple[float, ...]] = {
    **dict.fromkeys("()", (0.389, 0.458, 0.597, 0.736, 0.792, 0.875)),
    **dict.fromkeys("[]", (0.278, 0.417, 0.472, 0.528, 0.583, 0.667)),
    **dict.fromkeys(
        ("\\{", "\\}", "\\lbrace", "\\rbrace"), (0.5, 0.583, 0.667, 0.75, 0.806, 0.889)
    ),
    **dict.fromkeys(("\\langle", "\\rangle"), (0.389, 0.472, 0.611, 0.75, 0.806, 0.806)),
    **dict.fromkeys(
        ("\\lfloor", "\\rfloor", "\\lceil", "\\rceil"), (0.444, 0.472, 0.528, 0.583, 0.639, 0.667)
    ),
    **dict.fromkeys(("|", "\\vert", "\\lvert", "\\rvert"), (0.278,) + (0.333,) * 5),
    **dict.fromkeys(("\\|", "\\Vert", "\\lVert", "\\rVert"), (0.5,) + (0.556,) * 5),
    "/": (0.5, 0.578, 0.811, 1.044, 1.278, 1.278),
    ".": (0.12,) * 6,
}
#: The prefixes that ask for one of these sizes.
BIG: dict[str, int] = {"\\big": 1, "\\Big": 2, "\\bigg": 3, "\\Bigg": 4}
