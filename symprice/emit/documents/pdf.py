"""From LaTeX to PDF, where the machine has a TeX."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

from symprice.errors import SympriceError

__all__ = ["compile_pdf", "complaints"]


def compile_pdf(tex_path: Path, *, timeout: float = 60) -> Path | None:
    """Run pdflatex on ``tex_path`` and return the PDF beside it, or ``None`` without a TeX.

    Two runs settle the table of contents; together they get ``timeout`` seconds. The document
    cannot run programs: shell escape is off.

    Raises
    ------
    SympriceError
        With the first error line of the log, or when the time is over.
    """
    program = shutil.which("pdflatex")
    if program is None:
        return None
    tex_path = Path(tex_path).resolve()
    pdf = tex_path.with_suffix(".pdf")
    pdf.unlink(missing_ok=True)  # an old result must not pass for the new one
    command = [
        program,
        "-no-shell-escape",
        "-interaction=nonstopmode",
        "-halt-on-error",
        tex_path.name,
    ]
    deadline = time.monotonic() + timeout
    for _ in range(2):
        try:
            run = subprocess.run(
                command,
                cwd=tex_path.parent,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=max(deadline - time.monotonic(), 0.01),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SympriceError(
                f"pdflatex was asked for {pdf.name} and did not end within {timeout:g} s. "
                f"Pass a larger timeout, or compile {tex_path.name} by hand."
            ) from error
        if run.returncode != 0 or not pdf.exists():
            raise SympriceError(
                f"pdflatex was asked for {pdf.name} and stopped: {_first_error(run.stdout)} "
                f"The whole log is {tex_path.with_suffix('.log').name}, beside the source."
            )
    for leftover in ("aux", "out", "toc"):
        tex_path.with_suffix(f".{leftover}").unlink(missing_ok=True)
    return pdf


def complaints(log: Path) -> list[str]:
    """What a log says of lines that are too wide, and of labels and sources that are missing."""
    text = log.read_text(encoding="utf-8", errors="replace")
    marks = r"^(?:Overfull .*|LaTeX Warning: (?:Reference|Citation|There were) .*|! .*)$"
    return re.findall(marks, text, re.MULTILINE)


def _first_error(output: bytes) -> str:
    """The first error of a run, with the line of the source that TeX was reading."""
    text = output.decode("utf-8", errors="replace")
    error = re.search(r"^! (.*)$", text, re.MULTILINE)
    if error is None:
        return "it names no error."
    line = re.search(r"^(l\.\d+.*)$", text[error.end() :], re.MULTILINE)
    return f"{error[1].strip().rstrip('.')} ({line[1].strip()})." if line else error[1].strip()
