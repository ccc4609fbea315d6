r"""A paper from a list of results: text, formulas, derivations, algorithms, tables, diagrams.

The results say themselves what they are shown as; the sources are those that their docstrings name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from sympy import Basic

from ..errors import NameClashError, NoRuleError, ShapeError
from .documents.html import to_html
from .documents.markdown import read_by, to_markdown
from .documents.model import Block, Display, Document, Figure, Section, Text
from .documents.page import ARTICLE, TWO_COLUMNS
from .documents.pdf import compile_pdf, complaints
from .documents.prose import spans
from .documents.sources import Source, sources_of
from .documents.tex import to_tex
from .latex import displayed
from .lines import Lines
from .notation import Notation, noted
from .paper_blocks import Blocks, kind_of

__all__ = ["Paper", "paper"]

_LABEL = r"[A-Za-z]+:[A-Za-z0-9.+/_-]+"
_SAFE = 0.98  # the estimate of a width errs by about so much


@dataclass(frozen=True)
class Paper:
    """A paper, made by ``paper``: LaTeX, PDF, Markdown, HTML and BibTeX of the same content.

    Attributes
    ==========

    title, authors, abstract : prose, in which dollars enclose mathematics.
    items : the results and texts in order.
    columns : 1 or 2.
    notation : how formulas are written.

    Examples
    ========

    >>> from symprice import NTVar, paper, parameters, sigmoid
    >>> found = paper(['# The variance', NTVar(sigmoid(parameters('b')))], title='A neuron')
    >>> found.title, len(found.items), found.columns
    ('A neuron', 2, 1)
    """

    items: tuple[Any, ...]
    title: str
    authors: str = ""
    abstract: str = ""
    columns: int = 1
    notation: Notation | None = None
    rules: str = "right"
    where: bool | str = True
    checked: bool = False
    further: tuple[Any, ...] = ()

    # --- outputs ----------------------------------------------------------------------------------
    def latex(self) -> str:
        """The source of the document, which pdflatex compiles as it is."""
        spelling = noted(self.notation)
        page = TWO_COLUMNS if self.columns == 2 else ARTICLE
        tex = to_tex(self._document, page, self._shown)
        if spelling.macros:
            tex = tex.replace(
                r"\begin{document}", spelling.preamble() + "\n" + r"\begin{document}", 1
            )
        return tex

    def markdown(self, reader: str = "github") -> str:
        """The paper in Markdown, for GitHub and Jupyter or for 'pandoc'; figures are files of their
        own, which ``save`` writes.
        """
        return read_by(reader, to_markdown(self._resolved))

    def html(self) -> str:
        """The paper as one HTML file, with MathML."""
        return to_html(self._resolved)

    def bibtex(self) -> str:
        """The sources of the results, for a .bib file."""
        return "\n\n".join(source.bibtex() for source in self.sources) + "\n" * bool(self.sources)

    def save(self, folder: str | Path, name: str = "paper") -> dict[str, Path]:
        """Write name.tex, name.bib, name.md, name.html, the figures, and name.pdf where there is a
        TeX; what was written, by kind.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise NameClashError(f"asked to save a paper as {name!r}: write letters and digits")
        contents = {
            "tex": self.latex(), "bib": self.bibtex(), "md": self.markdown(), "html": self.html(),
        }  # fmt: skip
        written = {kind: folder / f"{name}.{kind}" for kind, text in contents.items() if text}
        for kind, path in written.items():
            path.write_text(contents[kind], encoding="utf-8")
        for block in self._blocks:
            if isinstance(block, Figure):
                figure = re.sub(r"[^A-Za-z0-9]+", "-", block.label).strip("-") or "figure"
                (folder / f"{figure}.svg").write_text(block.svg, encoding="utf-8")
        pdf = compile_pdf(written["tex"])
        if pdf is not None:
            written["pdf"] = folder / pdf.name
        return written

    def complaints(self, folder: str | Path, name: str = "paper") -> list[str]:
        """What TeX complained of in the log of a saved paper: lines too wide, labels without an
        equation. Empty where all is well.
        """
        log = Path(folder) / f"{name}.log"
        if not log.exists():
            raise NoRuleError(
                f"asked what TeX says of {name}.tex, but there is no log: write it with save(), "
                "on a machine that has pdflatex"
            )
        return complaints(log)

    @cached_property
    def sources(self) -> list[Source]:
        """The sources of the results, in order of their first use."""
        return sources_of([*(result for _, result in self._results()), *self.further])

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def __reduce__(self) -> tuple[Any, ...]:
        return Paper, tuple(getattr(self, field.name) for field in fields(self))

    # --- content ----------------------------------------------------------------------------------
    def _results(self) -> Iterable[tuple[str, Any]]:
        """(label, result) of everything that is no text."""
        for item in self.items:
            label, result, _ = _labelled(item)
            if not isinstance(result, str):
                yield label, result

    @cached_property
    def _blocks(self) -> list[Block | str]:
        """The blocks; a title of a section as a string."""
        blocks: list[Block | str] = []
        writer = Blocks(noted(self.notation), self.checked)
        for item in self.items:
            label, result, caption = _labelled(item)
            if isinstance(result, str):
                for part in re.split(r"\n\s*\n", result.strip()):
                    heading = re.match(r"#+\s+(.*)", part)
                    blocks.append(heading[1].strip() if heading else Text(part))
            else:
                blocks += writer.blocks(result, label, caption)
        return blocks

    @cached_property
    def _document(self) -> Document:
        sections: list[Section] = []
        title = ""
        inside: list[Block] = []
        for block in [*self._blocks, None]:
            if isinstance(block, str) or block is None:
                if title or inside:
                    sections.append(Section(title, tuple(inside)))
                title, inside = block or "", []
            else:
                inside.append(block)
        references = tuple((source.key, source.text) for source in self.sources)
        found = Document(self.title, "", tuple(sections), self.authors, self.abstract, references)
        self._checked(found)
        return found

    def _checked(self, document: Document) -> None:
        """Whether every source and every number that the text names is there."""
        labels = set(self._numbers())
        keys = {key for key, _ in document.references}
        for text in (b.text for s in document.sections for b in s.blocks if isinstance(b, Text)):
            for span in spans(text):
                if span.kind == "ref" and span.text not in labels:
                    raise NameClashError(
                        f"the text refers to [#{span.text}], but the labels are "
                        f"{', '.join(sorted(labels)) or 'none'}: give a result its label as "
                        f"('{span.text}', result)"
                    )
                unknown = span.kind == "cite" and set(span.text.split(",")) - keys
                if unknown:
                    raise NameClashError(
                        f"the text cites {', '.join(sorted(unknown))}, but the sources are "
                        f"{', '.join(sorted(keys)) or 'none'}"
                    )

    def _numbers(self) -> dict[str, str]:
        """The number of every label, by its kind."""
        counts: dict[str, int] = {}
        found = {}
        for label, result in self._results():
            kind = kind_of(result)
            if label or kind == "algorithm":
                counts[kind] = counts.get(kind, 0) + 1
                if label:
                    found[label] = str(counts[kind])
        return found

    @cached_property
    def _resolved(self) -> Document:
        """The document with numbers and names in place of labels and keys."""
        document, numbers = self._document, self._numbers()
        cited = {source.key: source.short for source in self.sources}

        def resolve(text: str) -> str:
            def number(match: re.Match[str]) -> str:
                plain = numbers.get(match[1], match[1])
                return f"({plain})" if match[1].startswith("eq") else plain

            text = re.sub(r"\[#([\w:.+/-]+)\]", number, text)
            return re.sub(
                r"\[@([\w,; :-]+)\]",
                lambda m: "(" + "; ".join(cited[k] for k in re.split(r"[,;\s]+", m[1])) + ")",
                text,
            )

        sections = tuple(
            Section(
                section.title,
                tuple(Text(resolve(b.text)) if isinstance(b, Text) else b for b in section.blocks),
            )
            for section in document.sections
        )
        return Document(
            document.title, "", sections, document.authors, document.abstract, document.references
        )

    def _shown(self, display: Display, line: float) -> str:
        """A result as a numbered display, or without a number where it has no label."""
        name = "align" if display.label else "align*"
        long = len(display.lines) == 1 and not display.where
        rules = self.rules
        return displayed(
            Lines(display.lines, display.where, display.closing),
            environment=("equation" if display.label else "equation*") if long else name,
            label=display.label or None,
            width=_SAFE * line,
            rules=rules,
            where=self.where,
            notation=noted(self.notation),
        )


def paper(
    results: Iterable[Any],
    *,
    title: str,
    authors: str | Sequence[str] = "",
    abstract: str = "",
    columns: int = 1,
    notation: Any = None,
    rules: str = "right",
    where: bool | str = True,
    check: bool = False,
    sources: Iterable[Any] = (),
) -> Paper:
    r"""A complete paper from a list of results.

    Parameters
    ==========

    results : in order, texts and results. A text that begins with ``#`` opens a section, others are
        paragraphs; in them dollars enclose mathematics, ``[@key]`` cites a source and ``[#label]``
        a number. A result is a formula, an equation, a closed form, a derivation or a list of
        these; a Network or its ``draw()``; an algorithm or a way of moving θ; a table, a list of
        rows; a generated function, shown as code and as formulas; a Report. ``(label, result)``
        gives it a label, and an equation its number; ``(label, result, caption)`` a figure, a
        table or an algorithm its caption.
    title, authors, abstract : prose; authors may be a list of names.
    columns : 1, or 2 for a two-column paper.
    notation : as for ``to_latex``.
    rules, where : as for ``to_latex``, for all results.
    check : whether every result is checked, with the verdict below it.
    sources : beside the sources of the results: references as text, 'A. Author, Title, Venue 2020',
        or anything whose docstring names some.

    Raises
    ======

    NoRuleError : for what cannot be shown.
    NameClashError : for a label that is used twice, or a text that refers to what is not there.

    Examples
    ========

    >>> from sympy import Eq
    >>> from symprice import NTVar, parameters, sigmoid
    >>> V = NTVar(sigmoid(parameters('b')))
    >>> short = paper(['# The variance', 'For one neuron,', ('eq:v', Eq(V, V.doit())),
    ...                'and of many as in [@jacot2018neural], see [#eq:v].'], title='A neuron')
    >>> print(short.latex().split(r'\maketitle')[1].split(r'\begin{theb')[0].strip())
    \section{The variance}
    <BLANKLINE>
    For one neuron,
    \begin{equation}
    \label{eq:v}
    \operatorname{NTVar}(\sigma(b)) = \sigma(b)^{2} \left(1 - \sigma(b)\right)^{2}
    \end{equation}
    <BLANKLINE>
    \noindent and of many as in \cite{jacot2018neural}, see \eqref{eq:v}.

    ``short.save(folder)`` writes LaTeX, BibTeX, Markdown, HTML and, where there is a TeX, the PDF.
    """
    if columns not in (1, 2):
        raise ShapeError(f"asked for a paper in {columns} columns: write 1 or 2")
    for what, given in (("title", title), ("abstract", abstract)):
        if not isinstance(given, str):
            raise ShapeError(f"asked for a paper with the {what} {given!r}: write a text")
    items = _listed(results)
    labels = [label for label, *_ in map(_labelled, items) if label]
    for label in labels:
        if labels.count(label) > 1:
            raise NameClashError(f"two results have the label {label!r}: write another one")
    if not isinstance(authors, str):
        authors = ", ".join(authors)
    spelling = None if notation is None else noted(notation)
    found = Paper(
        items, title, authors, abstract, columns, spelling, rules, where, check, tuple(sources)
    )
    _ = found._document  # what cannot be shown is found out now
    return found


def _listed(results: Any) -> tuple[Any, ...]:
    """The texts and results of a paper; of what is no list, the one there is."""
    if results is None or isinstance(results, dict):
        raise ShapeError(
            f"asked for a paper of {str(results)[:60]}: write a list of texts and results, and a "
            "result with its label as ('eq:kernel', K)"
        )
    if isinstance(results, (str, Basic)) or not isinstance(results, Iterable):
        return (results,)
    items = tuple(results)
    pair = isinstance(results, tuple) and len(items) in (2, 3) and isinstance(items[0], str)
    if pair and not isinstance(items[1], str) and re.fullmatch(_LABEL, items[0]):
        return (results,)
    return items


def _labelled(item: Any) -> tuple[str, Any, str]:
    """The label, the result and the caption of an item."""
    if not (isinstance(item, tuple) and len(item) in (2, 3) and isinstance(item[0], str)):
        return "", item, ""
    caption = item[2] if len(item) == 3 else ""
    if re.fullmatch(_LABEL, item[0]) and isinstance(caption, str):
        return item[0], item[1], caption
    raise NameClashError(
        f"asked for a result with the label {item[0]!r}: write a kind and a name, as in "
        "('eq:kernel', K), and its caption the third: ('fig:net', net, 'The network.')"
    )
