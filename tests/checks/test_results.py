"""What is held against numbers of a result: its steps, its closed form, and its code."""

from __future__ import annotations

from typing import Any

import pytest
from sympy import Function, Symbol, exp

from symprice import (
    BernoulliPolicy,
    GradientDescent,
    NTVar,
    Parameter,
    check,
    definition,
    derive,
    observables,
    policy_gradient,
    price,
    sigmoid,
)
from symprice.emit import numpy as emitted

b, w = Parameter("b", real=True), Parameter("w", real=True)
eta = Symbol("eta", positive=True)
P, L = observables("P L")


@definition
def neuron(z):  # type: ignore[no-untyped-def]
    return 1 / (1 + exp(-z))


CODED = [
    derive(NTVar(sigmoid(b))),
    policy_gradient(BernoulliPolicy(logit=b), {1: 10, 0: 5}),
    price(w**2, (w - 1) ** 4),
    price(sigmoid(w), w**2, GradientDescent(eta), order=2),
    neuron,
]


@pytest.mark.parametrize("result", CODED, ids=lambda result: type(result).__name__)
def test_the_code_of_a_result_is_held_against_the_oracle(result: Any) -> None:
    report = result.check(points=4)
    assert report, str(report)
    assert report.code_worst is not None and report.code_worst < 1e-14


@pytest.mark.parametrize("result", CODED, ids=lambda result: type(result).__name__)
def test_wrong_code_of_a_result_is_found(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    right = emitted.lambdify
    monkeypatch.setattr(emitted, "lambdify", lambda args, expr: right(args, expr * 1.001))
    report = result.check(points=4)
    assert not report and "the code gives" in report.problems[0]


@pytest.mark.parametrize("result", [price(P, L), price(P, L, GradientDescent(eta), order=2)])
def test_what_is_abstract_has_no_code_and_holds(result: Any) -> None:
    report = result.check(points=4)
    assert report and report.code_worst is None


def test_a_definition_is_checked_as_its_expression() -> None:
    @definition
    def kernel(z: Parameter):  # type: ignore[no-untyped-def]
        return NTVar(z**2)

    assert check(kernel, points=4)


def test_a_derivation_of_one_step() -> None:
    assert check(derive(NTVar(Function("f")(P))), points=4).subject == "a derivation of 1 step"
