"""Signals from outside with all services: by command, by file, in a flood, and while ARES is killed again and again."""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import read_json
from cq_tui.store.person import person_here
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.events_file import open_events
from tests.services.ares.outside.stage import BUY, drop
from tests.services.processes import RunningService, data_directory, running
from tests.services.waiting import until
from tests.stack.test_held_symbol import price_of, ticker

pytestmark = pytest.mark.stack
_QUIET = {name: {"enabled": False} for name in ("trend_multi_tf", "bb_mean_revert_v2")}


class _Running:
    """All services, of which ARES can be replaced."""

    def __init__(self, data: DataDir, contexts: AsyncExitStack) -> None:
        self.data, self._contexts = data, contexts
        self.ares: RunningService

    async def start(self, name: str) -> RunningService:
        service = await self._contexts.enter_async_context(running(name, self.data))
        if name == "ares":
            self.ares = service
        return service

    async def cq(self, *words: str) -> tuple[int | None, str]:
        """Run a command as a person does."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cq_tui", "--data-dir", str(self.data.root), *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=dict(os.environ),
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    def levels(self) -> tuple[str, str]:
        """Stop and target around the price."""
        price = price_of(self.data, "BTCUSDT")
        return f"{price * 0.97:.2f}", f"{price * 1.04:.2f}"

    def events(self, kind: str) -> list[dict[str, Any]]:
        with open_events(self.data.events) as history:
            found = list(history.all_entries(EventFilter([kind])))
        return [entry.event.data for entry in found if entry.event is not None]

    def entries(self) -> list[dict[str, Any]]:
        return [order for order in self.events("order_submitted") if order["leg"] == "entry"]

    def outcomes(self) -> Counter[str]:
        return Counter(str(read_json(path)["outcome"]) for path in self.data.signals_done.glob("dup*.json"))


@asynccontextmanager
async def all_services(root: Path) -> AsyncIterator[_Running]:
    data = data_directory(
        root, SYMBOLS=["BTCUSDT"], STRATEGIES=_QUIET, FEEDER_HEARTBEAT_INTERVAL=0.2, ARES_FRESHNESS_THRESHOLD=60.0
    )
    async with AsyncExitStack() as contexts:
        stack = _Running(data, contexts)
        services = [await stack.start(name) for name in ("exchange", "memory", "feeder", "ares", "trader")]
        await until(lambda: all(service.health.get("ready") for service in services), 90)
        await until(lambda: ticker(data, "BTCUSDT"))
        yield stack


@pytest.mark.slow
async def test_a_person_trades_by_command_and_is_told_what_came_of_it(tmp_path: Path) -> None:
    async with all_services(tmp_path / "data") as stack:
        stop, target = stack.levels()
        # The limit is above the price: what the market outran is tried again.
        bought = await stack.cq(
            "signal", "buy", "BTCUSDT", "--stop", stop, "--target", target, "--size", "0.0005", "--why", "a hunch",
            "--limit", f"{float(target) * 0.99:.2f}",
        )  # fmt: skip
        assert (bought[0], "filled: BTCUSDT BUY 0.0005 " in bought[1]) == (0, True), bought
        entry, *_ = entries = stack.entries()
        assert entry["signal_key"].startswith("manual:id:")
        assert f"id {entry['signal_key'].rpartition(':')[2]}\n" in bought[1]
        again = await stack.cq("signal", "BUY", "BTCUSDT", "--stop", stop, "--target", target)
        assert (again[0], "denied by the trader: A position in this symbol is already open" in again[1]) == (1, True)
        absurd = await stack.cq("signal", "BUY", "BTCUSDT", "--stop", target, "--target", stop, "--id", "x")
        assert (absurd[0], "A figure of the signal is out of bounds (entry price" in absurd[1]) == (1, True)
        twice = await stack.cq("signal", "SELL", "BTCUSDT", "--id", "x")
        assert (twice[0], "duplicate: its id was taken at" in twice[1]) == (1, True)
        not_mine = await stack.cq("signal", "SELL", "BTCUSDT", "--strategy", "somebody")
        assert (not_mine[0], "belongs to another strategy" in not_mine[1]) == (1, True)
        sold = await stack.cq("signal", "SELL", "BTCUSDT")
        assert (sold[0], "filled: BTCUSDT SELL exit" in sold[1]) == (0, True), sold
        far = f"{float(stop) * 0.9:.2f}"
        lower = f"{float(stop) * 0.88:.2f}"
        waits = await stack.cq(
            "signal", "BUY", "BTCUSDT", "--stop", lower, "--target", stop, "--limit", far, "--for", "1h"
        )
        assert (waits[0], "waiting: BTCUSDT entry of manual waits until" in waits[1]) == (0, True), waits
        called_off = await stack.cq("signal", "SELL", "BTCUSDT")
        assert (called_off[0], "the entry that waited for its limit price was withdrawn" in called_off[1]) == (1, True)
        assert stack.entries() == entries
        (made,) = [made for made in stack.events("signal_generated") if made.get("reason") == "a hunch"]
        assert (made["source"], made["size"], made["person"]) == ("command", 0.0005, person_here())


@pytest.mark.slow
async def test_a_thousand_duplicates_open_one_position_while_ares_is_killed(tmp_path: Path) -> None:
    chance = random.Random(11)
    async with all_services(tmp_path / "data") as stack:
        stop, target = stack.levels()
        fields = BUY | {"id": "once", "strategy": "alerts", "stop": stop, "target": target}
        for number in range(1_000):
            drop(stack.data, fields, f"dup{number}")
            if number % 200 == 100:
                await asyncio.sleep(chance.random() * 0.2)
                stack.ares.kill()
                await stack.start("ares")
        await until(lambda: sum(stack.outcomes().values()) == 1_000, 90)
        await until(lambda: "BTCUSDT" in read_json(stack.data.account)["positions"])
        assert stack.outcomes() == {"accepted": 1, "duplicate": 999}
        made = [made for made in stack.events("signal_generated") if made["strategy"] == "alerts"]
        entries = [order for order in stack.events("order_submitted") if order["leg"] == "entry"]
        assert (len(made), len(entries)) == (1, 1)
        # And once more after all of them: the trader knows the key, ARES the id.
        drop(stack.data, fields, "dup-late")
        await until(lambda: stack.outcomes()["duplicate"] == 1_000)
