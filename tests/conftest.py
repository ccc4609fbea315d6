"""What holds for every test: how hypothesis draws, and in which mode optional tools run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Read by the libraries when they are first imported, so they are set before any test is.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")

# The same examples on every run. SymPy's first call of a kind is slow, so time is no verdict.
settings.register_profile(
    "default",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow],
)
# New examples on every run, for an evening: pytest --hypothesis-profile=thorough
settings.register_profile(
    "thorough",
    settings.get_profile("default"),
    derandomize=False,
    max_examples=1000,
    print_blob=True,
)
settings.load_profile("default")
