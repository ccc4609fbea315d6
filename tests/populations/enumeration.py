"""Populations as plain lists of fractions, and what is true of them by definition."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby

from hypothesis import strategies as st
from sympy import Rational


def exact(number: Fraction) -> Rational:
    return Rational(number.numerator, number.denominator)


def mean(shares, values):
    return sum((x * z for x, z in zip(shares, values, strict=True)), Fraction(0))


def covariance(shares, y, z):
    return mean(shares, [a * b for a, b in zip(y, z, strict=True)]) - mean(shares, y) * mean(
        shares, z
    )


def offspring(shares, fitness):
    """The frequencies in the next generation, by counting."""
    children = [x * w for x, w in zip(shares, fitness, strict=True)]
    return [n / sum(children) for n in children]


fractions = st.fractions(-3, 3, max_denominator=7)
positive = st.fractions(Fraction(1, 7), 3, max_denominator=7)


@st.composite
def populations(draw, smallest=2, largest=5):
    """Frequencies, fitness, traits of parents and of offspring, groups of two kinds."""
    count = draw(st.integers(smallest, largest))

    def column(numbers):
        return draw(st.lists(numbers, min_size=count, max_size=count))

    sizes = column(positive)
    outer = sorted(draw(st.integers(0, 1)) for _ in range(count))
    inner = [draw(st.integers(0, 1)) for _ in range(count)]
    return {
        "x": [n / sum(sizes) for n in sizes],
        "w": column(positive),
        "z": column(fractions),
        "y": column(fractions),
        "after": column(fractions),
        "outer": outer,
        "inner": inner,
    }


def parts(labels):
    """The places of every label."""
    places = sorted(range(len(labels)), key=lambda i: labels[i])
    return [list(group) for _, group in groupby(places, key=lambda i: labels[i])]
