"""Policy gradients: deriving them for every family, and the softmax in many states as NumPy."""

from __future__ import annotations

import importlib
import pkgutil
import time
from functools import partial
from typing import Any

import numpy as np

import symprice.policy
from symprice.errors import NoRuleError

from .timing import Comparison, Contestant, Wanted, alternate, contestant
from .timing import rows as compared

WANTED = Wanted("<=", 500)
FASTER = Wanted(">=", 5)
TRIES = 3
OURS, LOOPS, AUTODIFF = "symprice", "symprice, Numba", "torch.func.vmap(grad)"
COMPILED = "symprice array API, jax.jit"


def run(quick: bool = False, environments: Any = None) -> list[dict[str, Any]]:
    """The times of deriving, and of the code for 1000 actions in 10 000 states."""
    return [*derivations(quick), *softmax(100 if quick else 1000, 1000 if quick else 10_000)]


def softmax(actions: int, states: int, rounds: int = 15) -> list[dict[str, Any]]:
    """∂J/∂z of softmax policies in many states, against automatic differentiation: the ordinary
    function of NumPy arrays, the loops as Numba compiles them, and the array-API code as JAX does.
    """
    from sympy import symbols

    from symprice import CategoricalPolicy, inputs, policy_gradient

    z, r = inputs("z r", symbols("K", integer=True, positive=True))
    result = policy_gradient(CategoricalPolicy(z), r)
    gradient, standard = (
        result.lambdify(batch={z: "n", r: "n"}, backend=backend)
        for backend in ("numpy", "array_api")
    )
    rng = np.random.default_rng(0)
    logits, rewards = rng.standard_normal((2, states, actions))
    found: list[dict[str, Any]] = []
    for kind in ("float64", "float32"):
        given = rewards.astype(kind), logits.astype(kind)
        ours = partial(gradient, {}, *given)
        contestants: dict[str, Contestant] = {OURS: contestant(ours)}
        notes = {LOOPS: "", AUTODIFF: "", COMPILED: ""}
        makers: dict[str, Any] = {
            LOOPS: partial(_looped, partial(result.lambdify, batch={z: "n", r: "n"})),
            AUTODIFF: _autodiff,
            COMPILED: partial(_compiled, standard),
        }
        for name, make in makers.items():
            try:
                contestants[name] = contestant(make(*given, ours()))
            except ImportError as missing:
                notes[name] = f"{missing.name} is not installed"
            except NoRuleError as missing:
                notes[name] = str(missing)
        lines = [
            Comparison(OURS),
            Comparison(AUTODIFF, OURS, note=notes[AUTODIFF]),
            Comparison(LOOPS, note=notes[LOOPS]),
            Comparison(AUTODIFF, LOOPS, FASTER, "the same, beside loops"),
            Comparison(COMPILED, note=notes[COMPILED]),
            Comparison(AUTODIFF, COMPILED, note="the same, beside compiled code"),
        ]
        network = f"softmax, {actions} actions × {states} states, {kind}"
        found += compared(lines, alternate(contestants, rounds), network=network)
    return found


def _agree(found: Any, expected: Any) -> None:
    single = expected.dtype == np.float32
    np.testing.assert_allclose(
        np.asarray(found),
        expected,
        rtol=1e-3 if single else 1e-9,
        atol=1e-7 if single else 1e-15,
    )


def _autodiff(rewards: Any, logits: Any, expected: Any) -> Any:
    """The gradient by torch.func, of tensors made beforehand; it must agree."""
    import torch
    from torch.func import grad, vmap

    def objective(z: Any, r: Any) -> Any:
        return (torch.softmax(z, -1) * r).sum()

    arrays = torch.from_numpy(logits), torch.from_numpy(rewards)
    function = vmap(grad(objective))
    _agree(function(*arrays), expected)
    return lambda: function(*arrays)


def _looped(lambdify: Any, rewards: Any, logits: Any, expected: Any) -> Any:
    """The loops, compiled by Numba; they must agree."""
    function = lambdify(backend="numba")
    _agree(function({}, rewards, logits), expected)
    return lambda: function({}, rewards, logits)


def _compiled(standard: Any, rewards: Any, logits: Any, expected: Any) -> Any:
    """The emitted code, compiled by JAX; it must agree."""
    import jax

    jax.config.update("jax_enable_x64", True)
    arrays = jax.numpy.asarray(rewards), jax.numpy.asarray(logits)
    function = jax.jit(lambda r, z: standard.__wrapped__({}, r, z))
    _agree(function(*arrays), expected)
    return lambda: function(*arrays).block_until_ready()


def derivations(quick: bool = False) -> list[dict[str, Any]]:
    """Milliseconds to derive ∇E[3a² - 2a + 1] by all parameters, one line a family, no cache."""
    from symprice.policy.family import FAMILIES
    from symprice.policy.gradient import policy_gradient

    for module in pkgutil.iter_modules(symprice.policy.__path__, "symprice.policy."):
        importlib.import_module(module.name)
    policies = [*map(_of_parameters, FAMILIES), *_others()]
    warm = policies[0]
    policy_gradient(warm, polynomial).doit()
    rows = []
    for policy in policies[:3] if quick else policies:
        elapsed, found = min((_derived(policy) for _ in range(TRIES)), key=lambda pair: pair[0])
        rows.append(
            {
                "what": str(policy),
                "ms": elapsed,
                "operations": int(found.count_ops()) if hasattr(found, "count_ops") else 0,
                "wanted": str(WANTED),
                "met": "yes" if WANTED.met(elapsed) else "no",
            }
        )
    return rows


def _of_parameters(family: Any) -> Any:
    """The policy of a family whose parameters are symbols, in the first form that they have."""
    from sympy import Integer

    from symprice import Parameter

    given = {}
    for forms in family.groups.values():
        name, form = next(iter(forms.items()))
        kind = "real" if form.domain == "real" else "positive"
        given[name] = Integer(4) if form.domain == "count" else Parameter(name, **{kind: True})
    return family(**given)


def polynomial(*actions: Any) -> Any:
    """3 x² - 2 y + 1, where x is the first entry of an action and y the last."""
    return 3 * actions[0] ** 2 - 2 * actions[-1] + 1


def _others() -> list[Any]:
    """Policies of finitely many and of several actions, and a mixture."""
    from sympy import Matrix, Rational

    from symprice import (
        BernoulliPolicy,
        CategoricalPolicy,
        DirichletPolicy,
        GaussianPolicy,
        MixturePolicy,
        MultivariateGaussianPolicy,
        parameters,
    )

    x, y, z = parameters("x y z", real=True)
    s, t, u = parameters("s t u", positive=True)
    halves = [Rational(1, 3), Rational(2, 3)]
    return [
        BernoulliPolicy(logit=x),
        CategoricalPolicy([x, y, z]),
        MultivariateGaussianPolicy([x, y], cholesky=Matrix([[s, 0], [z, t]])),
        DirichletPolicy([s, t, u]),
        MixturePolicy([GaussianPolicy(x, s), GaussianPolicy(y, t)], probabilities=halves),
    ]


def _derived(policy: Any) -> tuple[float, Any]:
    """The milliseconds of one derivation from scratch, and what was derived."""
    from sympy.core.cache import clear_cache

    from symprice.policy import chain, density_gradient
    from symprice.policy.gradient import policy_gradient

    clear_cache()
    for cached in (chain.score_entries, chain.information, density_gradient.mean_reward):
        cached.cache_clear()
    started = time.perf_counter()
    found = policy_gradient(policy, polynomial).doit()
    return 1000 * (time.perf_counter() - started), found
