"""The pane of prices: why a symbol is excluded, or fed without being wanted, stands below it."""

from itertools import pairwise

import orjson

from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import PRICES, Stage


async def test_a_note_stands_below_its_symbol(stage: Stage, make_room: MakeRoom) -> None:
    path = stage.data.health_of("feeder")
    notes = {
        "rejected_symbols": {"ETHUSDT": "trading is halted (HALT) since \x1b[31mnoon"},
        "held_symbols": ["BTCUSDT"],
        "other_symbols": ["SOLUSDT"],
    }
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | notes))
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "excluded: trading is halted")
        lines = screen_text(pilot).splitlines()
    below = dict[str, str]()
    for above, line in pairwise(lines):
        for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT"):
            if f"│ {symbol} " in above:
                below.setdefault(symbol, line)
    assert "held: fed until it is closed, not in SYMBOLS" in below["BTCUSDT"]
    assert "excluded: trading is halted (HALT) since" in below["ETHUSDT"]
    assert "read by a strategy, not in SYMBOLS: not traded" in below["SOLUSDT"]
    assert "\x1b" not in below["ETHUSDT"]
    assert "excluded" not in below["BNBUSDT"]


async def test_symbols_that_the_exchange_does_not_list_are_left_out_and_wait_for_nothing(
    stage: Stage, make_room: MakeRoom
) -> None:
    """As with a replay of two symbols."""
    path, fed = stage.data.health_of("feeder"), ["BTCUSDT", "ETHUSDT"]
    left_out = [symbol for symbol in PRICES if symbol not in fed]
    states = {symbol: {"state": "unlisted", "since": stage.now - 60} for symbol in left_out}
    states |= {symbol: {"state": "trading", "since": stage.now - 60} for symbol in fed}
    changes = {
        "symbols": fed, "symbols_count": 2, "rejected_symbols": dict.fromkeys(left_out, "is not listed here"),
        "symbol_states": states | {"ETHUSDT": {"state": "silent", "since": stage.now - 34}},
    }  # fmt: skip
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | changes))
    content = {symbol: Ticker(9.0, 0.1, 8.9, 9.1, 1.0, stage.now, 2) for symbol in fed}
    stage.data.tickers.write_bytes(tickers_to_bytes(stage.now, content))
    app = make_room(stage.data)
    async with app.run_test(size=(160, 60)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "2 symbols · 12 left out")
        await wait_for_text(pilot, "silent: no message for 3")
        text = screen_text(pilot)
        assert "excluded: is not listed here" in text
        assert "no price" not in text


async def test_without_any_symbol_that_trades_the_pane_says_so(stage: Stage, make_room: MakeRoom) -> None:
    path = stage.data.health_of("feeder")
    reason = "trading is halted (HALT) since 2026-08-01 14:00 UTC"
    changes = {"symbols": [], "symbols_count": 0, "rejected_symbols": dict.fromkeys(PRICES, reason)}
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | changes))
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "0 symbols · 14 left out")
        await wait_for_text(pilot, f"excluded: {reason}")


async def test_no_signal_is_waited_for_while_no_symbol_trades(stage: Stage, make_room: MakeRoom) -> None:
    path, reason = stage.data.health_of("feeder"), "trading is halted (HALT) since 2026-08-01 14:00 UTC"
    changes = {"symbols": [], "symbols_count": 0, "rejected_symbols": dict.fromkeys(PRICES, reason)}
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | changes))
    stage.data.events.unlink()
    app = make_room(stage.data)
    async with app.run_test(size=(200, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "No symbol trades now, so no signal can come")
