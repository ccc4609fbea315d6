"""Systems that conserved quantities reduce to one equation: products of parameters, deep nets.

Where the rates satisfy θᵢ θᵢ' = ρ θⱼ θⱼ', the difference θᵢ² - ρ θⱼ² is conserved; where
θᵢ'/θᵢ = κ θⱼ'/θⱼ, so is θᵢ θⱼ^{-κ}. Both are found from the rates, not from the form of the
loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Derivative, Dummy, Function, Piecewise, S, cancel, exp, fraction, sqrt, together

from ..closedform import ClosedForm
from ..derivation import Rule, Step
from ..symbols import Name
from ..timelimit import within
from .separation import Found, solve_scalar
from .signs import tidied
from .trajectory import FlowSystem
from .verification import agree, solves

__all__ = ["solve_product"]

_SECONDS = 8


class ConservedQuantity(Rule):
    """dQ/dt = 0 along the flow: Q keeps the value that it starts with."""


class ReducedEquation(Rule):
    """The rate of one quantity in terms of itself and of what is conserved."""


class InvariantLine(Rule):
    """What starts on a line that the rates do not lead away from stays on it."""


class Reconstruction(Rule):
    """The variables from the one that was solved for and from what is conserved."""


def solve_product(system: FlowSystem) -> Found | None:
    """The solution by conserved quantities; None where none are found that suffice."""
    if any(rate == 0 for rate in system.rates.values()):
        return None
    return _by_quotients(system) or _by_squares(system) or _by_symmetry(system)


def _ratio(top: Any, bottom: Any, variables: tuple[Any, ...]) -> Any:
    """top/bottom where it does not depend on the variables, else None."""
    quotient = within(_SECONDS, lambda: cancel(together(top / bottom)))
    if quotient is None or quotient == 0 or quotient.has(*variables):
        return None
    return quotient


def _by_quotients(system: FlowSystem) -> Found | None:
    """θᵢ = θᵢ(0) e^{κᵢ s}, where all relative rates are proportional."""
    variables, rates, starts, t = system.variables, system.rates, system.initial, system.time
    first = variables[0]
    relative = {v: rates[v] / v for v in variables}
    kappa = {v: _ratio(relative[v], relative[first], variables) for v in variables}
    if any(k is None for k in kappa.values()) or all(k == 1 for k in kappa.values()):
        return None
    s = Dummy("s", real=True)
    formulas = {v: starts[v] * exp(kappa[v] * s) for v in variables}
    speed = within(_SECONDS, lambda: cancel(together(relative[first].xreplace(formulas))))
    found = None if speed is None else solve_scalar(s, speed, S.Zero, t)
    if found is None or not found.explicit:
        return None
    ((_, growth),) = found.pairs
    solution = {
        v: tidied((starts[v] * exp(kappa[v] * growth)).expand(power_exp=False)) for v in variables
    }
    if not solves(solution, rates, starts, t):
        return None
    flows = system.trajectories()
    steps = [
        Step(
            ConservedQuantity(),
            flows[v] * flows[first] ** -kappa[v],
            starts[v] * starts[first] ** -kappa[v],
        )
        for v in variables[1:]
    ]
    steps += [Step(Reconstruction(), flows[v], formula) for v, formula in solution.items()]
    sigma = Name("s")
    shown = [ClosedForm(starts[v] * exp(kappa[v] * sigma), {sigma: growth}) for v in variables]
    return Found(list(solution.items()), True, steps, "conserved products", shown)


def _by_squares(system: FlowSystem) -> Found | None:
    """θᵢ² - ρᵢ θ₁² conserved: two variables, or any number of balanced ones."""
    variables, rates, starts = system.variables, system.rates, system.initial
    first = variables[0]
    rho = {v: _ratio(rates[v] * v, rates[first] * first, variables) for v in variables}
    if not all(r is not None and r.is_positive for r in rho.values()):
        return None
    flows = system.trajectories()
    steps = [
        Step(
            ConservedQuantity(),
            flows[first] ** 2 - flows[v] ** 2 / rho[v],
            starts[first] ** 2 - starts[v] ** 2 / rho[v],
        )
        for v in variables[1:]
    ]
    signs = {v: _balanced(starts[v], sqrt(rho[v]) * starts[first]) for v in variables}
    if all(signs.values()):
        scales = {v: signs[v] * sqrt(rho[v]) for v in variables}
        return _balanced_flow(system, scales, steps)
    return _two(system, rho, steps) if len(variables) == 2 else None


def _by_symmetry(system: FlowSystem) -> Found | None:
    """All starts equal up to their sign, and rates that keep the variables so."""
    variables, rates, starts = system.variables, system.rates, system.initial
    first = variables[0]
    scales = {v: _balanced(starts[v], starts[first]) for v in variables}
    if not all(scales.values()):
        return None
    on = {v: scale * first for v, scale in scales.items()}
    speeds = {v: rates[v].subs(on, simultaneous=True) for v in variables}
    if not all(_same(speeds[v], scales[v] * speeds[first]) for v in variables[1:]):
        return None
    flows = system.trajectories()
    steps = [Step(InvariantLine(), flows[v], scales[v] * flows[first]) for v in variables[1:]]
    found = _balanced_flow(system, scales, steps)
    if found is not None:
        found.method = found.method.replace("conserved differences of squares", "symmetry")
    return found


def _same(one: Any, other: Any) -> bool:
    return within(_SECONDS, lambda: cancel(together(one - other)) == 0, False)


def _balanced(value: Any, other: Any) -> int:
    """1 or -1 where the one start is plus or minus the other, else 0."""
    if (value - other).expand() == 0:
        return 1
    return -1 if (value + other).expand() == 0 else 0


def _balanced_flow(
    system: FlowSystem, scales: Mapping[Any, Any], steps: list[Step]
) -> Found | None:
    """All variables are multiples of the first one, which moves by itself."""
    variables, rates, starts, t = system.variables, system.rates, system.initial, system.time
    first = variables[0]
    alike = {v: scales[v] * first for v in variables}
    speed = tidied(rates[first].subs(alike, simultaneous=True))
    found = solve_scalar(first, speed, starts[first], t)
    if found is None:
        return None
    own, flows = FlowSystem({first: speed}, {first: starts[first]}, t), system.trajectories()
    back = {own.trajectories()[first]: flows[first]}
    solved = [Step(s.rule, s.before.xreplace(back), s.after.xreplace(back)) for s in found.steps]
    steps = [*steps, *solved]
    if found.explicit:
        ((_, formula),) = found.pairs
        pairs = [(v, scales[v] * formula) for v in variables]
        if not solves(dict(pairs), rates, starts, t):
            return None
        steps += [Step(Reconstruction(), flows[v], f) for v, f in pairs[1:]]
    else:
        pairs = [*found.pairs, *((v, scales[v] * first) for v in variables[1:])]
    method = f"conserved differences of squares, {found.method}"
    shown = list(found.shown)
    shown += [b for _, b in pairs[len(shown) :]] if shown else []
    return Found(pairs, found.explicit, steps, method, shown)


def _two(system: FlowSystem, rho: Mapping[Any, Any], steps: list[Step]) -> Found | None:
    """a² - b²/ρ = C is a hyperbola: p = a + b/√ρ, a - b/√ρ = C/p; and p² moves by itself."""
    (a, b), rates, starts, t = system.variables, system.rates, system.initial, system.time
    root = sqrt(rho[b])
    for sign in (1, -1):
        p0 = starts[a] + sign * starts[b] / root
        if p0.expand() != 0:
            break
    else:
        return None
    c0 = (starts[a] ** 2 - starts[b] ** 2 / rho[b]).expand()
    C, p = Dummy("C", real=True), Dummy("p", real=True)
    v, v0 = Dummy("v", positive=True), Dummy("v0", positive=True)
    on = {a: (p + C / p) / 2, b: sign * root * (p - C / p) / 2}
    total = 2 * p * (rates[a] + sign * rates[b] / root)
    speed = within(
        _SECONDS,
        lambda: cancel(together(total.subs(on, simultaneous=True))).subs(p, sqrt(v)),
    )
    if speed is None or speed.has(p):
        return None
    speed = cancel(together(speed))
    found = solve_scalar(v, speed if c0 else speed.subs(C, 0), v0, t)
    if found is None or not found.explicit:
        return None
    ((_, formula),) = found.pairs
    q0 = starts[a] - sign * starts[b] / root
    growth = _growth(formula, C, v0, p0, q0)
    if growth is None:
        return None
    ratio = growth.subs(C, c0)
    ratio = tidied(ratio) if p0.is_number else ratio
    taken = {symbol.name for symbol in (*system.variables, *system.constants)}
    named, level = _free_name("v", taken), _free_name("C", taken)

    def ends(ratio: Any) -> list[Any]:
        rise, fall = p0 * sqrt(ratio), q0 / sqrt(ratio)
        return [(rise + fall) / 2, sign * root * (rise - fall) / 2]

    solution = dict(zip((a, b), ends(ratio), strict=True))
    if not solves(solution, rates, starts, t):
        return None
    where = {named: ratio} if c0.is_number else {level: c0, named: growth.subs(C, level)}
    shown = [ClosedForm(body, where) for body in ends(named)]
    flows, combined = system.trajectories(), a + sign * b / root
    steps = [*steps, *_product_rate(system, rho[b], C)]
    before = Derivative(combined**2, a, evaluate=False) * rates[a]
    before += Derivative(combined**2, b, evaluate=False) * rates[b]
    value = {C: a**2 - b**2 / rho[b], v: combined**2}
    steps.append(Step(ReducedEquation(), before, speed.subs(value, simultaneous=True)))
    steps.append(
        Step(found.steps[-1].rule, combined.xreplace(flows) ** 2, ClosedForm(p0**2 * named, where))
    )
    steps += [Step(Reconstruction(), flows[k], e) for k, e in zip((a, b), shown, strict=True)]
    method = f"conserved difference of squares, {found.method}"
    return Found(list(solution.items()), True, steps, method, shown)


def _free_name(name: str, taken: set[str]) -> Name:
    while name in taken:
        name += "'"
    return Name(name)


def _growth(formula: Any, C: Any, v0: Any, p0: Any, q0: Any) -> Any:
    """p²/p₀², without p₀ in a denominator: for C = p₀ q₀ it can be 0."""
    if isinstance(formula, Piecewise):
        parts = [(_growth(e, C, v0, p0, q0), condition) for e, condition in formula.args]
        return None if any(e is None for e, _ in parts) else Piecewise(*parts)
    P, Q = Dummy("P", real=True), Dummy("Q", real=True)
    slots: dict[Any, Any] = {}

    def hidden(e: Any) -> Any:
        if e.has(C) and (isinstance(e, Function) or (e.is_Pow and not e.exp.is_Integer)):
            return slots.setdefault(e, Dummy("s", positive=True))
        return e.func(*map(hidden, e.args)) if e.args else e

    whole = hidden(formula).subs({C: P * Q, v0: P**2}, simultaneous=True) / P**2
    share = within(_SECONDS, lambda: cancel(together(whole)))
    if share is None:
        return None
    top, bottom = fraction(share)
    sign = -1 if top.could_extract_minus_sign() else 1
    top, bottom = (_gathered(sign * part, list(slots.values())) for part in (top, bottom))
    back = {slot: e for e, slot in slots.items()}
    return (top / bottom).xreplace({**back, P: p0, Q: q0})


def _gathered(part: Any, slots: list[Any]) -> Any:
    """A sum with the functions in it taken out."""
    functions = [slot for slot in slots if part.has(slot)]
    return part.expand().collect(functions) if functions else part


def _product_rate(system: FlowSystem, rho: Any, C: Any) -> list[Step]:
    """d(ab)/dt = h(ab) √(4(ab)² + C²), where the loss depends on the product alone."""
    (a, b), rates = system.variables, system.rates
    if rho != 1:
        return []
    z = Dummy("z", real=True)
    rate = rates[a] * b + rates[b] * a
    share = within(_SECONDS, lambda: cancel(together((rate / (a**2 + b**2)).subs(a, z / b))))
    if share is None or share.has(b):
        return []
    difference = a**2 - b**2
    after = share.subs(z, a * b) * sqrt(4 * (a * b) ** 2 + difference**2)
    if not agree([(rate, after)]):
        return []
    before = b * rates[a] + a * rates[b]
    return [Step(ReducedEquation(), before, after)]
