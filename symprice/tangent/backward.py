"""How a network is differentiated, neuron by neuron: the backward pass as a derivation.

``NeuronDerivative(f, n)`` is ∂f/∂n: how the output moves when the value of one neuron is moved and
all that depends on it follows. ``backprop`` derives all of them, from the output back to the
weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sympy import Add, Derivative, Expr, Function, Symbol
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..binding import Binder
from ..closedform import ClosedForm, Definitions, hoist
from ..derivation import Derivation, Rule, Step
from ..errors import ShapeError
from ..nodes import Node
from ..symbols import Name, Parameter
from .closing import derivative
from .pullback import backwards, local_derivatives

__all__ = ["NeuronDerivative", "backprop"]


class NeuronRule(Rule):
    """∂f/∂n = Σ_m (∂f/∂m) (∂m/∂n), over the neurons m that n feeds."""


class ActivationRule(Rule):
    """∂f/∂h = (∂f/∂a) φ'(h), where a = φ(h)."""


class WeightRule(Rule):
    """∂f/∂w = (∂f/∂h) ∂h/∂w, where h = … + w a + …."""


class Insertion(Rule):
    """∂f/∂m is inserted for the neurons m after this one, where it is known already."""


class BackwardPass(Rule):
    """∂f/∂n by reverse accumulation from the output to n."""

    def apply(self, node: Any) -> Any:
        """The value, in the names of the network."""
        return node.value() if isinstance(node, NeuronDerivative) else None


class NeuronDerivative(Node, Binder, Expr):
    """∂f/∂n: the derivative of a network's output by the value of one of its neurons, or by a
    parameter.

    Parameters
    ==========

    network : a ClosedForm, the output.
    neuron : one of its names, or a Parameter.
    label : what the output is called when printed.

    Examples
    ========

    >>> from symprice import MLP
    >>> from symprice.tangent.backward import NeuronDerivative
    >>> f = MLP(1, 1, 1).explicit()
    >>> NeuronDerivative(f, 'h1_1').value().expr
    w2_11*(1 - a1_1**2)
    """

    is_commutative = True
    precedence = PRECEDENCE["Pow"]  # brackets in a power, none in a product

    def __new__(cls, network: Any, neuron: Any, label: Any = None) -> NeuronDerivative:
        network = _flat(network)
        known = {s.name: s for s in (*network.bound_symbols, *network.parameters)}
        if isinstance(neuron, str):
            neuron = known.get(neuron, neuron)
        if neuron not in known.values() and neuron not in network.free_symbols:
            raise ShapeError(
                f"{neuron} is no neuron or parameter of the network: it has {', '.join(known)}"
            )
        label = (
            Symbol("NN") if label is None else Symbol(label) if isinstance(label, str) else label
        )
        return Expr.__new__(cls, network, neuron, label)

    @property
    def network(self) -> ClosedForm:
        """The output as a closed form."""
        return self.args[0]

    @property
    def neuron(self) -> Any:
        """The name that the derivative is by."""
        return self.args[1]

    @property
    def bound_symbols(self) -> list[Name]:
        """The names of the network."""
        return self.network.bound_symbols

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols of the network."""
        return self.network.free_symbols

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The backward pass."""
        return (BackwardPass(),)

    def upstream(self) -> list[Any]:
        """The definitions of the network, from the first to the neuron itself."""
        pairs = []
        for name, value in self.network.args[1]:
            pairs.append((name, value))
            if name == self.neuron:
                break
        return pairs

    def as_function(self) -> Any:
        """The output as a function of the neuron: its own definition taken out."""
        pairs = [(name, value) for name, value in self.network.args[1] if name != self.neuron]
        return ClosedForm(self.network.expr, pairs)

    def value(self) -> Any:
        """The derivative as a closed form, in the names of the network."""
        if isinstance(self.neuron, Parameter):
            return derivative(self.network, self.neuron)
        return bind(derivative(self.as_function(), self.neuron), self.network)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        """∂f/∂n by moving the neuron's own value, at a point of the other symbols."""
        if isinstance(self.neuron, Parameter):
            return evaluate(Derivative(self.network, self.neuron, evaluate=False), point)
        there = evaluate(ClosedForm(self.neuron, self.upstream()), point)
        return evaluate(
            Derivative(self.as_function(), self.neuron, evaluate=False),
            {**point, self.neuron: there},
        )

    def _eval_derivative(self, symbol: Any) -> Any:
        return self.value().diff(symbol)

    def _eval_subs(self, old: Any, new: Any) -> Any:
        # By a parameter: evaluated first, as it is both free and differentiated by.
        return self.doit().subs(old, new) if old == self.neuron else super()._eval_subs(old, new)

    def _renamed(self, taken: Iterable[Any]) -> Any:
        return self

    def _tex(self, printer: Any) -> str:
        output, neuron = printer._print(self.args[2]), printer._print(self.neuron)
        return rf"\frac{{\partial {output}}}{{\partial {neuron}}}"

    def _pretty(self, printer: Any) -> Any:
        from sympy.printing.pretty.stringpict import prettyForm

        return prettyForm(f"∂{self.args[2]}/∂{self.neuron}")


def _flat(network: Any) -> ClosedForm:
    """The output as one list of definitions, those of networks inside it among them."""
    network = _sympify(network)
    if not isinstance(network, ClosedForm):
        raise ShapeError(
            f"asked for the backward pass of {network}, which has no named neurons: write "
            "MLP(2, 2, 1).explicit(), or a ClosedForm(expr, {Name('h'): value, ...})"
        )
    network = network.without_origin()
    if not any(part.has(ClosedForm) for part in network.args):
        return network
    definitions = Definitions(network.free_symbols)
    flat = definitions.closing(hoist(network, definitions))
    return flat if isinstance(flat, ClosedForm) else ClosedForm(flat, ())


def bind(expr: Any, network: ClosedForm) -> Any:
    """``expr``, in which names of the network are free, with these defined as the network does."""
    pairs = list(network.args[1])
    own: list[Any] = []
    if isinstance(expr, ClosedForm):
        own = [pair for pair in expr.args[1] if pair[0] not in network.bound_symbols]
        expr = expr.expr
    wanted = set(expr.free_symbols).union(*(value.free_symbols for _, value in own))
    needed = []
    for name, value in reversed(pairs):
        if name in wanted:
            needed.append((name, value))
            wanted |= value.free_symbols
    needed.reverse()
    return ClosedForm(expr, (*needed, *own)) if needed or own else expr


def backprop(output: Any, *neurons: Any, label: Any = None) -> Derivation:
    """The backward pass of a network as a derivation: for every neuron and weight n, ∂NN/∂n.

    Each neuron has a line for the rule, in terms of the neurons after it, and one with these
    inserted.

    Parameters
    ==========

    output : a ClosedForm with named neurons, as ``MLP(2, 2, 1).explicit()``.
    neurons : names or Parameters to restrict it to; all neurons and parameters where not given.
    label : what the output is called, ``NN`` where not given.

    Examples
    ========

    >>> from symprice import MLP, backprop
    >>> D = backprop(MLP(1, 1, 1).explicit(), 'h1_1', 'w1_11')
    >>> [step.rule.name for step in D.steps]
    ['activation rule', 'insertion', 'weight rule', 'insertion']
    >>> D.result.expr
    w2_11*x1*(1 - a1_1**2)
    """
    whole = _flat(output)
    forward = [tuple(pair) for pair in whole.args[1]]
    order: list[Any] = [name for name, _ in backwards(forward)]
    order += sorted(whole.parameters, key=lambda p: _place(p, order, dict(forward)))
    if neurons:
        chosen = {NeuronDerivative(whole, neuron, label).neuron for neuron in neurons}
        inputs = sorted(chosen.difference(order), key=lambda symbol: symbol.sort_key())
        order = [neuron for neuron in (*order, *inputs) if neuron in chosen]
    steps: list[Step] = []
    for neuron in order:
        steps.extend(_lines(whole, forward, neuron, label))
    return Derivation(steps)


def _place(parameter: Any, order: list[Any], values: dict[Any, Any]) -> tuple[int, Any]:
    """Parameters in the order in which the pass meets them: those of the output first."""
    places = [i for i, name in enumerate(order, start=1) if parameter in values[name].free_symbols]
    return min(places, default=0), parameter.sort_key()


def _lines(whole: ClosedForm, forward: list[Any], neuron: Any, label: Any) -> list[Step]:
    before = NeuronDerivative(whole, neuron, label)
    terms, fed = [], []
    for name, value in (*forward, (None, whole.expr)):
        if neuron not in value.free_symbols:
            continue
        local = local_derivatives(value, {neuron})[neuron].xreplace({v: n for n, v in forward})
        terms.append(local if name is None else NeuronDerivative(whole, name, label) * local)
        fed.append((name, value))
    by_rule = bind(Add(*terms), whole)
    rule: Rule
    if isinstance(neuron, Parameter):
        rule = WeightRule()
    elif len(fed) == 1 and isinstance(fed[0][1], Function):
        rule = ActivationRule()
    else:
        rule = NeuronRule()
    steps = [Step(rule, before, by_rule)]
    value = before.value()
    if value != by_rule:
        steps.append(Step(Insertion(), by_rule, value))
    return steps
