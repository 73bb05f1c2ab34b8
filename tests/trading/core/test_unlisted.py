"""A held symbol that the exchange lists no more is said so, instead of trading by its old rules for ever."""

from dataclasses import replace

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import FetchRules
from cq_tui.trading.core.inputs import Answered, Refused, SettingsSeen, Tick
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.settings import TraderSettings
from tests.trading.core.desk import SYMBOL, market_desk
from tests.trading.samples import RULES

NOW = 1_700_000_000.0


def test_a_symbol_that_is_listed_no_more() -> None:
    core = Core(Book("simulated:1", "owner"))
    [asked] = [
        one
        for one in core.step(SettingsSeen(TraderSettings(symbols=("BTCUSDT",))), Moment(NOW, NOW))
        if isinstance(one, FetchRules)
    ]
    listed = ExchangeInfo(0, (), {"BTCUSDT": replace(RULES, status="TRADING")}, {})
    core.step(Answered(asked.number, listed), Moment(NOW, NOW))
    assert not core.situation.left_out
    later = Moment(NOW + 3_700, NOW + 3_700)
    [again] = [one for one in core.step(Tick(), later) if isinstance(one, FetchRules)]
    core.step(Refused(again.number, -1121, "Invalid symbol."), later)
    assert "delisted" in core.situation.left_out["BTCUSDT"]


def test_a_position_in_it_says_so_at_once() -> None:
    desk = market_desk().protected()
    desk.unread = (FetchRules,)
    desk.tick(61.0)
    desk.refuse(desk.one(FetchRules), -1121, "Invalid symbol.")
    assert "delisted" in desk.core.situation.lane(SYMBOL).stuck


def test_a_symbol_that_does_not_trade_is_read_again_after_a_reconnect() -> None:
    desk = market_desk(status="HALT")
    desk.tick(120.0)
    desk.unread = (FetchRules,)
    desk.tick(8.0)
    desk.tell(i.StreamUp())
    desk.one(FetchRules)
