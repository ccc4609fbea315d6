"""Runs the notebooks: NAME.md, which is what one edits, becomes NAME.ipynb with its outputs.

    python notebooks/run.py                       all of them
    python notebooks/run.py 01-first-formula      one

A cell that fails stops the run; the notebook that stood there before is kept then.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# Seconds that a notebook may take.
LIMIT = 120


def texts() -> list[Path]:
    """The text forms, in order."""
    return sorted(HERE.glob("[0-9][0-9]-*.md"))


def executed(text: Path) -> Any:
    """The notebook of a text form, with its outputs."""
    import jupytext
    from nbclient import NotebookClient

    notebook = jupytext.read(text)
    notebook.metadata.pop("jupytext", None)
    client = NotebookClient(
        notebook, timeout=LIMIT, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    for place, cell in enumerate(notebook.cells):
        # Names and times that change from run to run would make every diff unreadable.
        cell["id"] = f"cell-{place}"
        cell.metadata = {k: v for k, v in cell.metadata.items() if k == "tags"}
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if not _passing(output)]
        for output in cell.get("outputs", []):
            output.pop("execution_count", None)
            if output.output_type == "execute_result":
                output["execution_count"] = cell.execution_count
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    return notebook


def _passing(output: Any) -> bool:
    """Whether it is a progress bar, or what was said beside the outputs: both depend on the day."""
    if output.output_type == "stream":
        return bool(output.name == "stderr")
    return "application/vnd.jupyter.widget-view+json" in output.get("data", {})


def main() -> None:
    """Runs those that are named, or all."""
    import nbformat

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="such as 01-first-formula; all if none is given")
    names = parser.parse_args().names
    for text in texts():
        if names and text.stem not in names:
            continue
        start = time.monotonic()
        nbformat.write(executed(text), text.with_suffix(".ipynb"))
        print(f"{text.stem}: {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
