"""What a simulation found, beside what was expected."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["MonteCarlo"]

# Beyond this z-score, samples and formula disagree; so many components are shown.
_TOO_FAR, _SHOWN = 5, 10
_HEADS = ("", "", "sample", "closed form", "by definition", "z")


class MonteCarlo(NamedTuple):
    """Of each component: sample mean and variance, their closed forms, and z-scores of both.

    Truthy where no z-score is beyond 5. Beside the samples stand the moments by their definition, a
    sum or an integral over the actions, which needs no luck: where a closed form differs from
    it, the z-score is infinite (nan where the definition is out of reach). Of an estimator with the
    best baseline, the baseline is held against its definition too. Made by ``monte_carlo``.

    Examples
    ========

    >>> import numpy as np
    >>> from symprice import GaussianPolicy, monte_carlo
    >>> found = monte_carlo((GaussianPolicy(1, 2), lambda a: a**2), 1000, np.random.default_rng(0))
    >>> found.mean_expected, found.variance_expected
    (array([5.]), array([48.]))
    >>> print(found)
                      sample  closed form  by definition      z
    mean      reward   4.633            5              5  -1.67
    variance  reward   43.89           48             48  -0.76
    """

    mean: Any
    mean_expected: Any
    mean_z: Any
    variance: Any
    variance_expected: Any
    variance_z: Any
    mean_by_definition: Any = ()
    variance_by_definition: Any = ()
    baseline: Any = ()
    baseline_expected: Any = ()
    baseline_z: Any = ()
    baseline_by_definition: Any = ()
    names: Any = ()

    def __bool__(self) -> bool:
        zs = (*self.mean_z, *self.variance_z, *self.baseline_z)
        return all(abs(float(z)) <= _TOO_FAR for z in zs)

    def _rows(self) -> list[tuple[str, ...]]:
        """What, of which component, and four numbers as text."""
        columns = ("", "_expected", "_by_definition", "_z")
        rows = []
        for kind in ("mean", "variance", "baseline"):
            numbers = [getattr(self, kind + column) for column in columns]
            for i in range(min(len(numbers[0]), _SHOWN)):
                found = [f"{column[i]:.4g}" if len(column) else "" for column in numbers[:-1]]
                name = str(self.names[i]) if self.names else str(i + 1)
                rows.append((kind, name, *found, f"{numbers[-1][i]:.2f}"))
        return rows

    def __repr__(self) -> str:
        rows = [_HEADS, *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            cells = zip(row, widths, strict=True)
            shown = [x.ljust(w) if k < 2 else x.rjust(w) for k, (x, w) in enumerate(cells)]
            lines.append("  ".join(shown).rstrip())
        if len(self.mean) > _SHOWN:
            lines.append(f"({len(self.mean) - _SHOWN} further components)")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        head = "".join(f"<th>{text}</th>" for text in _HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in self._rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
