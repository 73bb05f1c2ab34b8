"""The notebook on looking back runs from top to bottom, on klines in a folder beside it."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.test_backtest import dump

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "lookback.ipynb"


def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    dump(tmp_path / "klines")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, cell in enumerate(orjson.loads(NOTEBOOK.read_bytes())["cells"]):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], f"cell {number} holds an output of an earlier run"
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert names["found"].trades
    assert len(names["equity"]) == len(names["found"].result.equity)
    assert names["mine"].trades
    assert names["by_exit"]["count"].sum() == len(names["trades"])
