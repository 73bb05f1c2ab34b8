"""Logs: one JSON line a record, whatever is in it, and never an exception."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.logs import open_log
from cq_tui.store.data_directory import prepare_data_directory
from tests.small_disk import small_disk


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDir]:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    before = logging.getLogger().handlers[:]
    yield data
    logging.getLogger().handlers[:] = before
    for handler in logging.getLogger("cq_tui.trader").handlers:
        handler.close()


def lines(data: DataDir) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in data.log_of("trader").read_bytes().splitlines()]


def test_a_line_shows_time_level_source_and_message(data: DataDir) -> None:
    log = open_log(data, "trader", "INFO")
    log.debug("not this")
    log.warning("order refused", symbol="[red]\x1b[31m\n", code=-2010)
    (line,) = lines(data)
    assert list(line)[:3] == ["ts", "level", "service"]
    assert (line["level"], line["service"], line["event"]) == ("warning", "trader", "order refused")
    assert (line["symbol"], line["code"]) == ("[red]\x1b[31m\n", -2010)
    assert line["ts"] > 1e9
    assert b"\x1b" not in data.log_of("trader").read_bytes()


@pytest.mark.parametrize("value", ["\ud800", 2**80, {"a": "\udcff"}, object(), b"\xff", {1: 2}, float("nan")])
def test_values_that_are_not_json_are_logged_anyway(data: DataDir, value: object) -> None:
    open_log(data, "trader", "INFO").error("odd", value=value)
    logging.getLogger("some.library").warning("about %s", value)
    ours, theirs = lines(data)
    assert ours["event"].strip("'") == "odd"
    assert "about" in theirs["event"]
    assert theirs["logger"].strip("'") == "some.library"


def test_libraries_that_log_wrongly_or_with_a_traceback(data: DataDir) -> None:
    open_log(data, "trader", "ERROR")
    library = logging.getLogger("some.library")
    library.warning("%d and %d", "one")
    library.info("too little")
    try:
        raise RuntimeError("inside")
    except RuntimeError:
        library.exception("broken")
    first, second = lines(data)
    assert first["event"] == "%d and %d"
    assert "RuntimeError: inside" in second["exception"]


def test_opening_again_changes_the_level_and_duplicates_nothing(data: DataDir) -> None:
    open_log(data, "trader", "ERROR").info("not this")
    log = open_log(data, "trader", "DEBUG")
    log.debug("this")
    assert [line["event"] for line in lines(data)] == ["this"]


def test_it_is_rotated_and_bounded(data: DataDir) -> None:
    log = open_log(data, "trader", "INFO")
    for _ in range(30):
        log.info("x" * 1_000_000)
    sizes = [path.stat().st_size for path in data.logs.iterdir()]
    assert len(sizes) == 4
    assert max(sizes) <= 4 * 1024 * 1024


def test_a_log_that_cannot_be_written_ends_nothing(data: DataDir) -> None:
    log = open_log(data, "trader", "INFO")
    handler = logging.getLogger("cq_tui.trader").handlers[0]
    assert isinstance(handler, logging.FileHandler)
    handler.close()
    data.log_of("trader").unlink()
    data.log_of("trader").mkdir()
    log.error("into nothing")


@pytest.mark.parametrize("rotate_at", [1_000, 2**20])
def test_a_full_disk_costs_lines_but_never_an_exception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rotate_at: int
) -> None:
    monkeypatch.setattr("cq_tui.services.logs._ROTATE_BYTES", rotate_at)
    with small_disk(tmp_path / "disk", 4) as disk:
        data = DataDir(disk.root / "data")
        prepare_data_directory(data)
        log = open_log(data, "trader", "INFO")
        log.info("before")
        disk.fill()
        for _ in range(5):
            log.info("x" * 5_000)
        disk.make_room()
        log.info("after")
        assert lines(data)[-1]["event"] == "after"
        disk.fill()
        log.info("x" * 5_000)
        # Closes the old file, whose last lines the disk still refuses.
        open_log(data, "trader", "INFO")
        disk.make_room()
        for handler in logging.getLogger("cq_tui.trader").handlers:
            handler.close()
