"""The commands as users run them: processes, pipes, signals, ports."""

import contextlib
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import pytest

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.lock import read_holder
from cq_tui.supervisor.desired_state import write_desired_state
from cq_tui.supervisor.process import find_process, find_processes_by_command_line
from tests.cli.conftest import CommandResult, command

Real = Callable[..., CommandResult]
Cq = Callable[..., CommandResult]
Start = Callable[..., subprocess.Popen[str]]
#: A small market: it opens in a fraction of the time, and what is tested here is the same.
SMALL = {"SYMBOLS": "BTCUSDT,ETHUSDT"}
#: Each service takes a second to start, and most of what is tested here is the same with two.
FEW = ("exchange", "memory")


def until(condition: Callable[[], object], patience: float = 60.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"never came true within {patience} s"
        time.sleep(0.02)


def keep_few(data: DataDir, services: tuple[str, ...] = FEW) -> None:
    """Have a supervisor start these services only."""
    prepare_data_directory(data)
    for name in set(SERVICES) - set(services):
        write_desired_state(data, name, "stopped", "a test")


def left_over(data: DataDir) -> list[str]:
    """Command lines of everything that runs for a data directory."""
    found = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return [" ".join(words) for words in found if "cq_tui" in words and str(data.root) in words]


def test_the_console_script_and_the_module_print_the_same(real: Real) -> None:
    script = Path(sys.executable).with_name("cq-tui")
    for words in (["--version"], ["--help"], ["up", "--help"]):
        told = subprocess.run([script, *words], capture_output=True, text=True, check=True)
        assert told.stdout == real(*words, code=0).out
    told = subprocess.run([script, "up", "--sideways"], capture_output=True, text=True, check=False)
    assert told.stderr == real("up", "--sideways", code=2).err
    assert "Usage: cq-tui up" in told.stderr


def test_a_closed_pipe_ends_without_a_traceback(data: DataDir) -> None:
    words = " ".join(command("config", "show", "--data-dir", str(data.root)))
    told = subprocess.run(["bash", "-c", f"{words} | head -1"], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.startswith("BINANCE_API_KEY")
    assert told.stderr == ""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        command("config", "show", "--data-dir", str(data.root)), stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 1


def test_ctrl_c_at_the_prompt_for_a_secret(data: DataDir) -> None:
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        command("config", "set", "BINANCE_API_SECRET=-", "--data-dir", str(data.root)),
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
    )
    os.close(other_end)
    shown = b""
    while b"BINANCE_API_SECRET:" not in shown:
        shown += os.read(terminal, 1000)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    os.close(terminal)
    assert b"Traceback" not in shown
    assert not data.settings.exists()


def test_the_exchange_serves_once_announced_and_ends_on_ctrl_c(start: Start) -> None:
    process = start("exchange", "--json", "--symbols", "btcusdt,ETHUSDT", "--seed", "7")
    assert process.stdout is not None
    told = orjson.loads(process.stdout.readline())
    assert set(told) == {"rest_url", "stream_url", "ws_api_url", "api_key", "api_secret"}
    assert httpx.get(f"{told['rest_url']}/api/v3/ping").json() == {}
    listed = httpx.get(f"{told['rest_url']}/api/v3/exchangeInfo").json()["symbols"]
    assert [symbol["symbol"] for symbol in listed] == ["BTCUSDT", "ETHUSDT"]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_ledger_has_only_one_exchange(start: Start, cq: Cq, data: DataDir) -> None:
    process = start("exchange", "--json", "--symbols", "BTCUSDT")
    assert process.stdout is not None
    assert process.stdout.readline()
    assert data.ledger.exists()
    told = cq("exchange", "--symbols", "BTCUSDT", code=3)
    assert f"exchange is already running here (process {process.pid})" in told.err
    assert f"process {process.pid}" in cq("service", "exchange", code=3).err
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_port_in_use_is_named(cq: Cq) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in cq("exchange", "--port", str(port), "--symbols", "BTCUSDT", code=1).err


def test_a_service_alone(start: Start, cq: Cq, data: DataDir) -> None:
    process = start("service", "memory")
    until(lambda: find_process(data, "memory"))
    told = cq("service", "memory", code=3)
    assert told.err.startswith(f"cq-tui: memory is already running here (process {process.pid}). Stop it first")
    # Nobody supervises it, and yet `down` finds it.
    assert cq("down", code=0).out == "stopped: memory\n"
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_down_finds_a_process_without_its_lock_yet(cq: Cq, data: DataDir) -> None:
    data.root.mkdir()
    # The order of words that the supervisor uses.
    process = subprocess.Popen(command("service", "memory", "--data-dir", str(data.root)), stderr=subprocess.DEVNULL)
    process.send_signal(signal.SIGSTOP)
    try:
        until(lambda: [name for name, _ in find_processes_by_command_line(data)] == ["memory"])
        assert find_process(data, "memory") is None
        assert cq("down", code=0).out == "stopped: memory\n"
    finally:
        process.kill()
        process.wait()


def test_down_names_a_supervisor_that_does_not_respond(start: Start, data: DataDir) -> None:
    import asyncio

    from cq_tui.ops.down import DownError, stop_stack

    keep_few(data)
    process = start("up", **SMALL)
    until(lambda: read_holder(data.lock_of("supervisor")))
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(
        DownError, match=f"process {process.pid}\\) does not respond. Kill it with `kill -9 {process.pid}`"
    ):
        asyncio.run(stop_stack(data, timeout=0.5))
    assert list(data.control.glob("*.json")) == []
    process.send_signal(signal.SIGKILL)
    process.communicate()
    asyncio.run(stop_stack(data))
    until(lambda: not left_over(data))


def test_up_and_ctrl_c(start: Start, cq: Cq, data: DataDir) -> None:
    process = start("up", **SMALL)
    until(lambda: find_process(data, "memory"))
    assert f"already running here (process {process.pid})" in cq("up", code=3).err
    assert f"already running here (process {process.pid})" in cq("up", "--detach", code=3).err
    status = orjson.loads(cq("status", "--json").out)
    assert status["supervisor"] == {"pid": process.pid, "kind": "headless"}
    assert status["services"]["memory"]["pid"] == find_process(data, "memory").pid  # type: ignore[union-attr]  # it runs
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "exchange stopped"
    assert left_over(data) == []
    assert cq("down", code=0).out == "nothing was running\n"


def test_up_detached_keeps_running_until_down(real: Real, cq: Cq, data: DataDir) -> None:
    told = real("up", "--detach", code=0, **SMALL)
    holder = read_holder(data.lock_of("supervisor"))
    assert holder is not None
    assert told.out == f"supervisor started (process {holder.pid}); `cq-tui status` shows its progress\n"
    assert os.getsid(holder.pid) == holder.pid
    os.kill(holder.pid, signal.SIGHUP)
    until(lambda: find_process(data, "memory"))
    # Stopping what has only begun to start leaves nothing behind either.
    assert "memory" in cq("down", code=0).out
    assert left_over(data) == []
    assert read_holder(data.lock_of("supervisor")) is None
    assert {name: find_process(data, name) for name in SERVICES} == dict.fromkeys(SERVICES)


def test_up_survives_a_closed_output(data: DataDir) -> None:
    keep_few(data)
    reader, writer = os.pipe()
    process = subprocess.Popen(
        command("up", "--data-dir", str(data.root)),
        stdout=writer,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | SMALL,
    )
    os.close(writer)
    os.close(reader)
    try:
        until(lambda: "memory running" in _log_of(data))
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert left_over(data) == []


def test_up_supervises_though_its_output_is_full_and_it_is_told_to_stop(data: DataDir) -> None:
    keep_few(data)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    process = subprocess.Popen(
        command("up", "--data-dir", str(data.root)), stdout=writer, start_new_session=True, env=os.environ | SMALL
    )
    try:
        until(lambda: "memory running" in _log_of(data))
        for number in (signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN, signal.SIGHUP):
            process.send_signal(number)
        memory = find_process(data, "memory")
        assert memory is not None
        memory.send_signal(signal.SIGKILL)
        until(lambda: (now := find_process(data, "memory")) is not None and now.pid != memory.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        os.close(reader)
        os.close(writer)
    assert code == 0
    assert left_over(data) == []


def _log_of(data: DataDir) -> str:
    path = data.log_of("supervisor")
    return path.read_text() if path.exists() else ""


def test_services_answer_commands(data: DataDir, cq: Cq, start: Start) -> None:
    def said_by(process: subprocess.Popen[str]) -> dict[str, Any]:
        try:
            health = read_json(data.health_of("memory"))
        except DocumentError:
            return {}
        return health if health["pid"] == process.pid else {}

    memory = start("service", "memory")
    until(lambda: said_by(memory).get("ready"))
    assert cq("acknowledge", code=0).out == "no faults to accept\n"
    with data.events.open("ab") as history:
        history.write(b"written by somebody else\n")
    # A history that somebody else writes to is none to go on with: memory ends, and its next start says so.
    until(lambda: memory.poll() is not None)
    memory = start("service", "memory")
    until(lambda: said_by(memory).get("ready"))
    assert said_by(memory)["integrity_ok"] is False
    listed = cq("acknowledge", code=1).out
    name = listed.split()[0]
    assert "event_chain.ndjson: somebody else changed its size" in listed
    assert "name the fault to accept" in cq("acknowledge", "00000000", code=1).err
    accepted = cq("acknowledge", name, "--comment", "it was me", code=0).out
    assert accepted.startswith("1 fault accepted")
    until(lambda: b'"comment":"it was me"' in data.events.read_bytes())
    cq("acknowledge", "all", code=0)
    until(lambda: said_by(memory)["integrity_ok"])
