"""The door: each signal from outside once, with its age and source; what is wrong with others, by name."""

import os
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.outside_signals import OutsideSignal
from cq_tui.services.ares.outside import door, taken_ids
from cq_tui.store import outside_signals
from cq_tui.store.outside_signals import put_signal, withdraw_signal
from tests.services.ares.outside.stage import BUY, SELL, directory, drop, drop_bytes, opened, signals, write_ticker


def test_a_file_becomes_a_signal_with_its_source_and_age(tmp_path: Path) -> None:
    data = directory(tmp_path)
    drop(data, BUY | {"size": 0.01, "reason": "a breakout"}, age=3.0)
    with opened(data) as stage:
        stage.look()
        assert stage.outcome()["outcome"] == "accepted"
        assert stage.outcome()["signal_key"] == "my_alerts:id:a1"
    (signal,) = signals(data)
    assert (signal["source"], signal["signal_id"], signal["size"]) == ("file", "a1", 0.01)
    assert (signal["entry_price"], signal["stop_loss"], signal["take_profit"]) == (95_010.0, 94_000.0, 99_000.0)
    assert (signal["confidence"], signal["frame"], signal["reason"]) == (1.0, "1s", "a breakout")
    assert 3_000 <= signal["age_ms"] < 4_500
    assert abs(signal["issued_ms"] - (time.time() - 3) * 1000) < 1_500
    assert abs(signal["bar_close_time"] + 1 - signal["issued_ms"]) <= 1
    assert list(data.signals.glob("*.json")) == list(data.signals_taken.glob("*")) == []


def test_the_metadata_names_strategy_and_mode_as_of_any_signal(tmp_path: Path) -> None:
    from tests.services.processes import spooled

    data = directory(tmp_path)
    drop(data, BUY | {"confidence": 0.81236})
    with opened(data) as stage:
        stage.look()
    (event,) = spooled(data, "ares", "signal_generated")
    assert event["metadata"] == {"strategy": "my_alerts", "confidence": 0.8124, "mode": "simulation"}


def test_an_id_counts_once_whatever_the_file_says(tmp_path: Path) -> None:
    data = directory(tmp_path)
    with opened(data) as stage:
        for number in range(50):
            drop(data, BUY | {"stop": 94_000 + number}, f"s{number:02}")
        stage.look()
        outcomes = [stage.outcome(f"s{number:02}") for number in range(50)]
        assert sorted(outcome["outcome"] for outcome in outcomes) == ["accepted", *["duplicate"] * 49]
        duplicate = next(outcome for outcome in outcomes if outcome["outcome"] == "duplicate")
        assert "an id counts once. Give a new signal an id of its own" in duplicate["message"]
        assert duplicate["signal_key"] == "my_alerts:id:a1"
    assert len(signals(data)) == 1


def test_an_id_counts_once_over_restarts_also_for_a_file_of_the_same_name(tmp_path: Path) -> None:
    data = directory(tmp_path)
    for number in range(3):
        drop(data, BUY, age=number / 100)
        with opened(data) as stage:
            stage.look()
            assert stage.outcome()["outcome"] == ("duplicate" if number else "accepted")
    assert len(signals(data)) == 1


def test_an_id_belongs_to_its_strategy(tmp_path: Path) -> None:
    data = directory(tmp_path)
    drop(data, BUY)
    drop(data, BUY | {"strategy": "another"}, "t")
    with opened(data) as stage:
        stage.look()
    assert {signal["strategy"] for signal in signals(data)} == {"my_alerts", "another"}


def test_the_price_of_an_entry_with_a_limit_is_the_lower_of_market_and_limit(tmp_path: Path) -> None:
    data = directory(tmp_path)
    until = round(time.time()) + 600
    for name, limit in (("low", 94_500), ("high", 96_000)):
        drop(data, BUY | {"id": name, "limit_price": limit, "limit_until": until}, name)
    with opened(data) as stage:
        stage.look()
    found = {signal["signal_id"]: signal for signal in signals(data)}
    assert (found["low"]["entry_price"], found["high"]["entry_price"]) == (94_500, 95_010)
    assert {signal["limit_until_ms"] for signal in found.values()} == {until * 1000}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stop": "94,000"}, "stop is '94,000': write a plain number such as 95000.5"),
        ({"strategy": "trend_multi_tf"}, "strategy trend_multi_tf is one of ARES. Give this signal's strategy another"),
        ({"strategy": "default"}, "strategy default is one of ARES"),
        ({"issued": 1_796_070_392}, "s old, the limit is 10 s (ARES_FRESHNESS_THRESHOLD). Send a new one, with "),
        ({"issued": 4_000_000_000}, "s from now. Check the clocks, or the time in the signal"),
        ({"symbol": "ETHUSDT"}, "no price of ETHUSDT is known. Is it in SYMBOLS?"),
        ({"price": 1e-300, "stop": 1e308}, ""),
    ],
)
def test_what_is_refused_names_reason_and_remedy(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    data = directory(tmp_path)
    if "issued" not in changes:
        changes = changes | {"issued": time.time()}
    elif changes["issued"] < time.time():
        changes = {"issued": time.time() - 11.0}
    drop(data, BUY | changes)
    with opened(data) as stage:
        stage.look()
        outcome = stage.outcome()
        if words:
            assert (outcome["outcome"], words in outcome["message"]) == ("refused", True), outcome
            assert stage.door.health().refused == 1  # type: ignore[union-attr]
            assert words in (stage.door.health().last_refusal or "")  # type: ignore[union-attr]
            assert signals(data) == []
        else:
            # It is absurd, and the trader says so: judging levels is its task.
            assert outcome["outcome"] == "accepted"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "the file is not JSON"),
        (b"", "the file is empty"),
        (b"[1]", "the file is not a JSON object"),
        (b'"BUY BTCUSDT"', "the file is not a JSON object"),
        (b'{"id": NaN}', "the file is not JSON"),
        (b'{"a": "' + b"x" * 17_000 + b'"}', "the file has 17,"),
        (b"\xff\xfe", "the file is not JSON"),
        (b'{"id": "1", "size": 0.001, "size": 100}', "the file gives 'size' twice; write it once"),
    ],
)
def test_a_file_that_is_no_signal_is_answered_and_gone(tmp_path: Path, content: bytes, words: str) -> None:
    data = directory(tmp_path)
    drop_bytes(data, content, "s", age=1.5)
    with opened(data) as stage:
        stage.look()
        assert (stage.outcome()["outcome"], words in stage.outcome()["message"]) == ("refused", True)
    assert list(data.signals.glob("*.json")) == list(data.signals_taken.glob("*")) == []


def test_a_file_that_is_just_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    data = directory(tmp_path)
    path = data.signals / "s.json"
    with opened(data) as stage, path.open("wb") as file:
        for part in (b"", b'{"id": "a2", "side": "SELL", ', b'"symbol": "BTCUSDT", '):
            file.write(part)
            file.flush()
            stage.look()
            assert not (data.signals_done / "s.json").exists()
        file.write(b'"strategy": "my_alerts"}')
        file.flush()
        stage.look()
        assert stage.outcome()["outcome"] == "accepted"


@pytest.mark.parametrize("name", [b"caf\xe9", b"two\nlines\x1b[31m", b" ", b"-rf", b"x" * 235])
def test_whatever_a_file_is_called_health_can_be_written(tmp_path: Path, name: bytes) -> None:
    data = directory(tmp_path)
    path = os.fsencode(data.signals) + b"/" + name + b".json"
    with open(path, "wb") as file:
        file.write(b"[]")
    with opened(data) as stage:
        stage.look()
        health = stage.door.health()
    assert health is not None
    assert health.last_refusal is not None
    assert health.last_refusal.isprintable()
    assert b'"refused":1' in orjson.dumps(health.model_dump())
    assert os.listdir(os.fsencode(data.signals_done)) == [name + b".json"]


@pytest.mark.parametrize(("name", "remedy"), [("x" * 250, "more than 240 bytes"), ("odd", "a folder of its name")])
def test_what_cannot_be_answered_waits_by_itself_and_opens_nothing(tmp_path: Path, name: str, remedy: str) -> None:
    data = directory(tmp_path)
    (data.signals_done / "odd.json").mkdir()
    (data.signals / f"{name}.json").write_bytes(orjson.dumps(BUY | {"id": "other"}))
    for number in range(60):
        drop(data, SELL | {"id": f"s{number}"}, f"s{number}")
    with opened(data) as stage:
        for _ in range(2):
            stage.look()
            assert {stage.outcome(f"s{number}")["outcome"] for number in range(60)} == {"accepted"}
            assert remedy in str(stage.door.problem)
        for path in data.signals_taken.iterdir():
            path.unlink()
        stage.look()
        assert stage.door.problem is None
    assert {signal["side"] for signal in signals(data)} == {"SELL"}


def test_what_a_folder_keeps_from_being_taken_is_named_and_waits(tmp_path: Path) -> None:
    data = directory(tmp_path)
    (data.signals_taken / "odd.json").mkdir()
    drop(data, BUY | {"id": "other"}, "odd")
    drop(data, SELL, "s")
    with opened(data) as stage:
        for _ in range(2):
            stage.look()
            assert stage.outcome("s")["outcome"] == "accepted"
            assert "odd.json waits: control/signals/taken/ has a folder of its name. Delete that" in str(
                stage.door.problem
            )
        (data.signals_taken / "odd.json").rmdir()
        stage.look()
        assert stage.outcome("odd")["outcome"] == "accepted"
        assert stage.door.problem is None


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_opens_nothing_and_blocks_nothing(tmp_path: Path, kind: str) -> None:
    data = directory(tmp_path)
    path, aim = data.signals / "odd.json", tmp_path / "aim.json"
    aim.write_text('{"id": "9", "side": "SELL", "symbol": "BTCUSDT", "strategy": "s"}')
    if kind == "link":
        path.symlink_to(aim)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    os.utime(path, (1.0, 1.0), follow_symlinks=False)
    drop(data, BUY)
    with opened(data) as stage:
        stage.look()
        assert stage.outcome()["outcome"] == "accepted"
        if kind != "folder":
            assert stage.outcome("odd")["outcome"] == "refused"
            assert stage.outcome("odd")["message"].startswith("the file cannot be read (is ")
    assert len(signals(data)) == 1
    assert aim.exists()


def test_nothing_is_opened_on_doubtful_prices_and_what_is_held_can_be_sold(tmp_path: Path) -> None:
    data = directory(tmp_path)
    write_ticker(data, age=3_600)
    drop(data, BUY | {"price": 95_000}, "b")
    drop(data, BUY | {"id": "a3"}, "c")
    drop(data, SELL, "s", age=3_600)
    with opened(data) as stage:
        stage.look()
        assert stage.outcome("b")["outcome"] == "accepted"
        assert "the last price of BTCUSDT is 3,600" in stage.outcome("c")["message"]
        assert stage.outcome("s")["outcome"] == "accepted"
        stage.feeder.problem = "feeder health is 99 s old, limit 10 s"
        drop(data, BUY | {"id": "a4", "price": 95_000}, "d")
        drop(data, SELL | {"id": "a5"}, "e")
        stage.look()
        assert "nothing is opened on doubtful prices: feeder health is 99 s old" in stage.outcome("d")["message"]
        assert stage.outcome("e")["outcome"] == "accepted"
    sold = next(signal for signal in signals(data) if signal["signal_id"] == "a2")
    assert sold["entry_price"] == sold["stop_loss"] == sold["take_profit"] == 95_000.0
    # The trader closes with it what was open then, and nothing newer.
    assert sold["bar_close_time"] < (time.time() - 3_590) * 1000


def test_a_sell_of_what_has_no_price_names_the_way_that_needs_none(tmp_path: Path) -> None:
    data = directory(tmp_path)
    drop(data, SELL | {"symbol": "ETHUSDT"})
    with opened(data) as stage:
        stage.look()
        assert "Give a price, or run `cq-tui close ETHUSDT`" in stage.outcome()["message"]


def test_a_flood_is_cut_off_and_what_closes_positions_still_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_A_MINUTE", {"BUY": 5, "SELL": 7})
    data = directory(tmp_path)
    with opened(data) as stage:
        for number in range(12):
            drop(data, BUY | {"id": f"b{number}"}, f"b{number}")
        stage.look()
        drop(data, SELL)
        stage.look()
        outcomes = [stage.outcome(f"b{number}") for number in range(12)]
        assert sum(outcome["outcome"] == "accepted" for outcome in outcomes) == 5
        refused = next(outcome for outcome in outcomes if outcome["outcome"] == "refused")
        assert refused["message"] == "5 BUY signals were taken within a minute, which is the most. Send fewer"
        assert stage.outcome()["outcome"] == "accepted"
    assert len(signals(data)) == 6


def test_klines_get_their_turn_between_many_signals(tmp_path: Path) -> None:
    data = directory(tmp_path)
    for number in range(60):
        drop(data, BUY, f"b{number}")
    with opened(data) as stage:
        looks = [stage.door.look() for _ in range(4)]
    assert looks == [True, True, False, False]


def test_only_the_owner_opens_positions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "foreign_owner", lambda owner, folder: "mallory")
    data = directory(tmp_path)
    drop(data, BUY, "b")
    drop(data, SELL, "s")
    with opened(data) as stage:
        stage.look()
        assert "its file belongs to mallory. Only " in stage.outcome("b")["message"]
        assert stage.outcome("s")["outcome"] == "accepted"


def test_while_the_disk_is_full_signals_wait_and_then_only_what_still_holds_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cq_tui.store.reserve import Reserve

    data = directory(tmp_path, ARES_FRESHNESS_THRESHOLD=1.0)
    drop(data, SELL, "s")
    drop(data, BUY, "b")
    with opened(data) as stage:
        with monkeypatch.context() as full:
            full.setattr(Reserve, "problem", "the disk is full")
            stage.look()
            assert str(stage.door.problem) == "signals from outside wait: the disk is full"
            assert stage.door.health().waiting == 2  # type: ignore[union-attr]
            assert list(data.signals_done.glob("*")) == []
        for path in (*data.signals.glob("*.json"), *data.signals_taken.glob("*.json")):
            os.utime(path, (time.time() - 5,) * 2)
        stage.look()
        assert not stage.door.problem
        assert stage.outcome("s")["outcome"] == "accepted"
        assert "s old, the limit is 1 s" in stage.outcome("b")["message"]
    assert [signal["side"] for signal in signals(data)] == ["SELL"]


def test_ids_are_bounded_and_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taken_ids, "KEPT", 10)
    monkeypatch.setattr(door, "_A_MINUTE", {"BUY": 999, "SELL": 999})
    data = directory(tmp_path)
    with opened(data) as stage:
        for number in range(35):
            drop(data, SELL | {"id": f"n{number}"}, f"n{number:02}")
            stage.look()
    assert len(data.signal_ids.read_bytes().splitlines()) <= 21
    with opened(data) as stage:
        for number in (34, 25, 24):
            drop(data, SELL | {"id": f"n{number}"}, f"again{number}")
        stage.look()
        assert [stage.outcome(f"again{number}")["outcome"] for number in (34, 25, 24)] == [
            "duplicate", "duplicate", "accepted",
        ]  # fmt: skip


def test_old_outcomes_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside_signals, "_KEPT_FILES", 3)
    data = directory(tmp_path)
    for number in range(5):
        path = data.signals_done / f"{number}.json"
        path.write_text("{}")
        os.utime(path, (time.time() - (100_000 if number == 4 else number),) * 2)
    with opened(data) as stage:
        stage.look()
    assert sorted(path.name for path in data.signals_done.glob("*")) == ["0.json", "1.json", "2.json"]


def test_a_signal_that_nobody_has_taken_can_be_withdrawn(tmp_path: Path) -> None:
    data = directory(tmp_path)
    name = put_signal(data, BUY, "command")
    assert withdraw_signal(data, name)
    assert not withdraw_signal(data, name)
    with opened(data) as stage:
        stage.look()
    assert signals(data) == []


def test_damaged_ids_are_named_and_the_others_count(tmp_path: Path) -> None:
    data = directory(tmp_path)
    drop(data, BUY)
    with opened(data) as stage:
        stage.look()
    with data.signal_ids.open("ab") as file:
        file.write(b"what\n")
    drop(data, BUY, "again")
    with opened(data) as stage:
        stage.look()
        assert stage.outcome("again")["outcome"] == "duplicate"
    assert "damaged lines: 1" in data.log_of("ares").read_text()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from([1e30, "9" * 19, "1e99", 10**18, "2026-11-30T20:26:32Z"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
_FIELDS = st.sampled_from([*OutsideSignal.model_fields, "x"])


@given(changes=st.lists(st.dictionaries(_FIELDS, _VALUES, max_size=3), min_size=1, max_size=8))
def test_whatever_a_file_says_it_is_answered_and_the_next_one_is_taken(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, Any]]
) -> None:
    data = directory(tmp_path_factory.mktemp("fuzz"))
    with opened(data) as stage:
        for number, change in enumerate(changes):
            drop_bytes(data, orjson.dumps(BUY | {"id": str(number)} | change), f"f{number}", age=2)
        drop(data, SELL, "last", age=1.5)
        stage.look()
        assert stage.door.problem is None
        assert {stage.outcome(f"f{number}")["outcome"] for number in range(len(changes))} <= {
            "accepted", "refused", "duplicate",
        }  # fmt: skip
        assert stage.outcome("last")["outcome"] == "accepted"


def test_depth_ends_nothing(tmp_path: Path) -> None:
    data = directory(tmp_path)
    for depth in (200, 300, 900, 1_100, 5_000):
        drop_bytes(data, b'{"x": ' + b"[" * depth + b"]" * depth + b"}", f"d{depth}", age=2)
        drop_bytes(data, b'{"id": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}", f"e{depth}", age=2)
    drop(data, SELL)
    with opened(data) as stage:
        stage.look()
        assert stage.outcome()["outcome"] == "accepted"
        assert stage.door.health().refused == 10  # type: ignore[union-attr]
