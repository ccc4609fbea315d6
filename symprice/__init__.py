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
    "tangent.elimination": "express",
    "tangent.asymptotics": "leading_order LeadingTerm",
    "tangent.backward": "backprop NeuronDerivative",
    "tangent.limits": "limit_definition LimitDefinition",
    "networks.network": "Network MLP",
    "networks.layers": "Dense Activation Layer",
    "policy.finite": "BernoulliPolicy CategoricalPolicy",
    "policy.base": "Policy",
    "policy.gradient": "policy_gradient PolicyGradient",
    "dynamics.equation": "price PriceEquation",
    "dynamics.flow": "GradientFlow",
    "dynamics.finite_step": "GradientDescent",
    "tangent.metric": "DiagonalMetric MatrixMetric InverseMetric",
    "arrays": "VectorFunction",
    "elementwise": "Elementwise ScalarProduct",
    "closedform": "ClosedForm ClosedFormMatrix",
    "derivation": "Derivation Rule Step derive",
    "emit.numpy": "lambdify source",
    "emit.latex": "to_latex",
    "emit.pythonic": "definition from_function latexify_source",
    "checks": "check Report",
    "errors": (
        "EliminationError NameClashError NoParameterError NoRuleError ParseError PolicyError "
        "ShapeError SympriceError"
    ),
}
# Modules that grow by a class at a time: their own lists say what is public.
_OPEN = ("networks.activations", "networks.logits")
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
