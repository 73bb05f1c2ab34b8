"""``cq-tui events``: what it lists of a growing or still history, and how following ends."""

import os
import pty
import signal
import stat
import subprocess
import time
from collections.abc import Callable

import pytest

from cq_tui.contracts.layout import DataDir
from tests.cli.conftest import CommandResult, command
from tests.store.reading.written import Lines, write

Cq = Callable[..., CommandResult]
Start = Callable[..., subprocess.Popen[str]]


def append(data: DataDir, *lines: bytes, end: bytes = b"\n") -> None:
    with data.events.open("ab") as file:
        file.write(b"\n".join(lines) + end)


def text(lines: list[bytes]) -> str:
    return b"".join(line + b"\n" for line in lines).decode()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_the_last_twenty_events_are_summarized(cq: Cq, data: DataDir) -> None:
    made = Lines(start=time.time() - 86_400 * 9)
    write(data.events, made.some(30))
    told = cq("events", code=0)
    shown = told.out.splitlines()
    assert len(shown) == 20
    assert shown[-1].split()[2:] == ["order_rejected", "trader", "SOLUSDT", "BUY", "no", "29"]
    assert told.err == ""
    assert "\x1b" not in told.out


def test_count_limits_the_events(cq: Cq, data: DataDir) -> None:
    lines = Lines().some(40)
    write(data.events, lines)
    for count in (0, 1, 33, 40, 1000):
        assert cq("events", "-n", str(count), "--json", code=0).out == text(lines[len(lines) - min(count, 40) :])
    assert "-n" in cq("events", "-n", "-1", code=2).err


def test_json_prints_the_stored_bytes(cq: Cq, data: DataDir) -> None:
    made = Lines()
    lines = [
        made.make(reason="Ünïcode \u009b2J\u202e \x7f"),
        b'{"event_id": "x", "timestamp":1e9,"event_type":"t","source":""}  ',
    ]
    write(data.events, lines, tail=made.make()[:40])
    assert cq("events", "--json", code=0).out.encode() == text(lines).encode()


def test_filters_select_events(cq: Cq, data: DataDir) -> None:
    made = Lines()
    lines = made.some(60)
    write(data.events, lines)

    def asked(*words: str) -> str:
        return cq("events", "--json", "-n", "1000", *words, code=0).out

    rejected = [line for line in lines if b"order_rejected" in line]
    assert asked("--type", "order_rejected") == text(rejected)
    assert asked("--type", "order_rejected", "--type", "order_executed") == text(lines)
    assert asked("--symbol", "BTCUSDT") == text(lines[::3])
    assert asked("--type", "order_rejected", "--symbol", "BTCUSDT") == text([x for x in rejected if x in lines[::3]])
    assert cq("events", "--json", "--type", "order_rejected", "-n", "2").out == text(rejected[-2:])
    told = cq("events", "--type", "order_rejecte", code=0)
    assert told.out == ""
    assert "unknown type order_rejecte. Known types: signal_generated" in told.err


def test_since_shows_all_unless_a_count_is_given(cq: Cq, data: DataDir) -> None:
    now = time.time()
    old, new = Lines(start=now - 7200).some(50), Lines(start=now - 60).some(50)
    write(data.events, old + new)
    assert cq("events", "--since", "1h", "--json", code=0).out == text(new)
    assert cq("events", "--since", "3h", "--json", code=0).out == text(old + new)
    assert cq("events", "--since", str(int(now - 3600)), "--json", "-n", "3", code=0).out == text(new[-3:])
    told = cq("events", "--since", "2099-01-01", code=0)
    assert (told.out, told.err) == ("", "cq-tui: no events match\n")
    told = cq("events", "--since", "a while", code=2)
    assert told.err.startswith("cq-tui: --since 'a while' is not a time: use 10m, 2h, 3d, 14:05, 2026-11-22, ")


@pytest.mark.parametrize("words", [[], ["--json"], ["--since", "2000-01-01"], ["-n", "5"]])
def test_damaged_lines_are_reported_and_skipped(cq: Cq, data: DataDir, words: list[str]) -> None:
    lines = Lines().some(4)
    write(data.events, [*lines[:2], b"\x1b[2J", *lines[2:]])
    told = cq("events", *words, code=1)
    place = sum(len(line) + 1 for line in lines[:2])
    assert told.err == f"cq-tui: event_chain.ndjson: line 3 (byte {place:,}) is damaged, skipped\n"
    assert len(told.out.splitlines()) == 4
    assert "\x1b" not in told.out


def test_a_history_that_does_not_exist_yet(cq: Cq, data: DataDir) -> None:
    assert f"data directory {data.root} does not exist" in cq("events", code=4).err
    data.root.mkdir()
    told = cq("events", code=0)
    assert (told.out, told.err) == ("", "cq-tui: the history has no events yet\n")
    assert cq("events", "--json", "--since", "3d", code=0).out == ""
    assert [*data.root.iterdir()] == []


def test_a_folder_instead_of_a_history_is_named(cq: Cq, data: DataDir) -> None:
    data.events.mkdir(parents=True)
    assert str(data.events) in cq("events", code=4).err


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_an_unreadable_file_is_named_and_a_read_only_directory_is_read(cq: Cq, data: DataDir) -> None:
    write(data.events, Lines().some(3))
    data.memory.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert len(cq("events", code=0).out.splitlines()) == 3
        data.events.chmod(0)
        assert str(data.events) in cq("events", code=4).err
    finally:
        data.memory.chmod(0o700)


def test_following_shows_each_line_as_it_comes_and_ends_with_ctrl_c(start: Start, data: DataDir) -> None:
    made = Lines()
    lines = made.some(6)
    write(data.events, lines[:3])
    process = start("events", "--follow", "--json", "-n", "2")
    assert [read_line(process), read_line(process)] == [text(lines[1:2]), text(lines[2:3])]
    append(data, lines[3])
    assert read_line(process) == text(lines[3:4])
    append(data, lines[4], lines[5][:40], end=b"")
    assert read_line(process) == text(lines[4:5])
    append(data, lines[5][40:])
    assert read_line(process) == text(lines[5:6])
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")


def test_following_starts_before_the_history_and_survives_its_replacement(start: Start, data: DataDir) -> None:
    made = Lines()
    lines = made.some(7)
    data.root.mkdir()
    process = start("events", "-f", "--json", "--type", "order_executed", "--type", "order_rejected")
    write(data.events, lines[:3])
    assert [read_line(process) for _ in range(3)] == [text([line]) for line in lines[:3]]
    append(data, lines[3])
    assert read_line(process) == text(lines[3:4])
    restored = data.root / "restored"
    write(restored, lines[:6])
    restored.rename(data.events)
    assert [read_line(process) for _ in range(2)] == [text([line]) for line in lines[4:6]]
    append(data, b"junk", lines[6])
    assert read_line(process) == text(lines[6:])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    place = sum(len(line) + 1 for line in lines[:6])
    assert err.splitlines() == [
        "cq-tui: event_chain.ndjson was truncated or replaced; continuing after the last event",
        f"cq-tui: event_chain.ndjson: line 7 (byte {place:,}) is damaged, skipped",
    ]


def test_following_ends_when_the_pipe_closes_without_new_events(data: DataDir) -> None:
    write(data.events, Lines().some(2))
    process = subprocess.Popen(
        command("events", "--follow", "--data-dir", str(data.root)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stderr:
        assert b"order_executed" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 1
        assert process.stderr.read() == b""


def test_a_pipe_closed_early_ends_without_a_traceback(data: DataDir) -> None:
    write(data.events, Lines().some(5000))
    words = " ".join(command("events", "--since", "2000-01-01", "--data-dir", str(data.root)))
    told = subprocess.run(["bash", "-c", f"{words} | head -1"], capture_output=True, text=True, timeout=60, check=True)
    assert "order_executed" in told.stdout
    assert told.stderr == ""


def on_a_terminal(words: list[str], **environment: str) -> str:
    """Return what a command writes to a terminal."""
    terminal, other_end = pty.openpty()
    left = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        command(*words), stdin=other_end, stdout=other_end, stderr=other_end, env=left | {"TERM": "xterm"} | environment
    )
    os.close(other_end)
    shown = b""
    try:
        while part := os.read(terminal, 10_000):
            shown += part
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert process.wait(60) == 0, shown
    return shown.decode()


def test_a_terminal_gets_our_colors_only(data: DataDir) -> None:
    made = Lines()
    write(data.events, [made.make("order_rejected", symbol="\x1b[2J\u009b2J", side="BUY"), made.make("order_rejected")])
    words = ["events", "--data-dir", str(data.root)]
    colored = on_a_terminal(words)
    assert "\x1b[33morder_rejected" in colored
    assert "\x1b[2J" not in colored
    assert "\x9b" not in colored
    assert "\x1b" not in on_a_terminal(words, NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(words, TERM="dumb")
    stored = on_a_terminal([*words, "--json"])
    assert "\x1b" not in stored
    assert "\x9b" not in stored
    assert "\\u009b2J" in stored
