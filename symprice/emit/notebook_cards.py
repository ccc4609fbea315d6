"""Policies, decision processes, populations and optimisers as notebooks show them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from sympy.core.sympify import SympifyError, _sympify

from ..dynamics.taylor import NOISE
from ..errors import SympriceError
from ..symbols import Observable
from ..timelimit import within
from .latex_printer import PaperPrinter
from .notation import in_use
from .notebook_html import LONGEST, framed, in_line, table_html, typesets
from .short_names import CLOSED

__all__ = [
    "MOST",
    "fields_html",
    "formulas_html",
    "motion_latex",
    "policy_html",
    "population_html",
    "population_rows",
    "process_html",
    "softmax_html",
]

MOST = 12  #: rows of a table that are shown
_PATIENCE = 3.0
_STYLE = "text-align: left; padding: 0.2em 0.8em"
_LEFT = f'<td style="{_STYLE}">'


def _tex(expr: Any) -> str:
    return PaperPrinter({}, in_use().but(macros=False)).doprint(expr)


def _listed(exprs: Any, most: int = 8) -> str:
    every = list(exprs)
    shown = [in_line(_tex(one)) for one in every[:most]]
    return ", ".join([*shown, *(["…"] if len(every) > most else [])])


def fields_html(fields: Any) -> str | None:
    r"""A named tuple: what it is, and its fields as formulas.

    Examples
    ========

    >>> from sympy.abc import p
    >>> from symprice import leading_order
    >>> shown = fields_html(leading_order(3*p**2 + p**3, p))
    >>> 'LeadingTerm' in shown, r'\(3 p^{2}\)' in shown
    (True, True)
    """
    return formulas_html(type(fields).__name__, fields._asdict())


def formulas_html(title: str, formulas: Mapping[str, Any]) -> str | None:
    r"""Formulas by what they are called; of a closed form without its definitions.

    Examples
    ========

    >>> from sympy.abc import p
    >>> r'<b>half</b>' in formulas_html('Formulas', {'half': p/2})
    True
    """
    if not typesets():
        return None
    try:
        cells = {name: _formula_cell(value) for name, value in formulas.items()}
    except (SympriceError, SympifyError, TypeError, ValueError):
        return None
    if sum(map(len, cells.values())) > LONGEST:
        return None
    return table_html(title, [(escape(name), cell) for name, cell in cells.items()])


def _formula_cell(value: Any) -> str:
    if value is None:
        return "none"
    value = _sympify(value)
    return in_line(_tex(value.expr if isinstance(value, CLOSED) else value))


def softmax_html(policy: Any) -> str | None:
    r"""A softmax policy of a decision process by its logits: a row for every state.

    Examples
    ========

    >>> from symprice import MDP
    >>> pi = MDP([[[0, 1]], [[1, 0]]], [[1], [2]], gamma=0).softmax_policy()
    >>> r'\(\theta_{1 1}\)' in softmax_html(pi)
    True
    """
    if not typesets():
        return None
    # Those of a network are computed from its features.
    logits = policy.table() if hasattr(policy, "table") else policy.logits
    cells = [[_cell(logit) for logit in list(row)[:MOST]] for row in list(logits)[:MOST]]
    rows = [(f"state {s}", ", ".join(row)) for s, row in enumerate(cells, start=1)]
    states, actions = len(logits), len(logits[0])
    left_out = states > MOST or actions > MOST
    note = f"{_counted(logits, 'state')}, {_counted(logits[0], 'action')}" + (
        ", the first of which are shown" * left_out
    )
    law = in_line(r"\pi(a \mid s) = \operatorname{softmax}_a(\text{logits of } s)")
    return table_html(type(policy).__name__, [("", law), *rows], note)


def policy_html(policy: Any) -> str | None:
    r"""A policy: its name, log π(a), the actions, and its parameters as formulas.

    Examples
    ========

    >>> from symprice import GaussianPolicy, parameters
    >>> shown = policy_html(GaussianPolicy(*parameters('mu sigma', positive=True)))
    >>> r'\(a \in \mathbb{R}\)' in shown, r'\(\mu\)' in shown
    (True, True)
    """
    if not typesets():
        return None
    rows = []
    support = getattr(policy, "support", None)
    try:
        law = within(_PATIENCE, lambda: _law(policy, support), None)
        if law is None or sum(map(len, law)) > LONGEST:
            return None
        rows.append((in_line(r"\log \pi"), "<br>".join(map(in_line, law))))
        if support is not None:
            rows.append(("actions", in_line(rf"{_tex(policy.action)} \in {_tex(support)}")))
        else:
            rows.append(("actions", _listed(policy.actions, MOST)))
        rows += [(escape(name), in_line(_tex(value))) for name, value in _fields(policy)]
        trained = policy.parameters
        rows.append(("trained", _listed(trained) if trained else "nothing"))
    except (SympriceError, AttributeError, TypeError, ValueError):
        return None
    return table_html(type(policy).__name__, rows)


def _law(policy: Any, support: Any) -> list[str]:
    """log π(a) of a density, or of each action."""
    if support is not None:
        action = policy.action
        return [rf"\log \pi({_tex(action)}) = {_tex(policy.log_prob(action))}"]
    shown = list(policy.actions)[:4]
    lines = [rf"\log \pi({_tex(a)}) = {_tex(policy.log_prob(a))}" for a in shown]
    return [*lines, *([r"\cdots"] if len(policy.actions) > 4 else [])]


def _fields(policy: Any) -> list[tuple[str, Any]]:
    """The parameters in the forms in which they were given."""
    fields = getattr(policy, "_fields", None)
    return [(name, value) for _, name, _, value in fields] if fields else []


def motion_latex(dynamics: Any) -> str | None:
    r"""A way of moving θ: its step or its flow, and how its state moves.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import HeavyBall
    >>> print(motion_latex(HeavyBall(*symbols('eta beta', positive=True))))
    $$
    \begin{aligned}
    \Delta \theta &= \beta v - \eta \nabla L \\
    v &\leftarrow \beta v - \eta \nabla L
    \end{aligned}
    $$
    """
    loss = Observable("L")
    try:
        noise = NOISE if dynamics.noise(loss) is not None else ""
        flows = dynamics.continuous
        first = r"\frac{d \theta}{d t} &=" if flows else r"\Delta \theta &="
        rows = [f"{first} {_tex(dynamics.update(loss))}{noise}"]
        for state, moved in dynamics.state_update(loss).items():
            left = (
                rf"\frac{{d {_tex(state)}}}{{d t}} &=" if flows else rf"{_tex(state)} &\leftarrow"
            )
            rows.append(f"{left} {_tex(moved)}")
    except (SympriceError, SympifyError, AttributeError, TypeError, ValueError):
        return None
    body = " \\\\\n".join(rows)
    return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$"


def population_html(population: Any) -> str | None:
    """A population: its types with their frequencies, fitness and traits.

    Examples
    ========

    >>> from symprice import Population
    >>> shown = population_html(Population(['A', 'a'], fitness=[1, 2], traits={'z': [1, 0]}))
    >>> [part.split('<')[0] for part in shown.split('>') if part.startswith(('A', 'a', 'z', 'w'))]
    ['w', 'z', 'A', 'a']
    """
    if not population.is_specified:
        return None
    head, *rows = population_rows(population)
    left_out = len(rows) - MOST
    note = f"and {left_out} more types" if left_out > 0 else ""
    return _grid(type(population).__name__, head, rows[:MOST], note)


def population_rows(population: Any) -> list[list[Any]]:
    """The types of a population, a row each, below the names of the columns.

    >>> from symprice import Population
    >>> population_rows(Population(['A', 'a'], fitness=[1, 2]))
    [['type', 'frequency', 'w'], [A, 1/2, 1], [a, 1/2, 2]]
    """
    w, traits, offspring, f, rates = (population.args[i] for i in (2, 3, 4, 5, 6))
    columns = [("type", population.types), ("frequency", population.frequencies)]
    columns += [(name, tuple(one)) for name, one in (("w", w), ("f", f)) if one]
    for suffix, pairs in (("", traits), (" of offspring", offspring), (" rate", rates)):
        columns += [(f"{name}{suffix}", tuple(one)) for name, one in pairs]
    rows = zip(*(values for _, values in columns), strict=True)
    return [[name for name, _ in columns], *map(list, rows)]


def _grid(title: str, head: list[str], rows: list[Any], note: str) -> str:
    """A table with a header, and a note below it."""
    titles = "".join(f'<th style="{_STYLE}">{escape(name)}</th>' for name in head)
    body = "\n".join(
        "<tr>" + "".join(f"{_LEFT}{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    told = f"\n<p><small>{escape(note)}</small></p>" if note else ""
    table = f"<table><thead><tr>{titles}</tr></thead><tbody>\n{body}\n</tbody></table>"
    return framed(f"<p><b>{escape(title)}</b></p>\n{table}{told}")


def process_html(process: Any) -> str:
    """A decision process: what it has, and the first of its transitions.

    Examples
    ========

    >>> from symprice import MDP
    >>> shown = process_html(MDP([[[0, 1]], [[1, 0]]], [[1], [2]], gamma=0))
    >>> '2 states' in shown, shown.count('<tr>')
    (True, 3)
    """
    head = ["state", "action", "reward", "next"]
    rows: list[list[Any]] = []
    more = False
    for s, a in process._shape.pairs():
        if len(rows) == MOST:
            more = True
            break
        rows.append([process.states[s], process.actions[a], *_outcome(process, s, a)])
    body = "\n".join(
        "<tr>" + "".join(f"{_LEFT}{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    if more:
        body += '\n<tr><td style="text-align: left; padding: 0 0.8em" colspan="4">…</td></tr>'
    titles = "".join(f'<th style="{_STYLE}">{title}</th>' for title in head)
    said = [_counted(process.states, "state"), _counted(process.actions, "action")]
    said.append(f"discount {_cell(process.gamma)}")
    if process.terminal:
        said.append("terminal: " + _names(process.terminal))
    starts = [
        state for state, p in zip(process.states, process.rho, strict=True) if not _is_zero(p)
    ]
    said.append("starts in " + _names(starts))
    return (
        '<div class="symprice tex2jax_process" style="overflow: auto hidden">\n'
        f"<p><b>{type(process).__name__}</b>: {'; '.join(said)}</p>\n"
        f"<table><thead><tr>{titles}</tr></thead><tbody>\n{body}\n</tbody></table>\n</div>"
    )


def _counted(values: Any, noun: str) -> str:
    return f"{len(values)} {noun}" + ("s" if len(values) != 1 else "")


def _names(values: Any) -> str:
    every = [escape(str(value)) for value in values]
    return ", ".join(every[:MOST]) + (", …" if len(every) > MOST else "")


def _is_zero(value: Any) -> bool:
    return bool(value == 0 or getattr(value, "is_zero", False))  # 0.0 is not 0 to SymPy


def _outcome(process: Any, s: int, a: int) -> tuple[Any, str]:
    """The mean reward, and where the action leads with which probability."""
    tables, states = process.tables, process.states
    reward, end = tables.rewards[s][a], tables.ends[s][a]
    if isinstance(tables.moves, list):
        moves = [(states[t], p) for t, p in sorted(tables.moves[s][a].items()) if not _is_zero(p)]
    else:
        row = tables.moves[s * len(process.actions) + a].tocoo()
        pairs = sorted(zip(row.col.tolist(), row.data.tolist(), strict=True))
        moves = [(states[t], p) for t, p in pairs if p]
    moves += [("end", end)] if not _is_zero(end) else []
    told = [
        escape(str(state)) if p == 1 else f"{escape(str(state))} ({_cell(p)})" for state, p in moves
    ]
    return reward, _Html("; ".join(told[:6]) + ("; …" if len(told) > 6 else ""))


class _Html(str):
    """Text that is HTML already."""


def _cell(value: Any) -> str:
    """A number as it is read, a formula as a formula."""
    if isinstance(value, _Html):
        return value
    if getattr(value, "free_symbols", None) and typesets():
        return in_line(_tex(value))
    if isinstance(value, float) or getattr(value, "is_Float", False) or hasattr(value, "dtype"):
        return f"{float(value):.4g}"
    return escape(str(value))
