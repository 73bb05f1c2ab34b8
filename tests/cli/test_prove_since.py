"""``prove --since`` the newest checkpoint: of a history that has grown, and of one that has not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from tests.cli.conftest import CommandResult
from tests.cli.fake_service import memory_that_signs
from tests.ops.signed_histories import anchored, log, sign

Cq = Callable[..., CommandResult]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def grown(data: DataDir, here: Path) -> DataDir:
    """A history of 12 events, 9 of them signed; that checkpoint is kept here."""
    grown = anchored(data.root, 12, 9)
    (here / "kept").write_text(sign(grown, 9))
    return grown


def test_a_history_that_has_grown_is_signed_now(cq: Cq, grown: DataDir) -> None:
    with memory_that_signs(grown, lambda: log(grown, sign(grown, 12))) as asked:
        assert cq("prove", "--since", "kept", code=0).out == "proof_since_9.json\n"
        assert asked == ["sign_checkpoint"]
    told = cq("check-proof", "proof_since_9.json", code=0)
    assert "12 events" in told.out


def test_without_a_memory_what_came_later_cannot_be_proved(cq: Cq, grown: DataDir, here: Path) -> None:
    told = cq("prove", "--since", "kept", code=1)
    assert "not anchored yet: the checkpoint of 9 events, signed 2023-11-14 22:13:29 UTC, is the newest" in told.err
    assert ", but there are later events. " in told.err
    assert "Memory is not running: `cq-tui up` starts it" in told.err
    assert os.listdir(here) == ["kept"]


def test_a_history_that_has_not_grown_needs_no_proof(cq: Cq, grown: DataDir, here: Path) -> None:
    (here / "newest").write_text(sign(grown, 12))
    log(grown, sign(grown, 12))
    with memory_that_signs(grown, lambda: log(grown, sign(grown, 12))) as asked:
        told = cq("prove", "--since", "newest", code=1)
    assert asked == []
    assert told.err == (
        "cq-tui: nothing to prove: no events were added since the checkpoint of 12 events, signed "
        "2023-11-14 22:13:32 UTC, which is the newest\n"
    )
    assert sorted(os.listdir(here)) == ["kept", "newest"]


def test_growth_shows_without_a_chain(cq: Cq, grown: DataDir) -> None:
    grown.hash_chain.write_bytes(b"rubbish")
    assert "there are later events" in cq("prove", "--since", "kept", code=1).err
