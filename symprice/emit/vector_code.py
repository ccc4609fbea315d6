"""NumPy code with vectors over the parameters: for metrics whose product with a gradient is a
matter of linear algebra, as `H⁻¹∇L`, `F⁻¹∇L` and `(GGᵀ)^(-1/2) G`.

Every vector is a list of arrays, one for each parameter. Gradients, and products of a Hessian with
vectors, are functions of their own; what they are multiplied with follows in the main function.
"""

from __future__ import annotations

import re
from typing import Any

from sympy import Add, Order, Symbol, Tuple

from ..closedform import ClosedForm
from ..derivation import rewrite
from ..errors import NoRuleError, ShapeError
from ..tangent.closing import closed_form
from ..tangent.gradient import Inner, Linearity, Nabla
from ..tangent.properties import TangentCovariance
from ..tangent.second import BilinearForm, HessianForm, HessianVector
from ..tangent.slopes import gradients, hessian_along, is_hard, trained_in
from ..tangent.vectors import (
    ParameterPosition,
    Preconditioned,
    StateVector,
    VectorOfParameters,
    is_state,
)
from .array_arguments import Argument
from .code_layout import assignment, signature_lines
from .code_names import natural
from .matrix_source import MatrixSource, write_matrix_source
from .vector_lines import VectorLines, listed

__all__ = ["VectorCode", "write_vector_source"]

DIRECTION = "direction"
ALONG = StateVector(DIRECTION)


def write_vector_source(formula: Any, name: str = "f") -> MatrixSource:
    """The source of ``name(params, x, …)`` that computes a scalar formula with vectors in it.

    Raises
    ======

    NoRuleError : where a vector in it has no code.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Dense, Network, NTCov, inputs, squared_loss
    >>> from symprice.emit.vector_code import write_vector_source
    >>> from symprice.tangent.training_metrics import InverseHessian
    >>> d = symbols('d', integer=True, positive=True)
    >>> f, y = Network(Dense(d, 1))(inputs('x', d)), inputs('y', 1)
    >>> loss = squared_loss(f, y)
    >>> newton = NTCov(f[0], loss, InverseHessian(loss, 1))
    >>> print(write_vector_source(newton).text.splitlines()[-1].strip())
    return s1
    """
    return VectorCode(formula, name).written


class _Distributed(BilinearForm):
    """Products with vectors by their terms."""

    def apply(self, node: Any) -> Any:
        """Those of an inner product or of a second derivative."""
        return Linearity().apply(node) or super().apply(node)


class VectorCode(VectorLines):
    """One function while it is written; metrics ask it for linear algebra (``on_arrays``).

    Parameters
    ==========

    formula : a scalar formula in trained matrices, inputs and symbols; or a vector over the
        parameters, of which the arrays are returned, in the order of ``parameters``.
    name : what the function is called.
    """

    def __init__(self, formula: Any, name: str) -> None:
        self.formula = rewrite(_in_vectors(formula), _Distributed())
        self.name = name
        self.parameters = trained_in(self.formula)
        carrier = self._carrier()
        self.arguments = carrier.arguments
        super().__init__(self.parameters, {a.symbol: a.code for a in self.arguments}, name)
        self._vectors: dict[Any, list[str]] = {}
        self._functions: dict[Any, tuple[str, MatrixSource, list[Any]]] = {}
        self._products: dict[Any, dict[Any, Any]] = {}
        if isinstance(self.formula, VectorOfParameters):
            arrays = [self.assigned(f"d_{p.name}", a) for p, a in self._pairs(self.formula)]
            returned = f"({listed(arrays)})"
        else:
            returned = self._number_of(self.formula)
        body = [
            *signature_lines(name, ["params", *(a.code for a in self._given())]),
            *self._docstring(),
            *self._unpacked(),
            *self.lines,
            f"    return {returned}",
        ]
        text = "\n".join([*self.imports, "", "", *self.functions, *body]) + "\n"
        self.written = carrier._replace(text=text, labels=())

    def _pairs(self, vector: Any) -> Any:
        return zip(self.parameters, self.vector(vector), strict=True)

    def _number_of(self, formula: Any) -> str:
        scalars = {node: Symbol(self._scalar(node), real=True) for node in self._hard(formula)}
        return self._rest(formula.xreplace(scalars), list(scalars.values()))

    # --- arguments --------------------------------------------------------------------------------
    def _carrier(self) -> MatrixSource:
        """A function with the arguments of this one."""
        properties: list[Any] = []
        for node in self.formula.atoms(Nabla, HessianForm, HessianVector, TangentCovariance):
            properties += node.properties if isinstance(node, TangentCovariance) else node.args[:1]
        states: list[Any] = []
        for metric in _metrics(self.formula):
            properties += [getattr(metric, "uniform_rate", None)]
            properties += [p for p in [getattr(metric, "loss", None)] if p is not None]
        for state in self.formula.atoms(StateVector):
            states += [state.coordinate(p) for p in self.parameters]
        every = (p for p in dict.fromkeys(properties) if p is not None)
        properties = [p for p in every if not self._hard(p)]
        inside = set().union(*(p.free_symbols for p in properties))
        loose = sorted(self.formula.free_symbols - inside, key=lambda s: natural(str(s)))
        whole = [closed_form(p) for p in properties]
        return write_matrix_source(Tuple(*whole, *states, *loose), None, self.name)

    def _given(self) -> list[Argument]:
        return [a for a in self.arguments if not a.is_trained]

    def _docstring(self) -> list[str]:
        shown = ", ".join(f"{a.symbol.name} {a.shown}" for a in self.arguments if a.is_trained)
        lines = [f"    params: {shown}."]
        for a in self._given():
            kind = f"an array {a.shown}" if a.axes else "a number"
            lines.append(f"    {a.code}: an input, {kind}.")
        listed = ", ".join(p.name for p in self.parameters)
        lines.append(f"    Vectors over the parameters are in the order {listed}.")
        return ['    """A formula in vectors over the parameters.', "", *lines, '    """']

    def _unpacked(self) -> list[str]:
        trained = [a for a in self.arguments if a.is_trained]
        targets = ", ".join(a.code for a in trained)
        return assignment(targets, ", ".join(f'params["{a.symbol.name}"]' for a in trained))

    # --- scalars ----------------------------------------------------------------------------------
    def _hard(self, expr: Any) -> list[Any]:
        """The outermost nodes that need vectors, in one order."""
        found: dict[Any, None] = {}
        stack = [expr]
        while stack:
            node = stack.pop()
            if isinstance(node, (TangentCovariance, HessianForm, Inner)) and is_hard(node):
                found[node] = None
            else:
                stack.extend(reversed(node.args))
        return list(found)

    def _scalar(self, node: Any) -> str:
        """The name of an inner product, or of a second derivative along two vectors."""
        if isinstance(node, HessianForm):
            u, v = node.vectors
            left, right = self.vector(u), self.vector(HessianVector(node.prop, v))
        else:
            left, right = map(self.vector, node.args)
        terms = [f"np.sum({a} * {b})" for a, b in zip(left, right, strict=True)]
        return self.assigned("s", " + ".join(terms))

    def _rest(self, expr: Any, known: list[Any]) -> str:
        """What the formula is in the scalars that are known by now."""
        if not trained_in(expr):
            closed: Any = ClosedForm(expr, ())
        else:
            closed = closed_form(expr).without_origin()
        if expr in known:
            return str(expr)
        written = self.add_function("total", closed)
        codes = {s: s.name for s in known}
        arguments = ", ".join(["params", *self.codes_of(written, codes)])
        body = written.text.rstrip().rsplit("\n", 1)[-1].strip()
        if not written.parameters and all(not a.axes for a in written.arguments):
            found = re.fullmatch(r"return (.+)", body)  # a formula of one line stands where it is
            if found and written.text.count("\n    ") < 8 + len(written.arguments):
                self.functions.pop()
                return found[1]
        return f"{self.named(written)}({arguments})"

    def scaled(self, rate: Any, vector: Any) -> list[str]:
        """A vector times a scalar formula, as the length of a gradient."""
        if rate is None:
            raise NoRuleError(
                "asked for NumPy code of a metric with a rate for every scalar on trained "
                "matrices: write {W1: rate, b1: rate, ...}, and take order=1"
            )
        factor = self.assigned("s", self._number_of(rewrite(_in_vectors(rate), _Distributed())))
        return [f"{factor} * {array}" for array in self.vector(vector)]

    # --- vectors ----------------------------------------------------------------------------------
    def vector(self, vector: Any) -> list[str]:
        """The names of the arrays of a vector, one for each parameter."""
        if vector not in self._vectors:
            self._vectors[vector] = self._of(vector)
        return self._vectors[vector]

    def _of(self, vector: Any) -> list[str]:
        if isinstance(vector, Nabla):
            return self._gradient(vector.args[0])
        if isinstance(vector, Preconditioned) and hasattr(vector.metric, "on_arrays"):
            found: list[str] = vector.metric.on_arrays(self, vector.vector)
            return found
        if isinstance(vector, StateVector):
            return [self._state(vector, p) for p in self.parameters]
        if isinstance(vector, ParameterPosition):
            return [self.codes[p] for p in self.parameters]
        if isinstance(vector, HessianVector):
            return self._hessian_vector(*vector.args)
        raise NoRuleError(
            f"asked for NumPy code of the vector {vector}: code is known of gradients, states, θ, "
            "and products of these with Hessians and with metrics that have a method on_arrays; "
            "take order=1"
        )

    def _state(self, state: Any, parameter: Any) -> str:
        return self.codes[state.coordinate(parameter)]

    def _gradient(self, prop: Any) -> list[str]:
        """∇P; of -P with the other sign, of a covariance `NTCov_M(a, b)` in a constant metric
        `∇²a M∇b + ∇²b M∇a`.
        """
        sign, body = prop.as_coeff_Mul()
        if sign == -1:
            return self.combined([(-1, self.vector(Nabla(body)))])
        hard = self._hard(prop)
        if prop in hard and isinstance(prop, TangentCovariance):
            a, b, metric = prop.properties[0], prop.properties[-1], prop.metric
            if metric is not None and not metric.is_constant:
                raise NoRuleError(
                    f"asked for NumPy code of the gradient of {prop}, whose metric depends on θ: "
                    "take order=1"
                )
            moved = []
            for f, g in ((a, b), (b, a)):
                along = Nabla(g) if metric is None else Preconditioned(metric, Nabla(g))
                moved.append((1, self.vector(HessianVector(f, along))))
            return self.combined(moved)
        if isinstance(prop, Inner) and isinstance(prop.args[0], Nabla):
            p, v = prop.args[0].args[0], prop.args[1]
            if is_state(v) or isinstance(v, ParameterPosition):  # ∇(∇P·v) = ∇²P v, + ∇P for θ
                parts = [HessianVector(p, v), *([] if is_state(v) else [Nabla(p)])]
                return self.combined([(1, self.vector(part)) for part in parts])
        if hard or prop.has(Inner):
            raise NoRuleError(
                f"asked for NumPy code of the gradient of {prop}: it is known of properties, of "
                "covariances in a constant metric and of derivatives along states; take order=1"
            )
        return self._called("gradient", Nabla(prop), gradients(prop))

    def _hessian_vector(self, prop: Any, vector: Any) -> list[str]:
        sign, body = prop.as_coeff_Mul()
        if sign == -1:
            return self.combined([(-1, self.vector(HessianVector(body, vector)))])
        given = self.vector(vector)
        pairs = zip(self.parameters, given, strict=True)
        codes = {ALONG.coordinate(p): code for p, code in pairs}
        return self._called("hessian_vector", HessianVector(prop, ALONG), self._along(prop), codes)

    def _along(self, prop: Any) -> dict[Any, Any]:
        if prop not in self._products:
            self._products[prop] = hessian_along(prop, ALONG)
        return self._products[prop]

    def _called(
        self, kind: str, key: Any, parts: dict[Any, Any], codes: dict[Any, str] | None = None
    ) -> list[str]:
        """The arrays that a function of its own returns; zeros for parameters that it lacks."""
        if not parts:
            return [f"np.zeros({self.shape(p)})" for p in self.parameters]
        if key not in self._functions:
            written = self.add_function(kind, Tuple(*parts.values()))
            self._functions[key] = (self.named(written), written, list(parts))
        function, written, symbols = self._functions[key]
        targets = self.targets("g" if kind == "gradient" else "h", symbols)
        arguments = ", ".join(["params", *self.codes_of(written, codes or {})])
        self.lines += assignment(listed(targets.values()), f"{function}({arguments})")
        return [self.shaped(p, targets) for p in self.parameters]

    # --- linear algebra, for metrics --------------------------------------------------------------
    def hessian(self, prop: Any) -> str:
        """The name of the Hessian of a property, a matrix over all parameters: as many products
        as there are parameters, in one call.
        """
        found = self._along(prop)
        count = self.ends()[-1]
        if not found:
            return self.assigned("H", f"np.zeros(({count}, {count}))")
        batch = {ALONG.coordinate(p): DIRECTION for p in self.parameters}
        inside = set().union(*(part.free_symbols for part in found.values()))
        batch = {state: label for state, label in batch.items() if state in inside}
        written = self.add_function("hessian_rows", Tuple(*found.values()), batch)
        units = self.assigned("units", f"np.eye({count})")
        rows = dict(zip(self.parameters, self.cut(units, count), strict=True))
        codes = {ALONG.coordinate(p): row for p, row in rows.items()}
        targets = self.targets("H", list(found))
        arguments = ", ".join(["params", *self.codes_of(written, codes)])
        self.lines += assignment(listed(targets.values()), f"{self.named(written)}({arguments})")
        parts = [
            f"np.reshape({targets[p]}, ({count}, -1))"
            if p in targets
            else f"np.zeros(({count}, {self.size(p)}))"
            for p in self.parameters
        ]
        return self.assigned("H", f"np.concatenate(({', '.join(parts)},), axis=1)")

    def solved(self, matrix: str, vector: Any) -> list[str]:
        """`A⁻¹ v`."""
        flat = self.flat(self.vector(vector))
        return self.cut(self.assigned("solved", f"np.linalg.solve({matrix}, {flat})"))

    def product(self, matrix: str, vector: Any) -> list[str]:
        """`A v`."""
        return self.cut(self.assigned("moved", f"{matrix} @ {self.flat(self.vector(vector))}"))


def _metrics(expr: Any) -> list[Any]:
    """The metrics of the covariances and vectors in a formula."""
    nodes = [*expr.atoms(TangentCovariance), *expr.atoms(Preconditioned)]
    return list(dict.fromkeys(n.metric for n in nodes if n.metric is not None))


def _in_vectors(formula: Any) -> Any:
    """The formula without its O-term, covariances that need vectors as inner products."""
    if isinstance(formula, Add) and any(isinstance(t, Order) for t in formula.args):
        formula = formula.removeO()
    found = {}
    stack = [formula]
    while stack:
        node = stack.pop()
        if isinstance(node, TangentCovariance) and is_hard(node):
            a, b = node.properties[0], node.properties[-1]
            if getattr(a, "is_Matrix", False) or getattr(b, "is_Matrix", False):
                raise ShapeError(
                    f"asked for NumPy code of {node}, a matrix of covariances: write an entry of "
                    "the column, as net(x)[0]"
                )
            metric: Any = node.metric
            if a in getattr(metric, "known_along", ()):  # there is code of M ∇a
                a, b = b, a
            found[node] = Inner(Nabla(a), Preconditioned(metric, Nabla(b)))
        elif not isinstance(node, (Inner, HessianForm)):
            stack.extend(node.args)
    return formula.xreplace(found)
