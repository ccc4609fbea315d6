"""Other packages in environments of their own: made on request, and asked by subprocesses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np

from .cases import Case
from .timing import Contestant

HERE = Path(__file__).parent


class Peer(NamedTuple):
    """A package, what its environment holds, and the module that shows that it is there."""

    name: str
    requirements: tuple[str, ...]
    module: str


# Structured derivatives run with these versions only.
NEURAL_TANGENTS = Peer(
    "neural-tangents",
    (
        "neural-tangents==0.6.5",
        "jax==0.4.23",
        "jaxlib==0.4.23",
        "numpy==1.26.4",
        "scipy==1.11.4",
    ),
    "neural_tangents",
)
# It evaluates by named tensors, which later versions of PyTorch do not have.
TENSORGRAD = Peer("tensorgrad", ("tensorgrad==0.3.0", "torch<2.13"), "tensorgrad")
PEERS = (NEURAL_TANGENTS, TENSORGRAD)


class Unavailable(Exception):
    """A peer that cannot run here; its text says why."""


class Environments(NamedTuple):
    """Where the environments of the peers are: folder/NAME, made where they are missing and asked
    for.
    """

    folder: Path
    build: bool = False

    @classmethod
    def nowhere(cls) -> Environments:
        """No environments: every peer is skipped."""
        return cls(Path("nowhere"))

    def python(self, peer: Peer) -> Path:
        """The interpreter that has a peer.

        Raises
        ======

        Unavailable : where there is none, with the reason.
        """
        folder = self.folder.absolute() / peer.name
        found = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        if not _imports(found, peer.module):
            if not self.build:
                raise Unavailable(f"{peer.name} is not there: ask for --peers")
            _make(folder, found, peer)
        return found


def _imports(python: Path, module: str) -> bool:
    if not python.exists():
        return False
    return not subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode


def _make(folder: Path, python: Path, peer: Peer) -> None:
    print(f"making an environment for {peer.name} (once) …", flush=True)
    # pip of this environment fills the other: not every python3 can give a venv one of its own.
    steps = (
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)],
        [sys.executable, "-m", "pip", "--python", str(python), "install", *peer.requirements],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise Unavailable(f"{peer.name} could not be installed: {' '.join(last)}")
    if not _imports(python, peer.module):
        raise Unavailable(f"{peer.name} was installed, but does not import")


class NeuralTangents:
    """A process with the kernels of one case, which waits while others are timed."""

    def __init__(self, environments: Environments, case: Case, dtype: str, folder: Path) -> None:
        python = environments.python(NEURAL_TANGENTS)
        params, x, y = case.arrays(dtype)
        for name, array in {**params, "inputs-x": x, "inputs-y": y}.items():
            np.save(folder / f"{name}.npy", array)
        told = {"forward": case.forward, "params": list(params)}
        (folder / "case.json").write_text(json.dumps(told))
        self.folder = folder
        self.process = subprocess.Popen(
            [python, HERE / "neural_tangents_worker.py", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            text=True,
        )
        self._answer()

    def __enter__(self) -> NeuralTangents:
        return self

    def __exit__(self, *_: Any) -> None:
        cast(IO[str], self.process.stdin).close()
        self.process.wait()

    def value(self, kind: str) -> Any:
        """The kernel itself, (n, m, k, k)."""
        self._ask(f"value {kind}")
        return np.load(self.folder / f"{kind}.npy")

    def contestant(self, kind: str) -> Contestant:
        """Timed in that process, so that neither arrays nor answers count."""
        return lambda calls: float(self._ask(f"time {kind} {calls}"))

    def _ask(self, command: str) -> str:
        asked = cast(IO[str], self.process.stdin)
        print(command, file=asked, flush=True)
        return self._answer()

    def _answer(self) -> str:
        answer = cast(IO[str], self.process.stdout).readline().strip()
        if not answer or answer.startswith("failed"):
            raise Unavailable(f"neural-tangents {answer or 'ended'}")
        return answer


def tensorgrad(environments: Environments, hidden: int, way: str, limit: float) -> Any:
    """{'seconds', 'characters'} of tensorgrad's derivation; None where it is not done in time."""
    python = environments.python(TENSORGRAD)
    command = [str(python), str(HERE / "tensorgrad_worker.py"), str(hidden), way]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise Unavailable(f"tensorgrad failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.splitlines()[-1])
