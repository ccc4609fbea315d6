"""A Python module of several formulas: one import block, then a function each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .numpy import source

__all__ = ["module"]


def module(functions: Mapping[str, Any], title: str) -> str:
    """The source of a module with a function for every formula; it needs NumPy and SciPy only.

    Parameters
    ==========

    functions : the formulas by the names of their functions.
    title : the docstring of the module.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, sigmoid
    >>> from symprice.emit.module import module
    >>> print(module({'speed': NTVar(sigmoid(Parameter('b')))}, 'How fast.').splitlines()[2])
    from scipy.special import expit
    """
    plain: set[str] = set()
    members: dict[str, set[str]] = {}
    bodies = []
    for name, formula in functions.items():
        body = []
        for line in source(None, formula, name=name).splitlines():
            if line.startswith("from "):
                origin, _, names = line.removeprefix("from ").partition(" import ")
                members.setdefault(origin, set()).update(part.strip() for part in names.split(","))
            elif line.startswith("import "):
                plain.add(line)
            else:
                body.append(line)
        bodies.append("\n".join(body).strip("\n"))
    imports = sorted(plain)
    imports += [
        f"from {origin} import {', '.join(sorted(n))}" for origin, n in sorted(members.items())
    ]
    return "\n\n\n".join([f'"""{title}"""\n\n' + "\n".join(imports), *bodies]) + "\n"
