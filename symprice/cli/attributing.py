"""``symprice attribute``: which training examples move a property of a network, from the shell."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import ShapeError
from .network_text import ACTIVATIONS, activation, read_network

__all__ = ["attribute_command", "register"]

EXAMPLES = """\
The archive holds weights and data, as numpy.savez writes them:
  W1 b1 W2 b2 ...   the arrays of a multilayer perceptron, W1 (hidden, inputs), b1 (hidden,), ...;
                    without biases leave the b's out
  X                 the training inputs (N, inputs), floating-point numbers
  y                 their classes (N,), integers, or targets (N, outputs)
  x                 the test input (inputs,)

Another network than a perceptron is written as its layers. The archive holds its arrays by the
names that the package gives them, layer by layer: W1 (filters, channels, places) of Conv1D; WQ1,
WK1, WV1, WO1 of SelfAttention; W1, U1, b1 of RNN; E1 of Embedding; gamma1, beta1 of LayerNorm. X is
(N, tokens, width), (N, channels, length), or (N, tokens) numbers of words; x is one such example.

examples:
  symprice attribute trained.npz
  symprice attribute trained.npz --class 3 --of logit --top 20
  symprice attribute trained.npz --activation relu --scores scores.npy --picture scores.png
  symprice attribute trained.npz --json > scores.json
  symprice attribute trained.npz --network 'Conv1D(3, 8, 5), tanh, GlobalAveragePool, Dense(8, 10)'

exit status: 0, or 2 for input that cannot be used.
"""
_OTHERS = re.compile(r"(E|G|U|WQ|WK|WV|WO|gamma|beta)\d+(_\d+)?")


def register(commands: Any) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "attribute",
        help="say which training examples raise or lower a probability of a trained network",
        description="The score of training example i is NTCov(P, -loss_i): what training on it "
        "does to P, to first order.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("archive", type=Path, metavar="FILE.npz", help="weights and data")
    command.add_argument(
        "--class",
        dest="class_",
        type=int,
        metavar="C",
        help="whose probability P is; the most likely class where not given",
    )
    command.add_argument(
        "--of",
        choices=("probability", "log_probability", "logit"),
        default="probability",
        help="what P is (%(default)s)",
    )
    command.add_argument(
        "--loss",
        choices=("cross_entropy", "squared"),
        default="cross_entropy",
        help="what the network was trained on (%(default)s)",
    )
    command.add_argument(
        "--activation", choices=ACTIVATIONS, default="tanh", help="of hidden layers (%(default)s)"
    )
    command.add_argument(
        "--network",
        metavar="LAYERS",
        help="the layers, where it is no multilayer perceptron, as in "
        "'Embedding(99, 8), RNN(8, 16), Dense(16, 2)'",
    )
    command.add_argument(
        "--top", type=int, default=10, metavar="K", help="how many of each are shown (%(default)s)"
    )
    command.add_argument(
        "--tile",
        type=int,
        default=None,
        metavar="N",
        help="how many examples are computed at a time",
    )
    command.add_argument("--scores", type=Path, metavar="FILE.npy", help="write all scores")
    command.add_argument("--picture", type=Path, metavar="FILE.png", help="draw scores by class")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON object")
    form.add_argument("--latex", action="store_true", help="print the formula")
    command.set_defaults(run=attribute_command)


def attribute_command(arguments: argparse.Namespace) -> int:
    """Read, attribute, print, write."""
    from ..training.attribution import attribute

    arrays = _read(arguments.archive)
    if arguments.network is None:
        network, params = _perceptron(arguments.archive, arrays, arguments.activation)
    else:
        network = read_network(arguments.network)
        params = _of_layers(arguments.archive, arrays, network)
    found = attribute(
        network,
        params,
        arrays["x"],
        arrays["X"],
        arrays["y"],
        arguments.class_,
        of=arguments.of,
        loss=arguments.loss,
        tile=arguments.tile,
        progress=None if sys.stderr.isatty() else False,
    )
    if arguments.scores:
        import numpy as np

        with open(arguments.scores, "wb") as file:  # of a name, save would make another
            np.save(file, found.scores)
    if arguments.picture:
        _draw(found, arguments.picture)
    if arguments.latex:
        print(found.latex())
    elif arguments.json:
        print(json.dumps(_plain(found, arguments.top), indent=2))
    else:
        from ..training.tables import shown

        print(shown(found, k=arguments.top))
    return 0


def _plain(found: Any, k: int) -> dict[str, Any]:
    from ..training.attribution import as_classes

    classes = as_classes(found.targets)

    def listed(places: Any) -> list[dict[str, Any]]:
        rows = [{"example": int(i), "score": float(found.scores[i])} for i in places]
        if classes is not None:
            rows = [{**row, "class": int(classes[row["example"]])} for row in rows]
        return rows

    return {
        "property": found.what,
        "value": found.value,
        "rate": found.rate,
        "examples": len(found),
        "raise": listed(found.top(k)),
        "lower": listed(found.bottom(k)),
    }


def _draw(found: Any, path: Path) -> None:
    from ..plots.style import pyplot

    pyplot().switch_backend("Agg")
    from ..plots.examples import by_class

    ax = by_class(found)
    try:
        ax.figure.savefig(path, dpi=160)
    except ValueError as error:  # an ending that matplotlib does not know
        raise ShapeError(f"asked for a picture in {path}: {error}") from None


def _read(path: Path) -> dict[str, Any]:
    """The arrays of an archive; nothing in it is run."""
    import zipfile

    import numpy as np

    refused = f"asked to read {path}, which is no archive of arrays of numbers: write it with"
    try:
        archive = np.load(path, allow_pickle=False)
        if not hasattr(archive, "files"):
            raise ShapeError(f"{refused} numpy.savez, not numpy.save")
        with archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise ShapeError(f"asked to read {path}: there is no such file") from None
    except IsADirectoryError:
        raise ShapeError(f"asked to read {path}: it is a folder") from None
    except ShapeError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile, OSError):
        raise ShapeError(f"{refused} numpy.savez") from None
    _check_held(path, arrays, ("X", "y", "x"))
    return arrays


def _check_held(path: Path, arrays: dict[str, Any], names: Iterable[str]) -> None:
    missing = [name for name in names if name not in arrays]
    if missing:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise ShapeError(
            f"{path} lacks {', '.join(missing)}, it holds {held}: symprice attribute --help says "
            "what belongs there"
        )


def _of_layers(path: Path, arrays: dict[str, Any], network: Any) -> dict[str, Any]:
    """The parameters of a network, by name."""
    names = [parameter.name for parameter in network.parameters]
    taken = sorted({"X", "x", "y"} & set(names))
    if taken:
        raise ShapeError(
            f"asked for a weight named {', '.join(taken)}, as the data are: give it another name"
        )
    _check_held(path, arrays, names)
    # What is open in a network is not trained, as the ε of LayerNorm(16).
    left_open = {symbol.name for symbol in network.free_symbols} & set(arrays)
    found = network.pack({name: arrays[name] for name in names})
    return {name: arrays[name] for name in left_open} | found


def _perceptron(path: Path, arrays: dict[str, Any], function: str) -> tuple[Any, dict[str, Any]]:
    """The multilayer perceptron whose arrays these are, and its parameters."""
    import symprice

    others = sorted(name for name in arrays if _OTHERS.fullmatch(name))
    if others:
        raise ShapeError(
            f"{path} holds {', '.join(others)}, which a multilayer perceptron does not have: write "
            "its layers, as in --network 'Embedding(99, 8), RNN(8, 16), Dense(16, 2)'"
        )
    _check_held(path, arrays, ("W1",))
    numbers = sorted(int(m[1]) for name in arrays if (m := re.fullmatch(r"W(\d+)", name)))
    if numbers != list(range(1, len(numbers) + 1)):
        raise ShapeError(
            f"the weights are {', '.join(f'W{n}' for n in numbers)}: they are counted from W1 "
            "without gaps"
        )
    biases = [n for n in numbers if f"b{n}" in arrays]
    if biases and biases != numbers:
        lacking = [f"b{n}" for n in numbers if n not in biases]
        raise ShapeError(f"{', '.join(lacking)} is missing: give every layer a bias, or none")
    widths: list[int] = []
    for n in numbers:
        weight = arrays[f"W{n}"]
        if weight.ndim != 2:
            raise ShapeError(
                f"W{n} has the shape {weight.shape}: write (outputs, inputs); of a convolution "
                "say its layers, as in --network 'Conv1D(3, 8, 5), ...'"
            )
        if widths and weight.shape[1] != widths[-1]:
            raise ShapeError(
                f"W{n} takes {weight.shape[1]} inputs, but W{n - 1} gives {widths[-1]}: a weight "
                "is (outputs, inputs); write its transpose if it is stored the other way"
            )
        widths += [weight.shape[0]] if widths else [weight.shape[1], weight.shape[0]]
    chosen = activation(function)
    network = symprice.MLP(*map(int, widths), activation=chosen, bias=bool(biases))
    params = {p.name: arrays[p.name] for p in network.parameters}
    return network, network.pack(params)
