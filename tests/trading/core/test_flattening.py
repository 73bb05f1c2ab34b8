"""Flattening locks until a person resumes, closing does not; both report what became of each symbol."""

from dataclasses import replace
from decimal import Decimal

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.closing import Closing, ClosingWatch, Fate
from cq_tui.trading.core.commands import symbols_to_close
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import PlaceList, PlaceOrder
from cq_tui.trading.core.lock import Lock
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.core.trading_state import stop_reason, trading_state
from cq_tui.trading.limits.losses import LossLimit, LossLimits, LossTier
from cq_tui.trading.money.holding import Holding
from tests.trading.core.desk import MARKET, SYMBOL, Desk, market_desk
from tests.trading.samples import SIGNAL

D = Decimal


def ask(desk: Desk, kind: str, symbol: str = "") -> str:
    desk.tell(i.Command(kind, symbol, "ada", "the news"))
    assert desk.core.command_answer.is_done
    return desk.core.command_answer.text


def denied(desk: Desk, symbol: str = SYMBOL, strategy: str = "late") -> str:
    """The code for which a BUY is denied."""
    desk.fresh()
    closed = int(desk.now * 1000) - 1
    desk.tell(i.SignalSeen(replace(SIGNAL, symbol=symbol, bar_close_time=closed, strategy=strategy)))
    return desk.noted(f.SignalDenied)[-1].code


def watch(desk: Desk, symbol: str = "") -> ClosingWatch:
    return ClosingWatch(desk.core.book, symbols_to_close(desk.core.book, symbol))


def row(desk: Desk, watched: ClosingWatch) -> Closing:
    [found] = watched.look(desk.core.situation)
    return found


def sell(desk: Desk, price: str = "40000") -> None:
    """The exit that is on its way fills."""
    request = desk.one(PlaceOrder)
    exit_order = desk.orders(Leg.EXIT)[-1]
    desk.now += 0.01
    base = desk.rules[SYMBOL].base_asset
    desk.hold(base, str(desk.core.book.quantity(SYMBOL) - exit_order.quantity))
    desk.answer(request, replace(desk.filled(exit_order, price), time=int(desk.now * 1000)))


# Locks


def test_flatten_of_all_halts_until_resume() -> None:
    desk = market_desk()
    ask(desk, "flatten")
    assert desk.core.book.locks == {"": Lock("ada", "the news", int(desk.now * 1000))}
    assert trading_state(desk.core.situation) == "halted"
    assert stop_reason(desk.core.situation) == desk.core.book.locks[""].describe()
    assert desk.core.blocked_by(Moment(desk.now, desk.now))[0].startswith("Trading is halted (flattened by ada since ")
    assert denied(desk) == "trading_halted"
    assert ask(desk, "resume") == "no longer halted after a flatten"
    assert trading_state(desk.core.situation) == "active"
    desk.facts.clear()
    assert isinstance(desk.buy(strategy="later"), PlaceOrder)


def test_flatten_of_a_symbol_locks_it_alone() -> None:
    desk = Desk(MARKET, replace(MARKET, symbol="ETHUSDT", base_asset="ETH")).ready()
    ask(desk, "flatten", SYMBOL)
    assert trading_state(desk.core.situation) == "active"
    assert denied(desk) == "symbol_locked"
    assert "flattened by ada since" in desk.noted(f.SignalDenied)[-1].reason
    assert "cq-tui resume SYMBOL" in desk.noted(f.SignalDenied)[-1].reason
    assert denied(desk, "ETHUSDT") != "symbol_locked"
    assert ask(desk, "resume", SYMBOL) == f"{SYMBOL} may be opened again"
    assert ask(desk, "resume", SYMBOL) == f"{SYMBOL} was not locked"
    assert denied(desk, strategy="later") != "symbol_locked"


def test_resume_of_all_unlocks_no_symbol_that_was_flattened_by_itself() -> None:
    desk = market_desk()
    ask(desk, "flatten", SYMBOL)
    ask(desk, "flatten")
    ask(desk, "resume")
    assert [*desk.core.book.locks] == [SYMBOL]
    assert ask(desk, "resume") == "nothing was flattened"


def test_close_locks_nothing() -> None:
    desk = market_desk().protected()
    assert ask(desk, "close", SYMBOL) == f"closing {SYMBOL}"
    assert desk.position().exit_reason == "close, requested by ada"
    assert not desk.core.book.locks


def test_a_second_flatten_keeps_the_first_reason() -> None:
    desk = market_desk()
    ask(desk, "flatten")
    before = dict(desk.core.book.locks)
    desk.now += 60
    ask(desk, "flatten")
    assert desk.core.book.locks == before
    assert len(desk.noted(f.SymbolLocked)) == 1


def test_locks_outlive_a_restart_by_snapshot_and_by_facts() -> None:
    desk = market_desk()
    ask(desk, "flatten", SYMBOL)
    ask(desk, "flatten")
    by_facts = Book("simulated:1", "owner")
    for fact in desk.facts:
        by_facts.apply(fact)
    again = book_from_plain(book_to_plain(desk.core.book))
    assert by_facts.locks == again.locks == desk.core.book.locks
    assert trading_state(Core(again).situation) == "halted"


def test_a_snapshot_of_an_earlier_version_has_no_locks() -> None:
    plain = book_to_plain(Book("simulated:1", "owner"))
    del plain["locks"]
    assert book_from_plain(plain).locks == {}


def test_what_is_bought_after_flatten_was_asked_for_is_sold() -> None:
    desk = market_desk()
    request = desk.buy()
    watched = watch(desk)
    ask(desk, "flatten")
    assert row(desk, watched).reason == "the outcome of its entry order is awaited"
    entry = desk.orders(Leg.ENTRY)[-1]
    desk.hold("BTC", str(entry.quantity))
    desk.answer(request, replace(desk.filled(entry), time=int(desk.now * 1000) + 1))
    assert desk.one(PlaceOrder).order.side == "SELL"
    assert not desk.sent(PlaceList), "no protection for what is sold at once"


# What became of it


def test_what_was_sold_is_reported_with_its_proceeds() -> None:
    desk = market_desk(cancel_replace_allowed=False).bought()
    desk.refuse(desk.one(PlaceList), -2010)
    watched = watch(desk)
    ask(desk, "flatten")
    held = desk.core.book.quantity(SYMBOL)
    assert row(desk, watched) == Closing(
        SYMBOL, Fate.SELLING, D(0), D(0), 0, held, held * 40000, is_dust=False, reason=row(desk, watched).reason
    )
    sell(desk, "39000")
    found = row(desk, watched)
    assert (found.fate, found.sold, found.proceeds, found.parts, found.left) == (Fate.SOLD, held, held * 39000, 1, D(0))
    assert found.is_over
    assert not found.is_dust


def test_a_sale_in_parts_counts_its_orders() -> None:
    desk = market_desk(cancel_replace_allowed=False).bought()
    desk.refuse(desk.one(PlaceList), -2010)
    desk.rules[SYMBOL] = replace(desk.rules[SYMBOL], market_max_quantity=D("0.001"))
    desk.tick(61.0)
    desk.fresh()
    held = desk.core.book.quantity(SYMBOL)
    watched = watch(desk)
    desk.refuse(desk.one(PlaceList), -2010)
    ask(desk, "flatten")
    sell(desk)
    found = row(desk, watched)
    assert (found.fate, found.parts, found.sold, found.left) == ("selling", 1, D("0.001"), held - D("0.001"))
    while desk.position_or_none() is not None:
        sell(desk)
    found = row(desk, watched)
    assert (found.fate, found.sold) == ("sold", held)
    assert found.parts == 3


def test_what_cannot_be_sold_says_why_and_is_not_over() -> None:
    desk = market_desk().protected()
    desk.rules[SYMBOL] = replace(desk.rules[SYMBOL], min_notional=D(1_000_000))
    watched = watch(desk)
    desk.tick(61.0)
    desk.fresh()
    ask(desk, "flatten")
    desk.tick(1.0)
    found = row(desk, watched)
    assert found.fate == "unsellable"
    assert not found.is_over
    assert not found.is_dust
    assert "minNotional" in found.reason


def test_a_symbol_that_is_not_held_says_so() -> None:
    desk = market_desk()
    watched = watch(desk, "ETHUSDT")
    ask(desk, "flatten", "ETHUSDT")
    assert row(desk, watched) == Closing("ETHUSDT", Fate.NOT_HELD, D(0), D(0), 0, D(0), None, is_dust=False, reason="")


# Remainders


def remaining(quantity: str) -> Desk:
    """A desk with what earlier positions left."""
    book = Book("simulated:1", "owner")
    book.holdings[SYMBOL] = Holding(SYMBOL, "BTC", "USDT", quantity=D(quantity), cost=D("0.5"))
    desk = Desk(MARKET, settings=TraderSettings(symbols=(SYMBOL,)), book=book)
    desk.hold("BTC", quantity)
    return desk.ready()


def test_dust_is_reported_with_its_worth() -> None:
    desk = remaining("0.000001")
    watched = watch(desk)
    ask(desk, "flatten")
    found = row(desk, watched)
    assert (found.fate, found.is_dust, found.left, found.worth) == ("not_held", True, D("0.000001"), D("0.04"))
    assert found.is_over
    assert not desk.sent(PlaceOrder)


def test_a_remainder_that_has_become_worth_an_order_is_sold_by_flatten() -> None:
    desk = remaining("0.01")
    watched = watch(desk)
    ask(desk, "close", SYMBOL)
    assert not desk.sent(PlaceOrder), "close is about positions"
    ask(desk, "flatten")
    assert row(desk, watched).fate == "selling"
    sell(desk)
    found = row(desk, watched)
    assert (found.fate, found.sold, found.left) == (Fate.SOLD, D("0.01"), D(0))


def test_a_remainder_waits_for_a_price() -> None:
    desk = remaining("0.01")
    desk.tick(60.0)
    ask(desk, "flatten")
    assert not desk.sent(PlaceOrder)
    desk.fresh()
    desk.tick(6.0)
    assert len(desk.sent(PlaceOrder)) == 1, "sold as soon as there is one"
    desk.refuse(desk.one(PlaceOrder), -2010)
    assert not desk.sent(PlaceOrder)
    desk.fresh()
    desk.tick(6.0)
    assert len(desk.sent(PlaceOrder)) == 1, "and again after a refusal"


def test_the_drawdown_that_closes_everything_sells_remainders_too() -> None:
    desk = remaining("0.01")
    losses = LossLimits(warn=D("0.001"), reduce=D("0.002"), halt=D("0.003"))
    desk.tell(i.SettingsSeen(replace(desk.settings, losses=losses)))
    for price, sold in (("40000", 0), ("39700", 0), ("39000", 1)):
        for _ in range(5):
            desk.fresh(price)
            desk.tick(1.0)
            desk.look()
        assert len(desk.sent(PlaceOrder)) == sold
    assert desk.core.book.losses[LossLimit.DRAWDOWN].tier is LossTier.HALT
    assert desk.one(PlaceOrder).order.quantity == D("0.01")
