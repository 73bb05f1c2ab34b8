"""What each strategy made of its trades: gross, net, and what holding would have brought."""

from itertools import count
from typing import Any

import pytest

from cq_tui.room.strategy_results import strategy_results
from cq_tui.room.trades import TradeBlotter
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import Stage
from tests.room.test_trades import event

_numbers = count(1)


def trade(book: TradeBlotter, strategy: str, symbol: str, bought: float, sold: float | None, size: float = 2.0) -> None:
    """Buy and sell, with a commission of 1 % on each side."""
    key = f"{strategy}:{symbol}:1s:{next(_numbers)}:BUY"
    named: dict[str, Any] = {"symbol": symbol, "signal_key": key, "size": size, "status": "FILLED"}

    def fill(leg: str, price: float, **fields: Any) -> None:
        number = next(_numbers)
        data = {"client_order_id": f"{leg}{number}", "leg": leg, "price": price, "trade_id": str(number)}
        book.apply_events([event(number, "order_executed", at=float(number), **named, **data, **fields)])

    fill("entry", bought, side="BUY")
    if sold is not None:
        fill("target", sold, side="SELL", realized_pnl=size * (sold - bought) - 0.01 * size * (bought + sold))


def test_gross_net_and_held() -> None:
    book = TradeBlotter()
    trade(book, "trend", "BTCUSDT", 100.0, 104.0)
    trade(book, "trend", "BTCUSDT", 110.0, 111.0)
    trade(book, "trend", "ETHUSDT", 10.0, 9.0)
    trade(book, "trend", "ETHUSDT", 10.0, None)
    trade(book, "band", "BTCUSDT", 100.0, 100.5)
    results = strategy_results(book.order_groups(), {"BTCUSDT": 120.0, "ETHUSDT": 10.5})
    trend, band = results["trend"], results["band"]
    assert (trend.trades, band.trades) == (3, 1)
    assert trend.gross == pytest.approx(8 + 2 - 2)
    assert trend.net == pytest.approx(8 - 0.02 * 204 + 2 - 0.02 * 221 - 2 - 0.02 * 19)
    assert trend.held == pytest.approx(2 * 20 + 2 * 0.5)
    assert band.held == pytest.approx(40)
    assert band.describe() == "1 trade · gross +1.00 · net −3.01 · held instead +40.00"


def test_without_a_price_of_now_holding_is_not_known() -> None:
    book = TradeBlotter()
    trade(book, "trend", "BTCUSDT", 100.0, 104.0)
    result = strategy_results(book.order_groups(), {})["trend"]
    assert result.held is None
    assert result.describe().endswith("held instead —")


def test_what_is_not_all_sold_is_no_trade_yet() -> None:
    book = TradeBlotter()
    trade(book, "trend", "BTCUSDT", 100.0, None)
    assert strategy_results(book.order_groups(), {"BTCUSDT": 90.0})["trend"].trades == 0
    assert strategy_results([], {}) == {}


async def test_the_room_shows_them_with_ares_and_with_a_signal(stage: Stage, make_room: MakeRoom) -> None:
    async with make_room(stage.data).run_test(size=(160, 60)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("3", "enter", "enter")
        await wait_for_text(pilot, "its trades")
        assert "0 trades · gross 0.00 · net 0.00 · held instead 0.00" in screen_text(pilot)
