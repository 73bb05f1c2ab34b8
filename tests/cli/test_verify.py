"""``cq-tui verify`` as users run it."""

from collections.abc import Callable

import orjson

from cq_tui.contracts.layout import DataDir
from tests.cli.conftest import CommandResult
from tests.store.history.histories import made


def test_each_result_has_its_exit_code(
    data: DataDir, real: Callable[..., CommandResult], cq: Callable[..., CommandResult]
) -> None:
    made(data.root, 7)
    found = real("verify", code=1).out
    assert [line.split()[0] for line in found.splitlines()] == ["integrity", "completeness", "age", "root"]
    values = orjson.loads(real("verify", "--json", "--workers", "2", code=1).out)
    assert values["integrity"]["events"] == 7
    data.hash_chain.write_bytes(data.hash_chain.read_bytes().replace(b'"index":3,', b'"index":4,'))
    assert "hash_chain.json at index 3" in cq("verify", code=2).out


def test_unusable_files_are_named(data: DataDir, cq: Callable[..., CommandResult]) -> None:
    assert "data does not exist" in cq("verify", code=4).err
    data.root.mkdir()
    assert "has no history" in cq("verify", code=4).err
    made(data.root, 1)
    assert "does not exist" in cq("verify", "--against", "nothing.json", code=4).err
    assert "--workers" in cq("verify", "--workers", "0", code=2).err
