"""Laws about long formulas are shown in letters, and the letters say the same."""

from __future__ import annotations

import pytest
from sympy import log, symbols

from symprice import (
    SAM,
    SGD,
    Adam,
    GradientDescent,
    GradientFlow,
    Langevin,
    observables,
    parameters,
    price,
    sigmoid,
)
from symprice.emit.lines import lines_of
from symprice.emit.short_names import ShortNames
from tests.differences import agree, number, random_point

w, b = parameters("w b")
x, y, eta = symbols("x y eta", positive=True)
p = sigmoid(w * x + b)
LOSS = -y * log(p) - (1 - y) * log(1 - p)
EXAMPLES = [LOSS, LOSS.subs({x: 2, y: 0})]


def shown(law):
    """What is shown of a law, with every letter replaced by what it stands for."""
    found = law._equations
    names = ShortNames(found.args)
    sides = [names.shown(side) for side in found.args]
    where = names.where()
    assert where
    for _ in where:
        sides = [side.xreplace(dict(where)) for side in sides]
    return found, sides


@pytest.mark.parametrize(
    ("prop", "loss", "dynamics"),
    [
        (p, LOSS, GradientFlow()),
        (p, LOSS, GradientDescent(eta)),
        (p, LOSS, Langevin(eta)),
        (LOSS, LOSS, GradientDescent(eta)),
        (w**2, LOSS, SAM(eta)),
        (p, EXAMPLES, SGD(eta, 1)),
        (LOSS, p + w * b - x, GradientDescent(eta)),
    ],
)
def test_letters_stand_for_what_is_written_below(prop, loss, dynamics):
    found, (_, right) = shown(price(prop, loss, dynamics))
    point = random_point({w, b, x, y, eta}, 5)
    values = [number(side.removeO().doit(), point) for side in (found.rhs, right)]
    assert agree(*values)


def test_the_law_is_read_by_its_letters():
    law = price(p, LOSS, GradientDescent(eta))
    (line,) = lines_of(law).lines
    assert line.left == r"P(\theta -\eta \nabla L) - P"
    assert r"\operatorname{NTCov}(P, L)" in line.right
    where = dict(lines_of(law).where)
    assert where == {"P": r"\sigma(w x + b)", "L": where["L"]}
    assert r"\log(P)" in where["L"] and r"\sigma" not in where["L"]
    flow = lines_of(price(p, LOSS)).lines[0]
    assert (flow.left, flow.right) == (r"\frac{d P}{dt}", r"\operatorname{NTCov}(P, -L)")


def test_a_sum_after_a_step_is_not_merged_with_itself_before():
    line = lines_of(price(LOSS, LOSS, GradientDescent(eta))).lines[0]
    assert line.left == r"L(\theta -\eta \nabla L) - L"


def test_the_losses_of_examples_have_letters_of_their_own():
    where = dict(lines_of(price(p, EXAMPLES, SGD(eta, 1))).where)
    assert list(where) == ["P", r"\ell_{1}", r"\ell_{2}", "L"]
    assert where["L"] == r"\frac{\ell_{1}}{2} + \frac{\ell_{2}}{2}"


def test_a_letter_in_use_is_left_alone():
    P, L = symbols("P L")
    law = price(sigmoid(w * P + b), (w * L + b - P) ** 2, GradientDescent(eta))
    where = dict(lines_of(law).where)
    assert set(where) == {"P_{1}", "L_{1}"}
    assert where["P_{1}"] == r"\sigma(w P + b)"


def test_what_is_short_or_has_a_letter_stays():
    P, L = observables("P L")
    assert not lines_of(price(P, L, GradientDescent(eta))).where
    assert not lines_of(price(2 * P + P**2, L, Adam(eta))).where
    assert not lines_of(price(sigmoid(b), w**2 / 2)).where
    assert dict(lines_of(price(w, LOSS, SAM(eta))).where).keys() == {"L"}
