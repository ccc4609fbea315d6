"""A document as one HTML file that needs no network, no script and no font of its own.

Mathematics is MathML. A long right-hand side is set as a row of formulas, one to a term, so that
the browser can break the line between them at any width of the window.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from html import escape

from symprice.emit.documents.breaking import halves, pieces
from symprice.emit.documents.mathml import to_mathml
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
    Section,
    Table,
    Text,
    Verdict,
)
from symprice.emit.documents.prose import plain, spans
from symprice.emit.documents.stylesheet import STYLESHEET
from symprice.emit.documents.width import width

__all__ = ["to_html"]

_log = logging.getLogger(__name__)

_LEAD = 15.0  #: a left side wider than this (in ems) stands on a line of its own
_UNBROKEN = 14.0  #: a right side up to this width stays one formula
_PIECE = 26.0  #: and a term up to this width
#: What the page may load: nothing. Its own style is inline.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def to_html(doc: Document, *, fallbacks: list[str] | None = None) -> str:
    """The HTML of ``doc``.

    A fragment that cannot be converted to MathML is shown as its TeX source. Such fragments are
    appended to ``fallbacks`` where a list is given, logged as a warning, and counted at the foot
    of the page.
    """
    return _Writer([] if fallbacks is None else fallbacks).document(doc)


def _label(section: Section) -> str:
    return f' data-label="{escape(section.label)}"' if section.label else ""


class _Writer:
    """Writes blocks, and remembers what could not be converted."""

    def __init__(self, fallbacks: list[str]) -> None:
        self.fallbacks = fallbacks
        self.already = len(fallbacks)

    def document(self, doc: Document) -> str:
        entries = "\n".join(
            f'<li{_label(section)}><a href="#section-{i}">{self.prose(section.title)}</a></li>'
            for i, section in enumerate(doc.sections, start=1)
        )
        sections = "\n".join(
            self.section(i, section) for i, section in enumerate(doc.sections, start=1)
        )
        sections += self.references(doc)
        said = (doc.subtitle, doc.authors, doc.abstract)
        subtitle = "".join(f"\n<p>{self.prose(text)}</p>" for text in said if text)
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="symprice">
<title>{escape(plain(doc.title))}</title>
<style>{STYLESHEET}</style>
</head>
<body>
<header>
<h1>{self.prose(doc.title)}</h1>{subtitle}
</header>
<div class="columns">
<nav aria-labelledby="contents">
<h2 id="contents">Contents</h2>
<ol>
{entries}
</ol>
</nav>
<main>
{sections}
{self.footer()}</main>
</div>
</body>
</html>
"""

    def references(self, doc: Document) -> str:
        if not doc.references:
            return ""
        items = "\n".join(f"<li>{self.prose(text)}</li>" for _, text in doc.references)
        return f"\n<section>\n<h2>References</h2>\n<ol>\n{items}\n</ol>\n</section>"

    def footer(self) -> str:
        count = len(self.fallbacks) - self.already
        if not count:
            return ""
        noun = "formula is" if count == 1 else "formulas are"
        _log.warning("%d %s shown as TeX source: %s", count, noun, self.fallbacks[self.already :])
        return f"<footer>{count} {noun} shown as TeX source.</footer>\n"

    def section(self, number: int, section: Section) -> str:
        blocks = "\n".join(self.block(block) for block in section.blocks)
        return (
            f'<section id="section-{number}" aria-labelledby="title-{number}">\n'
            f'<h2 id="title-{number}"{_label(section)}>{self.prose(section.title)}</h2>\n'
            f"{blocks}\n</section>"
        )

    def block(self, block: Block) -> str:
        match block:
            case Text(text):
                parts = re.split(r"\n\s*\n", text.strip())
                return "\n".join(f"<p>{self.prose(part)}</p>" for part in parts)
            case Chain(lines):
                return self.chain(lines, "Derivation")
            case Formula(latex, where):
                return self.formula(latex, where)
            case Verdict(ok, text):
                kind, mark, word = ("good", "✓", "Holds") if ok else ("bad", "✗", "Fails")
                if ok is None:
                    kind, mark, word = "open", "?", "Undecided"
                return (
                    f'<p class="verdict {kind}"><span class="mark" aria-hidden="true">{mark}</span>'
                    f'<span><span class="unseen">{word}: </span>{self.prose(text)}</span></p>'
                )
            case Code(text, language):
                kind = f' class="language-{escape(language)}"' if language else ""
                return f"<pre><code{kind}>{escape(text.strip(chr(10)), quote=False)}</code></pre>"
            case Beside():
                return self.beside(block)
            case Display(_, where):
                shown = self.chain(block.chain.lines, "Result")
                if where:
                    shown += '\n<p class="where-word">where</p>\n'
                    shown += self.chain(block.definitions.lines, "Definitions")
                return shown
            case Procedure(title, lines, _):
                return self.procedure(title, lines)
            case Figure(_, svg, caption, _):
                told = f"\n<figcaption>{self.prose(caption)}</figcaption>" if caption else ""
                return f"<figure>{svg}{told}</figure>"
            case Table(header, rows):
                return self.table(header, rows)

    def chain(self, lines: Sequence[Line], name: str) -> str:
        ruled = any(line.rule for line in lines)
        rows = "\n".join(self.line(line, ruled) for line in lines)
        return (
            f'<div class="display"><table class="chain" aria-label="{name}">\n<tbody>\n'
            f"{rows}\n</tbody>\n</table></div>"
        )

    def line(self, line: Line, ruled: bool) -> str:
        left, lead = line.left.strip(), ""
        if left and width(left) > _LEAD:
            span = 4 if ruled else 3
            lead = f'<tr><td class="left lead" colspan="{span}">{self.broken(left)}</td></tr>\n'
            left = ""
        cells = [
            f'<td class="left">{self.math(left, display=True) if left else ""}</td>',
            f'<td class="relation">{self.math(line.relation) if line.relation else ""}</td>',
            f'<td class="right">{self.broken(line.right)}</td>',
        ]
        if ruled:
            cells.append(f'<td class="rule">{self.prose(line.rule)}</td>')
        return f"{lead}<tr>{''.join(cells)}</tr>"

    def formula(self, latex: str, where: Sequence[tuple[str, str]]) -> str:
        left, relation, right = halves(latex)
        shown = self.chain([Line(left, relation, right)], "Result")
        if where:
            items = "\n".join(
                f"<li>{self.math(f'{name} = {definition}', display=True)}</li>"
                for name, definition in where
            )
            widest = max(width(f"{name} = {definition}") for name, definition in where)
            shown += (
                '\n<p class="where-word">where</p>\n'
                f'<ul class="where" style="--cell: {1.15 * widest + 2:.1f}em">\n{items}\n</ul>'
            )
        return f'<div class="formula">\n{shown}\n</div>'

    def beside(self, block: Beside) -> str:
        rows = "\n".join(
            f'<tr><td><code style="white-space: pre-wrap">{escape(code, quote=False)}</code></td>'
            f"<td>{self.math(f'{line.left} {line.relation} {line.right}')}</td></tr>"
            for code, line in block.rows
        )
        head = f"<pre><code>{escape(block.head.strip(chr(10)), quote=False)}</code></pre>"
        return f'{head}\n<div class="cells"><table><tbody>\n{rows}\n</tbody></table></div>'

    def procedure(self, title: str, lines: Sequence[tuple[int, str]]) -> str:
        items = "\n".join(
            f'<li style="margin-left: {1.6 * depth:.1f}em">{self.prose(text)}</li>'
            for depth, text in lines
        )
        return (
            f'<p class="procedure">{self.prose(title)}</p>\n<ol class="procedure">\n{items}\n</ol>'
        )

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        head = "".join(f'<th scope="col">{self.prose(cell)}</th>' for cell in header)
        body = "\n".join(
            "<tr>" + "".join(f"<td>{self.prose(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        return (
            f'<div class="cells"><table>\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{body}\n</tbody>\n</table></div>"
        )

    def prose(self, text: str) -> str:
        out: list[str] = []
        for span in spans(text):
            if span.kind == "math":
                out.append(self.math(span.text))
            elif span.kind == "code":
                out.append(f"<code>{escape(span.text, quote=False)}</code>")
            else:
                out.append(escape(span.text, quote=False))
        return "".join(out)

    def broken(self, latex: str) -> str:
        """A displayed formula, one element to a piece, so that its line can break."""
        parts = pieces(latex, _PIECE) if width(latex) > _UNBROKEN else (latex,)
        if len(parts) == 1:
            return self.math(latex, display=True) if latex.strip() else ""
        # the empty group makes the leading sign one between two terms, with its spaces
        written = [to_mathml(part if not i else "{}" + part, display=True)
                   for i, part in enumerate(parts)]  # fmt: skip
        if any(part is None for part in written):
            return self.math(latex, display=True)
        return "<wbr>".join(part for part in written if part)

    def math(self, latex: str, *, display: bool = False) -> str:
        written = to_mathml(latex, display=display)
        if written is None:
            self.fallbacks.append(latex)
            return f'<code class="tex">{escape(latex, quote=False)}</code>'
        return written
