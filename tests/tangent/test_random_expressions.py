"""Random matrix expressions as properties: their covariances against complex steps."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from symprice import NothingSharedWarning, NTCov, closed_form
from symprice.symbols import ParameterMatrix
from tests.seeds import seeds
from tests.tangent.random_expressions import Maker
from tests.tangent.steps import Case, computes, holds

SEEDS = seeds(40)


def drawn(seed: int, label: str, depth: int) -> Case:
    """The first property drawn in which a matrix is trained."""
    draws = (Case(*Maker(seed + 1000 * again, label).property(depth)) for again in count())
    return next(case for case in draws if trained(case.expr))


def cases(seed: int, depth: int) -> tuple[Case, Case]:
    """Two properties; where they share nothing, twice the first."""
    first, last = drawn(2 * seed, "x", depth), drawn(2 * seed + 1, "y", depth)
    return first, last if trained(first.expr) & trained(last.expr) else first


def trained(expr: Any) -> set[ParameterMatrix]:
    """The trainable matrices of an expression."""
    return {s for s in expr.free_symbols if isinstance(s, ParameterMatrix)}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_formula(seed):
    assert holds(*cases(seed, depth=3 if seed % 3 else 2))


@pytest.mark.parametrize("seed", SEEDS[:30])
def test_the_code(seed):
    pairs = (cases(seed + 1000 * again, depth=2) for again in count())
    # The code takes parameters; a covariance that is the same for all of them has none.
    first, last = next((a, b) for a, b in pairs if trained(closed_form(NTCov(a.expr, b.expr))))
    assert computes(first, last)


def test_what_is_shared_by_chance_only_is_no_parameter():
    """A draw of two properties without a common parameter is zero, and says so."""
    found = 0
    for seed in SEEDS:
        first, last = (Case(*Maker(s, "x").property(2)) for s in (2 * seed, 2 * seed + 1))
        free = [{s for s in c.expr.free_symbols if hasattr(s, "name")} for c in (first, last)]
        if trained(first.expr) and trained(last.expr) and not free[0] & free[1]:
            found += 1
            with pytest.warns(NothingSharedWarning):
                value = closed_form(NTCov(first.expr, last.expr))
            assert value.expr.is_zero or value.expr.is_ZeroMatrix
    assert found
