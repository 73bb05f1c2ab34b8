"""``prove`` and ``check-proof``: proofs written, checked elsewhere, and refused in plain words."""

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from cq_tui.cli import app
from cq_tui.contracts.layout import DataDir
from tests.cli.conftest import CommandResult
from tests.cli.fake_service import memory_that_signs
from tests.ops.signed_histories import anchored, log, sign
from tests.store.checkpoints.signing import KEY, OTHER_KEY
from tests.store.history.histories import made

Cq = Callable[..., CommandResult]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def signed(data: DataDir, here: Path) -> DataDir:
    """A history of 12 events, 9 of them signed."""
    return anchored(data.root, 12, 9)


def check(*words: str) -> CommandResult:
    """Check a proof where there is no data directory at all."""
    result = CliRunner().invoke(app, ["--data-dir", "/nowhere", "check-proof", *words], catch_exceptions=False)
    return CommandResult(result.exit_code, result.stdout, result.stderr)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", ["prove Prove what is in the history.", "check-proof Check a proof offline."]),
        ("prove", ["EVENT_ID", "--since", "--output", "--data-dir", "0 written, 1 cannot be proved", "4 unusable"]),
        ("check-proof", ["FILE", "--key", "0 holds, 2 does not hold, 4"]),
    ],
)
def test_help(command: str, words: list[str]) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"], terminal_width=80)
    text = " ".join(result.output.split())
    assert [word for word in words if word not in text] == []
    assert max(map(len, result.output.splitlines())) <= 80


def test_an_event_is_proved_and_the_proof_checked(cq: Cq, signed: DataDir, here: Path) -> None:
    assert cq("prove", "evt_1004_002", code=0).out == "proof_evt_1004_002.json\n"
    told = check("proof_evt_1004_002.json")
    assert told.code == 0
    assert told.out.startswith("the inclusion proof holds\nevent    evt_1004_002, order_executed, ")
    assert "place    event 5 of 9, as of 2023-11-14 22:13:29 UTC\n" in told.out
    assert KEY.text in told.out
    assert check("proof_evt_1004_002.json", "--key", KEY.text).code == 0
    assert (here / "proof_evt_1004_002.json").stat().st_mode & 0o777 == 0o600


def test_an_extension_is_proved_and_the_proof_checked(cq: Cq, signed: DataDir, here: Path) -> None:
    (here / "kept").write_text(sign(signed, 4))
    assert cq("prove", "--since", "kept", code=0).out == "proof_since_4.json\n"
    told = check("proof_since_4.json", "--key", KEY.text)
    assert told.code == 0
    assert told.out.splitlines()[1] == "earlier  4 events at 2023-11-14 22:13:24 UTC"
    # A proof is a checkpoint to begin from, too.
    log(signed, sign(signed, 12))
    assert cq("prove", "--since", "proof_since_4.json", code=0).out == "proof_since_9.json\n"
    assert check("proof_since_9.json").code == 0


def test_where_the_proof_goes(cq: Cq, signed: DataDir, here: Path) -> None:
    printed = cq("prove", "evt_1001_001", "--output", "-", code=0).out
    assert os.listdir(here) == []
    for _ in range(2):
        # Over another proof, but over nothing else.
        assert cq("prove", "evt_1001_001", "--output", "mine.json", code=0).out == "mine.json\n"
    assert (here / "mine.json").read_text() == printed
    (here / "letter.txt").write_text("dear all")
    for name in ("letter.txt", ".", "/dev/null", str(signed.hash_chain)):
        told = cq("prove", "evt_1001_001", "--output", name, code=4)
        assert told.err == f"cq-tui: {Path(name)} exists and is not a proof. Choose another --output\n"
    assert (here / "letter.txt").read_text() == "dear all"
    told = cq("prove", "evt_1001_001", "--output", "no/such/folder.json", code=4)
    assert "No such file or directory" in told.err


@pytest.mark.parametrize("words", [[], ["evt_1001_001", "--since", "kept"]])
def test_an_event_and_a_checkpoint_exclude_each_other(cq: Cq, signed: DataDir, words: list[str]) -> None:
    told = cq("prove", *words, code=2)
    assert told.err == "cq-tui: give either an event id, or a checkpoint with --since\n"


def test_what_cannot_be_proved(cq: Cq, signed: DataDir, here: Path) -> None:
    assert "there is no event 'evt_1_001'" in cq("prove", "evt_1_001", code=1).err
    told = cq("prove", "evt_1010_003", code=1)
    assert (
        "not anchored yet: evt_1010_003 is event 12, and the newest checkpoint, of 2023-11-14 22:13:29 UTC" in told.err
    )
    assert "Memory is not running: `cq-tui up` starts it" in told.err
    assert "kept: does not exist. Use a signed checkpoint" in cq("prove", "--since", "kept", code=4).err
    assert os.listdir(here) == []


def test_files_that_cannot_be_used(cq: Cq, data: DataDir, signed: DataDir) -> None:
    signed.checkpoints.unlink()
    signed.checkpoints.mkdir()
    assert "checkpoints.log: cannot be read" in cq("prove", "evt_1001_001", code=4).err
    signed.checkpoints.rmdir()
    log(signed, sign(signed, 9))
    signed.events.unlink()
    assert cq("prove", "evt_1001_001", code=4).err == f"cq-tui: {signed.events}: No such file or directory\n"


def test_no_data_directory(cq: Cq) -> None:
    assert "does not exist" in cq("prove", "evt_1001_001", code=4).err


def test_a_running_memory_signs_on_request(cq: Cq, signed: DataDir, here: Path) -> None:
    with memory_that_signs(signed, lambda: log(signed, sign(signed, 12))) as asked:
        assert cq("prove", "evt_1001_001", code=0).out == "proof_evt_1001_001.json\n"
        assert asked == []
        assert cq("prove", "evt_1010_003", code=0).out == "proof_evt_1010_003.json\n"
        assert asked == ["sign_checkpoint"]
    assert "place    event 12 of 12," in check("proof_evt_1010_003.json").out


def test_memory_is_asked_once(cq: Cq, data: DataDir, here: Path) -> None:
    made(data.root, 3)
    with memory_that_signs(data, lambda: None) as asked:
        told = cq("prove", "evt_1001_001", code=1)
    assert asked == ["sign_checkpoint"]
    assert told.err == f"cq-tui: not anchored yet: {data.checkpoints} has no signed checkpoint\n"


def test_a_proof_that_does_not_hold(cq: Cq, signed: DataDir, here: Path) -> None:
    document = orjson.loads(cq("prove", "evt_1001_002", "--output", "-", code=0).out)
    (here / "forged.json").write_bytes(orjson.dumps(document | {"event": document["event"].replace('"n":2', '"n":3')}))
    told = check("forged.json")
    assert (told.code, told.err) == (2, "")
    assert told.out.startswith("the inclusion proof DOES NOT HOLD: its hashes do not lead from the event")
    (here / "proof.json").write_bytes(orjson.dumps(document))
    told = check("proof.json", "--key", OTHER_KEY.text)
    assert told.code == 2
    assert "DOES NOT HOLD: it is signed by" in told.out


def test_files_that_are_not_proofs(here: Path) -> None:
    (here / "letter.txt").write_text("dear all")
    for name, said in (
        ("letter.txt", "is not valid JSON"),
        ("nowhere", "does not exist"),
        (".", "is not a regular file"),
    ):
        told = check(name)
        assert told.code == 4
        assert told.err.startswith(f"cq-tui: {name}: {said}")
        assert told.out == ""


def test_an_invalid_key(cq: Cq, signed: DataDir, here: Path) -> None:
    cq("prove", "evt_1001_001", code=0)
    told = check("proof_evt_1001_001.json", "--key", "nobody")
    assert told.code == 4
    assert told.err.startswith("cq-tui: --key: the verifier key: public key: is not of the form")


def test_a_real_process_needs_only_the_file(cq: Cq, real: Cq, signed: DataDir, here: Path) -> None:
    cq("prove", "evt_1001_003", code=0)
    for path in signed.memory.iterdir():
        if path.is_file():
            path.unlink()
    assert real("check-proof", "proof_evt_1001_003.json", code=0).out.startswith("the inclusion proof holds\n")
