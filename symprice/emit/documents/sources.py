r"""The sources of results: read from the References of docstrings, written as BibTeX.

A class or function names its sources once, in its docstring. What a document uses is what the
classes in its results name, so that the list of references cannot forget one.
"""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sympy import Basic, preorder_traversal

from symprice.emit.documents.texprose import escaped

__all__ = ["Source", "parsed", "sources_of"]

_SECTION = re.compile(r"^\s*References\n\s*=+\n(.*?)(?=\n[^\n]+\n\s*(?:=+|-+)\n|\Z)", re.M | re.S)
# Between two references of one paragraph: an end, and the initials of the next author.
_BETWEEN = re.compile(
    r"(?<=[.)\d])(?:\.?;|\.) (?:in this form )?(?=(?:[A-Z]\.[ -]?)+[A-ZÉ]|[a-z]+, [A-Z])"
    r"|(?<=\)\.) (?=(?:[A-Z]\.[ -]?)+[A-ZÉ])|(?<=\d\.) (?=(?:[A-Z]\.[ -]?)+[A-ZÉ]|[a-z]+, [A-Z])"
)
_AUTHOR = re.compile(r"(?:[A-Z]\.[ -]?)+(?:(?:de|van|von|der) )*[A-ZÉÖÜ][\w'’-]*(?: et al\.?)?")
_YEAR = re.compile(r"\(?\b((?:1[89]|20)\d\d)\b\)?")


@dataclass(frozen=True)
class Source:
    """A paper, book or page.

    Attributes
    ==========

    key : what it is cited by, as ``kingma2015adam``.
    authors, title, venue, year : what is known of it; empty where the text does not say.
    text : the reference as it was written.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    venue: str
    year: str
    text: str

    @property
    def short(self) -> str:
        """As it is cited in running text: `Kingma and Ba, 2015`."""
        names = [author.removesuffix(" et al.").removesuffix(" et al").split(". ")[-1]
                 for author in self.authors]  # fmt: skip
        if not names:
            return self.text
        many = len(names) > 2 or any("et al" in author for author in self.authors)
        who = f"{names[0]} et al." if many else " and ".join(names)
        return f"{who}, {self.year}" if self.year else who

    def bibtex(self) -> str:
        """The entry for a .bib file."""
        if not (self.authors and self.title):
            return f"@misc{{{self.key},\n  note = {{{escaped(self.text)}}},\n}}"
        venue = self.venue
        article = re.search(r"\d", venue) is not None and "arXiv" not in venue
        kind = "article" if article else "inproceedings" if venue else "misc"
        where = {"article": "journal", "inproceedings": "booktitle", "misc": "howpublished"}[kind]
        authors = " and ".join(part for a in self.authors for part in _split_others(a))
        fields = {"author": escaped(authors), "title": f"{{{escaped(self.title)}}}"}
        if venue:
            fields[where] = escaped(venue)
        if self.year:
            fields["year"] = self.year
        body = "\n".join(f"  {name} = {{{value}}}," for name, value in fields.items())
        return f"@{kind}{{{self.key},\n{body}\n}}"

    def item(self) -> str:
        r"""The entry of a ``thebibliography``."""
        return f"\\bibitem{{{self.key}}} {escaped(self.text)}"


def _split_others(author: str) -> list[str]:
    name = re.sub(r" et al\.?$", "", author)
    return [name] if name == author else [name, "others"]


def parsed(text: str) -> Source:
    """A reference as this package writes them: authors, title, venue and year.

    >>> print(parsed("S. Amari, Natural gradient works efficiently, Neural Computation 10 (1998).")
    ...     .bibtex())
    @article{amari1998natural,
      author = {S. Amari},
      title = {{Natural gradient works efficiently}},
      journal = {Neural Computation 10},
      year = {1998},
    }
    """
    text = " ".join(text.split()).rstrip(".;, ") + "."
    tokens = text.rstrip(".").split(", ")
    authors: list[str] = []
    while tokens:
        names = re.split(r" and ", tokens[0])
        if all(_AUTHOR.fullmatch(name) for name in names) or (
            not authors and len(tokens) > 1 and re.fullmatch(r"[a-z]+", tokens[0])
        ):
            authors += names
            tokens.pop(0)
        elif re.fullmatch(r"[A-Z]\.? [A-Z]", tokens[0]) and authors:  # W. E
            authors.append(tokens.pop(0))
        else:
            break
    rest = ", ".join(tokens)
    year = _YEAR.search(rest)
    title, venue = rest, ""
    if year is not None:
        before = rest[: year.start()].rstrip(" (")
        title = before.rstrip(",")
        # The venue stands with the year: `ICLR 2015`, `JMLR 18 (2017)`.
        if ", " in title and not before.endswith(","):
            title, venue = title.rsplit(", ", 1)
    if authors and _AUTHOR.fullmatch(title):
        authors, title = [*authors, title], ""
    if not venue and re.fullmatch(r"[A-Z][A-Za-z ]+ \d+", title):
        title, venue = "", title
    found = year[1] if year is not None else ""
    return Source(_key(authors, found, title, text), tuple(authors), title, venue, found, text)


def _key(authors: list[str], year: str, title: str, text: str) -> str:
    name = re.sub(r" et al\.?$", "", authors[0]).split(". ")[-1] if authors else text.split(" ")[0]
    word = next((w for w in re.findall(r"[A-Za-z]{3,}", title) if w.lower() not in _SMALL), "")
    plain = unicodedata.normalize("NFD", f"{name}{year}{word}").lower()
    return re.sub(r"[^a-z0-9]", "", plain) or "source"


_SMALL = {"the", "and", "for", "from", "with", "some"}


def sources_of(results: Iterable[Any]) -> list[Source]:
    """The sources that the classes in the results name, in order of their first use.

    >>> from symprice import Adam, observables, price
    >>> from sympy import Symbol
    >>> P, L = observables('P L')
    >>> [source.key for source in sources_of([price(P, L, Adam(Symbol('eta')))])][-1]
    'kingma2015adam'
    """
    found: dict[str, Source] = {}
    for result in results:
        if isinstance(result, str):
            source = parsed(result)
            found.setdefault(source.key, source)
            continue
        for text in _documentation(result):
            for section in _SECTION.findall(text):
                for one in _references(section):
                    source = parsed(one)
                    found.setdefault(source.key, source)
    known = {(source.authors, source.year) for source in found.values() if source.title}
    return [s for s in found.values() if s.title or (s.authors, s.year) not in known]


def _references(section: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(section).strip()):
        for one in _BETWEEN.split(" ".join(paragraph.split())):
            if one and one.strip():
                yield one.strip()


def _documentation(result: Any) -> Iterator[str]:
    """The docstrings of the classes in a result, of their bases here, of what makes them."""
    if isinstance(result, (list, tuple)):
        for one in result:
            yield from _documentation(one)
        return
    seen: dict[type, None] = {}
    parts: list[Any] = [result]
    steps = getattr(result, "steps", ())
    parts += [getattr(step, "rule", None) for step in steps]
    if isinstance(result, Basic):
        parts += list(preorder_traversal(result))
    for step in steps:
        for side in (step.before, step.after):
            parts += list(preorder_traversal(side)) if isinstance(side, Basic) else []
    if isinstance(subject := getattr(result, "subject", None), Basic):
        parts += list(preorder_traversal(subject))
    origin = getattr(result, "origin", None)
    parts += list(preorder_traversal(origin)) if isinstance(origin, Basic) else []
    for part in parts:
        cls = part if isinstance(part, type) else type(part)
        if inspect.isfunction(part) and str(part.__module__).startswith("symprice."):
            yield inspect.cleandoc(part.__doc__ or "")
        for base in cls.__mro__:
            if str(base.__module__).startswith("symprice.") and base not in seen:
                seen[base] = None
                yield inspect.cleandoc(base.__doc__ or "")
                yield from _makers(base)


def _makers(cls: type) -> Iterator[str]:
    """The docstrings of the functions of a module that return the class."""
    module = inspect.getmodule(cls)
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name, None)
        if inspect.isfunction(thing):
            returned = thing.__annotations__.get("return")
            if returned in (cls, cls.__name__):
                yield inspect.cleandoc(thing.__doc__ or "")
