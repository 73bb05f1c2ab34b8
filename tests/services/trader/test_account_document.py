"""The account document: one meaning of each amount of money."""

from cq_tui.binance.types import Balance
from cq_tui.services.trader.account_document import account_state
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.facts import EquityMarked, FundsMoved
from cq_tui.trading.core.inputs import Quote
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.money.account_money import open_money
from cq_tui.trading.money.holding import Holding, Unvalued
from tests.trading.core.desk import market_desk
from tests.trading.samples import D

NOW = 1_700_000_000.0


def _core() -> Core:
    book = Book("simulated:1", "owner")
    remainder = Holding("BTCUSDT", "BTC", "USDT", D("0.000009"), D("0.35"), (Unvalued("BNB", D("0.001"), D("0.002")),))
    book.holdings["BTCUSDT"] = remainder
    book.money = open_money("USDT", D("999.25"), 1, holdings=[remainder], realized=D("-0.4"))
    core = Core(book)
    core.situation.moment = Moment(NOW, NOW)
    core.situation.balances["USDT"] = Balance("USDT", D("900"), D("99.25"))
    core.situation.lane("BTCUSDT").quote = Quote(D(40_000), D(40_001), D(40_000), NOW)
    return core


def test_profits_are_the_change_of_the_equity_and_remainders_count() -> None:
    state = account_state(_core(), "simulation", NOW)
    assert (state.equity, state.equity_start, state.realized_pnl) == (999.61, 1000.0, -0.4)
    assert state.unrealized_pnl == 0.01
    assert state.remainders is not None
    assert state.remainders["BTCUSDT"].worth == 0.36
    assert state.unvalued_commissions == {"BNB": "0.003"}


def test_a_deposit_is_no_profit_of_the_day_and_no_end_of_a_drawdown() -> None:
    core = _core()
    core.book.apply(EquityMarked(D("1009.61"), 2, 1))
    core.book.apply(FundsMoved("USDT", D(500), "deposit", 2))
    state = account_state(core, "simulation", NOW)
    assert (state.equity, state.deposits) == (1499.61, 500.0)
    assert (state.day_profit, state.drawdown) == (-10.0, 10.0)


def test_what_has_no_price_has_no_unrealized_profit() -> None:
    desk = market_desk().protected()
    desk.quote("40100")
    assert account_state(desk.core, "simulation", NOW).positions["BTCUSDT"].unrealized_pnl == 0.249
    desk.core.situation.lane("BTCUSDT").quote = None
    position = account_state(desk.core, "simulation", NOW).positions["BTCUSDT"]
    assert (position.unrealized_pnl, position.size, position.cost) == (0.0, 0.00249, 99.6)
    assert (position.protection, position.stop_loss, position.take_profit) == ("working", 39600.0, 40600.0)


def test_before_anything_is_known_an_account_has_no_money() -> None:
    state = account_state(Core(Book("simulated:1", "owner")), "simulation", NOW)
    assert (state.equity, state.available_balance, state.equity_start, state.realized_pnl) == (0.0, 0.0, None, 0.0)
