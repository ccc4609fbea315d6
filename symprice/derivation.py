"""Derivations: chains of (rule, before, after), and the one engine that applies rules.

``doit`` runs the rules to the end, ``expand`` those that are not values, ``derive`` runs the same
rules one at a time and keeps every expression on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from sympy import Basic, Tuple, sstr
from sympy.core.sympify import _sympify

from .errors import NoRuleError
from .nodes import Node
from .outputs import Result

__all__ = ["Derivation", "Rule", "Step", "derive", "evaluate", "rewrite"]


class Rule(Basic):
    """A law of the calculus: its docstring states it, ``apply`` rewrites one node by it.

    A rule that only names a step (a definition, a substitution) does not override ``apply``.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, derive
    >>> (step,) = derive(NTVar(Parameter('w'))).steps
    >>> step.rule.name, step.rule.law
    ('coordinates', 'NTCov(θᵢ, θⱼ) = δᵢⱼ, in a metric M the entry Mᵢⱼ.')
    """

    def apply(self, node: Basic) -> Basic | None:
        """The node rewritten, or None where the rule says nothing about it."""
        return None

    @property
    def name(self) -> str:
        """The rule's name in words: ``ProductRule`` is the 'product rule'."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).lower()

    @property
    def law(self) -> str:
        """The statement of the rule: the first paragraph of its docstring."""
        paragraph = (type(self).__doc__ or "").strip().partition("\n\n")[0]
        return " ".join(paragraph.split())

    def _sympystr(self, printer: Any) -> str:
        return f"{type(self).__name__}({', '.join(printer._print(arg) for arg in self.args)})"


class Step(Result, Basic):
    """One link of a derivation: ``before`` equals ``after`` by ``rule``, under the equations
    ``given``.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, derive
    >>> derive(NTVar(Parameter('w'))).steps[0].after
    1
    """

    def __new__(cls, rule: Rule, before: Any, after: Any, given: Any = ()) -> Step:
        return super().__new__(
            cls, rule, _sympify(before), _sympify(after), Tuple(*(_sympify(eq) for eq in given))
        )

    @property
    def rule(self) -> Rule:
        """The law that the step applies."""
        return self.args[0]

    @property
    def before(self) -> Basic:
        """What is rewritten."""
        return self.args[1]

    @property
    def after(self) -> Basic:
        """What it is rewritten to."""
        return self.args[2]

    @property
    def given(self) -> Tuple:
        """The equations that the step inserts; empty where it holds as it stands."""
        return self.args[3]

    def _formula(self) -> Basic:
        return self.after

    def __str__(self) -> str:
        return f"{sstr(self.before)}\n= {sstr(self.after)}    [{self.rule.name}]"

    __repr__ = __str__


class Derivation(Result, Basic):
    """A chain of steps, each of which can be checked by itself.

    Two consecutive steps continue one another when the second starts from what the first arrived
    at; otherwise a new line of thought begins.

    Examples
    ========

    >>> from sympy import log
    >>> from symprice import NTCov, derive, observables
    >>> P, L, Q = observables('P L Q')
    >>> D = derive(NTCov(log(P)*Q, -L))
    >>> [step.rule.name for step in D.steps]
    ['bilinearity', 'product rule', 'chain rule']
    >>> D.result
    -log(P)*NTCov(Q, L) - Q*NTCov(P, L)/P
    """

    def __new__(cls, steps: Iterable[Step]) -> Derivation:
        return super().__new__(cls, Tuple(*steps))

    @property
    def steps(self) -> Tuple:
        """The steps in order."""
        return self.args[0]

    @property
    def start(self) -> Basic:
        """What the derivation starts from."""
        return self.steps[0].before

    @property
    def result(self) -> Basic:
        """What the derivation arrives at."""
        return self.steps[-1].after

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules used, in order of first use."""
        return tuple(dict.fromkeys(step.rule for step in self.steps))

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def continues(self, index: int) -> bool:
        """Whether step ``index`` starts from what the step before it arrived at."""
        return index > 0 and self.steps[index].before == self.steps[index - 1].after

    def __add__(self, other: Derivation) -> Derivation:
        return Derivation((*self.steps, *other.steps))

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__


class Unchanged(Rule):
    """x = x: nothing is left to rewrite."""


def rewrite(expr: Basic, rule: Rule, only: Container[Basic] | None = None) -> Basic:
    """``expr`` with ``rule`` applied once to every innermost node that it matches.

    ``only`` restricts it to some nodes.
    """

    def once(node: Node, changed: bool) -> Basic:
        if changed or (only is not None and node not in only):
            return node
        replaced = rule.apply(node)
        return node if replaced is None else replaced

    return _bottom_up(expr, once)


def evaluate(expr: Basic, expanding: bool = False) -> Basic:
    """``expr`` with the laws of all its nodes applied until none of them does."""
    memo: dict[Basic, Basic] = {}

    def fully(node: Node, changed: bool) -> Basic:
        replaced = _first(node, expanding)
        return node if replaced is None else _bottom_up(replaced, fully, memo)

    try:
        return _bottom_up(expr, fully, memo)
    except RecursionError:
        raise NoRuleError(
            "asked to unfold an expression that is nested more deeply than Python's recursion "
            "allows: name its parts, as ClosedForm(a, {Name('h'): w*x, Name('a'): tanh(h)})"
        ) from None


def _bottom_up(
    expr: Basic, act: Callable[[Node, bool], Basic], memo: dict[Basic, Basic] | None = None
) -> Basic:
    """``expr`` with ``act(node, changed)`` for every node, from the inside out."""
    memo = {} if memo is None else memo

    def visit(node: Basic) -> Basic:
        if node in memo:
            # Of equal nodes that nothing changes, each stays itself: what holds it is unchanged.
            found = memo[node]
            return node if found == node else found
        result = node
        if node.args and node.has(Node):
            args = [visit(arg) for arg in node.args]
            changed = any(new is not old for new, old in zip(args, node.args, strict=True))
            result = _rebuilt(node, args) if changed else node
            if isinstance(result, Node):
                result = act(result, changed)
        memo[node] = result
        return result

    return visit(expr)


def _rebuilt(node: Basic, args: list[Basic]) -> Basic:
    return node.rebuilt(args) if isinstance(node, Node) else node.func(*args)


def _first(node: Node, expanding: bool) -> Basic | None:
    for law in node.expansion_laws() if expanding else node.laws():
        replaced = law.apply(node)
        if replaced is not None:
            return replaced
    return None


def _laws_within(nodes: Iterable[Node]) -> list[Rule]:
    """The laws of all the nodes, in their order and without repetition."""
    kinds = sorted({type(node) for node in nodes}, key=lambda kind: kind.__name__)
    return list(dict.fromkeys(law for kind in kinds for law in kind.laws()))


def derive(expr: Any) -> Derivation:
    """The derivation of the closed form of ``expr``: one step a rule, to the result of ``doit``.

    Parameters
    ==========

    expr : an expression with covariances in it, or a result that has a derivation of its own.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, derive, sigmoid
    >>> b = Parameter('b')
    >>> print(derive(NTVar(sigmoid(b))))
    NTVar(σ(b)) = σ(b)²(1 - σ(b))² NTVar(b)  chain rule
                = σ(b)²(1 - σ(b))²           coordinates
    """
    own = getattr(expr, "derivation", None)
    if isinstance(own, Derivation):
        return own
    expr = _sympify(expr)
    steps: list[Step] = []
    current = expr
    while (link := _next_step(current)) is not None:
        steps.append(link)
        current = link.after
    return Derivation(steps or [Step(Unchanged(), expr, expr)])


def _next_step(expr: Basic) -> Step | None:
    """One law applied wherever it can be; what stands inside another node comes first."""
    nodes = expr.atoms(Node)
    nested = set().union(*(arg.atoms(Node) for node in nodes for arg in node.args))
    laws = _laws_within(nodes)
    for only in (nested, None) if nested else (None,):
        for law in laws:
            after = rewrite(expr, law, only)
            if after != expr:
                return Step(law, expr, after)
    return None
