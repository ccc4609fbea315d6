"""The rows on policies: two rewards, softmax, the log-likelihood trick."""

from __future__ import annotations

from sympy import Derivative, Matrix, MatrixSymbol, Symbol, diag, exp, symbols

from ... import (
    BernoulliPolicy,
    CategoricalPolicy,
    NTCov,
    NTVar,
    Parameter,
    derive,
    express,
    leading_order,
    observables,
    parameters,
    policy_gradient,
    sigmoid,
    softmax,
)
from .row import Claim, Row

__all__ = ["rows"]


def two_rewards() -> Row:
    """S8."""
    b = Parameter("b", real=True)
    p = Symbol("p", positive=True)
    policy = BernoulliPolicy(logit=b)
    rewards = {1: 1, 0: -1}
    gradient = policy_gradient(policy, rewards)
    expected = policy.expected(rewards)
    in_p = express(NTCov(sigmoid(b), expected), {p: sigmoid(b)})
    return Row(
        "S8",
        "Rewards of plus and minus one",
        "The neuron decides, and is rewarded with $+1$ or $-1$. The update is $E[r ∇\\log π]$. "
        "In probability space it is slower by another factor $p(1-p)$: of order 2 as $p → 0$.",
        (gradient.derivation, derive(NTVar(expected)), derive(NTCov(sigmoid(b), expected))),
        (
            Claim("the update", gradient.doit(), 2 / ((1 + exp(-b)) * (1 + exp(b)))),
            Claim("in terms of $p$", express(gradient.doit(), {p: sigmoid(b)}), 2 * p * (1 - p)),
            Claim("as a derivative", gradient.doit(), 2 * Derivative(sigmoid(b), b)),
            Claim(
                "variance of the reward",
                express(NTVar(expected), {p: sigmoid(b)}),
                4 * p**2 * (1 - p) ** 2,
            ),
            Claim("in probability space, $dp/dt$", in_p, 2 * p**2 * (1 - p) ** 2),
            Claim("its order as $p → 0$", leading_order(in_p, p, 0).exponent, 2),
        ),
        {"update": gradient.doit(), "dp_dt": NTCov(sigmoid(b), expected)},
    )


def softmax_policy() -> Row:
    """S10."""
    K = Symbol("K", integer=True, positive=True)
    z, y = observables("z y", K)
    general = NTCov(softmax(z), softmax(y))
    logits = parameters("z1:4", real=True)
    rewards = symbols("r1:4", real=True)
    policy = CategoricalPolicy(logits)
    gradient = policy_gradient(policy, list(rewards))
    pi = [policy.prob(action) for action in policy.actions]
    names = symbols("pi_1:4")
    J = sum(q * r for q, r in zip(pi, rewards, strict=True))
    Z, Y = observables("z1:4"), observables("y1:4")
    at_z, at_y = softmax(*Z), softmax(*Y)
    three = NTCov(at_z, at_y)
    S_z, S_y = diag(*at_z) - at_z * at_z.T, diag(*at_y) - at_y * at_y.T
    return Row(
        "S10",
        "Softmax over $K$ actions",
        "Probabilities $π = \\operatorname{softmax}(z)$ at one input and "
        "$\\operatorname{softmax}(y)$ at another: their covariance is that of the logits "
        "between two matrices $S = \\operatorname{diag}(π) - ππ^⊤$. For $K = 3$ it is checked "
        "entry by entry, and so is the gradient of the expected reward, $π ∘ (r - J)$.",
        (derive(general), gradient.derivation),
        (
            Claim(
                "entries for $K = 3$",
                three,
                S_z * Matrix(3, 3, lambda i, j: NTCov(Z[i], Y[j])) * S_y,
                MatrixSymbol("S_z", 3, 3)
                * NTCov(*observables("z y", 3))
                * MatrixSymbol("S_y", 3, 3),
            ),
            Claim(
                "gradient of $J$",
                gradient.doit(),
                Matrix([q * (r - J) for q, r in zip(pi, rewards, strict=True)]),
                Matrix([q * (r - Symbol("J")) for q, r in zip(names, rewards, strict=True)]),
            ),
        ),
        {"softmax_gradient": gradient.doit()},
    )


def log_likelihood_trick() -> Row:
    """S12."""
    theta = Parameter("theta", real=True)
    gradient = policy_gradient(BernoulliPolicy(logit=theta), {1: 10, 0: 5})
    return Row(
        "S12",
        "The log-likelihood trick",
        "A policy takes action 1 with probability $π(1) = σ(θ)$ and is rewarded with 10, else "
        "with 5. Step by step: log-likelihoods, scores, expectation, rewards.",
        (gradient.derivation,),
        (Claim("the gradient", gradient.doit(), 5 * sigmoid(theta) * (1 - sigmoid(theta))),),
        {"trick": gradient.doit()},
    )


def rows() -> dict[str, object]:
    """The rows of this file by name; each is built when called."""
    return {"S8": two_rewards, "S10": softmax_policy, "S12": log_likelihood_trick}
