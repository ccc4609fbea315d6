"""Covariances of properties at a sample that is left open, as `f(x_i)`: the sample is an input.

The names of a network at `x_i` are families labelled by i. For one i they are plain names again,
and the covariance is that at an input; afterwards `x_i` takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import MatrixSymbol, Symbol

from ..closedform import ClosedForm, ClosedFormMatrix
from ..errors import NoRuleError
from ..indexed.entries import Entry, Index, indices_of
from ..indexed.families import Family, Member
from ..symbols import ParameterMatrix

__all__ = ["at_one_sample", "free_labels", "unlabelled"]


def free_labels(*properties: Any) -> list[Index]:
    """The indices in properties that no sum binds."""
    found = set().union(*(indices_of(prop) for prop in properties))
    return sorted(found, key=lambda i: i.name)


class at_one_sample:
    """Properties with open labels as properties of inputs, and the way back.

    Parameters
    ==========

    properties : the properties.

    Raises
    ======

    NoRuleError : where something else than samples depends on a label.
    """

    def __init__(self, *properties: Any) -> None:
        self._back: dict[Any, Any] = {}
        self._inputs: dict[Any, Any] = {}
        for label in free_labels(*properties):
            properties = tuple(self._without(prop, label) for prop in properties)
        self.properties = properties

    @property
    def inputs(self) -> dict[Any, Member]:
        """The inputs that stand for samples, each with its sample."""
        return {plain: sample for sample, plain in self._inputs.items()}

    def restored(self, value: Any) -> Any:
        """A result with the samples and labels in it again."""
        return value.xreplace(self._back)

    def _without(self, prop: Any, label: Index) -> Any:
        for closed in prop.atoms(ClosedForm, ClosedFormMatrix):
            if label in indices_of(closed):
                prop = prop.xreplace({closed: _unlabelled(closed, label)})
        prop = prop.xreplace({sample: self._input(sample) for sample in _samples(prop, label)})
        if label in indices_of(prop):
            number = Symbol(label.name, integer=True, nonnegative=True)
            prop, self._back[number] = prop.xreplace({label: number}), label
        return prop

    def _input(self, sample: Member) -> Any:
        """The input that stands for a sample."""
        if isinstance(sample.array, ParameterMatrix):
            raise NoRuleError(
                f"asked for a covariance at the trained {sample}, whose label is open: sum over it"
            )
        if sample not in self._inputs:
            name = f"{sample.array.name}_at_{'_'.join(map(str, sample.labels))}"
            plain = MatrixSymbol(name, *sample.shape)
            self._inputs[sample], self._back[plain] = plain, sample
        return self._inputs[sample]


def _samples(prop: Any, label: Index) -> list[Member]:
    return [m for m in prop.atoms(Member) if label in m.labels]


def unlabelled(expr: Any, names: Mapping[Any, Index]) -> Any:
    """An expression in which names that stand with a label stand alone."""
    plain: dict[Any, Any] = {}
    for node in expr.atoms(Member, Entry):
        name, *places = node.args
        if name in names and places and places[-1] == names[name]:
            plain[node] = node.func(name, *places[:-1]) if isinstance(name, MatrixSymbol) else name
    return expr.xreplace(plain)


def _unlabelled(closed: Any, label: Index) -> Any:
    """A closed form for one label: what is defined for each is a plain name."""
    plain: dict[Any, Any] = {}
    definitions = []
    for name, value in closed.args[1]:
        if isinstance(value, Family) and [i.size for i in value.labels] == [label.size]:
            plain[name] = label
            value = value(label)
        definitions.append((name, unlabelled(value, plain)))
    found = closed.func(unlabelled(closed.expr, plain), tuple(definitions))
    labelled = (n for n in found.atoms(Member, Entry) if n.args[0] in plain)
    if any(isinstance(n, Member) or label in n.args for n in labelled):
        raise NoRuleError(
            f"asked for a covariance of {closed}, which has one sample and others: name them apart"
        )
    return found
