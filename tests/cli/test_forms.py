"""The outputs of ``symprice derive`` are one formula: JSON and --latex carry the same LaTeX."""

from __future__ import annotations

import json

from symprice.cli.main import main

FORMULA = ["derive", "5*sigmoid(b)*(1 - sigmoid(b))", "--param", "b"]


def test_json_and_latex_say_the_same(capsys):
    assert main([*FORMULA, "--latex"]) == 0
    latex = capsys.readouterr().out.strip()
    assert latex == r"5 \sigma(b)\left(1 - \sigma(b)\right)"
    assert main([*FORMULA, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["latex"] == latex
