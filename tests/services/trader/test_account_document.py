"""The account document: one meaning of each amount of money."""

from dataclasses import replace

from cq_tui.binance.types import Balance
from cq_tui.services.trader.account_document import account_state
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.facts import (
    EntryWaits,
    EquityMarked,
    FundsMoved,
    LossLimitReached,
    QuarantineBegan,
    SymbolLocked,
    SymbolUnlocked,
)
from cq_tui.trading.core.inputs import Quote
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.limits.losses import LossLimit, LossTier
from cq_tui.trading.money.account_money import open_money
from cq_tui.trading.money.holding import Holding, Unvalued
from tests.trading.core.desk import market_desk
from tests.trading.samples import SIGNAL, D

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


def test_limits_on_losses_say_how_much_of_them_is_used() -> None:
    core = _core()
    core.book.apply(EquityMarked(D(1_100), 2, 1))
    core.book.apply(LossLimitReached(LossLimit.DRAWDOWN, LossTier.WARN, D(990), D(1_100), D("0.1"), 2, 5_000))
    found = account_state(core, "simulation", NOW).loss_limits
    assert found is not None
    assert found["daily_loss"].model_dump() == {
        "lost": 100.39, "base": 1100.0, "limit": 0.1, "tier": None, "since_ts": None,
    }  # fmt: skip
    drawdown = found["drawdown"]
    assert (drawdown.lost, drawdown.base, drawdown.limit) == (100.39, 1100.0, 0.1)
    assert (drawdown.tier, drawdown.since_ts) == ("warn", 5.0)


def test_quarantined_strategies_stand_beside_the_symbols() -> None:
    core = _core()
    core.book.apply(QuarantineBegan("", "news", 0, 1.0, 9.0, "trend", "hand", "kim"))
    state = account_state(core, "simulation", NOW)
    assert state.quarantine == {}
    assert state.quarantined_strategies is not None
    shown = state.quarantined_strategies["trend"]
    assert (shown.symbol, shown.strategy, shown.cause, shown.person) == ("", "trend", "hand", "kim")


def test_entries_that_wait_for_their_price_are_listed() -> None:
    core, signal = _core(), replace(SIGNAL, limit_price=D("39900.5"))
    core.book.apply(EntryWaits("BTCUSDT", "BUY", signal.key, signal.strategy, D("39900.5"), 9_500, 1, signal))
    [shown] = account_state(core, "simulation", NOW).waiting_entries or []
    assert (shown.symbol, shown.strategy, shown.limit_price, shown.until_ts, shown.signal_key) == (
        "BTCUSDT", signal.strategy, 39900.5, 9.5, signal.key
    )  # fmt: skip


def test_locked_symbols_say_who_flattened_them_and_a_halt_is_no_lock_of_a_symbol() -> None:
    core = _core()
    core.book.apply(SymbolLocked("BTCUSDT", "kim from 192.0.2.7", "delisting", 1_785_594_000_000))
    core.book.apply(SymbolLocked("", "kim", "", 1))
    assert account_state(core, "simulation", NOW).locks == {
        "BTCUSDT": "flattened by kim from 192.0.2.7 since 2026-08-01 14:20 UTC: delisting"
    }
    core.book.apply(SymbolUnlocked("BTCUSDT", "kim", "", 2))
    assert account_state(core, "simulation", NOW).locks == {}
