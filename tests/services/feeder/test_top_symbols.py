"""The choice of top:N symbols: by quote asset and status, told, remembered, and kept when a review fails."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson
import structlog

from cq_tui.services.feeder.top_symbols import Choice, TopSymbols
from tests.binance.test_exchange_info import INFO, SYMBOL
from tests.binance.test_rest import Exchange, client, ok
from tests.services.waiting import until

VOLUMES = {"AUSDT": 50, "BUSDT": 90, "CFDUSDT": 80, "DBTC": 99, "HALTUSDT": 70, "EUSDT": 10}


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("ticker/24hr"):
        assert request.url.params["type"] == "MINI"
        return ok([{"symbol": name, "quoteVolume": str(volume)} for name, volume in VOLUMES.items()])
    asked = orjson.loads(request.url.params["symbols"])
    return ok(INFO | {"symbols": [SYMBOL | _listed(name) for name in asked]})


def _listed(name: str) -> dict[str, str]:
    quote = "FDUSDT" if name == "CFDUSDT" else "USDT"
    return {"symbol": name, "quoteAsset": quote, "status": "HALT" if name == "HALTUSDT" else "TRADING"}


@asynccontextmanager
async def choosing(exchange: Exchange, entries: list[str], changed: list[Choice]) -> AsyncIterator[TopSymbols]:
    async with client(exchange) as rest:
        top = TopSymbols(rest, lambda: entries, {}, changed.append, structlog.get_logger())
        task = asyncio.create_task(top.run())
        try:
            yield top
        finally:
            task.cancel()


async def test_the_most_traded_of_a_quote_asset_that_trade_are_chosen() -> None:
    changed: list[Choice] = []
    entries = ["top:2:USDT", "BTCUSDT"]
    async with choosing(Exchange(answer), entries, changed) as top:
        await until(lambda: changed)
        assert changed == [{"top:2:USDT": ["BUSDT", "AUSDT"]}]
        # Hot reload: another entry is chosen for at once.
        entries[0] = "top:3:USDT"
        await until(lambda: changed[1:])
        assert top.chosen == {"top:3:USDT": ["BUSDT", "AUSDT", "EUSDT"]}


async def test_a_failed_review_is_named_and_leaves_the_choice() -> None:
    changed: list[Choice] = []
    refusal = httpx.Response(503, content=b"")
    entries = ["top:2:USDT"]
    exchange = Exchange(answer, answer, refusal)
    async with choosing(exchange, entries, changed) as top:
        await until(lambda: changed)
        entries.append("top:3:USDT")
        await until(lambda: top.problem)
        assert "503" in (top.problem or "")
        assert top.chosen == {"top:2:USDT": ["BUSDT", "AUSDT"]}


async def test_a_full_disk_is_named_and_the_choice_is_not_taken() -> None:
    def refuse(_: Choice) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with client(Exchange(answer)) as rest:
        top = TopSymbols(rest, lambda: ["top:2:USDT"], {}, refuse, structlog.get_logger())
        task = asyncio.create_task(top.run())
        await until(lambda: top.problem)
        task.cancel()
    assert "No space left" in (top.problem or "")
    assert top.chosen == {}
