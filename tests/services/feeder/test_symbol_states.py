"""The state of each wanted symbol, and since when, over sessions and restarts."""

import asyncio
import time

from cq_tui.binance.watchdog import Deadlines
from cq_tui.contracts.health import SymbolState
from cq_tui.contracts.layout import DataDir
from cq_tui.services.feeder.symbol_states import Found, SymbolStates, find_states
from tests.services.feeder.test_session import _quick, data, feeding  # noqa: F401 - fixtures
from tests.services.scripted_market import ScriptedMarket
from tests.services.waiting import until


async def test_every_wanted_symbol_has_a_state(data: DataDir) -> None:  # noqa: F811
    market = ScriptedMarket("BTCUSDT", "ETHUSDT", "OLDUSDT", "GAPUSDT", "GONEUSDT")
    market.symbols["OLDUSDT"] = "HALT"
    market.holding["GAPUSDT"] = asyncio.Event()
    data.klines_of("ETHUSDT", "1s").mkdir()
    wanted = ("BTCUSDT", "ETHUSDT", "NOUSDT", "OLDUSDT", "GAPUSDT", "GONEUSDT", "BTCUSDT")
    async with feeding(data, market, *wanted, deadlines=Deadlines(symbol=60)) as session:
        expected = {
            "BTCUSDT": "trading", "ETHUSDT": "unusable", "NOUSDT": "unlisted",
            "OLDUSDT": "halted", "GAPUSDT": "filling", "GONEUSDT": "delisted",
        }  # fmt: skip
        await until(lambda: "GONEUSDT" in session.symbols)
        del market.symbols["GONEUSDT"]
        await until(lambda: words_of(find_states(session, time.time())) == expected)
        market.holding["GAPUSDT"].set()
        market.symbols["OLDUSDT"] = "TRADING"
        expected |= {"GAPUSDT": "trading", "OLDUSDT": "trading"}
        await until(lambda: words_of(find_states(session, time.time())) == expected)
        later = find_states(session, time.time() + 61)
        assert later["BTCUSDT"].state == "silent"
        assert later["BTCUSDT"].since == session.ticker_table.tickers["BTCUSDT"].timestamp
        session.want(["BTCUSDT", "NEWUSDT"])
        assert words_of(find_states(session, time.time())) == {"BTCUSDT": "trading", "NEWUSDT": "starting"}


def words_of(found: dict[str, Found]) -> dict[str, str]:
    return {symbol: each.state for symbol, each in found.items()}


def test_a_state_keeps_its_beginning_until_it_ends() -> None:
    states = SymbolStates()
    assert states.update({"A": Found("trading")}, 5.0) == {"A": SymbolState(state="trading", since=5.0)}
    assert states.update({"A": Found("trading")}, 6.0)["A"].since == 5.0
    assert states.update({"A": Found("silent", 5.5)}, 16.0)["A"] == SymbolState(state="silent", since=5.5)
    assert states.update({"A": Found("trading")}, 17.0)["A"].since == 17.0
    assert states.update({}, 18.0) == {}


def test_a_halt_keeps_its_beginning_over_a_restart() -> None:
    states = SymbolStates({"A": SymbolState(state="halted", since=5.0)})
    assert states.update({"A": Found("starting")}, 50.0)["A"] == SymbolState(state="starting", since=50.0)
    assert states.update({"A": Found("starting")}, 51.0)["A"].state == "starting"
    assert states.update({"A": Found("halted")}, 52.0)["A"].since == 5.0
