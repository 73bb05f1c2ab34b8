"""The rules of symbols over REST, at a scripted market."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.rules_refresh import RulesChangeKind, RulesRefresh
from cq_tui.services.symbol_rules import SymbolRulesReader
from tests.services.scripted_market import ScriptedMarket
from tests.services.serving import serving


class Clock:
    """Unix seconds that the test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_listed_and_unlisted_symbols_are_told_apart_and_changes_named() -> None:
    market, clock = ScriptedMarket("BTCUSDT", "ETHUSDT"), Clock()
    market.symbols["ETHUSDT"] = "BREAK"
    async with serving(market.application) as at, SpotRest(at.rest) as rest:
        reader = SymbolRulesReader(rest, RulesRefresh(["BTCUSDT", "ETHUSDT", "NOUSDT"]), clock)
        changes = await reader.read_due()
        assert {(change.symbol, change.kind.value) for change in changes} == {
            ("BTCUSDT", "listed"),
            ("ETHUSDT", "listed"),
            ("NOUSDT", "unlisted"),
        }
        assert reader.refresh.trading == ["BTCUSDT"]
        market.symbols["ETHUSDT"] = "TRADING"
        assert await reader.read_due() == []
        clock.now += 31
        [change] = await reader.read_due()
        assert (change.symbol, change.kind) == ("ETHUSDT", RulesChangeKind.STATUS)
        reader.want(["NOUSDT"])
        clock.now += 60
        assert await reader.read_due() == [], "no symbol of the request is listed"
        assert reader.refresh.left_out == {"NOUSDT": "is not listed here"}


async def test_a_failure_is_raised_named_and_repeated_later() -> None:
    clock = Clock()
    async with SpotRest("http://127.0.0.1:1") as rest:
        reader = SymbolRulesReader(rest, RulesRefresh(["BTCUSDT"]), clock)
        with pytest.raises(BinanceError):
            await reader.read_due()
        assert reader.problem
        assert await reader.read_due() == [], "not at once"
        clock.now += 1
        with pytest.raises(BinanceError):
            await reader.read_due()


async def test_a_note_ends_the_wait() -> None:
    market, clock = ScriptedMarket("BTCUSDT"), Clock()
    async with serving(market.application) as at, SpotRest(at.rest) as rest:
        reader = SymbolRulesReader(rest, RulesRefresh(["BTCUSDT"]), clock)
        await reader.read_due()
        clock.now += 10
        notes: list[Callable[[], None]] = [
            partial(reader.note_refusal, "BTCUSDT", -1013),
            partial(reader.suspect, "BTCUSDT"),
            partial(reader.want, ["BTCUSDT"]),
            reader.hurry,
        ]
        for note in notes:
            waiting = asyncio.create_task(reader.wait_until_due())
            await asyncio.sleep(0)
            assert not waiting.done()
            note()
            async with asyncio.timeout(2):
                await waiting
            await reader.read_due()
            clock.now += 10
