"""Entries with a limit: they wait here for their price, are judged anew at it, and end at their time or by a stop."""

from dataclasses import replace
from typing import Any

import pytest

from cq_tui.binance.order_lists import NewOtoco
from cq_tui.binance.types import Order
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book import ENDED_KEPT, Book
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.effects import PlaceList, PlaceOrder, Record
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.price_waits import MOST_TRIES, ends_elsewhere, withdrawals
from cq_tui.trading.denial import DenialReason
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import NakedKind, PositionState
from tests.trading.core.desk import SYMBOL, D, Desk, list_desk, market_desk
from tests.trading.samples import SELL, SIGNAL

LIMIT = D(39900)


def ask(desk: Desk, seconds: float = 600.0, **changes: Any) -> str:
    """Give a signal with a limit of 39,900 while the ask is 40,000.01; return its key."""
    now = int(desk.now * 1000)
    plain: dict[str, Any] = {
        "bar_close_time": now - 1,
        "limit_price": LIMIT,
        "limit_until_ms": now + int(seconds * 1000),
    }
    signal = replace(SIGNAL, **(plain | changes))
    desk.tell(i.SignalSeen(signal))
    return signal.key


def waiting(**changes: Any) -> Desk:
    desk = list_desk()
    ask(desk, **changes)
    assert len(desk.core.book.waits) == 1, desk.noted(f.SignalDenied)
    return desk


def denials(desk: Desk) -> list[str]:
    return [fact.code for fact in desk.noted(f.SignalDenied)]


def reach(desk: Desk, bid: str = "39899.98", after: float = 1.0) -> None:
    desk.now += after
    desk.fresh(bid)


def miss(desk: Desk) -> None:
    """Let an entry expire unfilled."""
    request = desk.one(PlaceList)
    entry, stop, target = desk.orders()[-3:]
    shown: list[Order] = [desk.shown(one, "EXPIRED") for one in (entry, stop, target)]
    desk.answer(request, desk.list_answer(request, *shown))


def test_nothing_is_at_the_exchange_until_the_price_is_at_the_limit() -> None:
    desk = waiting()
    [told] = desk.noted(f.EntryWaits)
    assert (told.limit_price, told.until_ms, told.ms) == (LIMIT, int(desk.now * 1000) + 600_000, int(desk.now * 1000))
    for _ in range(5):
        reach(desk, "39950")
    assert desk.sent(PlaceList) == []
    assert SYMBOL not in desk.core.book.positions
    reach(desk)
    request = desk.one(PlaceList)
    assert isinstance(request.order_list, NewOtoco)
    working = request.order_list.working
    assert (working.price, working.time_in_force) == (LIMIT, "FOK"), "never above the limit, and nothing rests"
    assert desk.position().plan.stop_loss == D(39600)
    assert denials(desk) == []


def test_a_wait_is_recorded_before_it_counts_and_ends_with_the_fill() -> None:
    desk = list_desk()
    now = int(desk.now * 1000)
    signal = replace(SIGNAL, bar_close_time=now - 1, limit_price=LIMIT, limit_until_ms=now + 60_000)
    effects = desk.tell(i.SignalSeen(signal))
    assert [one.durable for one in effects if isinstance(one, Record)] == [True]
    reach(desk)
    assert list(desk.core.book.waits) == [signal.key], "until something was bought"
    request, entry = desk.one(PlaceList), desk.orders(Leg.ENTRY)[-1]
    desk.answer(request, desk.list_answer(request, desk.filled(entry, "39900")))
    assert desk.core.book.waits == {}
    assert denials(desk) == []


def test_a_limit_at_or_above_the_ask_is_an_entry_at_once_that_pays_no_more() -> None:
    for limit, pays in ((D("40000.01"), D("40000.01")), (D(40020), D(40020)), (D(50000), D("40080.02"))):
        desk = list_desk()
        ask(desk, limit_price=limit)
        request = desk.one(PlaceList)
        assert isinstance(request.order_list, NewOtoco)
        assert request.order_list.working.price == pays
        assert len(desk.core.book.waits) == 1, "it waits on if that buys nothing"
        miss(desk)
        reach(desk, "39900", after=1.1)
        assert len(desk.sent(PlaceList)) == 1


def test_at_its_time_it_is_given_up_by_the_exchange_s_clock() -> None:
    desk = waiting(seconds=5.0)
    reach(desk, "39950", after=4.9)
    assert denials(desk) == []
    desk.tick(0.2)
    assert denials(desk) == ["limit_not_reached"]
    reach(desk)
    assert desk.sent(PlaceList) == []


def test_without_a_time_it_waits_for_a_bar_and_at_least_a_minute() -> None:
    for frame, seconds in (("1s", 60), ("1m", 60), ("5m", 300)):
        desk = waiting(limit_until_ms=None, frame=frame)
        assert desk.noted(f.EntryWaits)[0].until_ms == int(desk.now * 1000) + seconds * 1000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seconds": -1.0}, DenialReason.LIMIT_NOT_REACHED),
        ({"seconds": 24 * 3600 + 1.0}, DenialReason.SIGNAL_IMPLAUSIBLE),
        ({"limit_price": D(39600)}, DenialReason.SIGNAL_IMPLAUSIBLE),
        ({"limit_price": D(39500)}, DenialReason.SIGNAL_IMPLAUSIBLE),
        ({"confidence": 0.0}, DenialReason.SIGNAL_IMPLAUSIBLE),
        ({"size": D("0.00001")}, DenialReason.SIGNAL_SIZE),
    ],
)
def test_what_would_be_denied_at_the_limit_is_denied_at_once(changes: dict[str, Any], reason: DenialReason) -> None:
    desk = list_desk()
    ask(desk, **changes)
    assert denials(desk) == [reason]
    assert desk.core.book.waits == {}


def test_levels_are_judged_by_the_limit_not_by_the_market() -> None:
    desk = waiting(take_profit=D(39990))
    reach(desk)
    assert desk.orders(Leg.TARGET)[0].price == D(39990)


def test_where_only_a_market_order_can_enter_a_limit_is_denied_by_name() -> None:
    desk = market_desk()
    ask(desk)
    ask(desk, limit_price=D(40020), strategy="other")
    assert denials(desk) == ["signal_unsupported", "signal_unsupported"]
    assert desk.sent(PlaceOrder) == []


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (lambda desk: stop_trading(desk, trading_state="halted"), "trading_halted"),
        (lambda desk: stop_trading(desk, trading_state="reducing"), "trading_reducing"),
        (lambda desk: stop_trading(desk, settings_problem="a comma too many"), "trading_reducing"),
        (lambda desk: stop_trading(desk, mode_blocked="the mode changes to paper"), "mode_blocked"),
        (lambda desk: desk.tell(i.Command("flatten", "", "kim", "")), "trading_halted"),
        (lambda desk: desk.tell(i.Command("flatten", SYMBOL, "kim", "")), "symbol_locked"),
        (lambda desk: desk.tell(i.Command("close", SYMBOL, "kim", "")), "limit_withdrawn"),
        (lambda desk: stop_trading(desk, strategies_off=(SIGNAL.strategy,)), "limit_withdrawn"),
        (lambda desk: quarantine(desk, SYMBOL), "quarantined"),
        (lambda desk: quarantine(desk, SIGNAL.strategy), "strategy_quarantined"),
    ],
)
def test_what_somebody_decides_ends_it_within_a_second_and_for_good(stop: Any, reason: str) -> None:
    desk = waiting()
    stop(desk)
    desk.tick(1.0)
    assert denials(desk) == [reason]
    stop_trading(desk)
    desk.tell(i.Command("resume", "", "kim", ""))
    desk.tell(i.Command("resume", SYMBOL, "kim", ""))
    reach(desk)
    assert desk.sent(PlaceList) == []


def stop_trading(desk: Desk, **changes: Any) -> None:
    desk.tell(i.SettingsSeen(replace(desk.settings, **changes)))


def quarantine(desk: Desk, name: str) -> None:
    desk.tell(i.Command("quarantine", name, "kim", "", {"until": D(int(desk.now) + 60)}))


def test_a_doubt_at_the_price_denies_it_and_it_does_not_come_back() -> None:
    desk = waiting()
    desk.core.situation.doubt("", "balance", "it differs")
    reach(desk)
    assert denials(desk) == ["account_in_doubt"]
    desk.core.situation.end_doubt("", "balance", "explained")
    reach(desk)
    assert desk.sent(PlaceList) == []


def test_what_passes_by_itself_is_waited_for() -> None:
    desk = waiting()
    desk.core.situation.exchange_problem = "503"
    reach(desk)
    assert (denials(desk), desk.sent(PlaceList)) == ([], [])
    desk.core.situation.exchange_problem = None
    desk.tick(1.0)
    assert len(desk.sent(PlaceList)) == 1


def test_an_old_price_reaches_nothing() -> None:
    desk = waiting()
    desk.core.situation.lane(SYMBOL).quote = i.Quote(D(39800), D(39800), D(39800), desk.now - 60)
    desk.tick(1.0)
    assert (denials(desk), desk.sent(PlaceList)) == ([], [])


def test_an_entry_that_bought_nothing_is_tried_again_after_a_pause_with_other_ids() -> None:
    desk = waiting()
    reach(desk)
    first = desk.orders()
    miss(desk)
    assert SYMBOL not in desk.core.book.positions
    reach(desk, after=0.5)
    assert desk.sent(PlaceList) == [], "not at once"
    reach(desk, after=0.6)
    second = desk.orders()[3:]
    assert len(second) == 3
    assert not {one.client_order_id for one in first} & {one.client_order_id for one in second}
    assert desk.position().state is PositionState.OPENING
    assert denials(desk) == []


def test_no_id_comes_twice_although_its_orders_were_forgotten() -> None:
    book = Book("simulated:1", "owner")
    signal = replace(SIGNAL, limit_price=LIMIT, limit_until_ms=SIGNAL.bar_close_time + 60_000)
    book.apply(f.EntryWaits(SYMBOL, "BUY", signal.key, signal.strategy, LIMIT, signal.limit_until_ms or 0, 1, signal))
    for number in range(ENDED_KEPT + 2):
        key = signal.key if number < 2 else f"other {number}"
        order = OrderRecord(f"order {number}", SYMBOL, "BUY", "LIMIT", Leg.ENTRY, key, D(1), number)
        book.apply(f.OrderIntended(order, "BTC", "USDT"))
        book.apply(f.OrderSeen(order.client_order_id, OrderStatus.EXPIRED, number))
    assert all(order.signal_key != signal.key for order in book.orders_of(SYMBOL))
    assert book.numbers[signal.key] == 2
    book.apply(f.SignalDenied(signal.key, SYMBOL, "BUY", signal.strategy, "limit_not_reached", ""))
    assert signal.key not in book.numbers


def test_its_tries_are_few() -> None:
    desk = waiting(seconds=3600.0)
    for _ in range(MOST_TRIES):
        assert denials(desk) == []
        reach(desk, after=60.0)
        miss(desk)
    assert denials(desk) == ["limit_not_reached"]
    assert f"{MOST_TRIES} entries" in desk.noted(f.SignalDenied)[0].reason


def test_the_naked_time_of_a_second_try_is_that_of_an_entry() -> None:
    desk = waiting()
    reach(desk)
    miss(desk)
    reach(desk, after=2.0)
    request, entry = desk.one(PlaceList), desk.orders(Leg.ENTRY)[-1]
    desk.answer(request, desk.list_answer(request, desk.filled(entry, "39900")))
    naked = desk.position().naked
    assert naked is not None
    assert naked.kind is NakedKind.ENTRY_LIST


def test_an_entry_that_is_refused_ends_it() -> None:
    desk = waiting()
    reach(desk)
    desk.refuse(desk.one(PlaceList), -1013, "Filter failure: NOTIONAL")
    assert desk.core.book.waits == {}
    assert desk.orders(Leg.ENTRY)[0].status is OrderStatus.REJECTED
    reach(desk, after=5.0)
    assert desk.sent(PlaceList) == []


def test_while_its_entry_is_of_unknown_outcome_there_is_no_second_one() -> None:
    desk = waiting()
    reach(desk)
    desk.lose(desk.one(PlaceList))
    for _ in range(5):
        reach(desk)
    assert len(desk.orders(Leg.ENTRY)) == 1
    assert denials(desk) == []


def test_a_second_copy_of_its_signal_is_denied_and_the_wait_goes_on() -> None:
    desk = list_desk()
    now = int(desk.now * 1000)
    for _ in range(2):
        ask(desk, bar_close_time=now - 1)
    assert denials(desk) == ["duplicate_signal"]
    assert len(desk.core.book.waits) == 1


def test_a_later_signal_of_its_strategy_takes_its_place() -> None:
    desk = waiting()
    first = next(iter(desk.core.book.waits))
    desk.now += 2.0
    desk.fresh()
    second = ask(desk, limit_price=D(39850))
    assert [(one.signal_key, one.code) for one in desk.noted(f.SignalDenied)] == [(first, "limit_withdrawn")]
    assert list(desk.core.book.waits) == [second]
    third = ask(desk, strategy="other")
    assert list(desk.core.book.waits) == [second, third], "that of another strategy waits beside it"


def test_a_sell_of_its_strategy_calls_it_off() -> None:
    desk = waiting()
    now = int(desk.now * 1000)
    desk.tell(i.SignalSeen(replace(SELL, bar_close_time=now - 1, strategy="other")))
    desk.tell(i.SignalSeen(replace(SELL, bar_close_time=now - 60_000)))
    assert denials(desk) == ["nothing_held", "nothing_held"]
    assert desk.core.book.waits
    desk.tell(i.SignalSeen(replace(SELL, bar_close_time=now)))
    assert denials(desk)[2:] == ["limit_withdrawn", "nothing_held"]
    assert "was withdrawn" in desk.noted(f.SignalDenied)[-1].reason
    assert desk.core.book.waits == {}


def test_it_outlives_the_trader_and_no_restart_doubles_it() -> None:
    desk = waiting(max_bars=2)
    book = Book("simulated:1", "owner")
    for fact in desk.facts:
        book.apply(fact)
    snapshot = book_from_plain(book_to_plain(desk.core.book))
    assert book.waits == snapshot.waits == desk.core.book.waits
    again = Desk(book=book)
    again.now = desk.now + 100.0
    again.ready()
    again.tell(i.SignalSeen(next(iter(desk.core.book.waits.values())).signal))
    assert (again.noted(f.SignalDenied), again.sent(PlaceList)) == ([], [])
    reach(again)
    assert len(again.sent(PlaceList)) == 1
    assert again.position().plan.time_stop_ms == int(again.now * 1000) + 120_000, "its time begins with the entry"


def test_one_whose_time_passed_meanwhile_is_given_up_at_the_start() -> None:
    desk = waiting(seconds=60.0)
    again = Desk(book=book_from_plain(book_to_plain(desk.core.book)))
    again.now = desk.now + 61.0
    again.tell(i.SettingsSeen(again.settings))
    assert [fact.code for fact in again.noted(f.SignalDenied)] == ["limit_not_reached"]


def test_close_ends_it_also_where_no_trader_runs() -> None:
    desk = waiting()
    [end] = withdrawals(desk.core.book, SYMBOL, "close, requested by kim")
    assert end.code == "limit_withdrawn"
    assert withdrawals(desk.core.book, "ETHUSDT", "") == []


def test_it_does_not_come_back_with_its_account_after_another_mode() -> None:
    desk = waiting()
    for end in ends_elsewhere(desk.core.book):
        assert end.code == "mode_blocked"
        desk.core.book.apply(end)
    assert desk.core.book.waits == {}


def test_the_position_of_another_signal_at_its_price_denies_it() -> None:
    desk = waiting()
    ask(desk, strategy="other")
    reach(desk)
    assert len(desk.orders(Leg.ENTRY)) == 1
    request, entry = desk.one(PlaceList), desk.orders(Leg.ENTRY)[0]
    desk.answer(request, desk.list_answer(request, desk.filled(entry, "39900")))
    reach(desk)
    assert denials(desk) == ["position_open"]
