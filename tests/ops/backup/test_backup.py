"""Making a backup: what is in it, what is not, and that nobody is hurt by making one."""

import gzip
import os
import signal
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.errors import BackupError
from cq_tui.ops.backup.make import make_backup
from cq_tui.ops.backup.restore import restore_backup
from cq_tui.ops.backup.words import backup_notes
from cq_tui.ops.migrate.run import migrate
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.signing_key import key_path
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_json, write_document
from tests.ops.backup.desk import API_KEY, IDENTITY, SECRETS, SIMULATED_KEY, contents, furnished
from tests.ops.migrate.installations import r11
from tests.store.processes import finished, killed_at_a_call

NOW = 1_800_000_000.0


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    return furnished(tmp_path / "data")


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: (file.read() if (file := tar.extractfile(member)) else b"") for member in tar}


def test_what_a_backup_holds_and_that_no_secret_is_in_it(data: DataDir, tmp_path: Path) -> None:
    before = contents(data.root)
    made = make_backup(data, tmp_path, now=NOW)
    assert contents(data.root) == before, "it only reads"
    assert made.path.name == "cq-tui-backup-20270115T080000Z.tar.gz"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    found = members(made.path)
    names = [name.removeprefix("data/") for name in found]
    for wanted in (
        "version.json", "ssot/env.json", "memory/event_chain.ndjson", "memory/hash_chain.json",
        "memory/checkpoints.log", "memory/spool/trader.ndjson", "state/account.json", "state/memory.json",
        "control/halted", "exchange/ledger.ndjson",
    ):  # fmt: skip
        assert wanted in names
    assert not [name for name in names if name.startswith(("run/", "health/", "logs/", "control/pending"))]
    assert (names[0], names[-1]) == ("backup.json", "manifest.json")
    whole = gzip.decompress(made.path.read_bytes())
    key = key_path(config_folder()).read_bytes()
    for secret in (*(each.encode() for each in SECRETS), key, key.splitlines()[1]):
        assert secret not in whole
        assert secret not in made.path.read_bytes()
    assert orjson.loads(found["data/ssot/env.json"]) == {"TRADER_ORDER_QUOTE": 33.0}
    assert made.manifest.left_out == {"ssot/env.json": "its values of BINANCE_SECRET, which may be secret"}
    account = orjson.loads(found["data/exchange/ledger.ndjson"].split(b"\n")[0])["account"]
    assert {key: value for key, value in account.items() if not key.startswith("api")} == {
        "uid": IDENTITY["uid"],
        "starts": 3,
    }
    assert made.fault is None
    assert made.manifest.events == len(data.events.read_bytes().splitlines())


def test_with_keys_everything_is_in_it(data: DataDir, tmp_path: Path) -> None:
    found = members(make_backup(data, tmp_path / "b.tar.gz", with_keys=True).path)
    assert found["data/ssot/env.json"] == data.settings.read_bytes()
    assert found["data/exchange/ledger.ndjson"] == data.ledger.read_bytes().removesuffix(b'{"torn"')
    assert SIMULATED_KEY.encode() in found["data/run/exchange.json"]
    assert API_KEY.encode() in found["data/state/settings_in_force.json"]
    assert found["keys/checkpoint_key.pem"] == key_path(config_folder()).read_bytes()


def test_a_file_that_is_there_is_never_replaced(data: DataDir, tmp_path: Path) -> None:
    target = tmp_path / "b.tar.gz"
    target.write_text("mine")
    with pytest.raises(FileExistsError):
        make_backup(data, target)
    assert target.read_text() == "mine"
    with pytest.raises(FileNotFoundError):
        make_backup(data, tmp_path / "nowhere" / "b.tar.gz")


def test_what_is_no_regular_file_is_named_and_left_out(data: DataDir, tmp_path: Path) -> None:
    os.mkfifo(data.account.with_name("pipe.json"))
    data.account.with_name("link.json").symlink_to("/etc/passwd")
    data.account.with_name("empty.json").touch()
    made = make_backup(data, tmp_path)
    assert {"state/pipe.json", "state/link.json"} <= made.manifest.left_out.keys()
    assert "data/state/empty.json" in made.manifest.files


def test_settings_that_are_no_json_are_left_out_without_keys(data: DataDir, tmp_path: Path) -> None:
    data.settings.write_text(f'{{"BINANCE_API_KEY": "{API_KEY}",}}')
    made = make_backup(data, tmp_path)
    assert "ssot/env.json" in made.manifest.left_out
    assert API_KEY.encode() not in gzip.decompress(made.path.read_bytes())


def test_a_newer_directory_is_refused_and_a_damaged_one_backed_up_with_a_word(data: DataDir, tmp_path: Path) -> None:
    content = data.events.read_bytes()
    data.events.write_bytes(content.replace(b'"number":7}', b'"number":8}'))
    made = make_backup(data, tmp_path / "damaged.tar.gz")
    assert "event_chain.ndjson" in (made.fault or "")
    write_document(data.version, {"data_version": "2.0", "written_by": "9.9"})
    with pytest.raises(BackupError, match=r"data version 2\.0, written by cq-tui 9\.9"):
        make_backup(data, tmp_path / "newer.tar.gz")


def test_a_kill_leaves_nothing_under_the_name_and_the_next_backup_cleans_up(data: DataDir, tmp_path: Path) -> None:
    source = """
import sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.make import make_backup

make_backup(DataDir(Path(sys.argv[1])), Path(sys.argv[3]) / "cq-tui-backup-x.tar.gz")
"""
    target = tmp_path / "target"
    target.mkdir()
    whole = target / "cq-tui-backup-x.tar.gz"
    step = 0
    while True:
        program = killed_at_a_call(source, "open", "fsync", "link", "unlink", "close")
        code = subprocess.run([sys.executable, "-c", program, data.root, str(step), target], check=False).returncode
        if whole.exists():
            restore_backup(DataDir(tmp_path / "checked"), whole, check=True)
            whole.unlink()
        assert code in (0, -signal.SIGKILL)
        if code == 0:
            break
        step += 40
    assert [path.name for path in target.iterdir()] == [], "what the killed ones left is gone"
    assert finished(source, data.root, "0", target) == ""
    assert read_json(data.version)["data_version"] == "1.3"


def test_settings_of_another_installation_are_no_part_of_it_without_keys(tmp_path: Path) -> None:
    data, secret = DataDir(tmp_path / "data"), "k" * 64
    source = r11(tmp_path / "old")
    (source / "config.env").write_text(f"BINANCE_API_SECRET={secret}\n")
    (source / "keys.txt").write_text(secret)
    migrate(data, source)
    prepare_data_directory(data)
    data.settings.unlink()
    made = make_backup(data, tmp_path / "without.tar.gz")
    assert secret.encode() not in gzip.decompress(made.path.read_bytes())
    assert {name.rpartition("/")[2] for name in made.manifest.left_out} == {"config.env", "keys.txt", "notes.xyz"}
    assert any(name.endswith("/files/memory/events.jsonl") for name in made.manifest.files)
    whole = make_backup(data, tmp_path / "with.tar.gz", with_keys=True)
    assert secret.encode() in gzip.decompress(whole.path.read_bytes())


def test_originals_whose_names_are_no_unicode_come_back(tmp_path: Path) -> None:
    data, source = DataDir(tmp_path / "data"), r11(tmp_path / "old")
    (source / os.fsdecode(b"caf\xe9.xyz")).write_bytes(b"theirs")
    migrate(data, source)
    prepare_data_directory(data)
    made = make_backup(data, tmp_path / "whole.tar.gz", with_keys=True)
    restored = DataDir(tmp_path / "restored")
    restore_backup(restored, made.path)
    names = {path.relative_to(data.root) for path in data.imported.rglob("*")}
    assert {path.relative_to(restored.root) for path in restored.imported.rglob("*")} == names
    assert any(b"caf\xe9" in os.fsencode(name) for name in names)
    make_backup(data, tmp_path / "without.tar.gz")


def test_what_is_left_out_for_one_reason_is_counted(tmp_path: Path) -> None:
    data, source = DataDir(tmp_path / "data"), r11(tmp_path / "old")
    for number in range(30):
        (source / f"{number}.xyz").write_bytes(b"x")
    migrate(data, source)
    prepare_data_directory(data)
    notes = backup_notes(make_backup(data, tmp_path / "without.tar.gz"))
    assert len(notes) == 6
    assert "--with-keys" in notes[0]
    assert notes[-1].startswith("nor are 27 more files")
