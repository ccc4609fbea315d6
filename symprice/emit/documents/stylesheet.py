"""The style of the HTML documents: quiet, for any width, for light, darkness and print."""

from __future__ import annotations

__all__ = ["STYLESHEET"]

STYLESHEET = """
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --raised: #f3f4f1; --ink: #1d2125; --quiet: #5b6570; --line: #dcdfdc;
  --accent: #2b5c8a; --good: #21693f; --bad: #a3282c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --raised: #1e2226; --ink: #dde1e4; --quiet: #9ba5ae; --line: #343a40;
    --accent: #8ab6e0; --good: #7fc99a; --bad: #f0918f;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 78rem; padding: 2.5rem clamp(1rem, 4vw, 3rem) 4rem;
  background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 Charter, "Bitstream Charter", "Source Serif 4", Cambria, Georgia, serif;
}
header { max-width: 52rem; margin-bottom: 2rem; }
h1 { font-size: clamp(1.7rem, 4vw, 2.3rem); line-height: 1.2; margin: 0; font-weight: 600; }
h2 { font-size: 1.4rem; line-height: 1.3; margin: 3rem 0 0.8rem; font-weight: 600; }
header p { margin: 0.6rem 0 0; color: var(--quiet); font-size: 1.1rem; }
main { max-width: 52rem; min-width: 0; }
main section:first-child h2 { margin-top: 0; }
p { margin: 0.8rem 0; }
a { color: var(--accent); text-underline-offset: 0.15em; text-decoration-thickness: 0.06em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

nav { font-size: 0.95rem; line-height: 1.4; margin-bottom: 2.5rem; }
nav h2 {
  font-size: 0.8rem; margin: 0 0 0.5rem; color: var(--quiet);
  letter-spacing: 0.06em; text-transform: uppercase;
}
nav ol { list-style: none; margin: 0; padding: 0; counter-reset: entry; }
nav li { counter-increment: entry; padding-left: 2.2em; text-indent: -2.2em; margin: 0.35rem 0; }
nav li::before {
  content: counter(entry); display: inline-block; width: 2.2em; text-indent: 0;
  color: var(--quiet);
}
nav li[data-label]::before { content: attr(data-label); }
nav a { color: inherit; text-decoration: none; }
nav a:hover { text-decoration: underline; }
main { counter-reset: section; }
main h2 { counter-increment: section; }
main h2::before { content: counter(section); color: var(--quiet); margin-right: 0.8em; }
main h2[data-label]::before { content: attr(data-label); }
@media (min-width: 68rem) {
  .columns { display: grid; grid-template-columns: 15rem minmax(0, 52rem); gap: 4rem; }
  nav { position: sticky; top: 2rem; align-self: start; max-height: 92vh; overflow-y: auto; }
}

math {
  font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "Noto Sans Math", math;
  font-size: 1.06em; text-indent: 0;
}
math[displaystyle] { margin: 0.15em 0; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: 0.88em; overflow-wrap: anywhere; }
code.tex { color: var(--bad); }
pre {
  background: var(--raised); border-radius: 6px; padding: 0.9rem 1.1rem; overflow-x: auto;
  line-height: 1.5;
}
pre code { overflow-wrap: normal; }

.display { overflow-x: auto; margin: 1.2rem 0; padding: 0.2rem 0 0.2rem 1.2rem; }
.chain { border-collapse: collapse; width: 100%; }
.chain td { padding: 0.32rem 0; vertical-align: baseline; }
.chain .left { text-align: right; white-space: nowrap; width: 1%; }
.chain .lead { text-align: left; }
.chain .relation { text-align: center; padding-inline: 0.45em; white-space: nowrap; width: 1%; }
.chain .right { padding-left: 1.6em; text-indent: -1.6em; line-height: 2; }
.chain .rule {
  width: 13rem; padding-left: 1.5rem; color: var(--quiet); font-size: 0.88rem; line-height: 1.4;
}
.unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
.formula {
  margin: 1.4rem 0; padding: 0.5rem 1.2rem 0.7rem; background: var(--raised);
  border-left: 3px solid var(--accent); border-radius: 0 6px 6px 0;
}
.formula .display { margin: 0; padding: 0.2rem 0; }
.where {
  display: grid; grid-template-columns: repeat(auto-fill, min(100%, var(--cell)));
  align-items: baseline; gap: 0.35rem 0; margin: 0.3rem 0 0; padding: 0;
}
.where li { list-style: none; max-width: 100%; overflow-x: auto; overflow-y: hidden; }
.where-word { color: var(--quiet); font-size: 0.9rem; margin: 0.4rem 0 0; }
.verdict { font-size: 0.95rem; display: flex; gap: 0.7em; margin: 0.9rem 0; }
.verdict .mark { font-weight: 700; font-family: system-ui, sans-serif; }
.good .mark { color: var(--good); }
.bad { color: var(--bad); }
.cells { overflow-x: auto; margin: 1.2rem 0; }
.cells table { border-collapse: collapse; }
.cells th, .cells td {
  text-align: left; padding: 0.45rem 1.6rem 0.45rem 0; vertical-align: baseline;
  border-bottom: 1px solid var(--line);
}
.cells th { font-weight: 600; border-bottom: 2px solid var(--quiet); }
footer { margin-top: 3rem; color: var(--quiet); font-size: 0.9rem; }

@media (max-width: 44rem) {
  .display { padding-left: 0; }
  .chain, .chain tbody { display: block; }
  .chain tr {
    display: grid; grid-template-columns: auto minmax(0, 1fr); margin: 0.5rem 0;
    align-items: baseline;
  }
  .chain td { padding-block: 0.1rem; }
  .chain .left { grid-column: 1 / -1; text-align: left; width: auto; }
  .chain .left:empty { display: none; }
  .chain .relation { grid-column: 1; padding-left: 0.6em; }
  .chain .right { grid-column: 2; overflow-x: auto; overflow-y: hidden; }
  .chain .rule { grid-column: 2; padding-left: 0; width: auto; }
  .chain .rule:empty { display: none; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --raised: #fff; --ink: #000; --quiet: #444; --line: #bbb;
    --accent: #444; --good: #000; --bad: #000;
  }
  @page { margin: 20mm 18mm; }
  body { padding: 0; font-size: 10.5pt; max-width: none; }
  .columns { display: block; }
  nav { position: static; max-height: none; }
  main { max-width: none; }
  a { color: inherit; text-decoration: none; }
  h2 { break-after: avoid; }
  .formula, .verdict, .chain tr, pre, .cells tr { break-inside: avoid; }
  .display, pre, .cells { overflow: visible; }
  pre { white-space: pre-wrap; border: 1px solid var(--line); }
}
"""
