"""What ``import symprice`` costs beside ``import sympy``, in turn, each in a fresh interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(module: str) -> float:
    """The time of a process that imports a module."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - started


def run(quick: bool = False) -> list[dict[str, object]]:
    """Medians and the ratio of alternating runs; the aim is a ratio of at most 1.15."""
    seconds("symprice"), seconds("sympy")
    pairs = [(seconds("symprice, sympy"), seconds("sympy")) for _ in range(3 if quick else 15)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return [
        {"what": "import symprice, sympy", "seconds": ours, "ratio to sympy": ratio},
        {"what": "import sympy", "seconds": theirs, "ratio to sympy": 1.0},
    ]
