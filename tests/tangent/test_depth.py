"""Formulas for every depth, held to other depths, to plain loops over numbers, to wrong ones."""

from __future__ import annotations

import pickle
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from sympy import (
    Add,
    Function,
    Identity,
    Integer,
    MatAdd,
    MatMul,
    MatrixSymbol,
    Mul,
    Pow,
    Symbol,
    Transpose,
    lambdify,
    symbols,
    tanh,
)

from symprice import (
    MLP,
    Activation,
    BlockMetric,
    ClosedForm,
    Dense,
    DepthFormula,
    Elementwise,
    LayerNorm,
    Member,
    NameClashError,
    Network,
    NoRuleError,
    NTCov,
    NTVar,
    ParameterMatrix,
    Residual,
    ScalarProduct,
    ShapeError,
    check,
    closed_form,
    inputs,
    relu,
    symbolic_depth,
)
from symprice.elementwise import ScaledRows
from symprice.indexed.entries import Entry

d, m, n, k = symbols("d m n k", integer=True, positive=True)
sigma_w, sigma_b = symbols("sigma_w sigma_b", positive=True)
L = Symbol("L")
phi = Function("phi")
x, y = inputs("x y", d)
NTK = {"parameterization": "ntk", "sigma_w": sigma_w, "sigma_b": sigma_b}


def mlp(outputs=1, **settings):
    return MLP(d, m, m, m, m, outputs, **settings)


def terms(expr):
    return set((MatAdd if getattr(expr, "is_Matrix", False) else Add).make_args(expr))


# --- other depths ---------------------------------------------------------------------------------
# What symbolic_depth is asked for.
PLAIN = {
    "unspecified": lambda: mlp(activation=phi),
    "outputs": lambda: mlp(k, activation=phi),
    "no bias": lambda: mlp(bias=False),
    "ntk": lambda: mlp(k, **NTK),
    "ntk, no bias": lambda: mlp(bias=False, **NTK),
    "one width": lambda: MLP(m, m, m, m, m, m, **NTK),
    "variance": lambda: NTVar(mlp(k)(x)),
    "relu": lambda: mlp(activation=relu),
    "integers": lambda: MLP(3, 4, 4, 4, 4, 1),
    "deep": lambda: MLP(d, *[m] * 9, 1),
    "input": lambda: NTCov(*(mlp()(MatrixSymbol("A", d, n) * z) for z in inputs("x y", n))),
    "two activations": lambda: NTCov(mlp(activation=phi)(x), mlp()(y)),
}


@cache
def plain(name):
    return symbolic_depth(PLAIN[name]())


@pytest.mark.parametrize("depth", [2, 3, 4, 7, 8, 12])
@pytest.mark.parametrize("name", PLAIN)
def test_the_recursions_written_out_are_the_closed_form(name, depth):
    written, derived = plain(name).unrolled(depth), plain(name).at(depth)
    assert terms(written.expr) == terms(derived.expr)
    assert written.definitions == derived.definitions
    assert written.origin == derived.origin


def test_an_activation_of_the_output_is_where_the_adjoints_begin():
    layers = [layer for _ in range(4) for layer in (Activation(phi), Dense(m, m))]
    formula = symbolic_depth(Network(Dense(d, m), *layers, Activation(tanh)))
    assert r"\delta_{L} &= \left(1 - \tanh^{2}(h_{L})\right) \circ I" in formula.latex()
    for depth in (2, 3, 7):
        written, derived = formula.unrolled(depth), formula.at(depth)
        assert terms(written.expr) == terms(derived.expr)
        assert derived.definitions.items() <= written.definitions.items()


def test_at_the_given_depth_it_is_what_was_given():
    net = mlp(k)
    assert symbolic_depth(net).at(5) == closed_form(NTCov(net(x), net(y)))


def test_a_number_for_the_depth():
    formula = plain("unspecified")
    assert symbolic_depth(mlp(activation=phi), 6) == formula.at(6) == formula.subs(L, 6)
    assert formula.subs(m, n).at(6) == symbolic_depth(MLP(d, n, n, n, n, 1, activation=phi), 6)


# --- numbers --------------------------------------------------------------------------------------
SIZES = {d: 3, m: 4, k: 2}


class Loops:
    """The formula by plain loops over the layers: nothing of the package evaluates it."""

    def __init__(self, formula, depth, arrays, sizes, outputs):
        self.formula, self.depth, self.sizes, self.outputs = formula, depth, sizes, outputs
        self.width = sizes[m]  # of the layer that is computed
        self.arrays = dict(arrays)  # by letter and number of the layer, and inputs by symbol

    def number(self, label, layer):
        values = {self.formula.index: layer - 1, self.formula.depth: self.depth}
        return int(Integer(1) + label.xreplace(values))

    def value(self, node, layer):
        at = lambda part: self.value(part, layer)  # noqa: E731
        match node:
            case Member() | Entry():
                return self.arrays[node.args[0].name, self.number(node.args[-1], layer)]
            case Identity():
                return np.eye(self.width if node.args[0] == m else self.outputs)
            case MatAdd() | Add():
                return sum(map(at, node.args))
            case MatMul():
                factor, matrices = node.as_coeff_matrices()
                values = [at(matrix) for matrix in matrices]
                product = (
                    values[0]
                    if len(values) == 1
                    else np.linalg.multi_dot([np.eye(len(values[0])), *values])
                )
                return at(factor) * product
            case Transpose():
                return at(node.arg).T
            case ScaledRows():
                return at(node.args[0]) * at(node.args[1])
            case Elementwise():
                return lambdify(node.function.variables, node.function.expr, "numpy")(
                    at(node.argument)
                )
            case ScalarProduct():
                return float((at(node.args[0]) * at(node.args[1])).sum())
            case Mul():
                return np.prod([at(part) for part in node.args])
            case Pow():
                return at(node.base) ** float(node.exp)
            case _ if node in self.arrays:
                return self.arrays[node]
            case _:
                return float(node.xreplace(self.sizes))

    def sweep(self, equations, layers):
        """The values at the beginning, then the recursion through the layers."""
        begin = [e for e in equations if not e.lhs.has(self.formula.index)]
        for equation in begin:
            name = equation.lhs
            self.arrays[name.args[0].name, self.number(name.args[-1], 0)] = self.value(
                equation.rhs, 0
            )
        for layer in layers:
            for equation in equations:
                if equation not in begin:
                    name = equation.lhs
                    number = self.number(name.args[-1], layer)
                    self.arrays[name.args[0].name, number] = self.value(equation.rhs, layer)

    def total(self):
        self.sweep(self.formula.forward, range(1, self.depth))
        self.sweep(self.formula.backward, range(self.depth - 1, 0, -1))
        return sum(self.value(self.formula.term, layer) for layer in range(1, self.depth + 1))

    def kernel(self):
        """`Θ_L`; the last layer has another width."""
        self.sweep(self.formula.forward, range(1, self.depth))
        step, first, *jacobians = self.formula.kernel_recursion
        self.sweep([first], ())
        for layer in range(1, self.depth):
            self.sweep(jacobians, [layer])
            if layer == self.depth - 1:
                self.width = self.outputs
            self.sweep([step], [layer])
        return self.arrays["Theta", self.depth]


def network(weights, biases, column, scales=(lambda width: 1.0, 1.0)):
    by_weight, by_bias = scales
    a = column
    for number, (W, b) in enumerate(zip(weights, biases, strict=True), start=1):
        h = by_weight(len(a)) * W @ a + by_bias * b
        a = h if number == len(weights) else np.tanh(h)
    return a[:, 0]


def jacobian(weights, biases, column, scales):
    """By complex steps."""
    columns = []
    for arrays in (weights, biases):
        for array in arrays:
            for place in np.ndindex(*array.shape):
                kept = array[place]
                array[place] += 1e-30j
                columns.append(network(weights, biases, column, scales).imag / 1e-30)
                array[place] = kept
    return np.array(columns).T


@pytest.mark.parametrize("depth", [2, 3, 7])
@pytest.mark.parametrize(
    ("settings", "outputs", "scales"),
    [
        ({}, 1, (lambda width: 1.0, 1.0)),
        ({}, k, (lambda width: 1.0, 1.0)),
        (NTK, k, (lambda width: 1.3 / np.sqrt(width), 0.7)),
    ],
    ids=["plain", "outputs", "ntk"],
)
def test_loops_over_the_layers_agree_with_complex_steps(settings, outputs, scales, depth):
    formula = symbolic_depth(mlp(outputs, **settings))
    generator = np.random.default_rng(depth)
    out = int(SIZES.get(outputs, outputs))
    widths = [SIZES[d], *[SIZES[m]] * (depth - 1), out]
    weights = [
        generator.normal(size=(rows, columns)).astype(complex) / 2
        for columns, rows in pairwise(widths)
    ]
    biases = [generator.normal(size=(rows, 1)).astype(complex) for rows in widths[1:]]
    points = [generator.normal(size=(SIZES[d], 1)) for _ in "xy"]
    left, right = (jacobian(weights, biases, point, scales) for point in points)
    wanted = left @ right.T
    arrays = {("W", i): W.real for i, W in enumerate(weights, start=1)}
    arrays |= {("b", i): b.real for i, b in enumerate(biases, start=1)}
    arrays |= {x: points[0], y: points[1]}
    sizes = {**SIZES, sigma_w: 1.3, sigma_b: 0.7}
    loops = Loops(formula, depth, arrays, sizes, out)
    scale = 1e-12 * np.abs(wanted).max()
    assert np.abs(loops.total() - wanted).max() <= scale
    assert np.abs(loops.kernel() - wanted).max() <= scale


# --- check ----------------------------------------------------------------------------------------
def test_check_holds_it_to_the_definition_of_the_covariance():
    report = plain("no bias").check(points=2)
    assert report and report.checked == 6  # two depths and the kernel's recursion
    assert check(plain("unspecified"), points=2)
    assert plain("ntk").check(points=1)


@pytest.mark.parametrize("part", ["term", "h{}", "delta{}_prime"])
def test_check_finds_what_is_wrong(part):
    formula = symbolic_depth(mlp())
    pattern = formula._pattern
    if part == "term":
        pattern.term = 2 * pattern.term
    else:
        pattern.values[part] = MatMul(2, pattern.values[part])
    assert not formula.check(points=1)


# --- where there is no pattern --------------------------------------------------------------------
def stack(*activations, widths=(d, m, m, m, m, 1), bias=()):
    layers = [Dense(widths[0], widths[1], 1 not in bias)]
    for number, function in enumerate(activations, start=2):
        layers += [
            Activation(function),
            Dense(widths[number - 1], widths[number], number not in bias),
        ]
    return Network(*layers)


def shared(name):
    W = ParameterMatrix(name, m, m)
    middle = [layer for _ in range(3) for layer in (Activation(tanh), Dense(m, m, weight=W))]
    return Network(Dense(d, m), *middle, Activation(tanh), Dense(m, 1))


@pytest.mark.parametrize(
    ("net", "layer"),
    [
        (lambda: stack(relu, tanh, tanh, tanh), 1),
        (lambda: stack(tanh, tanh, relu, tanh), 3),
        (lambda: stack(tanh, tanh, tanh, relu), 4),
        (lambda: stack(tanh, tanh, tanh, tanh, bias=(1,)), 1),
        (lambda: stack(tanh, tanh, tanh, tanh, bias=(4,)), 4),
        (lambda: stack(tanh, tanh, tanh, tanh, bias=(5,)), 5),
        (lambda: MLP(d, m, m, m, n, 1), 4),
        (lambda: MLP(d, n, m, m, m, 1), 3),
        (lambda: shared("W"), 1),
        (lambda: shared("W3"), 2),
        (lambda: MLP(3, 4, 4, 4, 4, 1, parameterization="ntk"), 1),
        (
            lambda: Network(
                Dense(d, m), *[Residual(Activation(tanh), Dense(m, m))] * 4, Dense(m, 1)
            ),
            1,
        ),
    ],
)
def test_the_error_says_at_which_layer_the_pattern_ends(net, layer):
    with pytest.raises(NoRuleError, match=f"at layer {layer}:"):
        symbolic_depth(net())


def test_what_has_no_layers_of_columns():
    normalised = [
        layer for _ in range(4) for layer in (LayerNorm(m), Activation(tanh), Dense(m, m))
    ]
    with pytest.raises(NoRuleError, match="number of a layer"):
        symbolic_depth(Network(Dense(d, m), *normalised))


def test_too_few_layers():
    with pytest.raises(NoRuleError, match="at least 5"):
        symbolic_depth(MLP(d, m, m, m, 1))


@pytest.mark.parametrize(
    "given",
    [
        "net",
        mlp()(x),
        NTCov(2 * mlp()(x), mlp()(y)),
        NTCov(MLP(1, 1, 1).explicit(), MLP(1, 1, 1).explicit()),
        NTCov(mlp()(x), mlp()(y), metric=BlockMetric({p: 2 for p in mlp().parameters})),
    ],
    ids=["text", "property", "twice", "explicit", "metric"],
)
def test_what_is_no_covariance_of_a_network(given):
    with pytest.raises(ShapeError, match="for every depth"):
        symbolic_depth(given)


@pytest.mark.parametrize("depth", ["L", 2.5, L + 1])
def test_what_is_no_depth(depth):
    with pytest.raises(ShapeError):
        symbolic_depth(mlp(), depth)


@pytest.mark.parametrize("depth", [1, 0, -3, 2.5, L])
def test_what_is_no_number_of_layers(depth):
    with pytest.raises(ShapeError, match="2 or more"):
        plain("no bias").at(depth)


def test_a_depth_that_is_a_width_already():
    with pytest.raises(NameClashError, match="every depth m"):
        symbolic_depth(mlp(), Symbol("m"))


@pytest.mark.parametrize("method", ["source", "lambdify", "by_parameter"])
def test_code_has_a_depth(method):
    with pytest.raises(NoRuleError, match=r"formula\.at\(5\)"):
        getattr(plain("no bias"), method)()


# --- the object -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["unspecified", "ntk", "variance"])
def test_it_is_made_again_of_its_arguments(name):
    formula = plain(name)
    assert isinstance(formula, DepthFormula)
    assert formula.func(*formula.args) == formula
    again = pickle.loads(pickle.dumps(formula))
    assert again == formula and again.term == formula.term


def test_equal_properties_have_a_variance():
    f = mlp(k)(x)
    assert symbolic_depth(NTCov(f, f)) == plain("variance")


def test_letters_that_are_taken_are_left_alone():
    width, f = Symbol("n", integer=True, positive=True), MatrixSymbol("f", d, 1)
    net = MLP(d, *[width] * 4, 1, **NTK)
    tex = symbolic_depth(NTCov(net(f), net(y)), Symbol("l")).latex()
    assert r"\operatorname{NTCov}(g, g') &= \sum_{s=1}^{l}" in tex
    assert r"\frac{\sigma_{w}^{2}}{N_{s-1}}" in tex and r"N_{s} &= n" in tex


# --- on paper -------------------------------------------------------------------------------------
def test_latex():
    sum_over_layers = (
        r"\sum_{l=1}^{L} \left(a_{l-1}^{\top} a'_{l-1} + 1\right)\, \delta_{l}^{\top} \delta'_{l}"
    )
    tex = plain("unspecified").latex()
    assert rf"\operatorname{{NTCov}}(f, f') &= {sum_over_layers} \\" in tex
    where = tex[tex.index(r"\text{where}") :].replace("&", "").replace("\n", "")
    assert where == (
        r"\text{where}\quad f = h_{L}, \\"
        r"h_{l} = W_{l} a_{l-1} + b_{l}, \\"
        r"a_{l} = \phi(h_{l}), \\"
        r"a_{0} = x, \\"
        r"\delta_{l} = \phi'(h_{l}) \circ W_{l+1}^{\top} \delta_{l+1}, \\"
        r"\delta_{L} = 1, \\"
        r" \text{with primes the same, from } a'_{0} = y\end{aligned}"
    )
    assert plain("unspecified").latex(where=False).endswith(f"= {sum_over_layers}")
    assert plain("unspecified")._repr_latex_().startswith("$$\n\\begin{aligned}")
    assert r"\delta_{L} &= I" in plain("outputs").latex()
    assert "primes" not in plain("variance").latex()
    assert r"a'_{l} &= \tanh(h'_{l})" in plain("two activations").latex()
    assert r"n_{0} &= d" in plain("ntk").latex() and "n_" not in plain("one width").latex()
    assert isinstance(plain("unspecified").at(3), ClosedForm)
