r"""A document as a LaTeX paper that compiles as it is, without overfull lines.

Rule names stand at the right margin as tags. Whether a line has room for its rule, and where it
must break, is decided here from the widths of Computer Modern, so that the source holds nothing
but ordinary ``align*`` blocks that can be copied into another paper. Only packages of the LaTeX
core are used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from symprice.emit.documents.breaking import broken, halves
from symprice.emit.documents.layout import cut_at_words, frame, in_columns
from symprice.emit.documents.model import (
    Beside,
    Block,
    Chain,
    Code,
    Display,
    Document,
    Figure,
    Formula,
    Line,
    Procedure,
    Table,
    Text,
    Verdict,
)
from symprice.emit.documents.page import REPORT, Page
from symprice.emit.documents.prose import plain, spans
from symprice.emit.documents.texbeside import beside_tex
from symprice.emit.documents.texprose import declarations, escaped, math, prose, run
from symprice.emit.documents.width import prose_width, width

__all__ = ["to_tex"]

_SMALL = 0.92  #: small type against the type of the text
_RULE = 16.0  #: beyond this width a rule is set in lines of its own
_LONG = 25  #: a table of more rows may run over pages
_WIDE_PICTURE = 550.0  #: in points of its own: in one of two columns it would be too small to read


def to_tex(
    doc: Document, page: Page = REPORT, show: Callable[[Display, float], str] | None = None
) -> str:
    """The complete LaTeX source of ``doc``.

    Parameters
    ==========

    doc : the document.
    page : the layout.
    show : how a Display is written for lines of a given width; as a chain where not given.
    """
    body = "\n\n".join(part for part in _Writer(page, show).body(doc) if part)
    return (
        page.preamble(body)
        + declarations(body)
        + f"\\hypersetup{{pdftitle={{{escaped(plain(doc.title))}}}}}\n"
        + "\\begin{document}\n\n"
        + body
        + "\n\n\\end{document}\n"
    )


class _Writer:
    """Writes blocks for lines of a width."""

    def __init__(self, page: Page, show: Callable[[Display, float], str] | None) -> None:
        self.page, self.show = page, show
        self.line = page.line
        self.room = page.line - page.indent

    def body(self, doc: Document) -> Iterable[str]:
        """The parts of the document, one after another."""
        yield from self.title(doc)
        for section in doc.sections:
            title = prose(section.title)
            if "$" in section.title:
                title = f"\\texorpdfstring{{{title}}}{{{escaped(plain(section.title))}}}"
            if section.label:
                yield f"\\renewcommand*{{\\thesection}}{{{escaped(section.label)}}}"
            if title:
                yield f"\\section{{{title}}}"
            yield from self.blocks(section.blocks)
        if doc.references:
            items = [f"\\bibitem{{{key}}} {prose(text)}" for key, text in doc.references]
            widest = "9" * len(str(len(items)))
            rows = "\n".join(items)
            yield f"\\begin{{thebibliography}}{{{widest}}}\n{rows}\n\\end{{thebibliography}}"

    def title(self, doc: Document) -> Iterable[str]:
        """The head: of a paper by ``maketitle``."""
        if self.page is not REPORT:
            yield (
                f"\\title{{{prose(doc.title)}}}\n\\author{{{prose(doc.authors)}}}\n\\date{{}}\n"
                "\\maketitle"
            )
            if doc.abstract:
                yield f"\\begin{{abstract}}\n{prose(doc.abstract)}\n\\end{{abstract}}"
            return
        subtitle = f"\\medskip\n{{\\large {prose(doc.subtitle)}\\par}}\n" if doc.subtitle else ""
        yield f"\\begin{{center}}\n{{\\LARGE {prose(doc.title)}\\par}}\n{subtitle}\\end{{center}}"
        if len(doc.sections) > 3:
            yield "{\\setlength{\\parskip}{0pt}\\tableofcontents}"

    def blocks(self, blocks: Sequence[Block]) -> Iterable[str]:
        """The blocks; a display belongs to the paragraph of the text before it."""
        paragraph = ""
        for block in blocks:
            written = self.block(block)
            if not isinstance(block, Chain | Formula | Display):
                yield paragraph
                paragraph = written
            elif paragraph:
                paragraph += f"\n{written}"
            else:
                paragraph = f"\\afresh\n{written}" if self.page is REPORT else written
            if not isinstance(block, Text):
                yield paragraph
                paragraph = ""
        yield paragraph

    def block(self, block: Block) -> str:
        """One block."""
        match block:
            case Text(text):
                parts = re.split(r"\n\s*\n", text.strip())
                # What begins with a small letter goes on with the sentence before a display.
                return "\n\n".join(
                    r"\noindent " * part[:1].islower() + self.paragraph(part) for part in parts
                )
            case Chain(lines):
                return self.chain(lines)
            case Formula(latex, where):
                return self.formula(latex, where)
            case Verdict(ok, text):
                mark = "?" if ok is None else "\\checkmark" if ok else "\\times"
                return f"\\verdict{{{mark}}}{{{prose(text)}}}"
            case Code(text):
                return self.code(text)
            case Beside():
                return self.beside(block)
            case Table():
                return self.table(block)
            case Display():
                return self.display(block)
            case Figure(tikz, svg, caption, label):
                wide = self.page.columns == 2 and _picture_width(svg) > _WIDE_PICTURE
                kind = "figure*" if wide and (caption or label) else "figure"
                return _floating(kind, f"\\fittedpicture{{{tikz}}}", caption, label)
            case Procedure(_, _, latex):
                return latex(self.line - 1.0)

    def display(self, display: Display) -> str:
        """A result, as ``show`` has it, or as a chain and its definitions."""
        if self.show is not None:
            return self.show(display, self.line)
        shown = self.chain(display.chain.lines)
        if not display.where:
            return shown
        return f"{shown}\nwhere\n{self.chain(display.definitions.lines)}"

    def chain(self, lines: Sequence[Line]) -> str:
        """An aligned derivation."""
        if not lines:
            return ""
        lines = [
            Line(math(line.left), math(line.relation), math(line.right), line.rule)
            for line in lines
        ]
        plan = frame(lines, self.room)
        rows: list[str] = []
        for line in lines:
            rows.extend(_rows(line, plan.right, self.room, plan.hanging))
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    def formula(self, latex: str, where: Sequence[tuple[str, str]]) -> str:
        """A result with its definitions."""
        left, relation, right = halves(math(latex))
        shown = self.chain([Line(left, relation, right)])
        if not where:
            return shown
        pairs = [(math(name), math(definition)) for name, definition in where]
        return f"{shown}\nwhere\n{self.definitions(pairs)}"

    def definitions(self, pairs: Sequence[tuple[str, str]]) -> str:
        """The ``where`` block, in as many columns as the line holds."""
        table = in_columns(pairs, self.room - 1, 2.5)
        if table is None:
            return self.chain([Line(name, "=", definition) for name, definition in pairs])
        rows = [" &\\qquad ".join(f"{name} &= {value}" for name, value in row) for row in table]
        body = " \\\\\n".join(rows)
        return f"\\begin{{alignat*}}{{{len(table[0])}}}\n{body}\n\\end{{alignat*}}"

    def code(self, text: str) -> str:
        """Source code, in the largest type that holds its lines."""
        lines = text.expandtabs(4).strip("\n").replace("\\end{verbatim}", "\\end {verbatim}")
        sizes = self.page.code
        longest = max(map(len, lines.split("\n")))
        size = next((name for limit, name in sizes if longest <= limit), sizes[-1][1])
        cut = sizes[-1][0]
        wrapped = [part for line in lines.split("\n") for part in cut_at_words(line, cut)]
        return f"{{\\{size}\n\\begin{{verbatim}}\n" + "\n".join(wrapped) + "\n\\end{verbatim}\n}"

    def beside(self, block: Beside) -> str:
        """Code with its formulas beside it; in a narrow column, below it."""
        if self.page.columns == 1:
            return f"{self.code(block.head)}\n{beside_tex(block, self.line - 1.0)}"
        return "\n\n".join(self.blocks(block.stacked))

    def table(self, table: Table) -> str:
        """A table with rules above, below and under its header; a long one runs over pages."""
        header, rows = table.header, table.rows
        columns = [[row[i] for row in (header, *rows)] for i in range(len(header))]
        natural = [max(prose_width(cell) for cell in column) for column in columns]
        room = self.line - 1.2 * len(columns)
        if sum(natural) * 1.03 <= room:
            layout = "l" * len(columns)
        else:
            layout = "".join(
                f">{{\\raggedright\\arraybackslash}}p{{{wide:.2f}em}}"
                for wide in _shares(natural, room)
            )
        layout = f"@{{}}{layout}@{{}}"
        head = " & ".join(f"\\textbf{{{prose(cell)}}}" for cell in header) + " \\\\"
        lines = [" & ".join(prose(cell) for cell in row) + " \\\\" for row in rows]
        plain = not (table.caption or table.label)
        if self.page.columns == 1 and (plain or len(rows) > _LONG):
            name = f"\\caption{{{prose(table.caption)}}}{_mark(table.label)} \\\\" * (not plain)
            start = f"\\begin{{longtable}}[l]{{{layout}}}"
            top = ["\\toprule", head, "\\midrule\\endhead"]
            return "\n".join([start, *([name] if name else []), *top, *lines,
                              "\\bottomrule", "\\end{longtable}"])  # fmt: skip
        body = "\n".join([f"\\begin{{tabular}}{{{layout}}}", "\\toprule", head, "\\midrule", *lines,
                          "\\bottomrule", "\\end{tabular}"])  # fmt: skip
        return _floating("table", body, table.caption, table.label)

    def paragraph(self, text: str) -> str:
        """A paragraph; an inline formula that is too wide for its line is displayed."""
        parts: list[str] = []
        for span in spans(text):
            if span.kind == "math" and width(span.text) > 0.45 * self.line:
                left, relation, right = halves(math(span.text))
                parts.append("\n" + self.chain([Line(left, relation, right)]) + "\n")
            else:
                parts.append(run(span))
        return "".join(parts)


def _floating(kind: str, body: str, caption: str, label: str) -> str:
    """A table or a figure: with a caption it floats, else it stands where it is."""
    if not (caption or label):
        return f"\\begin{{center}}\n{body}\n\\end{{center}}"
    name = f"\\caption{{{prose(caption)}}}{_mark(label)}"
    table = [r"\setlength{\belowcaptionskip}{4pt}", name, body]
    inside = table if kind == "table" else [body, name]
    return "\n".join([f"\\begin{{{kind}}}[htbp]", "\\centering", *inside, f"\\end{{{kind}}}"])


def _picture_width(svg: str) -> float:
    found = re.search(r'\swidth="([\d.]+)"', svg)
    return float(found[1]) if found else 0.0


def _mark(label: str) -> str:
    return f"\\label{{{label}}}" if label else ""


def _rows(line: Line, available: float, room: float, hanging: bool) -> list[str]:
    """The rows of one line of a chain, the rule on the first row that has room for it."""
    rule = prose_width(line.rule) * _SMALL
    tag = ""
    if line.rule:
        long = rule > _RULE
        rule = min(rule, _RULE)
        tag = f" \\tag*{{\\{'long' if long else ''}rulename{{{prose(line.rule)}}}}}"
    rows: list[tuple[str, float]] = []
    start = f"{line.left} &" if line.left and not hanging else "&"
    if line.left and hanging:
        rows.extend((f"& {piece}", width(piece)) for piece in _pieces(line.left, room, room - 2))
        start = "& \\quad"
    elif hanging:
        start = "& \\quad"
    taken = room - available
    for i, piece in enumerate(_pieces(line.right, available, available - 2)):
        indent = "\\quad\\quad" if hanging else "\\quad"
        opening = f"{start} {line.relation}" if not i else f"& {indent}"
        rows.append((f"{opening} {piece}".rstrip(), width(piece) + taken + (2 if i else 0)))
    for i, (row, wide) in enumerate(rows):
        if tag and wide + 2 + rule < room:
            rows[i] = (row + tag, wide)
            break
    else:
        if tag:
            rows.append((f"&{tag}", 0.0))
    return [row for row, _ in rows]


def _pieces(latex: str, first: float, rest: float) -> list[str]:
    """The lines of a formula; one that nothing can break is scaled to its room."""

    def safe(room: float) -> float:
        return (room - 0.3) / 1.02  # the estimate errs by about so much

    pieces = broken(latex, safe(first), safe(rest))
    return [
        f"\\fitted{{{room:.1f}em}}{{{piece}}}" if width(piece) > safe(room) else piece
        for piece, room in zip(pieces, [first] + [rest] * (len(pieces) - 1), strict=True)
    ]


def _shares(natural: Sequence[float], room: float) -> list[float]:
    """Widths of the columns: what a narrow one needs, the rest shared in proportion."""
    fair = room / len(natural)
    needed = [wide + 0.3 if wide < fair else 0.0 for wide in natural]
    spare = room - sum(needed)
    wanting = sum(wide for wide in natural if wide >= fair)
    return [n or spare * wide / wanting for n, wide in zip(needed, natural, strict=True)]
