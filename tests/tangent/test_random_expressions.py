"""Random matrix expressions as properties: their covariances against complex steps."""

from __future__ import annotations

import pytest

from symprice import NothingSharedWarning, NTCov, closed_form
from symprice.symbols import ParameterMatrix
from tests.tangent.random_expressions import Maker
from tests.tangent.steps import Case, computes, holds

SEEDS = range(60)


def cases(seed: int, depth: int) -> tuple[Case, Case]:
    """Two properties; where they share nothing, twice the first."""
    first = Case(*Maker(2 * seed, "x").property(depth))
    last = Case(*Maker(2 * seed + 1, "y").property(depth))
    shared = trained(first) & trained(last)
    return first, last if shared else first


def trained(case: Case) -> set[ParameterMatrix]:
    """The trainable matrices of a property."""
    return {s for s in case.expr.free_symbols if isinstance(s, ParameterMatrix)}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_formula(seed):
    first, last = cases(seed, depth=3 if seed % 3 else 2)
    if not trained(first):
        pytest.skip("no matrix is trained in it")
    assert holds(first, last)


@pytest.mark.parametrize("seed", SEEDS[:30])
def test_the_code(seed):
    first, last = cases(seed, depth=2)
    if not trained(first):
        pytest.skip("no matrix is trained in it")
    formula = closed_form(NTCov(first.expr, last.expr))
    if not trained(Case(formula, None)):
        pytest.skip("the covariance is the same for all parameters")
    assert computes(first, last)


def test_what_is_shared_by_chance_only_is_no_parameter():
    """A draw of two properties without a common parameter is zero, and says so."""
    found = 0
    for seed in SEEDS:
        first, last = (Case(*Maker(s, "x").property(2)) for s in (2 * seed, 2 * seed + 1))
        free = [{s for s in c.expr.free_symbols if hasattr(s, "name")} for c in (first, last)]
        if trained(first) and trained(last) and not free[0] & free[1]:
            found += 1
            with pytest.warns(NothingSharedWarning):
                value = closed_form(NTCov(first.expr, last.expr))
            assert value.expr.is_zero or value.expr.is_ZeroMatrix
    assert found
