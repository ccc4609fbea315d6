"""Every number of these tests is computed with the same many digits."""

from __future__ import annotations

import mpmath
import pytest

from tests.policy.evaluation import DIGITS


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(DIGITS):
        yield
