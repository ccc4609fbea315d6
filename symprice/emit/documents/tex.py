r"""A document as a LaTeX paper that compiles as it is, without overfull lines.

Rule names stand at the right margin as tags. Whether a line has room for its rule, and where it
must break, is decided here from the widths of Computer Modern, so that the source holds nothing
but ordinary ``align*`` blocks that can be copied into another paper. Only packages of the LaTeX
core are used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from symprice.emit.documents.breaking import broken, halves
from symprice.emit.documents.layout import frame, in_columns
from symprice.emit.documents.model import (
    Block,
    Chain,
    Code,
    Document,
    Formula,
    Line,
    Table,
    Text,
    Verdict,
)
from symprice.emit.documents.prose import plain, spans
from symprice.emit.documents.texprose import declarations, escaped, math, prose, typewriter
from symprice.emit.documents.width import prose_width, width

__all__ = ["to_tex"]

_LINE = 40.5  #: the width of the text in ems, a little less than the geometry below gives
_INDENT = 2.0  #: of displayed formulas
_SMALL = 0.92  #: small type against the type of the text
_RULE = 16.0  #: beyond this width a rule is set in lines of its own

_PREAMBLE = r"""\documentclass[11pt,a4paper,fleqn]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb}
\usepackage{graphicx,color,array,longtable}
\usepackage[a4paper,textwidth=158mm,top=28mm,bottom=30mm]{geometry}
\usepackage[hidelinks]{hyperref}
\setlength{\mathindent}{2em}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.6\baselineskip}
\setlength{\emergencystretch}{12em}
\tolerance=1500
\allowdisplaybreaks[2]
\renewcommand{\arraystretch}{1.2}
\IfFileExists{upquote.sty}{\usepackage{upquote}}{}
\makeatletter
\renewcommand*{\l@section}{\@dottedtocline{1}{0em}{2.4em}}
\makeatother
% before a display that no text introduces: less of the empty line that TeX leaves
\newcommand{\afresh}{\par\vspace{-0.7\baselineskip}}
\definecolor{quiet}{gray}{0.36}
% the name of a rule, at the right of its line
\newcommand{\rulename}[1]{{\small\color{quiet}#1}}
\newcommand{\longrulename}[1]{%
  \parbox[t]{15em}{\raggedleft\small\leavevmode\color{quiet}#1}}
% a formula that nothing can break, made as small as the line
\newcommand{\fitted}[2]{\resizebox{#1}{!}{$\displaystyle #2$}}
% what a numerical check said
\newcommand{\verdict}[2]{%
  \par\makebox[2em][l]{$#1$}\parbox[t]{\dimexpr\linewidth-2em}{\raggedright\small #2}\par}
"""

_CODE_SIZES = ((82, "small"), (91, "footnotesize"), (102, "scriptsize"))


def to_tex(doc: Document) -> str:
    """The complete LaTeX source of ``doc``."""
    body = "\n\n".join(part for part in _body(doc) if part)
    return (
        _PREAMBLE
        + declarations(body)
        + f"\\hypersetup{{pdftitle={{{escaped(plain(doc.title))}}}}}\n"
        + "\\begin{document}\n\n"
        + body
        + "\n\n\\end{document}\n"
    )


def _body(doc: Document) -> Iterable[str]:
    subtitle = f"\\medskip\n{{\\large {prose(doc.subtitle)}\\par}}\n" if doc.subtitle else ""
    yield f"\\begin{{center}}\n{{\\LARGE {prose(doc.title)}\\par}}\n{subtitle}\\end{{center}}"
    if len(doc.sections) > 3:
        yield "{\\setlength{\\parskip}{0pt}\\tableofcontents}"
    for section in doc.sections:
        title = prose(section.title)
        if "$" in section.title:
            title = f"\\texorpdfstring{{{title}}}{{{escaped(plain(section.title))}}}"
        if section.label:
            yield f"\\renewcommand*{{\\thesection}}{{{escaped(section.label)}}}"
        yield f"\\section{{{title}}}"
        yield from _blocks(section.blocks)


def _blocks(blocks: Sequence[Block]) -> Iterable[str]:
    """The blocks; a display belongs to the paragraph of the text before it."""
    paragraph = ""
    for block in blocks:
        written = _block(block)
        if not isinstance(block, Chain | Formula):
            yield paragraph
            paragraph = written
        elif paragraph:
            paragraph += f"\n{written}"
        else:
            paragraph = f"\\afresh\n{written}"
        if not isinstance(block, Text):
            yield paragraph
            paragraph = ""
    yield paragraph


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return "\n\n".join(_paragraph(part) for part in re.split(r"\n\s*\n", text.strip()))
        case Chain(lines):
            return _chain(lines)
        case Formula(latex, where):
            return _formula(latex, where)
        case Verdict(ok, text):
            mark = "\\checkmark" if ok else "\\times"
            return f"\\verdict{{{mark}}}{{{prose(text)}}}"
        case Code(text):
            return _code(text)
        case Table(header, rows):
            return _table(header, rows)


def _chain(lines: Sequence[Line]) -> str:
    if not lines:
        return ""
    lines = [
        Line(math(line.left), math(line.relation), math(line.right), line.rule) for line in lines
    ]
    room = _LINE - _INDENT
    plan = frame(lines, room)
    rows: list[str] = []
    for line in lines:
        rows.extend(_rows(line, plan.right, room, plan.hanging))
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


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


def _formula(latex: str, where: Sequence[tuple[str, str]]) -> str:
    left, relation, right = halves(math(latex))
    shown = _chain([Line(left, relation, right)])
    if not where:
        return shown
    pairs = [(math(name), math(definition)) for name, definition in where]
    return f"{shown}\nwhere\n{_definitions(pairs)}"


def _definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """The ``where`` block, in as many columns as the line holds."""
    table = in_columns(pairs, _LINE - _INDENT - 1, 2.5)
    if table is None:
        return _chain([Line(name, "=", definition) for name, definition in pairs])
    rows = [" &\\qquad ".join(f"{name} &= {value}" for name, value in row) for row in table]
    body = " \\\\\n".join(rows)
    return f"\\begin{{alignat*}}{{{len(table[0])}}}\n{body}\n\\end{{alignat*}}"


def _code(text: str) -> str:
    lines = text.expandtabs(4).strip("\n").replace("\\end{verbatim}", "\\end {verbatim}")
    longest = max(map(len, lines.split("\n")))
    size = next((name for limit, name in _CODE_SIZES if longest <= limit), "scriptsize")
    cut = _CODE_SIZES[-1][0]
    wrapped = [
        line[i : i + cut] for line in lines.split("\n") for i in range(0, max(len(line), 1), cut)
    ]
    return f"{{\\{size}\n\\begin{{verbatim}}\n" + "\n".join(wrapped) + "\n\\end{verbatim}\n}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    columns = [[row[i] for row in (header, *rows)] for i in range(len(header))]
    natural = [max(prose_width(cell) for cell in column) for column in columns]
    room = _LINE - 1.2 * len(columns)
    if sum(natural) * 1.03 <= room:
        layout = "l" * len(columns)
    else:
        layout = "".join(
            f">{{\\raggedright\\arraybackslash}}p{{{wide:.2f}em}}"
            for wide in _shares(natural, room)
        )
    lines = [" & ".join(prose(cell) for cell in row) + " \\\\" for row in rows]
    return "\n".join(
        [
            f"\\begin{{longtable}}[l]{{@{{}}{layout}@{{}}}}",
            "\\hline\\noalign{\\smallskip}",
            " & ".join(f"\\textbf{{{prose(cell)}}}" for cell in header) + " \\\\",
            "\\noalign{\\smallskip}\\hline\\noalign{\\smallskip}\\endhead",
            *lines,
            "\\noalign{\\smallskip}\\hline",
            "\\end{longtable}",
        ]
    )


def _shares(natural: Sequence[float], room: float) -> list[float]:
    """Widths of the columns: what a narrow one needs, the rest shared in proportion."""
    fair = room / len(natural)
    needed = [wide + 0.3 if wide < fair else 0.0 for wide in natural]
    spare = room - sum(needed)
    wanting = sum(wide for wide in natural if wide >= fair)
    return [n or spare * wide / wanting for n, wide in zip(needed, natural, strict=True)]


def _paragraph(text: str) -> str:
    """A paragraph; an inline formula that is too wide for its line is displayed."""
    parts: list[str] = []
    for span in spans(text):
        if span.kind == "math" and width(span.text) > 0.45 * _LINE:
            left, relation, right = halves(math(span.text))
            parts.append("\n" + _chain([Line(left, relation, right)]) + "\n")
        elif span.kind == "math":
            parts.append(f"${math(span.text).strip()}$")
        else:
            parts.append(escaped(span.text) if span.kind == "text" else typewriter(span.text))
    return "".join(parts)
