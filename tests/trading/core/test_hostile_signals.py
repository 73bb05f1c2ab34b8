"""Whatever figures a signal of the history has, the core takes or denies it, and what it tells can be written."""

from itertools import product

import orjson
import pytest
from structlog import get_logger

from cq_tui.contracts.events import OrderRejected
from cq_tui.services.trader.signal_lines import read_signal
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.codec import from_event, to_event
from tests.trading.core.desk import MARKET, Desk, list_desk, market_desk
from tests.trading.samples import NOW

_GOOD = {
    "symbol": "BTCUSDT", "entry_price": 40000, "stop_loss": 39000, "take_profit": 41000, "confidence": 0.7,
    "strategy": "s", "frame": "1m", "bar_close_time": int(NOW * 1000) - 1,
}  # fmt: skip
_NUMBERS = (0, -1, 1e308, 1e-308, 5e-324, 1e30, 2**53 + 1, 2**63, "40000", "NaN", True, None)
_CASES = [
    *product(("entry_price", "stop_loss", "take_profit", "confidence", "bar_close_time"), _NUMBERS),
    *product(("trail", "trail_bars", "max_bars", "cooldown_bars"), _NUMBERS),
    *product(("symbol", "strategy", "frame"), ("", "NaN", "\u202e", "A\nB", "x" * 1000, "99999d", None)),
]
_READ_OF_A_SELL = ("symbol", "strategy", "frame", "bar_close_time")


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_no_figure_of_a_signal_ends_the_trader(side: str) -> None:
    for name, value in _CASES:
        if side == "SELL" and name not in _READ_OF_A_SELL:
            continue
        data = _GOOD | {"side": side, name: value}
        event = {"event_id": "e", "timestamp": NOW, "event_type": "signal_generated", "data": data}
        told = read_signal(orjson.dumps(event), get_logger())
        assert told is not None
        desk = market_desk() if side == "BUY" else market_desk().protected()
        desk.fresh()
        before = len(desk.facts)
        desk.tell(told.signal if isinstance(told.signal, i.SignalRefused) else i.SignalSeen(told.signal))
        assert len(desk.facts) > before, f"{name} {value!r}: neither taken nor denied"
        for fact in desk.facts:
            event_type, data = to_event(fact, desk.core.book.orders)
            assert orjson.dumps(data)
            if event_type == "order_rejected":
                OrderRejected.model_validate(data)
        plain = book_to_plain(desk.core.book)
        assert book_to_plain(book_from_plain(orjson.loads(orjson.dumps(plain)))) == plain


@pytest.mark.parametrize("name", ["limit_price", "limit_until_ms", "size", "max_bars"])
def test_no_figure_of_an_entry_with_a_limit_ends_the_trader_when_its_price_is_reached(name: str) -> None:
    for value in (*_NUMBERS, 39_900.000000001, 39_000.01, 40_000, int(NOW * 1000) + 4_500):
        desk = list_desk()
        ms = int(desk.now * 1000)
        limit = {"limit_price": 39_900, "limit_until_ms": ms + 60_000, "bar_close_time": ms - 1}
        good = _GOOD | {"side": "BUY"} | limit
        event = {"event_id": "e", "timestamp": NOW, "event_type": "signal_generated", "data": good | {name: value}}
        told = read_signal(orjson.dumps(event), get_logger())
        assert told is not None
        desk.tell(told.signal if isinstance(told.signal, i.SignalRefused) else i.SignalSeen(told.signal))
        desk.now += 1.0
        desk.fresh("39899.98")
        plain = book_to_plain(desk.core.book)
        assert book_to_plain(book_from_plain(orjson.loads(orjson.dumps(plain)))) == plain
        rebuilt = Book("simulated:1", "owner")
        for fact in desk.facts:
            event_type, data = to_event(fact, desk.core.book.orders)
            read = from_event(event_type, orjson.loads(orjson.dumps(data)))
            assert read == fact
            rebuilt.apply(fact)
        assert rebuilt.waits == desk.core.book.waits


def test_a_signal_that_cannot_be_read_is_answered_once_also_after_a_restart() -> None:
    event = {"event_id": "e", "timestamp": NOW, "event_type": "signal_generated", "data": _GOOD | {"side": "buy"}}
    told = read_signal(orjson.dumps(event), get_logger())
    assert told is not None
    assert isinstance(told.signal, i.SignalRefused)
    desk = market_desk()
    for _ in range(2):
        desk.tell(told.signal)
    [denied] = desk.noted(f.SignalDenied)
    assert (denied.signal_key, denied.code, denied.side) == (told.signal.key, "signal_implausible", "BUY")
    again = Desk(MARKET, book=book_from_plain(book_to_plain(desk.core.book))).ready()
    again.tell(told.signal)
    assert again.noted(f.SignalDenied) == []
