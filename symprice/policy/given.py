"""How the parameters of a family may be written: one of several, each with its domain."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from sympy import Dummy, S, Tuple, exp, expand_log, log, sqrt

from ..errors import PolicyError
from ..networks.activations import normal_cdf, sigmoid
from .arguments import scalar

__all__ = [
    "LOGIT",
    "POSITIVE",
    "RATE",
    "REAL",
    "SCALE",
    "SIGMA",
    "UNIT",
    "Form",
    "Groups",
    "ln",
    "read",
    "signature_of",
    "stand_in",
]


class Form(NamedTuple):
    """One way to write a parameter: where it lives, and the parameter of the formulas from it."""

    domain: str
    meaning: Callable[[Any], Any] = lambda x: x


Groups = dict[str, dict[str, Form]]

REAL, POSITIVE, UNIT = Form("real"), Form("positive"), Form("unit")
LOGIT = {"probability": UNIT, "logit": Form("real", sigmoid), "probit": Form("real", normal_cdf)}
SIGMA = {"sigma": POSITIVE, "log_sigma": Form("real", exp), "variance": Form("positive", sqrt)}
SCALE = {"scale": POSITIVE, "log_scale": Form("real", exp)}
RATE = {"rate": POSITIVE, "log_rate": Form("real", exp), "scale": Form("positive", lambda x: 1 / x)}
_ASSUMED = {
    "real": {"real": True},
    "positive": {"positive": True},
    "unit": {"positive": True},
    "count": {"positive": True, "integer": True},
}


@cache
def stand_in(name: str, domain: str) -> Dummy:
    """The symbol with the assumptions of a domain that stands for a parameter while rules run."""
    return Dummy(name, **_ASSUMED[domain])


def signature_of(groups: Groups) -> inspect.Signature:
    """The arguments of a family: the first form of the first groups is required."""
    places: list[inspect.Parameter] = []
    for forms in groups.values():
        for name in forms:
            default = inspect.Parameter.empty if len(forms) == 1 else ()
            if any(p.default == () for p in places):
                default = ()
            places.append(
                inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
            )
    return inspect.Signature(places)


def read(cls: type, groups: Groups, args: Any, named: Any) -> list[Any]:
    """The arguments of a family in order, an empty Tuple where a form was not used.

    Raises
    ======

    PolicyError : unless each parameter is given in exactly one form, and lies in its domain.
    """
    names = [name for forms in groups.values() for name in forms]
    shown = f"{cls.__name__}({', '.join(' | '.join(forms) for forms in groups.values())})"
    if len(args) > len(names) or set(named) - set(names) or set(names[: len(args)]) & set(named):
        wrong = ", ".join(sorted(set(named) - set(names))) or f"{len(args) + len(named)} arguments"
        raise PolicyError(f"{shown} received {wrong}: write each parameter once, in one form")
    given = dict(zip(names, args, strict=False)) | named
    found = []
    for forms in groups.values():
        written = [n for n in forms if n in given and not _blank(given[n])]
        if len(written) != 1:
            raise PolicyError(
                f"{shown} takes one of {', '.join(forms)}, received "
                f"{', '.join(written) or 'none'}: write {next(iter(forms))}=..."
            )
        for name in forms:
            value = scalar(given[name], f"the {name}") if name in written else Tuple()
            if name in written:
                _require(cls, name, value, forms[name].domain)
            found.append(value)
    return found


def _blank(value: Any) -> bool:
    return isinstance(value, (tuple, Tuple)) and len(value) == 0


def _require(cls: type, name: str, value: Any, domain: str) -> None:
    bad = value is S.NaN or value.is_infinite or value.is_real is False
    if domain in ("positive", "unit", "count"):
        bad = bad or value.is_nonpositive
    if domain == "unit":
        bad = bad or (1 - value).is_nonpositive
    if domain == "count":
        bad = bad or value.is_integer is False
    if bad:
        words = {
            "real": "a real number",
            "positive": "positive",
            "unit": "between 0 and 1",
            "count": "a positive integer",
        }
        raise PolicyError(
            f"asked for a {cls.__name__} with {name} = {value}: it must be {words[domain]}"
        )


def ln(x: Any) -> Any:
    """log x with the logarithms of powers and quotients apart: log(√v) is log(v)/2."""
    return expand_log(log(x))
