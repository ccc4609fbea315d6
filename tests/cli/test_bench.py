"""``symprice bench``: what it runs, prints, writes and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from symprice.cli.benchmarks import NAMES, collected
from symprice.cli.main import main

ROW = {"what": "symprice", "median ms": 1.25, "ratio": 2.0, "to": "by hand", "note": ""}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool, bool]]:
    """No benchmark runs; which would have is kept, with --quick and --peers."""
    asked: list[tuple[str, bool, bool]] = []

    def rows_of(name: str, quick: bool, environments: Any) -> list[dict[str, Any]]:
        asked.append((name, quick, environments.build))
        return [ROW]

    monkeypatch.setattr(collected, "rows_of", rows_of)
    return asked


def test_every_benchmark_has_a_name_and_a_line() -> None:
    assert list(NAMES) == list(collected.MODULES)
    assert all(collected.title_of(name).endswith(".") for name in NAMES)


def test_tables_with_ratios(
    measured: list[tuple[str, bool, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--quick", "--only", "gram", "mdps"]) == 0
    told = capsys.readouterr().out
    assert measured == [("gram", True, False), ("mdps", True, False)]
    assert told.count("by hand") == 2 + (collected.title_of("gram").count("by hand"))
    assert "ratio" in told and "1.25" in told


def test_json_is_all_that_is_printed(
    measured: list[tuple[str, bool, bool]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written, page = tmp_path / "new" / "bench.json", tmp_path / "bench.md"
    assert main(["bench", "--json", "--peers", "--output", str(written), "--page", str(page)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(written.read_text(encoding="utf-8"))
    assert measured == [(name, False, True) for name in NAMES]
    assert set(found["results"]) == set(NAMES)
    assert "| symprice | 1.25 | 2 | by hand |" in page.read_text(encoding="utf-8")
    assert main(["bench", "--read", str(written), "--only", "gram"]) == 0
    assert len(measured) == len(NAMES)
    assert "by hand" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\x00", None])
def test_what_holds_no_results(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["bench", "--read", str(path)]) == 2


def test_an_unknown_benchmark() -> None:
    with pytest.raises(SystemExit) as end:
        main(["bench", "--only", "everything"])
    assert end.value.code == 2


def test_ours_and_by_hand_take_turns(capsys: pytest.CaptureFixture[str]) -> None:
    """One benchmark as it is, at its smallest size."""
    assert main(["bench", "--quick", "--only", "mdps", "--json"]) == 0
    (*_, row) = json.loads(capsys.readouterr().out)["results"]["mdps"]
    assert row["what"] == "random, 1000 × 4" and 0 < row["seconds"] < 60


def test_help_loads_no_peer() -> None:
    code = (
        "import sys\nfrom symprice.cli.main import main\n"
        "try:\n    main(['bench', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'numpy', 'torch', 'jax', 'rich'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in NAMES)
