r"""The pages that a document is written for: how wide a line is, and what the preamble says.

Two layouts: a report (displays at the left, rule names as tags) and an article in one or in two
columns. Packages are loaded where the body needs them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ARTICLE", "REPORT", "TWO_COLUMNS", "Page"]


@dataclass(frozen=True)
class Page:
    """A layout: the line in ems (a little less than TeX has), the indent of displays, preamble, and
    the sizes of code by the length of its lines.
    """

    line: float
    indent: float
    columns: int
    start: str
    code: tuple[tuple[int, str], ...] = ((82, "small"), (91, "footnotesize"), (102, "scriptsize"))

    def preamble(self, body: str) -> str:
        """What stands before the document, with the packages that the body uses."""
        parts = [self.start]
        parts += [text for mark, text in _BY_NEED if mark in body]
        parts.append(_COMMON)
        return "\n".join(parts)


_COMMON = r"""\raggedbottom
\setlength{\emergencystretch}{12em}
\tolerance=1500
\allowdisplaybreaks[2]
\renewcommand{\arraystretch}{1.2}
\IfFileExists{upquote.sty}{\usepackage{upquote}}{}
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
  \par\noindent\makebox[2em][l]{$#1$}\parbox[t]{\dimexpr\linewidth-2em}{\raggedright\small #2}\par}
"""
_PACKAGES = r"""\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb}
\usepackage{graphicx,color,array,longtable}
"""
_REPORT = (
    r"""\documentclass[11pt,a4paper,fleqn]{article}
"""
    + _PACKAGES
    + r"""\usepackage[a4paper,textwidth=158mm,top=28mm,bottom=30mm]{geometry}
\usepackage[hidelinks]{hyperref}
\setlength{\mathindent}{2em}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.6\baselineskip}
\makeatletter
\renewcommand*{\l@section}{\@dottedtocline{1}{0em}{2.4em}}
\makeatother"""
)
_ARTICLE = (
    r"""\documentclass[11pt,a4paper]{article}
"""
    + _PACKAGES
    + r"""\usepackage[a4paper,textwidth=158mm,top=28mm,bottom=30mm]{geometry}
\usepackage[hidelinks]{hyperref}"""
)
_COLUMNS = (
    r"""\documentclass[10pt,a4paper,twocolumn]{article}
"""
    + _PACKAGES
    + r"""\usepackage[a4paper,textwidth=178mm,top=25mm,bottom=28mm,columnsep=6mm]{geometry}
\usepackage[hidelinks]{hyperref}"""
)
#: What a piece of the body asks of the preamble.
_BY_NEED = (
    (
        r"\toprule",
        r"""\IfFileExists{booktabs.sty}{\usepackage{booktabs}}{%
  \newcommand{\toprule}{\hline\noalign{\smallskip}}%
  \newcommand{\midrule}{\noalign{\smallskip}\hline\noalign{\smallskip}}%
  \newcommand{\bottomrule}{\noalign{\smallskip}\hline}}""",
    ),
    (r"\begin{algorithmic}", "\\usepackage{algorithm}\n\\usepackage{algpseudocode}"),
    (
        r"\begin{tikzpicture}",
        r"""\usepackage{tikz}
\usetikzlibrary{arrows.meta}
% a picture, made smaller where it is wider than its line
\newsavebox{\picturebox}
\newcommand{\fittedpicture}[1]{\sbox{\picturebox}{#1}%
  \ifdim\wd\picturebox>\linewidth\resizebox{\linewidth}{!}{\usebox{\picturebox}}%
  \else\usebox{\picturebox}\fi}""",
    ),
)

REPORT = Page(40.5, 2.0, 1, _REPORT)
ARTICLE = Page(40.5, 0.0, 1, _ARTICLE)
_NARROW = ((48, "small"), (55, "footnotesize"), (63, "scriptsize"))
TWO_COLUMNS = Page(23.9, 0.0, 2, _COLUMNS, _NARROW)
