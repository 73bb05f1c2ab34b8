"""Service processes as they really run, ended by their pid whatever happens."""

import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from cq_tui.binance.hosts import Endpoints
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.lock import ProcessLock
from cq_tui.store.spools.spool_files import last_spooled_events
from tests.services.waiting import until
from tests.services.zygote import Request, Zygote

KEY, SECRET = "key-of-the-script", "secret-of-the-script"


class RunningService:
    """One service process."""

    def __init__(self, name: str, data: DataDir, pid: int, code_file: Path) -> None:
        self.name = name
        self.data = data
        self.pid = pid
        self._code_file = code_file
        self._gone = False

    @property
    def is_alive(self) -> bool:
        """Whether the process is still there; once it was gone, its pid says nothing about it."""
        self._gone = self._gone or not psutil.pid_exists(self.pid)
        return not self._gone

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs, and when it was killed."""
        return int(self._code_file.read_text()) if self._code_file.exists() and not self.is_alive else None

    @property
    def health(self) -> dict[str, Any]:
        """What this very process said last; empty before it has said anything."""
        try:
            health = read_json(self.data.health_of(self.name))
        except DocumentError:
            return {}
        return health if health.get("pid") == self.pid else {}

    async def next_health(self) -> dict[str, Any]:
        """Wait for another report than the last one, and return it."""
        seen = self.health.get("last_update_ts")
        await until(lambda: self.health.get("last_update_ts") != seen)
        return self.health

    def kill(self) -> None:
        """End it as a power failure would."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        while self.is_alive:
            time.sleep(0.002)

    async def stop(self) -> int | None:
        """Ask it to end and return its exit code."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        await until(lambda: not self.is_alive)
        return self.exit_code


def environment(**more: str) -> dict[str, str]:
    """The environment without any setting of ours, and with ``more``."""
    return {name: value for name, value in os.environ.items() if name not in SETTING_KEYS} | more


@cache
def _zygote() -> Zygote:
    return Zygote(environment())


@asynccontextmanager
async def running(name: str, data: DataDir, kind: str | None = None, **variables: str) -> AsyncIterator[RunningService]:
    """Start a service process, with these variables in its environment; it is gone when the block ends.

    ``kind`` (module:class) is run in the place of the service of that name.
    """
    # The zygote has the folder of the test that needed it first; keys of another one make signatures unknown.
    variables = {"CQ_CONFIG_DIR": os.environ["CQ_CONFIG_DIR"]} | variables
    code_file = data.run / f"{name}.{next(_numbers)}.code"
    pid = _zygote().start(Request(name, str(data.root), variables, str(code_file), kind))
    service = RunningService(name, data, pid, code_file)
    try:
        yield service
    finally:
        if service.is_alive:
            service.kill()


_numbers = count()


def data_directory(root: Path, **settings: object) -> DataDir:
    """A data directory with these settings."""
    data = DataDir(root)
    prepare_data_directory(data)
    write_document(data.settings, dict(settings))
    return data


class AnnouncedExchange:
    """Says, as the exchange service would, that an exchange listens here: this process holds its lock."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._lock = ProcessLock(data.lock_of("exchange"), "exchange")

    def at(self, endpoints: Endpoints, key: str = KEY, secret: str = SECRET) -> None:
        if not self._lock.held:
            self._lock.acquire()
        address = {
            "rest_url": endpoints.rest,
            "stream_url": endpoints.stream,
            "ws_api_url": endpoints.ws_api,
            "api_key": key,
            "api_secret": secret,
            "pid": os.getpid(),
            "started_ts": 1.0,
        }
        write_document(self._data.exchange_address, address)

    def gone(self) -> None:
        self._lock.release()
        (self._data.run / "poke").touch()


def report(data: DataDir, service: str, **changes: object) -> None:
    """Write a healthy service's health file, as of now."""
    now = time.time()
    common: dict[str, object] = {
        "service": service,
        "status": "ok",
        "last_update_ts": now,
        "updated_within_sec": 0.0,
        "ready": True,
    }
    write_document(data.health_of(service), common | _HEALTH[service] | changes, durable=False)


_HEALTH: dict[str, dict[str, object]] = {
    "feeder": {
        "symbols": [],
        "ws_connected": True,
        "rest_api_ok": True,
        "symbols_count": 0,
        "last_symbol_update": 1.0,
        "clock_offset_ms": 0.0,
    },
    "ares": {
        "signal_count": 0,
        "last_signal_time": 0.0,
        "feeder_health_ok": True,
        "default_signals_blocked": True,
        "active_strategies": [],
        "latency_ms_p50": 0.0,
    },
    "memory": {
        "integrity_ok": True,
        "events_count": 1,
        "snapshots_count": 0,
        "last_integrity_check": 1.0,
        "merkle_root": "0" * 64,
        "chain_length": 2,
    },
}


def spooled(data: DataDir, writer: str, *event_types: str) -> list[dict[str, Any]]:
    """The events that a service has spooled, of these types (all without any)."""
    events = [event._asdict() for event in last_spooled_events(data.spool, writer, 10_000)]
    return [event for event in events if not event_types or event["event_type"] in event_types]
