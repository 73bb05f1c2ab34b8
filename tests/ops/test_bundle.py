"""The debug bundle: the contract's fields, and no secret whatever it was planted in."""

import base64
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from cq_tui.contracts.json_schema import schema_of
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.ops.bundle import export_bundle
from cq_tui.ops.log_allowlist import LOG_EVENTS, NUMERIC_FIELDS
from cq_tui.store.checkpoints.acknowledgement import sign_acknowledgement
from cq_tui.store.checkpoints.anchoring import describe_fork
from cq_tui.store.checkpoints.checkpoint import open_checkpoint
from cq_tui.store.checkpoints.checkpoint_log import CheckpointLog
from cq_tui.store.checkpoints.consistency import find_contradictions
from cq_tui.store.checkpoints.signed_note import VerifierKey, sign_note
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.store.history.faults import CONTRADICTION_PREFIX, LOG_FAULT_PREFIX, fault_id
from cq_tui.store.history.position import HistoryMark
from cq_tui.store.lock import ProcessLock
from cq_tui.store.spools.spool import EventSpool
from tests.store.checkpoints.signing import KEY, ORIGIN, PRIVATE, accepted, checkpoint, note
from tests.supervisor.pretend import HEALTH

EXAMPLE: dict[str, Any] = orjson.loads(
    (Path(__file__).parents[1] / "contracts" / "examples" / "debug_bundle.json").read_bytes()
)
NOW = 1_700_000_000.5
CANARY = "CaNaRy"
_CONTRADICTION = LOG_FAULT_PREFIX + CONTRADICTION_PREFIX


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    return data


def exported(data: DataDir) -> dict[str, Any]:
    bundle: dict[str, Any] = orjson.loads(export_bundle(data, NOW).read_bytes())
    jsonschema.Draft202012Validator(schema_of("debug_bundle")).validate(bundle)
    return bundle


def lines_of(*entries: object) -> bytes:
    return b"".join(orjson.dumps(entry) + b"\n" for entry in entries)


def report(data: DataDir, service: str, **fields: object) -> None:
    write_document(
        data.health_of(service), HEALTH | {"service": service, "last_update_ts": NOW - 1, "pid": os.getpid()} | fields
    )


def event(number: int, **fields: object) -> dict[str, object]:
    common = {"event_id": f"evt_1700000000_{number:03d}", "timestamp": NOW, "event_type": "order_executed"}
    return common | {"source": "trader", "data": {"symbol": "A"}, "metadata": {"strategy": "s"}} | fields


def test_it_has_the_fields_of_the_contract_and_is_private(data: DataDir) -> None:
    locks = [ProcessLock(data.lock_of(name), name) for name in (*SERVICES, "supervisor")]
    for lock in locks:
        lock.acquire()
        report(data, lock.name, merkle_root="ab" * 32, events_count=1250, snapshots_count=45)
    data.events.write_bytes(lines_of(*(event(number) for number in range(1, 131))))
    bundle, path = exported(data), data.root / "debug_bundle_1700000000.json"
    for lock in locks:
        lock.release()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(bundle) - set(EXAMPLE) == {"versions", "log_tails"}
    assert set(EXAMPLE) <= set(bundle)
    for part in ("system_info", "memory_integrity"):
        assert {key: type(value) for key, value in bundle[part].items()} == {
            key: type(value) for key, value in EXAMPLE[part].items()
        } | dict.fromkeys({"integrity", "completeness", "age"} & set(bundle[part]), dict)
    assert bundle["bundle_id"] == "debug_1700000000"
    assert bundle["health_status"]["overall_status"] == "ok"
    assert set(EXAMPLE["health_status"]["components"]) <= set(bundle["health_status"]["components"])
    assert bundle["health_status"]["components"]["feeder"] == {"status": "ok", "updated_within_sec": 1.0}
    assert bundle["health_status"]["components"]["memory"]["integrity_ok"] is True
    assert bundle["memory_integrity"] == {
        "chain_valid": True, "merkle_root": "ab" * 32, "events_count": 1250, "snapshots_count": 45,
        "integrity": {"word": "intact", "level": "good", "numbers": {}},
        "completeness": {"word": "1,250 events", "level": "idle", "numbers": {}},
        "age": {"word": "checked not yet", "level": "idle", "numbers": {"last_integrity_check": 0.0}},
    }  # fmt: skip
    assert len(bundle["recent_events"]) == 100
    assert all(set(found) == set(EXAMPLE["recent_events"][0]) for found in bundle["recent_events"])
    assert bundle["recent_events"][-1]["event_id"] == "evt_1700000000_130"
    assert bundle["system_info"]["memory_usage"] > 1
    # With the default settings, as in the contract's example: TRADING_MODE beside the flags.
    assert EXAMPLE["configuration"].items() <= bundle["configuration"].items()
    assert bundle["configuration"]["effective_mode"] == "simulation"


def test_a_second_bundle_in_the_same_second_keeps_the_first(data: DataDir) -> None:
    first = export_bundle(data, NOW)
    content = first.read_bytes()
    second = export_bundle(data, NOW)
    assert [first.name, second.name] == ["debug_bundle_1700000000.json", "debug_bundle_1700000001.json"]
    assert first.read_bytes() == content
    assert orjson.loads(second.read_bytes())["bundle_id"] == "debug_1700000001"


def test_it_contains_no_secret_from_any_source(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = 0

    def canary(prefix: str = "") -> str:
        nonlocal planted
        planted += 1
        return f"{prefix}{CANARY}{planted}"

    for key in ("BINANCE_API_KEY", "SIMULATOR_REPLAY", "BINANCE_REST_URL", "SOME_TOKEN", "USER"):
        monkeypatch.setenv(key, canary())
    settings = {"BINANCE_API_SECRET": canary(), canary(): canary(), "BINANCE_WS_API_URL": canary("https://")}
    write_document(data.settings, settings)
    remembered = {"in_file": {"BINANCE_API_KEY": canary()}, "account": {"BINANCE_API_SECRET": canary()}}
    write_document(data.settings_in_force, remembered | {"refused": canary()})
    accepted = {"accepted_by": canary("ann "), "accepted_at": NOW, "fault": canary(_CONTRADICTION), canary(): canary()}
    odd = {"fault_kinds": {canary(): 1}, "anchor_problem": canary(), "accepted": [accepted], "integrity_ok": False}
    odd |= {"reason": canary(), "faults": [canary()], canary(): canary(), "version": canary(), "merkle_root": canary()}
    for name in SERVICES:
        report(data, name, status="degraded", mode=canary(), **odd)
    data.events.write_bytes(
        lines_of(
            event(1, data={"key": canary(), canary(): 1}, metadata={"strategy": canary()}),
            event(2, source=canary()),
            event(3, event_type=canary()),
            event(4, event_id=canary("evt_")),
            event(5, event_id=canary()),
            event(6) | {canary(): canary()},
            [canary()],
            canary(),
        )
        + canary().encode()
    )
    spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
    spool.emit("e", {"secret": canary()})
    spool.close()
    word = min(LOG_EVENTS)
    for name in SERVICES:
        data.log_of(name).write_bytes(
            lines_of(
                {"event": canary(), "level": "info", "ts": 1.0},
                {"event": word, "level": canary(), "ts": canary(), "pid": [canary()], "code": {"a": canary()}},
                {"event": word, "level": "error", "exception": canary(), canary(): 5, "count": 7},
                {"event": [canary()], "level": [canary()]},
                {"event": {canary(): 1}, "level": {canary(): 1}},
                [canary()],
                canary(),
            )
            + canary().encode()
        )
    address = {
        "rest_url": canary(),
        "stream_url": canary(),
        "ws_api_url": canary(),
        "pid": os.getpid(),
        "started_ts": 1,
    }
    write_document(data.exchange_address, address | {"api_key": canary(), "api_secret": canary()})
    data.ledger.parent.mkdir(exist_ok=True)
    identity = lines_of({"facts": [], "account": {"uid": 1, "api_key": canary(), "api_secret": canary()}})
    for path in (data.ledger, data.ledger.with_name("ledger.ndjson.9.1.torn")):
        path.write_bytes(identity)
    lock = ProcessLock(data.lock_of("supervisor"), canary(), canary())
    lock.acquire()
    content = export_bundle(data, NOW).read_bytes()
    lock.release()
    assert planted > 60
    assert CANARY.encode() not in content
    assert str(data.root).encode() not in content
    bundle = orjson.loads(content)
    assert [found["event_id"][-3:] for found in bundle["recent_events"]] == ["001", "002", "003", "006"]
    assert [found["source"] for found in bundle["recent_events"]] == ["trader", "other", "trader", "trader"]
    assert [found["event_type"] for found in bundle["recent_events"]][2] == "other"
    tail = bundle["log_tails"]["feeder"]
    assert [entry["event"] for entry in tail] == ["(withheld)", word, word, "(withheld)", "(withheld)"]
    assert tail[2] == {"count": 7, "level": "error", "event": word}
    assert {key for entry in tail for key in entry} <= {"event", "level", *NUMERIC_FIELDS}
    assert bundle["memory_integrity"]["merkle_root"] == ""


def test_an_accepted_contradiction_is_in_it_with_who_when_and_what(data: DataDir) -> None:
    chained = replace(checkpoint(5), chain="ab" * 32)
    marks = {each.size: HistoryMark(each.root, "cd" * 32) for each in (chained, checkpoint(7))}
    missing, other, blocks = find_contradictions([checkpoint(9), chained, checkpoint(7, "other")], 8, marks)
    texts = [LOG_FAULT_PREFIX + text for text in (missing, other, blocks, describe_fork(checkpoint(12)))]
    foreign = f"{LOG_FAULT_PREFIX}entry at byte 0: {CANARY}"
    accepted = [
        {"event_index": number, "accepted_by": "ann@desk-1", "accepted_at": NOW - 60, "fault": text}
        for number, text in enumerate([*texts, foreign])
    ]
    report(data, "memory", accepted=accepted)
    found = exported(data)["memory_integrity"]["accepted"]
    assert [each.get("fault") for each in found] == [*texts, None]
    assert found[0] == accepted[0] | {"fault_id": fault_id(texts[0])}
    del accepted[-1]["fault"]
    assert found[-1] == accepted[-1] | {"fault_id": fault_id(foreign)}


def logged(data: DataDir, *texts: str) -> None:
    log = CheckpointLog(data.checkpoints, data.quarantine)
    for text in texts:
        log.append(text, KEY)
    log.close()


def test_the_last_checkpoint_and_its_key_are_in_it(data: DataDir) -> None:
    logged(data, note(12), note(15), sign_acknowledgement(accepted(f"some fault {CANARY}"), PRIVATE))
    integrity = exported(data)["memory_integrity"]
    assert (integrity["checkpoint"], integrity["public_key"]) == (note(15), KEY.text)
    assert open_checkpoint(integrity["checkpoint"], VerifierKey.parse(integrity["public_key"])) == checkpoint(15)
    assert CANARY not in str(integrity)


def test_only_a_checkpoint_with_one_signature_is_included(data: DataDir) -> None:
    planted = base64.b64encode(CANARY.encode() * 4).decode()
    body = checkpoint(15).body()
    for text in (
        note(15) + f"— {CANARY} {planted}\n",
        note(15) + f"— {KEY.name} {planted}\n",
        sign_note(f"{body}{CANARY}\n", KEY.name, PRIVATE),
        sign_note(body.replace(ORIGIN, f"{ORIGIN}/{CANARY}"), KEY.name, PRIVATE),
        note(15).replace(body, body.replace("15", "16", 1)),
        f"{CANARY}\n",
    ):
        data.checkpoints.unlink(missing_ok=True)
        logged(data, text)
        bundle = export_bundle(data, NOW).read_bytes()
        assert CANARY.encode() not in bundle
        assert planted.encode() not in bundle
        assert "checkpoint" not in orjson.loads(bundle)["memory_integrity"]


def test_an_empty_directory_makes_a_bundle(data: DataDir) -> None:
    bundle = exported(data)
    assert bundle["health_status"]["overall_status"] == "error"
    assert bundle["memory_integrity"] == {
        "chain_valid": False,
        "merkle_root": "",
        "events_count": 0,
        "snapshots_count": 0,
    }
    assert bundle["recent_events"] == []
    assert bundle["versions"]["python"]


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 999, b"[]\n{}\n5\nnull\n", b"\xff\n", b"{" * 5000 + b"\n", "folder", "sparse"]
)
def test_damaged_files_still_make_a_bundle(data: DataDir, content: bytes | str) -> None:
    paths = [data.events, data.hash_chain, data.checkpoints, data.settings, data.tickers, data.account]
    paths += [data.health_of(name) for name in SERVICES] + [data.log_of(name) for name in SERVICES]
    paths += [data.lock_of(name) for name in (*SERVICES, "supervisor")]
    for path in paths:
        if content == "folder":
            path.mkdir()
        elif content == "sparse":
            with path.open("wb") as file:
                file.truncate(100 * 1024 * 1024)
        else:
            assert isinstance(content, bytes)
            path.write_bytes(content)
    bundle = exported(data)
    assert bundle["recent_events"] == []
    assert bundle["health_status"]["overall_status"] == "error"


def test_an_unwritable_directory_is_an_os_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        export_bundle(DataDir(tmp_path / "file"), NOW)
    assert os.listdir(tmp_path) == ["file"]
