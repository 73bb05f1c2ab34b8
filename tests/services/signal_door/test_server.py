"""The door as a process: its token, what it answers, and that it puts signals nowhere but into files."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.signal_door.door import SignalDoorApp
from cq_tui.store.document import read_json
from tests.cli.conftest import command
from tests.services.ares.outside.stage import BUY, ares, directory, signals

pytestmark = pytest.mark.stack
DOCS = Path(__file__).parents[3] / "docs" / "signals.md"


class Door:
    """A running door."""

    def __init__(self, data: DataDir, process: "subprocess.Popen[str]") -> None:
        self.data, self.process = data, process
        assert process.stdout is not None
        self.announced = process.stdout.readline()
        document = read_json(data.signal_door)
        self.url, self.token = str(document["url"]), str(document["token"])

    def post(self, body: bytes | dict[str, Any], token: str | None = "", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        known = {} if token is None else {"authorization": f"Bearer {token or self.token}"}
        with httpx.Client(trust_env=False, timeout=10.0) as client:
            return client.post(self.url, content=content, headers=known | headers)


@contextmanager
def opened(data: DataDir) -> Iterator[Door]:
    words = command("--data-dir", str(data.root), "signals", "serve", "--port", "0")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield Door(data, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def test_a_post_becomes_a_signal_once(tmp_path: Path) -> None:
    data = directory(tmp_path)
    with ares(data), opened(data) as door:
        first, second = door.post(BUY), door.post(b"BUY BTCUSDT stop=1 target=2 id=a1 strategy=my_alerts")
        assert (first.status_code, first.json()) == (
            200, {"outcome": "accepted", "signal_key": "my_alerts:id:a1"},
        )  # fmt: skip
        assert (second.status_code, second.json()["outcome"]) == (200, "duplicate")
        refused = door.post(BUY | {"id": "a9", "strategy": "trend_multi_tf"})
        assert (refused.status_code, refused.json()["outcome"]) == (422, "refused")
    (made,) = signals(data)
    assert (made["source"], made["age_ms"] < 5_000) == ("post", True)


def test_the_template_of_the_docs_is_what_an_alert_sends(tmp_path: Path) -> None:
    (template,) = re.findall(r'```json\n(\{"token".*?)\n```', DOCS.read_text(), re.DOTALL)
    data = directory(tmp_path)
    with ares(data), opened(data) as door:
        from datetime import UTC, datetime

        filled = {
            "…": door.token, "{{ticker}}": "BTCUSDT", "{{strategy.order.action}}": "buy", "{{close}}": "95000.5",
            "{{plot_0}}": "94000", "{{plot_1}}": "99000.25", "{{timenow}}": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }  # fmt: skip
        for placeholder, value in filled.items():
            template = template.replace(placeholder, value)
        assert "{{" not in template
        answer = door.post(template.encode(), token=None)
        assert (answer.status_code, answer.json()["outcome"]) == (200, "accepted"), answer.text
    (made,) = signals(data)
    assert (made["side"], made["entry_price"], made["stop_loss"], made["take_profit"]) == (
        "BUY", 95_000.5, 94_000.0, 99_000.25,
    )  # fmt: skip


def test_without_ares_nothing_is_left_behind_and_the_sender_may_try_again(tmp_path: Path) -> None:
    data = directory(tmp_path)
    with opened(data) as door:
        answer = door.post(BUY)
        assert (answer.status_code, answer.elapsed.total_seconds() < 3) == (503, True)
        assert list(data.signals.glob("*.json")) == []


def test_a_flood_of_guesses_is_answered_shortly_and_who_knows_the_token_still_gets_in(tmp_path: Path) -> None:
    data = directory(tmp_path)
    with ares(data), opened(data) as door:
        codes = [door.post(BUY, token=f"guess-{number}").status_code for number in range(40)]
        assert codes[:10] == [401] * 10
        assert codes[20:] == [429] * 20
        assert door.post(BUY).status_code == 200
    assert len(signals(data)) == 1


async def test_a_flood_of_signals_is_cut_off(tmp_path: Path) -> None:
    """By a clock that stands still: nothing comes in again."""
    data, token = directory(tmp_path), "a-token-for-the-tests"
    app = SignalDoorApp(data, 8787, token, lambda _: None, clock=lambda: 5.0)
    transport = httpx.ASGITransport(app)
    with ares(data):
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787") as client:
            known = {"authorization": f"Bearer {token}"}
            bodies = [BUY | {"id": f"n{number % 5}"} for number in range(62)]
            answers = [await client.post("/signal", json=body, headers=known) for body in bodies]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429] * 2
    assert answers[-1].headers["retry-after"] == "1"
    assert len(signals(data)) == 5


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"origin": "https://evil.example"}, 403), ({"host": "evil.example"}, 421)],
)
def test_web_pages_stay_outside_even_with_the_token(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    data = directory(tmp_path)
    with opened(data) as door:
        answer = door.post(BUY, **headers)
        assert (answer.status_code, answer.json()["outcome"]) == (status, "refused")
        assert "access-control-allow-origin" not in answer.headers
    assert list(data.signals.glob("*.json")) == []


def test_a_large_body_is_refused_whether_or_not_it_says_so(tmp_path: Path) -> None:
    data = directory(tmp_path)
    with opened(data) as door:
        assert door.post(b"x" * 20_000).status_code == 413
        port = int(door.url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            head = f"POST /signal HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head.encode())
            for _ in range(3):
                connection.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
            assert b" 413 " in connection.recv(200)


def test_who_connects_and_says_nothing_is_cut_off_and_keeps_nobody_out(tmp_path: Path) -> None:
    with opened(directory(tmp_path)) as door, contextlib.ExitStack() as stack:
        address = urlsplit(door.url)
        silent = [stack.enter_context(socket.create_connection((address.hostname, address.port))) for _ in range(100)]
        for each in silent[::2]:
            with contextlib.suppress(OSError):
                each.sendall(b"POST /signal HTTP/1.1\r\nHost: ")
        for _ in range(3):
            assert door.post(BUY, token="wrong").status_code == 401
        for each in silent:
            each.settimeout(20)
            with contextlib.suppress(ConnectionResetError):
                assert each.recv(100) == b""


def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    with opened(directory(tmp_path)) as door:
        address = urlsplit(door.url)
        with socket.create_connection((address.hostname, address.port)) as endless:
            endless.settimeout(20)
            endless.sendall(b"POST /signal HTTP/1.1\r\nX: ")
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(1_000):
                    endless.sendall(b"x" * 1_000)
                assert b"400" in endless.recv(100)
        assert door.post(BUY, token="wrong").status_code == 401


def test_the_token_is_private_stays_the_same_and_is_never_shown(tmp_path: Path) -> None:
    data = directory(tmp_path)
    with opened(data) as door:
        token = door.token
        assert len(token) >= 32
        assert data.signal_door.stat().st_mode & 0o777 == 0o600
        door.post(b"nonsense", token="guess")
        door.process.send_signal(signal.SIGTERM)
        assert door.process.wait(20) == 0
        assert door.process.stdout is not None
        assert token not in door.announced + door.process.stdout.read()
    with opened(data) as door:
        assert door.token == token
    document = read_json(data.signal_door)
    data.signal_door.write_text(json.dumps(document | {"token": ""}))
    with opened(data) as door:
        assert len(door.token) >= 32
        assert door.post(BUY | {"token": ""}, token=None).status_code == 401


def test_two_doors_are_not_opened_and_a_port_in_use_is_named(tmp_path: Path) -> None:
    data, other = directory(tmp_path), directory(tmp_path / "other")
    with opened(data) as door:
        again = subprocess.run(
            command("--data-dir", str(data.root), "signals", "serve", "--port", "0"), capture_output=True, text=True
        )
        assert (again.returncode, "already running" in again.stderr) == (3, True)
        port = door.url.split(":")[2].split("/")[0]
        same = subprocess.run(
            command("--data-dir", str(other.root), "signals", "serve", "--port", port), capture_output=True, text=True
        )
        assert same.returncode == 1
        assert f"port {port} cannot be used" in same.stderr
        assert "Choose another with --port" in same.stderr


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    data = directory(tmp_path)
    with opened(data) as door:
        import psutil

        listening = [
            one.laddr.ip for one in psutil.Process(door.process.pid).net_connections() if one.status == "LISTEN"
        ]
        assert listening == ["127.0.0.1"]
        assert os.getpid() != door.process.pid
