"""A data directory: every file by its place, files that contradict each other, and what is not checked."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from tests.ops.validate.folders import example, kline_line, rules_of, sound_directory, validated, write


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return sound_directory(tmp_path / "data")


def test_a_sound_directory_is_valid_and_each_file_was_looked_at(data: DataDir) -> None:
    report = validated(data.root)
    assert rules_of(report) == {}
    assert report.exit_code is ExitCode.OK
    kinds = {file.name: file.kind for file in report.files}
    assert kinds["memory/event_chain.ndjson"] == "event"
    assert kinds["memory/hash_chain.json"] == "hash_chain"
    assert kinds["market/klines/BTCUSDT-1m.ndjson"] == "kline"
    assert kinds["debug_bundle_1640995200.json"] == "debug_bundle"
    assert {file.name: file.records for file in report.files}["memory/event_chain.ndjson"] == 40


def test_an_empty_directory_is_valid(tmp_path: Path) -> None:
    report = validated(tmp_path)
    assert (report.exit_code, report.files) == (ExitCode.OK, [])


def test_a_folder_of_other_things_is_not_called_valid(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt", b"x")
    assert rules_of(validated(tmp_path)) == {str(tmp_path): {"file.unknown"}}


def changed(name: str, **changes: Any) -> Callable[[], Any]:
    return lambda: example(name, **changes)


SPOILED: list[tuple[str, Any, str]] = [
    ("health/feeder.json", changed("health_feeder", ws_connected=False), "health.ok_without_stream"),
    ("health/ares.json", changed("health_ares", updated_within_sec=-1.0), "schema.minimum"),
    ("health/trader.json", changed("health_trader", status="fine"), "schema.enum"),
    ("health/memory.json", changed("health_memory", chain_length=1252), "health.chain_length"),
    ("ssot/env.json", changed("settings", LOG_LEVEL="LOUD"), "settings.value"),
    ("ssot/env.json", changed("settings", TRADING_STAT="halted"), "settings.unknown"),
    ("ssot/env.json", changed("settings", TRADER_MAX_POSITIONS="5"), "settings.spelling"),
    ("ssot/env.json", b'{"LOG_LEVEL":"INFO","LOG_LEVEL":"DEBUG"}', "json.duplicate_key"),
    ("memory/snapshots/snapshot_1640995200.json", changed("snapshot", snapshot_id="snapshot_5"), "snapshot.name"),
    ("memory/snapshots/snapshot_1640995200.json", changed("snapshot", content_hash="0" * 64), "snapshot.hash"),
    (
        "memory/snapshots/snapshot_1640995201.json",
        changed(
            "snapshot",
            snapshot_id="snapshot_1640995201",
            snapshot_type="incremental",
            base_snapshot_id="snapshot_7",
        ),
        "snapshot.base",
    ),
    ("memory/spool/trader.ndjson", b'{"seq":1}\n', "spool.line"),
    ("market/klines/BTCUSDT-1m.ndjson", kline_line(0, low=11.5), "kline.line"),
    ("market/klines/BTCUSDT-1m.ndjson", kline_line(0, open_time=1), "kline.aligned"),
    ("market/klines/BTCUSDT-1m.ndjson", kline_line(2) + kline_line(1), "kline.order"),
    ("market/klines/BTCUSDT-1m.ndjson", kline_line(2) + b'{"open', "line.torn"),
    ("exchange/ledger.ndjson", b'{"time":1}\n', "ledger.line"),
    ("exchange/ledger.ndjson", b'{"time":1,"facts":[{"kind":"?"}]}\n', "ledger.line"),
    ("state/outside_signals.ndjson", b'{"key":"a:id:1","seq":-1}\n', "signal.line"),
    ("state/outside_signals.ndjson", b'{"seq":1}\nwhat\n', "signal.line"),
    ("state/outside_signals.ndjson", b'{"seq":1}\n{"seq"', "line.torn"),
    ("trader_inputs/1.ndjson", b'{"told":{}}\n', "input.line"),
    ("control/signals/x.json", b'{"id":"1"}', "schema.required"),
    ("control/signals/done/x.json", b'{"outcome":"fine"}', "schema.enum"),
    ("run/signals.json", b'{"url":"x"}', "schema.required"),
    ("memory/checkpoints.log", "\x1enonsense\n\n— x AAAA\n".encode(), "checkpoint.damaged"),
    ("debug_bundle_1640995200.json", b"[1]", "json.object"),
    ("control/x.json", b"{}", "schema.required"),
    ("state/ares.json", b"[]", "json.object"),
    ("logs/trader.log", b"Traceback\n", "log.line"),
    ("market/tickers.json", b'{"timestamp":1,"tickers":{"A":{}}}', "schema.required"),
]


@pytest.mark.parametrize(("name", "content", "rule"), SPOILED, ids=[f"{name}-{rule}" for name, _, rule in SPOILED])
def test_each_mistake_is_named_with_its_rule(data: DataDir, name: str, content: Any, rule: str) -> None:
    write(data.root / name, content() if callable(content) else content)
    assert rule in rules_of(validated(data.root))[name]
    # A damaged log of checkpoints is a fault of the history, too.
    assert set(rules_of(validated(data.root))) - {"memory/hash_chain.json"} == {name}


def test_settings_open_to_others_are_a_warning(data: DataDir) -> None:
    data.settings.chmod(0o644)
    report = validated(data.root)
    assert rules_of(report) == {"ssot/env.json": {"file.mode"}}
    assert report.exit_code is ExitCode.FAILED


def test_a_changed_event_breaks_the_chain(data: DataDir) -> None:
    content = data.events.read_bytes()
    data.events.write_bytes(content.replace(b'"event_id":"evt', b'"event_id":"ewt', 1))
    report = validated(data.root)
    assert report.exit_code is ExitCode.ERROR
    assert rules_of(report)["memory/hash_chain.json"] >= {"chain.fault"}


def test_an_event_whose_payload_is_wrong_is_named_by_line_and_field(tmp_path: Path) -> None:
    line = {"event_id": "evt_1_001", "timestamp": 1.0, "event_type": "order_executed", "source": "trader"}
    good = {"symbol": "BTCUSDT", "side": "BUY", "size": 1.0, "price": 2.0, "order_id": "1", "status": "FILLED"}
    lines = [line | {"data": good}, line | {"event_id": "evt_1_002", "data": good | {"side": "HOLD"}}]
    path = write(tmp_path / "event_chain.ndjson", b"".join(orjson.dumps(each) + b"\n" for each in lines))
    (found,) = validated(path).files[0].findings
    assert (found.rule, found.line, found.field, found.value) == ("schema.enum", 2, "data.side", "'HOLD'")


@pytest.mark.parametrize("unlucky", ["memory/event_chain.ndjson", "health/feeder.json", "run/trader.lock"])
def test_what_is_no_file_in_a_files_place_is_named(data: DataDir, unlucky: str) -> None:
    path = data.root / unlucky
    path.unlink(missing_ok=True)
    path.mkdir()
    assert rules_of(validated(data.root))[unlucky] == {"file.kind"}
    path.rmdir()
    os.mkfifo(path)
    assert rules_of(validated(data.root))[unlucky] == {"file.kind"}
    path.unlink()
    path.symlink_to(path)
    assert rules_of(validated(data.root))[unlucky] == {"file.kind"}


def test_a_file_in_a_folders_place_is_named(data: DataDir) -> None:
    os.rename(data.health, data.root / "elsewhere")
    data.health.write_bytes(b"")
    assert rules_of(validated(data.root)) == {"health": {"file.kind"}}


def test_links_among_folders_lead_nowhere_else(data: DataDir) -> None:
    (data.logs / "loop").symlink_to(data.root)
    (data.drills).mkdir()
    (data.drills / "1-x").symlink_to(data.root)
    report = validated(data.root)
    assert rules_of(report) == {}
    assert "drills/1-x/memory/" in report.not_checked


def test_what_is_unknown_is_counted_and_never_read(data: DataDir) -> None:
    os.mkfifo(data.root / "pipe")
    write(data.copied, b"not json")
    report = validated(data.root)
    assert report.exit_code is ExitCode.OK
    assert "pipe" in report.not_checked
    assert "run/copied.txt" in report.not_checked
