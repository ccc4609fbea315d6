"""Mathematical characters and the LaTeX that means the same."""

from __future__ import annotations

import re

__all__ = ["as_latex", "in_math"]

_GREEK = {
    "αβγδεζηθικλμνξπρστυφχψωϑϕϵ": (
        "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma "
        "tau upsilon varphi chi psi omega vartheta phi epsilon"
    ),
    "ΓΔΘΛΞΠΣΥΦΨΩ": "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega",
}
_SIGNS = {
    "∇∂∞∈∉⊂⊆∪∩∀∃∅∝∼≈≃≅≡≠≤≥≪≫": (
        "nabla partial infty in notin subset subseteq cup cap forall exists emptyset propto sim "
        "approx simeq cong equiv ne le ge ll gg"
    ),
    "±∓×÷·⋅∘∙⊙⊗⊕∗∧∨¬⊤⊥∥∣": (
        "pm mp times div cdot cdot circ bullet odot otimes oplus ast wedge vee neg top perp "
        "parallel mid"
    ),
    "→←↔⇒⇐⇔↦↑↓⟨⟩⌊⌋⌈⌉‖": (
        "to leftarrow leftrightarrow Rightarrow Leftarrow Leftrightarrow mapsto uparrow downarrow "
        "langle rangle lfloor rfloor lceil rceil Vert"
    ),
    "∑∏∫√…⋯ℓℏ✓✔": "sum prod int surd dots cdots ell hbar checkmark checkmark",
}
_PLAIN = {
    "−": "-", "′": "'", "″": "''", "✗": r"\times", "✘": r"\times", "≔": ":=", "∖": r"\setminus",
    "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}",
    "ℂ": r"\mathbb{C}", "𝔼": r"\mathbb{E}", "ℒ": r"\mathcal{L}", "µ": r"\mu",
    "½": r"\tfrac{1}{2}", "¼": r"\tfrac{1}{4}", "¾": r"\tfrac{3}{4}",
    "Ω": r"\Omega", "∆": r"\Delta",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "0123456789+-=()ni", strict=True))
_RAISED |= {"ᵀ": r"\top", "⊺": r"\top"}
_LOWERED = dict(
    zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ", "0123456789+-=()aeoxhklmnpstijruv", strict=True)
)

_COMMANDS = {
    character: "\\" + name
    for table in (_GREEK, _SIGNS)
    for characters, names in table.items()
    for character, name in zip(characters, names.split(), strict=True)
} | _PLAIN

_RUN = re.compile(f"[{''.join(_RAISED)}]+|[{''.join(_LOWERED)}]+|[^\x00-\x7f]")
_TEXT = re.compile(r"(\\(?:text|mbox)[a-z]*\{[^{}]*\})")


def as_latex(characters: str) -> str | None:
    r"""LaTeX (in math mode) for a character or a run of raised or lowered ones, or ``None``.

    >>> as_latex("θ"), as_latex("⁻¹"), as_latex("₁₂"), as_latex("é")
    ('\\theta', '^{-1}', '_{12}', None)
    """
    if characters in _COMMANDS:
        return _COMMANDS[characters]
    for mark, table in (("^", _RAISED), ("_", _LOWERED)):
        if all(c in table for c in characters):
            return f"{mark}{{{''.join(table[c] for c in characters)}}}"
    return None


def in_math(latex: str) -> str:
    r"""``latex`` with commands for characters, and with the comment sign and ``#`` made harmless.

    A name that carries ``%`` would otherwise silence the rest of its line. Characters without a
    command stay, and so does what stands inside ``\text{}``: the writers deal with them.

    >>> in_math("∂f/∂θ² + x′")
    "\\partial f/\\partial \\theta ^{2} + x'"
    >>> in_math(r"50% \%")
    '50\\% \\%'
    """

    def command(match: re.Match[str]) -> str:
        found = as_latex(match[0])
        if found is None:
            return match[0]
        return found + " " if found[-1].isalpha() else found

    parts = _TEXT.split(" ".join(latex.split()))
    parts[::2] = [_RUN.sub(command, part) for part in parts[::2]]
    return re.sub(r"(?<!\\)((?:\\\\)*)([%#])", r"\1\\\2", "".join(parts))
