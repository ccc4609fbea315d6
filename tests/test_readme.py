"""The README and the pages of docs are true: transcripts run, files exist, commands are targets."""

from __future__ import annotations

import doctest
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


PAGES = ["README.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").rglob("*.md")))]


def blocks_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)])
def test_the_transcript_runs(page):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    test = doctest.DocTestParser().get_doctest("".join(blocks_of(page)), {}, page, page, 0)
    assert test.examples
    runner = doctest.DocTestRunner(optionflags=flags)
    runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def test_links_lead_to_files():
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing


def test_the_extra_for_notebooks_brings_what_they_import():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]

    def brought(extra: str) -> set[str]:
        found: set[str] = set()
        for wanted in extras[extra]:
            inner = re.fullmatch(r"symprice\[(.*)\]", wanted)
            names = [brought(one) for one in inner[1].split(",")] if inner else []
            found |= set().union(*names) if inner else {re.match(r"[\w-]+", wanted)[0]}
        return found

    texts = "".join(path.read_text("utf-8") for path in (ROOT / "notebooks").glob("*.md"))
    imports = re.compile(r"^(?:import (\w+)|from (\w+)\S* import )", re.MULTILINE)
    imported = {one or other for one, other in imports.findall(texts)}
    imported |= {"gymnasium"} if "from_gymnasium" in texts else set()
    imported -= {"symprice", *sys.stdlib_module_names}
    names = {{"sklearn": "scikit-learn"}.get(name, name) for name in imported}
    given = {re.match(r"[\w-]+", wanted)[0] for wanted in project["dependencies"]}
    assert {"matplotlib", "scikit-learn", "gymnasium"} <= names <= given | brought("notebook")


def test_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
