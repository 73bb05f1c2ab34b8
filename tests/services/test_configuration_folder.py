"""Services that tests start have the configuration folder that the test has at that moment."""

from pathlib import Path

import pytest

from cq_tui.store.checkpoints.signing_key import key_path
from tests.services.processes import data_directory, running
from tests.services.waiting import until


async def test_keys_are_made_where_the_test_looks_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / name))
        async with running("memory", data_directory(tmp_path / f"data of {name}")) as memory:
            await until(lambda memory=memory: memory.health.get("ready"))  # type: ignore[misc]
        assert key_path(tmp_path / name).exists()
