"""Random properties: scalar expressions of a few parameters, and networks in let-form."""

from __future__ import annotations

from hypothesis import strategies as st
from sympy import Integer, Rational, Symbol, cos, erf, exp, sin, tanh

from symprice import ClosedForm, Name, parameters, sigmoid, softplus

THETA = parameters("u v w b", real=True)
X = Symbol("x", real=True)
FUNCTIONS = (
    tanh,
    sin,
    cos,
    sigmoid,
    softplus,
    erf,
    lambda e: exp(e / 4),
    lambda e: e**2,
    lambda e: 1 / (2 + e**2),
)

constants = st.sampled_from([Rational(1, 2), Rational(-3, 4), Integer(2), X])
atoms = st.one_of(st.sampled_from(THETA), constants)


def _combined(children):
    pairs = st.tuples(children, children)
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        st.tuples(st.sampled_from(FUNCTIONS), children).map(lambda p: p[0](p[1])),
        children.map(lambda e: e - 1),
    )


def trained(expr) -> bool:
    return bool(expr.free_symbols & set(THETA))


expressions = st.recursive(atoms, _combined, max_leaves=8).filter(trained)


def abstract(leaves):
    """Expressions of the given leaves, Observables among them."""
    return st.recursive(st.sampled_from(leaves), _combined, max_leaves=5)


@st.composite
def networks(draw, inputs=None):
    """A network with skips, products, shared weights and mixed activations, as a closed form.

    ``inputs`` replaces the input symbol: two draws with one architecture are made by substitution
    instead.
    """
    known = [X, Rational(1, 3)]
    definitions = {}
    weights = list(THETA)
    for layer in range(1, draw(st.integers(1, 5)) + 1):
        for unit in range(1, draw(st.integers(1, 2)) + 1):
            kind = draw(st.sampled_from(["affine", "affine", "activation", "product", "skip"]))
            name = Name(f"{'h' if kind != 'activation' else 'a'}{layer}_{unit}")
            first, second = draw(st.sampled_from(known)), draw(st.sampled_from(known))
            w, b = draw(st.sampled_from(weights)), draw(st.sampled_from(weights))
            if kind == "affine":
                value = w * first + b
            elif kind == "activation":
                value = draw(st.sampled_from(FUNCTIONS))(w + first)
            elif kind == "product":
                value = (w + first) * (second - b)
            else:
                value = first + w * draw(st.sampled_from(FUNCTIONS))(second)
            definitions[name] = value
            known.append(name)
    body = draw(st.sampled_from(weights)) * known[-1] + draw(st.sampled_from(known)) + THETA[0]
    return ClosedForm(body, definitions)
