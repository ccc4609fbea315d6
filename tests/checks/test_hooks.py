"""Nodes say what they are worth: by a method of their own, or by an entry in a table."""

from __future__ import annotations

import mpmath
import pytest
from sympy import Basic, Derivative, Eq, Expr, Function, symbols, tanh

from symprice import MLP, ClosedForm, Name, NTCov, NTVar, Rule, Step, observables, parameters
from symprice.checks import check
from symprice.checks.oracle import register, value
from symprice.symbols import Parameter
from symprice.tangent.backward import NeuronDerivative

x, y = symbols("x y")
u, v = parameters("u v")
P, L = observables("P L")


class shifted(Function):
    """The argument with the first parameter moved by one."""

    def _numeric(self, evaluate, point):
        return evaluate(self.args[0], {**point, u: point[u] + 1})


class slope(Function):
    """The derivative of the argument by all parameters, by a quotient of its own."""

    def _numeric(self, evaluate, point):
        digits = mpmath.mp.dps
        moved = [s for s in point if isinstance(s, Parameter)]
        with mpmath.workdps(4 * digits):
            h = mpmath.mpf(10) ** -digits

            def at(sign):
                return evaluate(self.args[0], {**point, **{s: point[s] + sign * h for s in moved}})

            found = (at(1) - 2 * at(0) + at(-1)) / h**2
        return +found


class whole(Basic):
    """Holds a node that is no expression."""

    def _numeric(self, evaluate, point):
        return [evaluate(arg, point) for arg in self.args]


def test_a_node_evaluates_its_arguments_elsewhere():
    assert value(shifted(u**2 * x), {u: 2, x: 5}) == 45
    assert value(shifted(shifted(u)) * u, {u: 2}) == 8
    assert check(Eq(shifted(u * v), u * v + v), points=3)


def test_covariances_see_through_a_node():
    assert abs(value(NTCov(shifted(u**2), u), {u: 2}) - 6) < 1e-30
    assert abs(value(shifted(NTVar(u**2)), {u: 2}) - 36) < 1e-30
    assert check(Eq(NTCov(shifted(u**2), L), 2 * (u + 1) * NTCov(u, L)), points=3)


def test_a_node_may_work_at_a_precision_of_its_own():
    assert abs(value(slope(u**3 + u * v), {u: 2, v: 3}) - (12 + 2)) < mpmath.mpf(10) ** -30
    inner = slope(NTVar(u**2) * tanh(v) ** 0)
    assert abs(value(inner, {u: 2}) - 8) < mpmath.mpf(10) ** -30


def test_observables_follow_the_parameters_that_a_node_moves():
    assert check(Eq(shifted(P), P + (shifted(P) - P)), points=3)
    assert not check(Eq(shifted(P * u), P * (u + 1)), points=3)
    held = NTCov(P, u)
    assert check(Eq(Derivative(P, u, evaluate=False), held), points=3)


def test_names_keep_their_meaning_inside_a_node():
    h = Name("h")
    assert value(ClosedForm(shifted(h) + h, {h: u**2}), {u: 2}) == 9 + 4
    f = MLP(1, 1, 1).explicit()
    assert check(NeuronDerivative(f, "h1_1"), points=3)
    outer = ClosedForm(h * NeuronDerivative(f, "h1_1"), {h: u * x})
    assert check(Eq(outer, u * x * NeuronDerivative(f, "h1_1").value()), points=3)


def test_a_point_is_a_mapping_of_the_variables():
    seen = {}

    class looks(Function):
        def _numeric(self, evaluate, point):
            seen.update({symbol: point[symbol] for symbol in point}, length=len(point))
            assert y not in list(point)
            with pytest.raises(KeyError):
                point["x"]
            return evaluate(self.args[0], point)

    assert value(looks(u * x), {u: 2, x: 3}) == 6
    assert seen == {u: 2, x: 3, "length": 2}


def test_a_list_of_values_is_compared_member_by_member():
    assert value(whole(u, u**2), {u: 3}) == [3, 9]
    assert check(Step(Rule(), whole(u, NTVar(u)), whole(u, NTVar(u) * 1)), points=2)
    assert not check(Step(Rule(), whole(u, NTVar(u)), whole(u, u)), points=2)


def test_an_entry_in_the_table():
    class twice(Function):
        pass

    @register(twice)
    def _(node, evaluate, point):
        return 2 * evaluate(node.args[0], point)

    assert value(twice(x) + twice(y), {x: 1, y: 2}) == 6

    class heir(twice):
        pass

    assert value(heir(x), {x: 4}) == 8

    class rebel(twice):
        def _numeric(self, evaluate, point):
            return 3 * evaluate(self.args[0], point)

    assert value(rebel(x), {x: 4}) == 12


def test_a_fault_in_a_node_is_no_agreement():
    class broken(Expr):
        def _numeric(self, evaluate, point):
            return self.nothing

    report = check(Eq(broken(x), broken(x) + 1), points=2)
    assert not report and "AttributeError" in str(report)


def test_objects_may_list_what_they_claim():
    class Claim:
        def _check_items(self):
            return [("first part", NTVar(u**2), 4 * u**2), ("second part", NTVar(u), u)]

    report = check(Claim(), points=2)
    assert not report and len(report.problems) == 1
    assert report.problems[0].startswith("second part: ")
