"""symprice: closed forms for the theory of learning, on SymPy.

Neural networks are SymPy expressions; their tangent covariances, Price's equation of training and
policy gradients are derived in closed form, step by step, printed as LaTeX, emitted as NumPy, and
checked.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

# The public names in reading order, by the module that holds them; loaded when first used.
_PUBLIC = {
    "symbols": (
        "Parameter parameters Observable observables ObservableVector ParameterMatrix inputs "
        "Name NameMatrix"
    ),
    "tangent.covariance": "NTCov NTVar",
    "tangent.closing": "closed_form",
    "tangent.depth": "symbolic_depth DepthFormula",
    "tangent.matrix_closing": "contributions",
    "tangent.input_derivative": "jacobian",
    "tangent.elimination": "express",
    "tangent.asymptotics": "leading_order LeadingTerm",
    "tangent.backward": "backprop NeuronDerivative",
    "tangent.limits": "limit_definition LimitDefinition",
    "networks.network": "Network MLP",
    "networks.layers": "Dense Activation GLU Softmax Embedding",
    "networks.layer": "Layer",
    "networks.combining": "Residual ParallelStack ParallelSum ParallelProduct",
    "networks.normalisation": "LayerNorm RMSNorm",
    "networks.convolution": "Conv1D GlobalAveragePool",
    "networks.sequences": "SelfAttention RNN",
    "networks.torch_modules": "from_torch to_torch from_arrays",
    "networks.losses": "squared_loss cross_entropy entropy",
    "policy.finite": "BernoulliPolicy CategoricalPolicy",
    "policy.base": "Policy",
    "policy.gaussian": "GaussianPolicy LogNormalPolicy",
    "policy.multivariate": "MultivariateGaussianPolicy",
    "policy.squashed": "SquashedGaussianPolicy",
    "policy.counting": "PoissonPolicy GeometricPolicy BinomialPolicy NegativeBinomialPolicy",
    "policy.positive": "ExponentialPolicy GammaPolicy WeibullPolicy",
    "policy.unit_interval": "BetaPolicy",
    "policy.symmetric": "LaplacePolicy LogisticPolicy",
    "policy.circular": "VonMisesPolicy",
    "policy.vectors": "DirichletPolicy",
    "policy.mixture": "MixturePolicy",
    "policy.gradient": "policy_gradient PolicyGradient",
    "policy.objectives": (
        "likelihood_ratio surrogate clipped_surrogate kl_estimator group_advantage_gradient "
        "pass_at_k pass_at_k_estimate entropic_risk mean_variance clipped_gradient clipped_slope "
        "entropy_bonus kl_penalty"
    ),
    "policy.motion": "PolicyMotion",
    "policy.logit_column": "LogitColumnPolicy",
    "policy.sampling": "monte_carlo MonteCarlo",
    "mdp.process": "MDP",
    "mdp.policies": "TabularSoftmax",
    "mdp.network_policy": "NetworkSoftmax",
    "causal.model": "CausalModel",
    "causal.paths": "CausalPath",
    "causal.tracing": "CausalRate CausalCovariance",
    "populations.population": "Population",
    "populations.equation": "PopulationEquation",
    "populations.moments": "Trait traits Mean Cov Var OffspringMean TraitChange TraitRate",
    "populations.replicator": "Replicator",
    "populations.quasispecies": "Quasispecies",
    "populations.gaussian": "GaussianMean GaussianCov",
    "populations.gaussian_series": "bridge",
    "populations.response": "lande gaussian_fitness kalman evolution_strategy",
    "solutions.flows": "solve_flow",
    "solutions.flow_solution": "FlowSolution",
    "solutions.riccati": "two_layer_flow TwoLayerFlow",
    "solutions.riccati_nodes": "RiccatiFlow ExponentialIntegral",
    "solutions.modes": "mode_strength linear_network_flow",
    "solutions.momentum_flows": "heavy_ball_flow nesterov_flow",
    "solutions.recurrences": (
        "solve_descent linear_recurrence heavy_ball_steps nesterov_steps continuous_rate"
    ),
    "solutions.thresholds": "stability_of stability_threshold Stability",
    "solutions.stationary": "stationary_covariance stationary_of_steps StationaryCovariance",
    "solutions.lazy": "LazyTraining",
    "solutions.points_of_rest": "fixed_points ridge_flow ornstein_uhlenbeck",
    "solutions.matrix_nodes": "MatrixExponential StepPower",
    "solutions.solved": "Solved",
    "solutions.invariants": "conserved Conservation",
    "solutions.homogeneous": "homogeneity Homogeneity",
    "dynamics.equation": "price PriceEquation",
    "dynamics.update": "Dynamics Noise",
    "dynamics.spectral": "SpectralDescent",
    "dynamics.wrapped": "WithNoise",
    "tangent.vectors": "StateVector Velocity ParameterPosition",
    "dynamics.flow": "GradientFlow",
    "dynamics.descent": "GradientDescent",
    "dynamics.sgd": "SGD StochasticGradientFlow",
    "dynamics.reshuffling": "RandomReshuffling",
    "dynamics.momentum": "HeavyBall Nesterov HeavyBallFlow NesterovFlow",
    "dynamics.decay": "WeightDecay",
    "dynamics.langevin": "Langevin LangevinDescent",
    "dynamics.sign": "SignDescent",
    "dynamics.normalized": "NormalizedGradient",
    "dynamics.adaptive": "RMSProp Adam AdamW",
    "dynamics.natural": "NaturalGradient Newton",
    "dynamics.gauss_newton": "GaussNewton",
    "dynamics.sharpness_aware": "SAM",
    "dynamics.mirror": "MirrorDescent",
    "training.comparing": "compare Comparison",
    "training.following": "follow TrainingRun",
    "training.attribution": "attribute Attribution",
    "training.leaving_out": "LeavingOut",
    "training.stability": "sharpness",
    "plots.drawing": "plot",
    "plots.exploring": "explore",
    "tangent.metric": "DiagonalMetric MatrixMetric InverseMetric",
    "tangent.block_metric": "BlockMetric",
    "arrays": "VectorFunction SoftmaxRows LogSumExp",
    "array_nodes": "Standardized StandardizedRows RMSNormalized RMSNormalizedRows",
    "elementwise": "Elementwise ScalarProduct",
    "indexed.entries": "Index",
    "indexed.sums": "SumOver average",
    "indexed.families": "EntriesOf Family Member ParameterFamily",
    "indexed.shifts": "Shift UnitVector",
    "closedform": "ClosedForm ClosedFormMatrix",
    "derivation": "Derivation Rule Step derive",
    "emit.numpy": "lambdify source",
    "emit.latex": "to_latex",
    "emit.notation": "Notation",
    "emit.papers": "paper Paper",
    "emit.algorithms": "algorithm AlgorithmBox",
    "emit.diagrams": "Diagram",
    "emit.pythonic": "definition from_function latexify_source",
    "checks": "check Report",
    "errors": (
        "EliminationError NameClashError NoParameterError NoRuleError NothingSharedWarning "
        "ParseError PolicyError ShapeError SympriceError"
    ),
}
# Modules that grow by a class at a time: their own lists say what is public.
_OPEN = ("networks.activations", "networks.logits")
# Short names that a star import leaves out: SymPy has functions that are called so.
_ALIASES = {"Parallel": "ParallelStack", "Sum": "ParallelSum", "Product": "ParallelProduct"}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names.split()}


def _load(module: str) -> Any:
    return importlib.import_module(f"symprice.{module}")


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return [
            "__version__",
            *_HOME,
            *(name for module in _OPEN for name in _load(module).__all__),
        ]
    if name in _ALIASES:
        return __getattr__(_ALIASES[name])
    if name in _HOME:
        value = getattr(_load(_HOME[name]), name)
    elif name.startswith("_"):
        raise AttributeError(f"module 'symprice' has no attribute {name!r}")
    else:
        for module in map(_load, _OPEN):
            if name in module.__all__:
                value = getattr(module, name)
                break
        else:
            raise AttributeError(f"module 'symprice' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
