"""Benchmarks: what things cost, beside their peers, measured in the same run."""
