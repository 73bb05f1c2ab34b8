"""``data``: what each of its commands prints, and how it ends."""

import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from cq_tui.cli.data import _time
from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from tests.cli.conftest import CommandResult
from tests.lookback.recorded_klines import dump_lines, walk, write_lines

Command = Callable[..., CommandResult]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    write_lines(folder / "AUSDT-1m-2024-08.csv", dump_lines(walk(30, holes=(7,))))
    write_lines(folder / "BUSDT-1m-2024-08.zip", dump_lines(walk(20)))
    return folder


def test_imported_listed_and_checked(cq: Command, data: DataDir, files: Path) -> None:
    assert cq("data", "import", str(files), code=ExitCode.OK).out.splitlines() == [
        "AUSDT 1m: 29 klines kept; 29 new",
        "BUSDT 1m: 20 klines kept; 20 new",
    ]
    again = cq("data", "import", str(files), "--symbols", "ausdt", code=ExitCode.OK)
    assert again.out == "AUSDT 1m: 29 klines kept; 0 new, 29 were there already\n"
    lines = cq("data", "list", code=ExitCode.OK).out.splitlines()
    assert [line.split("  ")[:4] for line in lines] == [
        ["AUSDT", "1m", "29 klines", "2023-11-15 00:00 to 2023-11-15 00:29 UTC"],
        ["BUSDT", "1m", "20 klines", "2023-11-15 00:00 to 2023-11-15 00:19 UTC"],
    ]
    assert "1 missing" in lines[0]
    [first, _] = orjson.loads(cq("data", "list", "--json").out)
    assert (first["symbol"], first["klines"], first["missing"], first["kept_as"]) == ("AUSDT", 29, 1, "columns")
    assert cq("data", "check", "--symbols", "BUSDT", code=ExitCode.OK).out == (
        "BUSDT 1m: 20 klines, 2023-11-15 00:00 to 2023-11-15 00:19 UTC; nothing is wrong with them\n"
    )
    checked = cq("data", "check", str(files / "AUSDT-1m-2024-08.csv"), code=ExitCode.FAILED).out.splitlines()
    assert checked[1].startswith(
        f"  · {files}/AUSDT-1m-2024-08.csv, line 8 (2023-11-15 00:07): a hole of 1 kline before"
    )
    [result] = orjson.loads(cq("data", "check", "--symbols", "AUSDT", "--json", code=ExitCode.FAILED).out)
    assert [(found["kind"], found["is_error"]) for found in result["findings"]] == [("hole", False)]
    cq("validate", code=ExitCode.OK)


def test_what_is_left_out_is_told_and_more_of_a_kind_is_counted(cq: Command, tmp_path: Path) -> None:
    lines = dump_lines(walk(40))
    bad = [*lines[:5], *["x" + line for line in lines[5:20]], *lines[20:]]
    path = write_lines(tmp_path / "AUSDT-1m.csv", bad)
    told = cq("data", "import", str(path), code=ExitCode.FAILED).out.splitlines()
    assert told[0] == "AUSDT 1m: 25 klines kept; 25 new, 15 lines left out"
    assert told[1].startswith(f"  ! {path}, line 6: column open_time: 'x17")
    assert told[-1] == "  and 5 more findings of this kind: unreadable"
    assert cq("data", "check", str(path), code=ExitCode.ERROR).out.splitlines()[1:-2] == told[1:-1]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["import", "/nothing/here"], ExitCode.ERROR, "/nothing/here: no such file or folder"),
        (["import", "{files}", "--interval", "7m"], ExitCode.ERROR, "7m is no interval of klines; choose one of 1s"),
        (["import", "{files}", "--symbols", "ZUSDT"], ExitCode.ERROR, "no klines of ZUSDT; available: AUSDT, BUSDT"),
        (["list"], ExitCode.UNUSABLE, "does not exist"),
        (["check"], ExitCode.UNUSABLE, "does not exist"),
        (["fetch", "BTCUSDT"], ExitCode.ERROR, "klines come from the simulated exchange. Start it with `cq-tui up`"),
        (["fetch", "BTCUSDT", "--from", "soon"], ExitCode.ERROR, "'soon' is not a time"),
    ],
)
def test_what_cannot_be_done_is_one_line(cq: Command, files: Path, words: list[str], code: int, message: str) -> None:
    result = cq("data", *(word.format(files=files) for word in words), code=code)
    assert message in result.err
    assert result.err.count("\n") == 1


def test_nothing_is_kept_yet(cq: Command, data: DataDir) -> None:
    data.root.mkdir()
    assert cq("data", "list", code=ExitCode.OK).out.startswith("No klines are kept. Add some with")


def test_dates_are_in_utc() -> None:
    assert _time("2024-08-01") == 1_722_470_400_000
    assert _time("2024-08-01T12:30") == 1_722_515_400_000
    assert _time("2024-08-01T12:30+02:00") == 1_722_508_200_000
    assert _time(None) is None
    ago = _time("30d")
    assert ago is not None
    assert abs(time.time() - ago / 1_000 - 30 * 86_400) < 60
