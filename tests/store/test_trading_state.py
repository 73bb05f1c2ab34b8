"""The files that stop trading: that one exists counts, on a full disk and whatever is in its place."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.store.trading_state import (
    STOPPED,
    StateRequest,
    Stop,
    last_resumption,
    lift_stops,
    parse_comment,
    prepare_stops,
    put_stop,
    read_comment,
    seen_stops,
    standing_stops,
)
from tests.small_disk import small_disk
from tests.store.processes import finished

HALT = StateRequest("halt", "kim from 192.0.2.7", 1_900_000_000, "active", "halted", "cli-0123abcd", "news, at 14:30")
REDUCE = replace(HALT, verb="reduce", new_state="reducing", writer="room-0123abcd", why=None)
RESUME = replace(HALT, verb="resume", old_state="halted", new_state="active", writer="cli-99999999")


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    prepare_stops(data)
    return data


def put(data: DataDir, request: StateRequest) -> tuple[bool, list[StateRequest]]:
    recorded = list[StateRequest]()
    return put_stop(data, request, recorded.append), recorded


def lift(data: DataDir, request: StateRequest = RESUME) -> tuple[tuple[str, ...], list[StateRequest]]:
    recorded = list[StateRequest]()
    return lift_stops(data, request, recorded.append), recorded


def state(data: DataDir) -> str:
    return SettingsInForce(data, {}).load().settings.TRADING_STATE


@pytest.mark.parametrize(
    "request_", [HALT, REDUCE, RESUME, replace(HALT, person="a, b (c): d"), replace(HALT, why="ü")]
)
def test_a_comment_is_read_as_it_was_written(request_: StateRequest) -> None:
    assert parse_comment(request_.comment()) == request_


@pytest.mark.parametrize(
    "text", ["", "kim", HALT.comment() + "\n", HALT.comment().replace("halt:", "stop:"), HALT.comment()[:60]]
)
def test_any_other_comment_is_a_note(text: str) -> None:
    assert parse_comment(text) is None


def test_who_stopped_and_resumed_is_known(data: DataDir) -> None:
    assert put(data, HALT) == (True, [HALT])
    (stop,) = standing_stops(data)
    assert stop == Stop("halted", float(HALT.ts), HALT, by="command")
    assert stop.describe() == "by kim from 192.0.2.7 since 2030-03-17 17:46 UTC: news, at 14:30"
    assert last_resumption(data, "halted") is None
    assert lift(data) == (("halted",), [RESUME])
    assert standing_stops(data) == ()
    assert last_resumption(data, "halted") == RESUME
    assert lift(data) == ((), []), "there is nothing to lift, and nothing to record"
    # What was prepared is there again, and is no stop.
    assert all(data.prepared_stop_of(state).stat().st_size == 4096 for state in STOPPED)
    assert all(data.prepared_stop_of(state).stat().st_mode & 0o777 == 0o600 for state in STOPPED)


def test_a_name_that_cannot_be_written_prevents_no_halt(data: DataDir) -> None:
    assert put(data, replace(HALT, person="kim\udcff"))[0]
    assert standing_stops(data)[0].describe().startswith("by kim? since")


def test_the_first_who_stopped_stays_named(data: DataDir) -> None:
    put(data, HALT)
    assert put(data, replace(HALT, person="lee", writer="room-11111111")) == (False, [])
    assert standing_stops(data)[0].request == HALT


def test_both_stops_are_lifted_at_once(data: DataDir) -> None:
    put(data, REDUCE)
    put(data, HALT)
    assert [stop.state for stop in standing_stops(data)] == ["halted", "reducing"]
    assert lift(data) == (("reducing", "halted"), [RESUME])


@pytest.mark.parametrize("kind", ["empty", "text", "binary", "folder", "pipe", "dangling", "loop", "unreadable"])
def test_whatever_exists_counts_and_can_be_lifted(data: DataDir, kind: str) -> None:
    path = data.stop_of("halted")
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "dangling" | "loop":
            path.symlink_to(path if kind == "loop" else data.root / "nowhere")
        case _:
            path.write_bytes({"text": b"lunch\nbreak", "binary": bytes(range(256))}.get(kind, b""))
            path.chmod(0o000 if kind == "unreadable" else 0o600)
    assert state(data) == "halted"
    (stop,) = standing_stops(data)
    assert stop.request is None
    assert stop.describe().startswith("by the file control/halted since 20")
    assert stop.describe().endswith(": lunch") == (kind == "text")
    assert lift(data) == (("halted",), [RESUME])
    assert state(data) == "active"


def test_a_folder_with_something_in_it_is_named_and_stays(data: DataDir) -> None:
    (data.stop_of("halted") / "kept").mkdir(parents=True)
    with pytest.raises(OSError, match="control/halted"):
        lift(data)
    assert state(data) == "halted"


@pytest.mark.parametrize("held", [None, "active", *STOPPED])
@pytest.mark.parametrize("setting", ["active", *STOPPED])
@pytest.mark.parametrize("file", ["", *STOPPED])
def test_the_safest_of_file_setting_and_environment_wins(
    data: DataDir, file: str, setting: str, held: str | None
) -> None:
    write_document(data.settings, {"TRADING_STATE": setting})
    settings = SettingsInForce(data, {"TRADING_STATE": held} if held else {})
    before = settings.load().settings.TRADING_STATE
    if file:
        data.stop_of(file).touch()
    order = ["active", "reducing", "halted"].index
    found = settings.load()
    assert max(before, file or "active", key=order) == found.settings.TRADING_STATE
    assert found.settings_state == before
    assert (found.sources["TRADING_STATE"] == "control") == (order(file or "active") > order(before))
    if file:
        data.stop_of(file).unlink()
        assert before == settings.load().settings.TRADING_STATE


def test_settings_that_cannot_be_used_hide_no_halt(data: DataDir) -> None:
    settings = SettingsInForce(data, {})
    data.settings.write_bytes(b"{,")
    assert settings.load().settings.TRADING_STATE == "reducing"
    put(data, HALT)
    assert settings.load().settings.TRADING_STATE == "halted"
    assert settings.load().stop_reason == "by kim from 192.0.2.7 since 2030-03-17 17:46 UTC: news, at 14:30"
    lift(data)
    assert settings.load().settings.TRADING_STATE == "reducing"
    assert settings.load().stop_reason is None


def test_a_reader_sees_every_change(data: DataDir) -> None:
    seen = [seen_stops(data)]
    put(data, HALT)
    seen.append(seen_stops(data))
    lift(data)
    seen.append(seen_stops(data))
    assert (seen[0] == seen[2], seen[0] == seen[1]) == (True, False)


@pytest.mark.parametrize("is_prepared", [True, False])
def test_a_full_disk_takes_halt_and_resumption_with_their_comments(tmp_path: Path, is_prepared: bool) -> None:
    with small_disk(tmp_path / "data", 1) as disk:
        data = DataDir(disk.root)
        prepare_data_directory(data)
        if is_prepared:
            prepare_stops(data)
        disk.fill()
        assert disk.free == 0
        told = put(data, HALT)
        assert state(data) == "halted"
        assert told == (True, [HALT] if is_prepared else [])
        assert (standing_stops(data)[0].request == HALT) == is_prepared
        lift(data)
        assert state(data) == "active"
        assert read_comment(data.prepared_stop_of("halted")) in ("", RESUME.comment())


def test_what_is_only_prepared_takes_nothing_of_the_reserve(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", 8) as disk:
        data = DataDir(disk.root)
        prepare_data_directory(data)
        data.reserve.write_bytes(bytes(2**20))
        disk.fill()
        prepare_stops(data)
        assert [data.prepared_stop_of(name).stat().st_size for name in STOPPED] == [0, 0]
        assert data.reserve.stat().st_size == 2**20
        # A halt spends some of it for its comment.
        assert put(data, HALT) == (True, [HALT])
        assert data.reserve.stat().st_size < 2**20
        disk.make_room()
        prepare_stops(data)
        assert all(data.prepared_stop_of(name).stat().st_size for name in STOPPED)


#: Halts as another user.
OTHER = """
import codecs
import os
import sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import Settings
from cq_tui.ops.trading_state import stop
codecs.lookup("ascii")
Settings()  # what it imports, nobody but root may read
os.setgroups([])
os.setgid(65534)
os.setuid(65534)

print(stop(DataDir(Path(sys.argv[1])), "halt", "cli", "by another").done)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("is_prepared", [True, False])
def test_another_user_who_may_write_into_control_can_halt(is_prepared: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = DataDir(Path(folder) / "data")
        prepare_data_directory(data)
        if is_prepared:
            prepare_stops(data)
        for path, mode in ((Path(folder), 0o711), (data.root, 0o711), (data.control, 0o777)):
            path.chmod(mode)
        assert "trading is halted" in finished(OTHER, data.root)
        assert state(data) == "halted"
        assert list(data.spool.iterdir()) == [], "memory could not read it"
        (stop,) = standing_stops(data)
        # Without the right to write into what is prepared, no comment tells it.
        assert (stop.request is not None and stop.request.why == "by another") == (not is_prepared)
        assert lift(data) == (("halted",), [RESUME])
        assert state(data) == "active"


def test_where_no_file_can_be_made_it_says_so(data: DataDir) -> None:
    for name in STOPPED:
        data.prepared_stop_of(name).unlink()
    shutil.rmtree(data.control)
    with pytest.raises(OSError, match="control"):
        put(data, HALT)
