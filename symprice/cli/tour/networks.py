"""The rows on neurons and networks: the logistic neuron, any network before it, backpropagation."""

from __future__ import annotations

from sympy import Symbol, tanh

from ... import (
    MLP,
    BernoulliPolicy,
    InverseMetric,
    NTVar,
    Parameter,
    backprop,
    closed_form,
    derive,
    express,
    leading_order,
    limit_definition,
    observables,
    sigmoid,
)
from .row import Claim, Row

__all__ = ["rows"]


def logistic_neuron() -> Row:
    """S7."""
    b = Parameter("b", real=True)
    p = Symbol("p", positive=True)
    variance = NTVar(sigmoid(b))
    fisher = BernoulliPolicy(logit=b).fisher()
    natural = NTVar(sigmoid(b), InverseMetric(fisher, (b,)))
    in_p = express(variance, {p: sigmoid(b)})
    return Row(
        "S7",
        "The logistic neuron, and the Bernoulli guess",
        "For $p = σ(b)$ one might guess the variance of a Bernoulli variable, $p(1-p)$. That "
        "is $∇p$; the tangent variance is its square. In the tails they differ by an order: "
        "$p^2$ against $p$. In the Fisher metric, that of natural gradient, the guess is "
        "exact.",
        (derive(variance), derive(natural)),
        (
            Claim("gradient", express(sigmoid(b).diff(b), {p: sigmoid(b)}), p * (1 - p)),
            Claim("in terms of $p$", in_p, p**2 * (1 - p) ** 2),
            Claim(
                "order of $\\operatorname{NTVar}(p)$ as $p → 0$",
                leading_order(in_p, p, 0).exponent,
                2,
            ),
            Claim("order of the guess $p(1-p)$", leading_order(p * (1 - p), p, 0).exponent, 1),
            Claim("in the Fisher metric", express(natural, {p: sigmoid(b)}), p * (1 - p)),
        ),
        {"ntvar_logistic": variance, "ntvar_logistic_fisher": natural},
    )


def before_the_neuron() -> Row:
    """S9."""
    z = observables("z")
    p = Symbol("p", positive=True)
    network = MLP(2, 3, 1, activation=tanh).explicit()
    abstract = NTVar(sigmoid(z))
    kernel = NTVar(sigmoid(network))
    return Row(
        "S9",
        "Any network before the output neuron",
        "What stands before the neuron enters by its own tangent variance, whatever it is; below, "
        "a 2-3-1 network of "
        "tanh neurons.",
        (derive(abstract), derive(kernel)),
        (
            Claim(
                "in terms of $p$",
                express(abstract, {p: sigmoid(z), Symbol("V"): NTVar(z)}),
                (p * (1 - p)) ** 2 * Symbol("V"),
            ),
            Claim(
                "for the 2-3-1 network",
                kernel,
                (sigmoid(network) * (1 - sigmoid(network))) ** 2 * closed_form(NTVar(network)),
                (p * (1 - p)) ** 2 * NTVar(observables("f")),
            ),
        ),
        {"ntvar_of_sigmoid_network": closed_form(kernel)},
    )


def backpropagation() -> Row:
    """S11."""
    network = MLP(2, 2, 1, activation=sigmoid).explicit()
    names = (*network.bound_symbols, *network.parameters)
    found = [limit_definition(network, name) for name in names]
    table = tuple(
        (
            item.neuron,
            "—" if item.symbolic is None else item.symbolic,
            f"{float(item.numeric):+.12f}",
            f"{float(item.by_rules):+.12f}",
            f"{item.error:.0e}",
        )
        for item in found
    )
    worst = max(item.error for item in found)
    verdict = (worst < 1e-20, f"limit and rules agree at {len(found)} places, to {worst:.0e}")
    return Row(
        "S11",
        "Backpropagation, neuron by neuron",
        "How a 2-2-1 network is differentiated: from the output back, each neuron from the "
        "neurons that it feeds. Beside it the definition, $\\lim_{h→0} (NN(n + h) - NN(n))/h$: "
        "symbolically where SymPy finds the limit, and numerically, by Richardson "
        "extrapolation at a random point.",
        (backprop(network),),
        (),
        {"network": network},
        ("neuron", "symbolic limit", "numeric limit", "by the rules", "relative difference"),
        table,
        (verdict,),
    )


def rows() -> dict[str, object]:
    """The rows of this file by name; each is built when called."""
    return {"S7": logistic_neuron, "S9": before_the_neuron, "S11": backpropagation}
