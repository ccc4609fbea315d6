"""Networks that nobody foresaw: the emitted code at random sizes against JAX's derivatives.

Each is written twice, by layers or by hand for us and in jax.numpy for JAX, and the covariance of
two properties is held to the product of JAX's gradients in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from sympy import (
    HadamardProduct,
    KroneckerProduct,
    MatrixSymbol,
    S,
    cos,
    sin,
    symbols,
    tanh,
)

from symprice import (
    GLU,
    MLP,
    RNN,
    Activation,
    BlockMetric,
    Conv1D,
    Dense,
    Elementwise,
    Embedding,
    GlobalAveragePool,
    Index,
    LayerNorm,
    Member,
    Network,
    NTCov,
    ParallelProduct,
    ParallelStack,
    ParallelSum,
    ParameterFamily,
    ParameterMatrix,
    Residual,
    ScalarProduct,
    SelfAttention,
    Softmax,
    average,
    closed_form,
    cross_entropy,
    entropy,
    inputs,
    jacobian,
    sigmoid,
    softmax,
    squared_loss,
)

jax = pytest.importorskip("jax", reason="JAX is not installed: make oracles")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy

TOLERANCE = 1e-12
d, m, n, k, c, L, T, V, N = symbols("d m n k c L T V N", integer=True, positive=True)
SIZES = {d: 4, m: 5, n: 3, k: 2, c: 3, L: 6, T: 5, V: 7, N: 6}
sigma_w, sigma_b, epsilon, eta = symbols("sigma_w sigma_b epsilon eta", positive=True)
SCALARS = {sigma_w: 1.3, sigma_b: 0.4, epsilon: 0.01, eta: 0.7}
x, y, z, w = inputs("x y z w", d)
X, Y = MatrixSymbol("X", T, d), MatrixSymbol("Y", T, d)
act = Activation


class Case(NamedTuple):
    """Two properties as expressions, what each is by hand of (params, arrays), and a metric."""

    first: Any
    last: Any
    by_hand: Callable[[Any, Any], Any]
    by_hand_last: Callable[[Any, Any], Any]
    metric: Any = None
    preconditioned: Any = None


def at_two(net: Any, one: Any, two: Any, hand: Any) -> Case:
    """The same property at two inputs."""
    return Case(
        net(one), net(two), lambda p, a: hand(p, a[one.name]), lambda p, a: hand(p, a[two.name])
    )


# --- by hand --------------------------------------------------------------------------------------
def affine(p, layer, h):
    return h @ p[f"W{layer}"].T + p.get(f"b{layer}", 0.0)  # a kernel has no last bias


def mlp(p, h, depth=2, phi=jnp.tanh):
    for layer in range(1, depth + 1):
        h = affine(p, layer, h)
        h = phi(h) if layer < depth else h
    return h


def normed(p, layer, h):
    h = h - h.mean(-1, keepdims=True)
    h = h / jnp.sqrt((h * h).mean(-1, keepdims=True) + SCALARS[epsilon])
    return p[f"gamma{layer}"] * h + p[f"beta{layer}"]


def head(p, mark, h, causal=False):
    q, key, v = (h @ p[f"W{name}{mark}"] for name in "QKV")
    scores = q @ key.T / np.sqrt(key.shape[-1])
    if causal:
        scores = jnp.where(np.tril(np.ones(scores.shape)) > 0, scores, -jnp.inf)
    return jax.nn.softmax(scores, -1) @ v @ p[f"WO{mark}"]


def product_of_networks(p, h):
    left = affine(p, 2, jnp.tanh(affine(p, 1, h)))
    return affine(p, 4, left * jax.nn.sigmoid(affine(p, 3, h)))


def skip_across_three(p, h):
    h = affine(p, 1, h)
    inner = affine(p, 3, jnp.sin(affine(p, 2, jnp.tanh(h))))
    return affine(p, 5, jnp.tanh(h + affine(p, 4, jnp.tanh(inner))))


def two_causal_heads(p, h):
    return affine(p, 2, (head(p, "1_1", h, True) + head(p, "1_2", h, True)).mean(0))


def norm_after_attention(p, h):
    h = h @ p["E1"]
    return affine(p, 4, normed(p, 3, h + head(p, "2", h)).mean(0))


def recurrent(p, tokens):
    h = jnp.zeros(p["b1"].shape)
    for token in tokens:
        h = jnp.tanh(p["W1"] @ h + p["U1"] @ token + p["b1"])
    return affine(p, 2, h)


def gated_and_normed(p, h):
    h = affine(p, 1, h)
    g = h @ p["G2"].T
    h = h + affine(p, 3, (h @ p["U2"].T) * g * jax.nn.sigmoid(g))
    return affine(p, 5, normed(p, 4, h))


def convolved(p, h):
    size, length = p["W1"].shape[-1], h.shape[-1]
    shifted = jnp.stack([jnp.roll(h, -s, -1) for s in range(size)], -1)
    h = jnp.tanh(h + jnp.einsum("ocs,cts->ot", p["W1"], shifted) + p["b1"][:, None])
    assert shifted.shape[1] == length
    return jax.nn.softmax(affine(p, 2, h.mean(-1)))


def branches(p, h):
    one, two = jnp.cos(affine(p, 1, h)), affine(p, 3, jnp.tanh(affine(p, 2, h)))
    return affine(p, 4, jnp.tanh(jnp.concatenate([one, two])))


def scaled(p, h):
    for layer in (1, 2, 3):
        weight = SCALARS[sigma_w] / np.sqrt(h.shape[-1]) * p[f"W{layer}"]
        h = weight @ h + SCALARS[sigma_b] * p[f"b{layer}"]
        h = jnp.tanh(h) if layer < 3 else h
    return h


def thrice(p, h):
    W, b = p["W"], p["b"]
    return jnp.tanh(W @ jnp.tanh(W @ h + b)) * (W.T @ h)


def thrice_in_matrices(h):
    W, b = ParameterMatrix("W", d, d), ParameterMatrix("b", d, 1)
    return HadamardProduct(Elementwise(tanh, W * Elementwise(tanh, W * h + b)), W.T * h)


# --- the cases ------------------------------------------------------------------------------------
wide = MLP(d, m, 1, activation=tanh)
several = MLP(d, m, k, activation=tanh)
W1, b1, W2, b2 = wide.parameters
G, A, B = MatrixSymbol("G", m, m), MatrixSymbol("A", d, d), MatrixSymbol("B", m, m)
i = Index("i", N)
x_i, t_i, c_i = inputs("x", d, each=i), inputs("t", 1, each=i), inputs("c", k, each=i)


def a_metric() -> Case:
    case = at_two(wide, x, y, mlp)
    blocks = {W1: KroneckerProduct(A, B), b1: G, W2: eta, b2: 0}

    def preconditioned(grads, a):
        return {
            "W1": a["B"] @ grads["W1"] @ a["A"],
            "b1": a["G"] @ grads["b1"],
            "W2": SCALARS[eta] * grads["W2"],
            "b2": 0 * grads["b2"],
        }

    return case._replace(metric=BlockMetric(blocks), preconditioned=preconditioned)


def eikonal() -> Case:
    """How the loss of a differential equation, |∇u| = 1 at N points, moves the solution at y."""
    slope = jacobian(wide(x_i), x_i).T
    loss = average((ScalarProduct(slope, slope) - 1) ** 2 / 2, i)

    def by_hand(p, a):
        slopes = jax.vmap(jax.grad(lambda h: mlp(p, h)[0]))(a["x"])
        return ((slopes**2).sum(-1) - 1) ** 2

    return Case(
        wide(y)[0], loss, lambda p, a: mlp(p, a["y"])[0], lambda p, a: by_hand(p, a).mean() / 2
    )


def motion_of_two_kernels() -> Case:
    """The covariance of two covariances."""
    kernels = [closed_form(NTCov(wide(one), wide(two))) for one, two in ((x, y), (z, w))]

    def by_hand(one, two):
        def kernel(p, a):
            grads = [jax.grad(lambda q, b=b: mlp(q, a[b])[0])(p) for b in (one, two)]
            return sum((grads[0][name] * grads[1][name]).sum() for name in p)

        return kernel

    return Case(*kernels, by_hand("x", "y"), by_hand("z", "w"))


CASES: dict[str, Callable[[], Case]] = {
    "a product of two sub-networks": lambda: at_two(
        Network(
            ParallelProduct(MLP(d, m, k, activation=tanh), Network(Dense(d, k), act(sigmoid))),
            Dense(k, 1),
        ),
        *(x, y, product_of_networks),
    ),
    "a skip across three layers": lambda: at_two(
        Network(
            Dense(d, m),
            Residual(act(tanh), Dense(m, n), act(sin), Dense(n, m), act(tanh), Dense(m, m)),
            act(tanh),
            Dense(m, 2),
        ),
        *(x, y, skip_across_three),
    ),
    "one matrix three times": lambda: at_two(thrice_in_matrices, x, y, thrice),
    "two causal heads": lambda: at_two(
        Network(SelfAttention(d, k, causal=True, heads=2), GlobalAveragePool(), Dense(d, 1)),
        *(X, Y, two_causal_heads),
    ),
    "a norm after attention": lambda: at_two(
        Network(
            Embedding(V, d),
            Residual(SelfAttention(d, k)),
            LayerNorm(d, epsilon),
            GlobalAveragePool(),
            Dense(d, 1),
        ),
        *(MatrixSymbol("X", T, V), MatrixSymbol("Y", T, V), norm_after_attention),
    ),
    "a gate in a skip, then a norm": lambda: at_two(
        Network(Dense(d, m), Residual(GLU(m, n), Dense(n, m)), LayerNorm(m, epsilon), Dense(m, 2)),
        *(x, y, gated_and_normed),
    ),
    "a recurrence of length four": lambda: at_two(
        Network(RNN(d, m), Dense(m, 1)),
        *(MatrixSymbol("X", 4, d), MatrixSymbol("Y", 4, d), recurrent),
    ),
    "a convolution with a skip, probabilities": lambda: at_two(
        Network(
            Residual(Conv1D(c, c, 3, "circular")),
            act(tanh),
            GlobalAveragePool(),
            Dense(c, k),
            Softmax(),
        ),
        *(MatrixSymbol("X", c, L), MatrixSymbol("Y", c, L), convolved),
    ),
    "branches side by side": lambda: at_two(
        Network(
            ParallelStack(Network(Dense(d, m), act(cos)), MLP(d, n, k, activation=tanh)),
            act(tanh),
            Dense(m + k, 2),
        ),
        *(x, y, branches),
    ),
    "a branch that is not trained": lambda: at_two(
        Network(ParallelSum(Dense(d, d), act(tanh)), Dense(d, k)),
        *(x, y, lambda p, h: affine(p, 2, affine(p, 1, h) + jnp.tanh(h))),
    ),
    "the NTK parametrisation": lambda: at_two(
        MLP(d, m, n, 1, activation=tanh, parameterization="ntk", sigma_w=sigma_w, sigma_b=sigma_b),
        *(x, y, scaled),
    ),
    "a metric with blocks": a_metric,
    "a loss of slopes": eikonal,
    "two kernels": motion_of_two_kernels,
    "probabilities and logits": lambda: Case(
        softmax(several(x)),
        several(y),
        lambda p, a: jax.nn.softmax(mlp(p, a["x"])),
        lambda p, a: mlp(p, a["y"]),
    ),
    "entropy and the cross-entropy of data": lambda: Case(
        entropy(softmax(several(y))),
        average(cross_entropy(several(x_i), c_i), i),
        lambda p, a: -(jax.nn.softmax(v := mlp(p, a["y"])) * jax.nn.log_softmax(v)).sum(),
        lambda p, a: (jax.nn.logsumexp(v := mlp(p, a["x"]), -1) - (a["c"] * v).sum(-1)).mean(),
    ),
    "two losses of data": lambda: Case(
        average(squared_loss(wide(x_i), t_i), i),
        squared_loss(wide(z), inputs("u", 1)),
        lambda p, a: ((mlp(p, a["x"]) - a["t"]) ** 2).sum(-1).mean() / 2,
        lambda p, a: ((mlp(p, a["z"]) - a["u"]) ** 2).sum() / 2,
    ),
    "a norm of weights": lambda: Case(
        ScalarProduct(W1, W1) * wide(x)[0],
        wide(y),
        lambda p, a: (p["W1"] ** 2).sum() * mlp(p, a["x"])[0],
        lambda p, a: mlp(p, a["y"]),
    ),
}


def drawn(symbol: Any, generator: Any, samples: bool = False) -> Any:
    """Random numbers for a symbol as the generated function takes it; a metric's are symmetric."""
    if symbol in SCALARS:
        return SCALARS[symbol]
    rows, columns = symbol.shape
    sizes = [*([N] if samples else []), rows, *([] if columns == 1 else [columns])]
    sizes += [symbol.size] if isinstance(symbol, ParameterFamily) else []
    array = generator.uniform(-0.9, 0.9, [int(size.subs(SIZES)) for size in map(S, sizes)])
    return array + array.T if symbol in (A, B, G) else array


def gradients(prop: Any, params: Any, arrays: Any) -> dict[str, Any]:
    """The derivatives of all outputs by every parameter, (outputs, entries)."""
    found = jax.jit(jax.jacobian(lambda p: jnp.atleast_1d(prop(p, arrays))))(params)
    return {name: np.reshape(value, (len(value), -1)) for name, value in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_autodiff_agrees(name):
    case = CASES[name]()
    function = closed_form(NTCov(case.first, case.last, metric=case.metric)).lambdify()
    generator = np.random.default_rng(3)
    free = case.first.free_symbols | case.last.free_symbols
    trained = [s for s in free if isinstance(s, (ParameterMatrix, ParameterFamily))]
    params = {
        s.name: drawn(s, generator) for s in sorted(trained, key=lambda parameter: parameter.name)
    }
    families = {m.array for prop in (case.first, case.last) for m in prop.atoms(Member)}
    given = [drawn(s, generator, s in families) for s in function.inputs]
    arrays = {s.name: array for s, array in zip(function.inputs, given, strict=True)}
    left = gradients(case.by_hand, params, arrays)
    right = gradients(case.by_hand_last, params, arrays)
    if case.preconditioned is not None:
        shaped = {key: value.reshape(params[key].shape) for key, value in right.items()}
        moved = case.preconditioned(shaped, arrays)
        right = {key: np.reshape(value, (1, -1)) for key, value in moved.items()}
    wanted = np.squeeze(sum(left[key] @ right[key].T for key in params))
    found = function({s.name: params[s.name] for s in function.parameters}, *given)
    assert np.abs(wanted).max() > 1e-3
    assert np.shape(found) == wanted.shape
    assert np.abs(found - wanted).max() <= TOLERANCE * max(1.0, np.abs(wanted).max())
