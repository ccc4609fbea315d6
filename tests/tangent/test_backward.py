"""The backward pass neuron by neuron, and the limit definition beside it."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Derivative, Function, Symbol, tanh

from symprice import (
    MLP,
    ClosedForm,
    Name,
    NoRuleError,
    Parameter,
    ShapeError,
    backprop,
    limit_definition,
    sigmoid,
)
from symprice.tangent.backward import NeuronDerivative
from symprice.tangent.limits import richardson
from tests.differences import agree, gradient, number, random_point


@pytest.mark.parametrize("widths", [(2, 2, 1), (1, 2, 2, 1)])
@pytest.mark.parametrize("phi", [tanh, sigmoid])
def test_every_line_is_the_derivative_by_difference_quotients(widths, phi):
    f = MLP(*widths, activation=phi).explicit()
    point = random_point(f.free_symbols, 4)
    seen = set()
    for step in backprop(f).steps:
        if not isinstance(step.before, NeuronDerivative):
            continue
        neuron = step.before.neuron
        seen.add(neuron)
        cut = step.before.as_function() if neuron in f.definitions else f
        values = dict(point)
        if neuron in f.definitions:
            values[neuron] = number(ClosedForm(neuron, step.before.upstream()), point)
        expected = gradient(cut, [neuron], values)[0]
        assert agree(number(step.before.value(), point), expected)
    assert seen == {*f.definitions, *f.parameters}


def test_the_lines_say_which_rule():
    f = MLP(2, 2, 1, activation=tanh).explicit()
    names = [step.rule.name for step in backprop(f).steps]
    assert names.count("neuron rule") == 2
    assert names.count("activation rule") == 2
    assert names.count("weight rule") == len(f.parameters)


def test_one_neuron():
    f = MLP(2, 2, 1, activation=tanh).explicit()
    value = NeuronDerivative(f, "h1_2").value()
    w2_12 = next(p for p in f.parameters if p.name == "w2_12")
    a = next(n for n in f.definitions if n.name == "a1_2")
    assert value.expr == w2_12 * (1 - a**2)
    assert NeuronDerivative(f, "h1_2").doit().has(tanh)
    assert not NeuronDerivative(f, "h1_2").doit().has(Derivative)


@pytest.mark.parametrize("phi", [tanh, sigmoid])
def test_the_limit_definition_agrees_numerically_everywhere(phi):
    f = MLP(2, 2, 1, activation=phi).explicit()
    for neuron in (*f.definitions, *f.parameters):
        # SymPy's own limit is another test's matter, and would use up its time here.
        assert limit_definition(f, neuron, timeout=0.1).error < 1e-20


def test_the_symbolic_limit_is_the_derivative():
    f = MLP(2, 2, 1, activation=sigmoid).explicit()
    h, a = (next(n for n in f.definitions if n.name == name) for name in ("h1_1", "a1_1"))
    w2_11, w1_12 = (next(p for p in f.parameters if p.name == name) for name in ("w2_11", "w1_12"))
    assert limit_definition(f, a).symbolic == w2_11
    assert limit_definition(f, w2_11).symbolic == a
    found = limit_definition(f, h).symbolic
    assert (found - w2_11 * a * (1 - a)).expand() == 0
    found = limit_definition(f, w1_12).symbolic
    assert (found - w2_11 * a * (1 - a) * Symbol("x2")).expand() == 0


def test_richardson_extrapolates():
    with mpmath.workdps(60):
        value = richardson(lambda h: (mpmath.exp(1 + h) - mpmath.e) / h, 30)
        assert abs(value - mpmath.e) < mpmath.mpf(10) ** -28


def test_what_is_no_network_is_named():
    f = MLP(1, 1, 1).explicit()
    with pytest.raises(ShapeError, match="no neuron"):
        backprop(f, "h9_1")
    with pytest.raises(ShapeError, match="named neurons"):
        backprop(f.doit())


def test_a_network_inside_a_network():
    inner = MLP(1, 1, 1).explicit()
    outer = inner.xreplace({Symbol("x1"): inner})
    found = backprop(outer)
    assert found.check()
    assert len({s.before.neuron for s in found.steps if s.rule.name == "activation rule"}) == 2


def test_the_derivative_by_an_input():
    f = MLP(1, 1, 1).explicit()
    assert backprop(f, Symbol("x1")).result == f.diff(Symbol("x1"))


def test_what_the_network_does_not_hold_is_refused():
    f = MLP(1, 1, 1).explicit()
    for stranger in (Parameter("zz"), Name("zz"), Symbol("zz")):
        with pytest.raises(ShapeError, match="no neuron"):
            backprop(f, stranger)


def test_a_point_that_is_given_in_part_is_completed():
    f = MLP(1, 1, 1).explicit()
    found = limit_definition(f, "h1_1", {Symbol("x1"): 1})
    assert found.error < 1e-20
    assert found.point[Symbol("x1")] == 1
    with pytest.raises(NoRuleError, match="phi"):
        limit_definition(MLP(1, 1, 1, activation=Function("phi")).explicit(), "h1_1")
