"""ENABLE_DEBUG_TRACING: the way of one signal from closed kline to order, step by step, in the logs."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.document import write_document
from cq_tui.store.journal import read_lines
from tests.services.ares.plug_ins import install
from tests.services.processes import data_directory, running
from tests.services.waiting import until

SETTINGS = {"SYMBOLS": ["BTCUSDT"], "ARES_FRESHNESS_THRESHOLD": 8.0}
OF_KLINE = {"feeder": ["kline journaled"], "ares": ["kline read", "strategies decided"]}
OF_SIGNAL = {
    "ares": ["signal spooled"],
    "memory": ["signal merged"],
    "trader": ["signal read", "entry decided", "intent synced", "request sent", "order acknowledged"],
}


def traced(data: DataDir, service: str) -> list[dict[str, Any]]:
    """The traced steps in a service's log."""
    path = data.log_of(service)
    lines = map(orjson.loads, read_lines(path)) if path.exists() else ()
    return [line for line in lines if line["event"] == "trace"]


def steps(data: DataDir, key: str, expected: dict[str, list[str]]) -> dict[str, list[str]]:
    """The steps of one kline or signal, by service; of the trader those of the entry."""
    return {
        service: [line["step"] for line in traced(data, service) if line["key"] == key][: len(names)]
        for service, names in expected.items()
    }


async def test_a_signal_can_be_followed_from_closed_kline_to_order(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data", **SETTINGS, ENABLE_DEBUG_TRACING=True)
    plug = install(tmp_path / "plug", "high")
    async with AsyncExitStack() as stack:
        for service in SERVICES:
            await stack.enter_async_context(running(service, data, PYTHONPATH=plug))
        await until(lambda: [line for line in traced(data, "trader") if line["step"] == "order acknowledged"], 90)
        filled = next(line["key"] for line in traced(data, "trader") if line["step"] == "order acknowledged")
        assert steps(data, filled, OF_SIGNAL) == OF_SIGNAL
        kline = filled.removeprefix("high:").removesuffix(":BUY")
        assert steps(data, kline, OF_KLINE) == OF_KLINE
        found = [line for service in ("feeder", "ares", "memory", "trader") for line in traced(data, service)]
        times = {name: value for line in found if kline in line["key"] for name, value in line.items() if "_ms" in name}
        assert times.keys() == {"since_close_ms", "took_ms", "since_spooled_ms", "since_merged_ms"}
        assert all(isinstance(value, float) for value in times.values())

        write_document(data.settings, SETTINGS)
        await until(lambda: b'"settings changed"' in data.log_of("ares").read_bytes())
        await asyncio.sleep(0.2)
        before = len(traced(data, "ares"))
        closed = data.klines_of("BTCUSDT", "1s").stat().st_size
        await until(lambda: data.klines_of("BTCUSDT", "1s").stat().st_size > closed)
        await asyncio.sleep(0.2)
        assert len(traced(data, "ares")) == before, "off again, without a restart"
