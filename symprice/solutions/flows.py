"""``solve_flow``: the trajectory of training in closed form where one is found, else by numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import (
    Derivative,
    Dummy,
    Eq,
    Expr,
    Integral,
    S,
    Symbol,
    Tuple,
    default_sort_key,
    integrate,
)
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify

from ..closedform import ClosedForm
from ..derivation import Rule, Step
from ..dynamics.update import Dynamics, mean_loss
from ..errors import NoParameterError, ShapeError
from ..symbols import Name, Observable, ObservableVector, Parameter, expression
from ..tangent.covariance import covariance
from ..tangent.gradient import Nabla
from ..tangent.metric import as_metric
from ..tangent.vectors import ParameterPosition, terms
from ..timelimit import within
from .flow_solution import FlowSolution
from .linear_flows import solve_linear
from .reduction import solve_product
from .separation import Found, PointOfRest, solve_scalar
from .trajectory import FlowSystem, Trajectory, plain_symbol
from .verification import agree

__all__ = ["solve_flow"]

_SECONDS = 5


class VelocityOfParameters(Rule):
    """dθᵢ/dt = NTCov(θᵢ, -L), in a metric M the entry i of -M∇L."""

    @property
    def name(self) -> str:
        """'gradient flow'."""
        return "gradient flow"


def solve_flow(
    L: Any,
    initial: Mapping[Any, Any] | None = None,
    *,
    t: Any = None,
    dynamics: Any = None,
    metric: Any = None,
    eta: Any = 1,
    domain: Mapping[Any, Any] | None = None,
) -> FlowSolution:
    """The trajectory of gradient flow `db/dt = -η ∂L/∂b`: explicit, implicit, or by numbers.

    The methods are those of ordinary differential equations: separation of variables after a change
    of variable that makes the rate rational, Bernoulli's and Riccati's equations, Lambert's W,
    linear systems, conserved quantities. Whatever they give is put back into the equation at 20
    points with 30 digits; what does not hold there is not returned. Where no method applies the
    solution is numeric, and says so.

    Parameters
    ==========

    L : a loss, an expression in Parameters. Or the equation itself: ``Eq(Derivative(p(t), t), g)``,
        a list of such equations, or the rates {p: g}.
    initial : the values at time 0, {b: b0}; `b_0` where not given.
    t : the symbol of time, ``Symbol('t')`` where not given.
    dynamics : a flow along the exact gradient: ``GradientFlow()``, which is also meant where it is
        not given, one with a rate or a metric of its own, or with weight decay.
    metric : as for ``NTCov``: the flow is then `-M∇L`, natural gradient with the inverse of the
        Fisher information.
    eta : the learning rate: a positive constant, or a function of t, a schedule.
    domain : intervals that the assumptions of symbols cannot say, {p: (0, 1)}: the trajectory stays
        in them, and starts there.

    Raises
    ======

    NoParameterError : if nothing in the loss is trained.
    ShapeError : for dynamics without a solution here, or what is no equation.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Parameter, log_sigmoid
    >>> b, (b0, t) = Parameter('b'), symbols('b0 t')
    >>> solve_flow(-log_sigmoid(b), {b: b0}, t=t).solution
    {b: b0 + t + exp(b0) - LambertW(exp(b0 + t + exp(b0)))}
    >>> w, v = Parameter('w'), Parameter('v')
    >>> print(solve_flow((3 - w)**2/2, {w: 1}, t=t))
    d/dt w(t) = 3 - w(t)
    w(t)      = 3 - 2exp(-t)
    explicit: linear equation

    References
    ==========

    A. M. Saxe, J. L. McClelland, S. Ganguli, Exact solutions to the nonlinear dynamics of learning
    in deep linear neural networks, ICLR 2014.
    """
    time = Symbol("t") if t is None else expression(t, "a flow with a symbol of time")
    if not isinstance(time, Symbol):
        raise ShapeError(f"asked for a flow in the time {t}: write a Symbol, as Symbol('t')")
    metric, eta, drift = _of_dynamics(dynamics, L, metric, eta)
    rates, before = _rates_of(L, initial, time, metric)
    for coefficient, position in drift:
        moved = {p: coefficient * position.coordinate(p) for p in rates}
        rates = {p: rate + moved[p] for p, rate in rates.items()}
        before = [(a + moved[p], rates[p]) for p, (a, _) in zip(rates, before, strict=False)]
    start = _starts(rates, initial)
    rate_of_learning = expression(eta, "a flow with a learning rate")
    clock = _clock(rate_of_learning, time)
    intervals = _intervals(domain)
    system = FlowSystem(rates, start, time, clock)
    real = _real(system, intervals)
    hidden = FlowSystem(rates, start, time).xreplace(real)
    found = _solved(hidden, {real.get(s, s): interval for s, interval in intervals.items()})
    back = {dummy: symbol for symbol, dummy in real.items()}
    steps = [Step(VelocityOfParameters(), a, b) for a, b in before]
    if found is None:
        return FlowSolution(system, (), "numeric", _why_numeric(rates), steps)
    pairs = [(a.xreplace(back), b.xreplace(back).subs(time, clock)) for a, b in found.pairs]
    steps += [_restored(step, back, clock, time) for step in found.steps]
    form = "explicit" if found.explicit else "implicit"
    shown = [e.xreplace(back).subs(time, clock) for e in found.shown]
    shown = _told_apart(shown, {str(s) for s in [*system.variables, *system.free_symbols]})
    kept = [(s, *interval) for s, interval in intervals.items() if s in system.free_symbols]
    kept += [(start[v], *intervals[v]) for v in rates if v in intervals and start[v].is_Symbol]
    return FlowSolution(system, pairs, form, found.method, steps, shown, kept)


def _told_apart(shown: list[Any], taken: set[str]) -> list[Any]:
    """Formulas whose names for constants mean one thing only, and nothing of the user's."""
    given: dict[Any, Any] = {}
    found = []
    for formula in shown:
        if not isinstance(formula, ClosedForm):
            found.append(formula)
            continue
        renamed: dict[Any, Any] = {}
        for name, value in formula.definitions.items():
            value = value.xreplace(renamed)
            if (name, value) not in given:
                spelled = name.name
                while spelled in taken:
                    spelled += "'"
                taken.add(spelled)
                given[name, value] = Name(spelled)
            renamed[name] = given[name, value]
        values = {renamed[n]: v.xreplace(renamed) for n, v in formula.definitions.items()}
        found.append(ClosedForm(formula.expr.xreplace(renamed), values))
    return found


def _solved(system: FlowSystem, domain: Mapping[Any, Any]) -> Found | None:
    variables, rates, starts = system.variables, system.rates, system.initial
    if len(variables) == 1:
        (b,) = variables
        return solve_scalar(b, rates[b], starts[b], system.time, domain)
    if within(_SECONDS, lambda: all(r.subs(starts).doit().is_zero for r in rates.values())):
        flows = system.trajectories()
        steps = [Step(PointOfRest(), flows[v], starts[v]) for v in variables]
        return Found(list(starts.items()), True, steps, "point of rest")
    parts = _apart(rates)
    if len(parts) > 1:
        found = []
        for part in parts:
            own = {v: rates[v] for v in part}
            one = _solved(FlowSystem(own, {v: starts[v] for v in part}, system.time), domain)
            if one is None:
                return None
            found.append(one)
        return Found(
            [pair for one in found for pair in one.pairs],
            all(one.explicit for one in found),
            [step for one in found for step in one.steps],
            ", ".join(dict.fromkeys(one.method for one in found)),
            [each for one in found for each in one.shown or [right for _, right in one.pairs]],
        )
    return solve_linear(system) or solve_product(system)


def _apart(rates: Mapping[Any, Any]) -> list[list[Any]]:
    """The variables in groups that move by themselves, in their order."""
    groups: list[set[Any]] = []
    for v, rate in rates.items():
        joined = {v} | (rate.free_symbols & set(rates))
        meeting = [group for group in groups if group & joined]
        groups = [group for group in groups if not group & joined] + [joined.union(*meeting)]
    order = list(rates)
    inside = [[v for v in order if v in group] for group in groups]
    return sorted(inside, key=lambda group: order.index(group[0]))


def _why_numeric(rates: Mapping[Any, Any]) -> str:
    if len(rates) == 1:
        return "no antiderivative of 1/g was found in elementary functions"
    return "the system is not linear, and no conserved quantities were found that reduce it"


def _of_dynamics(
    dynamics: Any, L: Any, metric: Any, eta: Any
) -> tuple[Any, Any, list[tuple[Any, Any]]]:
    """Metric, learning rate and bias of a way of moving that is a flow along the exact gradient."""
    if dynamics is None:
        return metric, eta, []
    loss = L if isinstance(L, Expr) else Observable("L")
    flows = isinstance(dynamics, Dynamics) and dynamics.continuous
    drift: list[Any] = []
    if flows:
        bias = dynamics.bias(loss)
        drift = [] if bias is None else terms(bias)
        flows = (
            dynamics.noise(loss) is None
            and not dynamics.state_update(loss)
            and dynamics.gradient(loss) == Nabla(mean_loss(loss))
            and all(isinstance(vector, ParameterPosition) for _, vector in drift)
        )
    if not flows:
        raise ShapeError(
            f"asked for the trajectory of {dynamics!r}: solve_flow solves flows along the exact "
            "gradient, as GradientFlow() or WeightDecay(lambda), with metric= for natural "
            "gradient; for finite steps on a quadratic loss write solve_descent(L, initial, eta), "
            "for momentum heavy_ball_flow or heavy_ball_steps"
        )
    own = dynamics.metric(loss)
    if (own is not None and metric is not None) or (dynamics.rate != 1 and eta != 1):
        raise ShapeError(
            f"asked for the trajectory of {dynamics} in the metric {metric} at the rate {eta}: "
            "give metric and rate once"
        )
    if dynamics.rate != 1:  # in the bias too, and then a factor of the time
        drift = [(c / dynamics.rate, vector) for c, vector in drift]
    return (metric if own is None else own), (eta if dynamics.rate == 1 else dynamics.rate), drift


def _rates_of(
    L: Any, initial: Mapping[Any, Any] | None, time: Any, metric: Any
) -> tuple[dict[Any, Any], list[tuple[Any, Any]]]:
    """The rates, and the covariances that they are the closed forms of."""
    if isinstance(L, Mapping):
        return {_sympify(v): expression(g, "a flow") for v, g in L.items()}, []
    if isinstance(L, (Eq, list, tuple, Tuple)):
        return _from_equations(L if isinstance(L, (list, tuple, Tuple)) else [L], time), []
    loss = expression(L, "the flow of a loss")
    unspecified = loss.atoms(Observable, ObservableVector)
    trained = sorted(
        (s for s in loss.free_symbols if isinstance(s, Parameter)), key=default_sort_key
    )
    if not trained or unspecified:
        shown = min(map(str, unspecified), default="")
        raise NoParameterError(
            f"asked for the gradient flow of {loss}, "
            + (f"but {shown} has no formula" if shown else "but no Parameter occurs in it")
            + ": write the loss in Parameters, b = Parameter('b'), or the rates, {p: 2*p*(1 - p)}"
        )
    if initial:
        order = {v: i for i, v in enumerate(initial)}
        trained.sort(key=lambda p: order.get(p, len(order)))
    measure = None if metric is None else as_metric(metric, loss.free_symbols)
    speeds = {p: covariance(p, -loss, metric=measure) for p in trained}
    rates = {p: _short(speed.doit()) for p, speed in speeds.items()}
    return rates, [(speeds[p], rates[p]) for p in trained]


def _short(rate: Any) -> Any:
    from .signs import tidied

    return tidied(rate)


def _from_equations(equations: Any, time: Any) -> dict[Any, Any]:
    rates: dict[Any, Any] = {}
    for equation in equations:
        left = getattr(equation, "lhs", None)
        if not (
            isinstance(left, Derivative)
            and isinstance(left.expr, AppliedUndef)
            and left.expr.args == (time,)
            and left.variables == (time,)
        ):
            raise ShapeError(
                f"asked for the flow {equation}: write Eq(Derivative(p(t), t), g) with "
                "p = Function('p'), a list of these, or the rates {p: g}"
            )
        rates[left.expr] = equation.rhs
    names = {f: Symbol(f.func.__name__, real=True) for f in rates}
    found = {names[f]: _sympify(rate).subs(names) for f, rate in rates.items()}
    for rate in found.values():
        if rate.has(time) or rate.atoms(AppliedUndef):
            raise ShapeError(
                f"asked for a flow with the rate {rate}: rates depend on the variables alone; a "
                "factor that depends on time is the learning rate, eta="
            )
    return found


def _starts(rates: Mapping[Any, Any], initial: Mapping[Any, Any] | None) -> dict[Any, Any]:
    given = {_sympify(v): expression(x, "a flow from there") for v, x in (initial or {}).items()}
    names = {str(v): v for v in rates}
    found = {}
    for v, value in given.items():
        name = str(v.func) if isinstance(v, AppliedUndef) else str(v)
        if name not in names:
            raise ShapeError(
                f"asked for a flow with {v} = {value} at time 0, but what moves is "
                f"{', '.join(names)}"
            )
        if value.is_real is False or value.is_finite is False:
            raise ShapeError(
                f"asked for a flow that starts at {v} = {value}: trajectories are real, write a "
                "real number or a symbol"
            )
        found[names[name]] = value
    return {v: found.get(v, plain_symbol(v)) for v in rates}


def _clock(eta: Any, time: Any) -> Any:
    """∫₀ᵗ η, checked by its derivative."""
    if eta.is_nonpositive:
        raise ShapeError(f"asked for a flow with the learning rate {eta}: it is positive")
    if not eta.has(time):
        return eta * time
    slot = Dummy("s", real=True)
    passed = within(_SECONDS, lambda: integrate(eta.subs(time, slot), (slot, 0, time)))
    positive = Dummy("t", positive=True)
    if (
        passed is None
        or passed.has(Integral)
        or not agree(
            [
                (
                    Derivative(passed.subs(time, positive), positive, evaluate=False),
                    eta.subs(time, positive),
                )
            ]
        )
    ):
        raise ShapeError(
            f"asked for a flow with the schedule {eta}, whose integral from 0 to {time} has no "
            "closed form that was found: give T = ∫η as the time, solve with eta=1, and put it in"
        )
    return passed


def _intervals(domain: Mapping[Any, Any] | None) -> dict[Any, tuple[Any, Any]]:
    found = {}
    for symbol, interval in (domain or {}).items():
        low, high = (_sympify(bound) for bound in interval)
        if not (low < high) == S.true:
            raise ShapeError(f"asked for {symbol} in {interval}: write (low, high) with low < high")
        found[_sympify(symbol)] = (low, high)
    return found


def _real(system: FlowSystem, intervals: Mapping[Any, Any]) -> dict[Any, Any]:
    """Dummies for what is not declared real: everything is, on a trajectory."""
    plain = [*system.variables, *sorted(system.constants, key=default_sort_key)]
    found = {}
    for s in plain:
        if s.is_real is None or isinstance(s, Parameter):
            known = {k: v for k, v in s.assumptions0.items() if v is not None}
            known.pop("complex", None)
            low = intervals.get(s, (None, None))[0]
            if low is not None and low.is_nonnegative:
                known["positive"] = True
            found[s] = Dummy(s.name, **{"commutative": True, **known, "real": True})
    return found


def _restored(step: Step, back: Mapping[Any, Any], clock: Any, time: Any) -> Step:
    """A step in the user's symbols, at the time of the clock."""

    def restored(side: Any) -> Any:
        shown = side.xreplace(back)
        if clock == time:
            return shown
        flows = sorted(shown.atoms(Trajectory), key=default_sort_key)
        apart = {flow: Dummy(str(flow)) for flow in flows}
        ahead = {apart[f]: Trajectory(f.variable, f.system.at_pace_of(clock)) for f in flows}
        return shown.xreplace(apart).subs(time, clock).xreplace(ahead)

    return Step(step.rule, restored(step.before), restored(step.after))
