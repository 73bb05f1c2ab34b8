"""Single files: their kind by place, content or name, and every form in which events come."""

import json
import os
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.ops.validate import records
from cq_tui.store.journal import MAX_LINE_BYTES
from tests.ops.validate.folders import EXAMPLES, example, rules_of, sound_directory, validated, write


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_contracts_examples_are_told_by_their_content(tmp_path: Path, path: Path) -> None:
    if path.stem.startswith("event_"):
        pytest.skip("a fragment of an event")
    copy = write(tmp_path / "file", example(path.stem))
    (file,) = validated(copy).files
    assert file.kind == path.stem
    # The printed hashes are not those of the printed blocks, but follow from one to the next.
    assert set(file.counts) == set()


def test_a_kind_that_cannot_be_told_is_a_warning_and_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "x", b'{"a":1}')
    assert validated(path).exit_code is ExitCode.FAILED
    assert rules_of(validated(path, kind="wanted_state")) == {str(path): {"schema.required"}}


def events(count: int) -> list[dict[str, object]]:
    template = example("event")
    return [template | {"event_id": f"evt_{100 + number}_001", "timestamp": 100.0 + number} for number in range(count)]


def as_lines(items: list[dict[str, object]]) -> bytes:
    return b"".join(orjson.dumps(each) + b"\n" for each in items)


def as_list(items: list[dict[str, object]]) -> bytes:
    return orjson.dumps(items)


def as_indented_list(items: list[dict[str, object]]) -> bytes:
    return orjson.dumps(items, option=orjson.OPT_INDENT_2)


FORMS = pytest.mark.parametrize("form", [as_lines, as_list, as_indented_list])


@FORMS
def test_events_come_as_lines_or_as_a_list_of_any_length(tmp_path: Path, form, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    path = write(tmp_path / "events", form(events(50)))
    for block in (7, 1000, 256 * 1024):
        monkeypatch.setattr(records, "_BLOCK", block)
        report = validated(path, kind="event")
        assert (rules_of(report), report.files[0].records) == ({}, 50)


@FORMS
def test_order_and_uniqueness_in_every_form(tmp_path: Path, form) -> None:  # type: ignore[no-untyped-def]
    items = events(10)
    items[6]["event_id"] = items[2]["event_id"]
    items[8]["timestamp"] = 1.0
    (file,) = validated(write(tmp_path / "x", form(items)), kind="event").files
    assert [(found.rule, found.line) for found in file.findings] == [("event.time_back", 9), ("event.id_repeated", 7)]


def test_ids_of_another_maker_are_compared_with_all_others(tmp_path: Path) -> None:
    items = [each | {"event_id": f"id-{(number * 7919) % 5000}"} for number, each in enumerate(events(5000))]
    assert validated(write(tmp_path / "x", as_lines(items)), kind="event").exit_code is ExitCode.OK
    items[4999]["event_id"] = items[0]["event_id"]
    (file,) = validated(write(tmp_path / "x", as_lines(items)), kind="event").files
    assert [(found.rule, found.line, found.value) for found in file.findings] == [
        ("event.id_repeated", 5000, f"'{items[0]['event_id']}'")
    ]


def test_events_without_metadata_or_with_other_spelling_are_as_good(tmp_path: Path) -> None:
    import json

    items = [{key: value for key, value in each.items() if key != "metadata"} for each in events(3)]
    path = write(tmp_path / "x", b"".join(json.dumps(each, indent=None).encode() + b"\n" for each in items))
    assert validated(path, kind="event").exit_code is ExitCode.OK


def test_a_single_event_may_be_written_for_people(tmp_path: Path) -> None:
    path = write(tmp_path / "x", orjson.dumps(events(1)[0], option=orjson.OPT_INDENT_2) + b"\n")
    assert validated(path, kind="event").exit_code is ExitCode.OK


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda text: text.replace(b"\n", b"\r\n"), "line.carriage_return"),
        (lambda text: text[:-5], "line.torn"),
        (lambda text: text + b"\n", "file.empty"),
        (lambda text: text.replace(b'"source"', b'"source":"x","source"', 1), "json.duplicate_key"),
        (lambda text: text.replace(b'"confidence":0.85', b'"confidence":1,"confidence":0.85', 1), "json.duplicate_key"),
        (lambda text: text.replace(b"0.85", b"NaN", 1), "json.syntax"),
        (lambda text: text.replace(b"FILLED", b"F\xffLLED", 1), "json.encoding"),
        (lambda text: text + b"[" * 5000 + b"\n", "json.depth"),
        (lambda text: text + b'"' + b"x" * (MAX_LINE_BYTES + 10) + b'"\n', "line.too_long"),
        (lambda text: b"\xef\xbb\xbf" + text, "json.byte_order_mark"),
        (lambda text: text.decode().encode("utf-16"), "json.encoding"),
    ],
)
def test_odd_lines_get_their_own_rule(tmp_path: Path, spoil, rule: str) -> None:  # type: ignore[no-untyped-def]
    (file,) = validated(write(tmp_path / "x", spoil(as_lines(events(3)))), kind="event").files
    assert rule in file.counts


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda text: text[:-1], "json.syntax"),
        (lambda text: text + b"x", "json.syntax"),
        (lambda text: b"[" + text, "json.syntax"),
        (lambda text: text.replace(b"},{", b"},x,{", 1), "json.syntax"),
        (lambda text: b"[" + b"[" * 5000, "json.depth"),
        (lambda text: b'["' + b"x" * (2 * MAX_LINE_BYTES), "line.too_long"),
        (lambda text: text.replace(b"FILLED", b"F\xffLLED", 1), "json.encoding"),
    ],
)
def test_odd_lists_get_a_verdict(tmp_path: Path, spoil, rule: str) -> None:  # type: ignore[no-untyped-def]
    (file,) = validated(write(tmp_path / "x", spoil(as_list(events(3)))), kind="event").files
    assert rule in file.counts


def test_a_chain_by_itself_is_judged_block_by_block(tmp_path: Path) -> None:
    chain = example("hash_chain")
    chain["chain"][1]["previous_hash"] = "0"
    chain["chain"][1]["index"] = 2
    chain["chain_length"] = 3
    (file,) = validated(write(tmp_path / "hash_chain.json", chain)).files
    assert [(each.rule, each.field) for each in file.findings] == [
        ("chain.index", "chain[1].index"),
        ("chain.link", "chain[1].previous_hash"),
        ("chain.length", "chain_length"),
    ]


def test_blocks_of_ours_match_their_hashes(tmp_path: Path) -> None:
    data = sound_directory(tmp_path / "data")
    copy = write(tmp_path / "hash_chain.json", data.hash_chain.read_bytes())
    report = validated(copy)
    assert (rules_of(report), report.files[0].records) == ({}, 41)
    write(copy, copy.read_bytes().replace(b'"event_type":"order_executed"', b'"event_type":"order_canceled"', 1))
    (found,) = validated(copy).files[0].findings
    assert (found.rule, found.field) == ("chain.hash", "chain[1].hash")


@pytest.mark.parametrize("kind", ["event", "hash_chain", "health_feeder", "spooled_event", "checkpoints", "kline"])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink(path, path), lambda path: None])
def test_what_is_no_file_gets_a_verdict_at_once(tmp_path: Path, kind: str, make) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "x"
    make(path)
    (file,) = validated(path, kind=kind).files
    assert set(file.counts) in ({"file.kind"}, {"file.readable"})


def test_a_device_is_never_opened() -> None:
    (file,) = validated(Path("/dev/zero"), kind="event").files
    assert set(file.counts) == {"file.kind"}


def test_a_huge_hole_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "event_chain.ndjson"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert rules_of(validated(path)) == {str(path): {"file.sparse"}}
    assert rules_of(validated(path, kind="health_feeder")) == {str(path): {"file.sparse"}}


def test_a_document_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "health" / "feeder.json", b" " * (17 * 1024 * 1024))
    assert rules_of(validated(path)) == {str(path): {"file.too_large"}}


def test_parameters_of_strategies_are_judged_by_the_strategies(tmp_path: Path) -> None:
    strategies = {
        "trend_multi_tf": {"adx_arm": -1, "adx_amr": 3, "enabled": "maybe"},
        "bb_mean_revert_v2": {"interval": "1h"},
        "no_such_one": {"level": 2**70, "symbols": 7},
    }
    path = write(tmp_path / "env.json", json.dumps({"STRATEGIES": strategies}).encode())
    (file,) = validated(path, kind="settings").files
    told = {(finding.rule, finding.field) for finding in file.findings}
    one, other = "STRATEGIES.trend_multi_tf", "STRATEGIES.no_such_one"
    wrong = (f"{one}.adx_arm", f"{one}.adx_amr", f"{one}.enabled", f"{other}.symbols")
    assert told >= {("settings.value", key) for key in wrong} | {("settings.unknown", "STRATEGIES")}
    assert not any("bb_mean_revert_v2" in key for _, key in told)
    assert any("did you mean adx_arm?" in finding.text for finding in file.findings)
