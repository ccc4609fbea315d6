r"""The algorithm box of REINFORCE: actions are sampled, and θ steps along reward times score."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sympy import Basic

from ..errors import NoRuleError
from ..policy.estimators import baseline_of
from ..policy.outcomes import Outcomes
from .documents.algorithmic import Algorithm, Instruction
from .latex_printer import PaperPrinter
from .lines import lines_of
from .notation import Notation

__all__ = ["reinforce"]

Show = Callable[[Any], str]


def reinforce(estimator: Any, spelling: Notation) -> Algorithm:
    """Actions are sampled, and θ steps along the mean of reward times score."""
    found = Outcomes(estimator.gradient)
    wrt, policy = estimator.gradient.wrt, estimator.gradient.policy
    scores = [found.at(partial(_entry_of, 0, k)) for k in range(len(wrt))]
    slopes = [found.at(partial(_entry_of, 2, k)) for k in range(len(wrt))]
    formulas = [*scores, *slopes, policy, *_listed(estimator.baseline)]
    letters = _Letters(formulas)
    r, s, i, n, eta = (letters.free(kind) for kind in ("rRu", "sqS", "ijk", "nmN", "eta alpha"))
    named = {symbol: f"a_{{{i}}}" for f in formulas for symbol in _actions(f)}
    plain = PaperPrinter({}, spelling).doprint
    show = PaperPrinter({"symbol_names": named}, spelling).doprint
    count = plain(estimator.n) if estimator.n != 1 else n

    def entry(letter: str, k: int) -> str:
        return f"{letter}_{{{i}}}" if len(wrt) == 1 else f"{letter}_{{{i},{k + 1}}}"

    shown = lines_of(scores, show, True)
    reward = Instruction(2, "assign", f"{r}_{{{i}}}", f"{r}(a_{{{i}}})", "the reward")
    lines = [
        Instruction(0, "for", r"t = 1, 2, \dots"),
        Instruction(1, "for", rf"{i} = 1, \dots, {count}"),
        Instruction(2, "state", rf"a_{{{i}}} \sim {plain(policy)}"),
        reward,
        *(Instruction(2, "assign", name, value) for name, value in shown.where),
        *(
            Instruction(2, "assign", entry(s, k), line.right, "the score")
            for k, line in enumerate(shown)
        ),
    ]
    centred, above = _baselines(estimator, plain, letters, (r, i, count))
    lines += above
    for k, (variable, slope) in enumerate(zip(wrt, slopes, strict=True)):
        term = f"{entry(s, k)} {centred[k]}"
        if slope != 0:
            term = rf"\left({term} + {show(slope)}\right)"
        name = plain(variable)
        step = rf"\frac{{{eta}}}{{{count}}} \sum_{{{i}=1}}^{{{count}}} {term}"
        lines.append(Instruction(1, "assign", name, f"{name} + {step}"))
    listed = tuple(map(plain, wrt))
    lines.append(Instruction(0, "return", ", ".join(listed)))
    return Algorithm("REINFORCE", "Reinforce", listed, tuple(lines))


def _entry_of(which: int, k: int, *given: Any) -> Any:
    """Entry k of the score (0) or of the gradient of the reward (2)."""
    return given[which][k]


def _listed(baseline: Any) -> list[Any]:
    return [baseline] if isinstance(baseline, Basic) else []


def _actions(formula: Any) -> set[Any]:
    return {symbol for symbol in formula.free_symbols if str(symbol) == "a"}


class _Letters:
    """Letters that no formula of the box uses."""

    def __init__(self, formulas: Any) -> None:
        symbols = {symbol for f in formulas for symbol in f.free_symbols}
        self.used = {str(symbol).split("_")[0] for symbol in symbols} | {"a", "t"}

    def free(self, letters: str) -> str:
        """The first of them that is free; letters, or words that LaTeX has a command for."""
        for letter in letters.split() if " " in letters else letters:
            if letter not in self.used:
                self.used.add(letter)
                return letter if len(letter) == 1 else f"\\{letter}"
        raise NoRuleError(
            f"asked for the algorithm of formulas that use every letter of {letters!r}: rename one"
        )


def _baselines(
    estimator: Any, show: Show, letters: _Letters, names: tuple[str, str, str]
) -> tuple[list[str], list[Instruction]]:
    """The factor reward minus baseline for each component, and the lines that compute it."""
    r, i, count = names
    many = len(estimator.gradient.wrt)
    if estimator.baseline == "leave_one_out":
        b, j = letters.free("bcB"), letters.free("jkl")
        fewer = str(int(count) - 1) if count.isdigit() else f"{count} - 1"
        others = rf"\frac{{1}}{{{fewer}}} \sum_{{{j} \neq {i}}} {r}_{{{j}}}"
        loop = [
            Instruction(1, "for", rf"{i} = 1, \dots, {count}"),
            Instruction(2, "assign", f"{b}_{{{i}}}", others, "the mean of the others"),
        ]
        return [rf"\left({r}_{{{i}}} - {b}_{{{i}}}\right)"] * many, loop
    values = baseline_of(estimator.gradient, estimator.baseline)
    if all(value == 0 for value in values):
        return [f"{r}_{{{i}}}"] * many, []
    b, one = letters.free("bcB"), len(set(values)) == 1
    baselines = [b if one else f"{b}_{{{k + 1}}}" for k in range(many)]
    shown = lines_of(values[:1] if one else values, show, True)
    lines = [Instruction(1, "assign", name, value) for name, value in shown.where]
    lines += [
        Instruction(1, "assign", name, line.right, "the baseline")
        for name, line in zip(baselines, shown, strict=False)
    ]
    return [rf"\left({r}_{{{i}}} - {name}\right)" for name in baselines], lines
