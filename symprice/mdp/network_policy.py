"""Softmax policies whose logits are outputs of a network of matrices, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sympy import MatrixSymbol, Symbol, Tuple

from ..closedform import Definitions, hoist
from ..elementwise import ScalarProduct
from ..errors import PolicyError, ShapeError
from ..indexed.entries import Index
from ..indexed.families import Member
from ..indexed.lowering import scalar
from ..indexed.naming import prepared
from ..indexed.sums import SumOver
from ..outputs import DescribedLogits, Outputs
from ..symbols import ParameterMatrix, inputs
from ..tangent.closing import closed_form
from ..tangent.covariance import NTCov
from ..tangent.vectors import StateVector
from .network_gradient import swept
from .policies import StatePolicy
from .tables import Shape

__all__ = ["NetworkSoftmax"]


class NetworkSoftmax(DescribedLogits):
    """`π(·|s) = softmax(f(x_s))`, the features `x_s` of a state put into a network, in float64.

    Parameters
    ==========

    logits : a column of the network's outputs, one for each action, as ``net(x)``.
    features : {input: array with a row for each state}; the array alone for one input.
    params : the arrays of the network, as ``net.init`` or ``net.pack`` gives them.

    ``mdp.gradient(policy).doit()`` is {name: array}, the gradient by every array of the network:
    `∂J/∂W = Σ_s Σ_k d(s) π(k|s) A(s, k)/(1 - γ) ∂f_k(x_s)/∂W`, by one sweep back for all states.

    Raises
    ======

    PolicyError : for something that is no column of outputs of a network of matrices.
    ShapeError : where rows of features and states differ, or outputs and actions.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import MLP, inputs
    >>> from symprice.mdp.network_policy import NetworkSoftmax
    >>> from symprice.mdp.process import MDP
    >>> mdp = MDP(np.full((2, 2, 2), 0.5), np.array([[0.0, 1.0], [2.0, 0.0]]), 0.9)
    >>> x, net = inputs('x', 3), MLP(3, 8, 2)
    >>> policy = NetworkSoftmax(net(x), np.eye(2, 3), net.init(0))
    >>> gradient = mdp.gradient(policy)
    >>> {name: array.shape for name, array in gradient.doit().items()}
    {'W1': (8, 3), 'b1': (8,), 'W2': (2, 8), 'b2': (2,)}
    >>> bool(gradient.check())
    True
    """

    def __init__(self, logits: Any, features: Any, params: Mapping[Any, Any]) -> None:
        import numpy as np

        symbols: set[Any] = getattr(logits, "free_symbols", set())
        columns = getattr(logits, "shape", (0, 0))
        self.parameters = _order(s for s in symbols if isinstance(s, ParameterMatrix))
        if not self.parameters or columns[1] != 1:
            raise PolicyError(
                f"asked for a policy with the logits {str(logits)[:80]}: write the outputs of a "
                "network of matrices, NetworkSoftmax(net(x), features, params)"
            )
        self.logits = logits
        self.inputs = sorted(
            (s for s in symbols if isinstance(s, MatrixSymbol) and s not in self.parameters),
            key=str,
        )
        given = features if isinstance(features, Mapping) else {self._only(): features}
        self.features = {str(x): np.asarray(array, dtype=float) for x, array in given.items()}
        missing = [str(x) for x in self.inputs if str(x) not in self.features]
        if missing or any(array.ndim != 2 for array in self.features.values()):
            raise ShapeError(
                f"asked for a network policy with features of {', '.join(self.features)}: write a "
                f"two-axis array, with a row for each state, for {', '.join(map(str, self.inputs))}"
            )
        self.params = {str(getattr(p, "name", p)): np.asarray(a) for p, a in params.items()}

    def _only(self) -> Any:
        if len(self.inputs) != 1:
            raise ShapeError(
                f"the network has the inputs {', '.join(map(str, self.inputs))}: write features="
                "{x: array, ...}"
            )
        return self.inputs[0]

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.parameters))
        return f"NetworkSoftmax(<logits by {names} at {', '.join(map(str, self.inputs))}>)"

    @cached_property
    def _forward(self) -> Any:
        return closed_form(self.logits).lambdify(batch={x: "s" for x in self.inputs})

    def table(self, params: Mapping[str, Any] | None = None) -> Any:
        """The logits, S × A, at these or other arrays."""
        arrays = [self.features[str(x)] for x in self.inputs]
        return self._forward(self.params if params is None else params, *arrays)

    @cached_property
    def _backward(self) -> Any:
        return _Backward(self.logits, self.inputs).lambdify()

    def pulled_back(self, table: Any) -> dict[str, Any]:
        """{name: Σ_s Σ_k table[s, k] ∂f_k(x_s)/∂W}."""
        import numpy as np

        function = self._backward
        data = {**self.features, "u": table}
        found = function(self.params, **{str(x): data[str(x)] for x in function.inputs})
        names = [p.name for p in self.parameters]
        return {
            name: np.reshape(array, self.params[name].shape)
            for name, array in zip(names, found, strict=True)
        }

    @cached_property
    def _pairs(self) -> Any:
        other = {x: MatrixSymbol(f"{x}_other", *x.shape) for x in self.inputs}
        kernel = closed_form(NTCov(self.logits, self.logits.subs(other)))
        labels = {**dict.fromkeys(self.inputs, "s"), **dict.fromkeys(other.values(), "t")}
        return kernel.lambdify(batch=labels)

    def kernel(self, states: Any = None) -> Any:
        """`Θ = NTCov(f(x_s), f(x_t))`, S × S × A × A, of all or some states by their places."""
        chosen = slice(None) if states is None else states
        arrays = {str(x): self.features[str(x)][chosen] for x in self.inputs}
        arrays |= {f"{name}_other": array for name, array in arrays.items()}
        return self._pairs(self.params, **{str(x): arrays[str(x)] for x in self._pairs.inputs})

    @cached_property
    def _directed(self) -> Any:
        along = StateVector("v").potential(self.parameters)
        return closed_form(NTCov(self.logits, along)).lambdify(
            batch=dict.fromkeys(self.inputs, "s")
        )

    def along(self, arrays: Mapping[str, Any]) -> Any:
        """S × A, how the logits move along a direction {name: array} of the parameters."""
        import numpy as np

        data = {**self.features, **{f"v_{name}": array for name, array in arrays.items()}}
        function = self._directed
        found = function(self.params, **{str(x): data[str(x)] for x in function.inputs})
        return np.reshape(found, (len(next(iter(self.features.values()))), -1))

    def for_states(self, process: Shape) -> StatePolicy:
        """π(a|s) for the states and actions of a process."""
        import numpy as np
        from scipy.special import softmax

        states, actions = process.states, process.actions
        logits = self.table()
        if logits.shape != (len(states), len(actions)):
            raise ShapeError(
                f"the network gives {logits.shape[0]} × {logits.shape[1]} logits, the process has "
                f"{len(states)} states and {len(actions)} actions"
            )
        if not np.isfinite(logits).all():
            row = int(np.flatnonzero(~np.isfinite(logits).all(axis=1))[0])
            raise PolicyError(f"the logits of state {states[row]} are {logits[row]}")
        for s, a in process.absent:
            logits[s, a] = -np.inf
        return StatePolicy(self, softmax(logits, axis=1), True, ())


def _order(parameters: Any) -> list[Any]:
    return sorted(parameters, key=lambda s: (s.name.lstrip("Wb"), s.name))


class _Backward(Outputs):
    """`∂/∂W Σ_s ⟨u_s, f(x_s)⟩` for every array of the network, in one piece of code."""

    def __init__(self, logits: Any, features: Any) -> None:
        i = Index("s", Symbol("S", integer=True, positive=True))
        each = {x: Member(x, i) for x in features}
        u = inputs("u", logits.shape[0], each=i)
        body = SumOver(ScalarProduct(u, logits.subs(each)), i)
        definitions = Definitions(body.free_symbols)
        found = swept(scalar(hoist(prepared(body), definitions)), definitions)
        self.formulas = Tuple(*(found[p] for p in _order(found)))

    def _formula(self) -> Any:
        return self.formulas
