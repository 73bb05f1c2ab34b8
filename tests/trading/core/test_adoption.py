"""Coins that are already held come under protection exactly as asked, or not at all: never sold instead."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.codec import from_event, to_event
from cq_tui.trading.core.commands import take_command
from cq_tui.trading.core.effects import PlaceList, PlaceOrder, Record, Request
from cq_tui.trading.core.inputs import Command, Quote, SignalSeen
from cq_tui.trading.core.knowing_rules import take_rules, take_unlisted
from cq_tui.trading.core.plain import to_plain
from cq_tui.trading.core.plan import ADOPTED, Plan
from cq_tui.trading.core.positions import look_after
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.holding import Holding
from tests.trading.core.desk import Desk
from tests.trading.core.situations import NOW, PLENTY, SYMBOL, reconciled
from tests.trading.samples import SIGNAL

D = Decimal
LEVELS = {"stop": "39000.005", "target": "42000.009", "quantity": "1.500009"}


def command(**numbers: str) -> Command:
    return Command("adopt", SYMBOL, "kim", "", {name: D(number) for name, number in numbers.items()})


def requests(s: Situation) -> list[Request]:
    """What the core sends for the position next."""
    s.take_effects()
    look_after(s, s.lane(SYMBOL))
    return [effect for effect in s.take_effects() if isinstance(effect, Request)]


def test_a_part_comes_under_stop_and_target_on_step_and_tick() -> None:
    s = reconciled()
    answer = take_command(s, command(**LEVELS))
    assert answer == (
        True,
        "1.5 BTC become a position with a stop at 39000 and a target at 42000; no SELL signal closes it",
    )
    [record] = [effect for effect in s.take_effects() if isinstance(effect, Record)]
    [adopted] = record.facts
    assert isinstance(adopted, f.PositionAdopted)
    assert (adopted.quantity, adopted.price, adopted.person) == (D("1.5"), D(40000), "kim")
    assert s.book.quantity(SYMBOL) == D("1.5")
    [placed] = requests(s)
    assert isinstance(placed, PlaceList)
    assert placed.order_list.quantity == D("1.5")  # type: ignore[union-attr]


def test_without_a_quantity_all_that_is_free_comes_under_a_single_stop() -> None:
    s = reconciled(free="2.000009", locked="1")
    assert take_command(s, command(stop="39000")).text.startswith("2 BTC become a position with a stop at 39000;")
    [placed] = requests(s)
    assert isinstance(placed, PlaceOrder)
    assert (placed.order.type, placed.order.stop_price, placed.order.quantity) == ("STOP_LOSS", D(39000), D(2))


def test_what_is_ours_already_is_not_adopted_and_what_is_locked_for_us_does_not_count_against_the_rest() -> None:
    s = reconciled(free="2", locked="3")
    for quantity, told in (("3", "only 2 BTC"), ("2", "2 BTC become")):
        # Of five coins three are ours, and locked: the two that are free are somebody else's.
        s.book.holdings[SYMBOL] = Holding(SYMBOL, "BTC", "USDT", D(3))
        assert take_command(s, command(stop="39000", quantity=quantity)).text.startswith(told)


@pytest.mark.parametrize(
    ("strategy", "settings", "words"),
    [
        ("", {}, "no SELL signal closes it"),
        ("trend_multi_tf", {}, "a SELL signal of trend_multi_tf closes it, too"),
        ("", {"exit_any_strategy": True}, "a SELL signal of any strategy closes it, too"),
    ],
)
def test_the_answer_and_the_event_name_whose_signal_closes_it(
    strategy: str, settings: dict[str, bool], words: str
) -> None:
    s = reconciled()
    s.settings = replace(s.settings, **settings)  # type: ignore[arg-type]
    answer = take_command(s, replace(command(stop="39000"), strategy=strategy))
    assert answer.text == f"2 BTC become a position with a stop at 39000; {words}"
    [record] = [effect for effect in s.take_effects() if isinstance(effect, Record)]
    event = to_event(record.facts[0], {})
    assert event.data.get("strategy", "") == event.data["plan"]["strategy"] == strategy


def adopted(strategy: str = "", **settings: object) -> Desk:
    """An account whose coins were adopted."""
    desk = Desk(PLENTY, settings=TraderSettings(symbols=(SYMBOL,), **settings))  # type: ignore[arg-type]
    desk.hold("BTC", "2")
    desk.ready().tell(Command("adopt", SYMBOL, "kim", "", {"stop": D(39000)}, strategy=strategy))
    assert desk.position().plan.is_adopted
    return desk


def sell_signal(desk: Desk, strategy: str) -> SignalSeen:
    return SignalSeen(replace(SIGNAL, side="SELL", strategy=strategy, bar_close_time=int(desk.now * 1000) - 1))


def test_no_strategy_closes_what_a_person_adopted_and_the_denial_says_who_does() -> None:
    desk = adopted()
    desk.tell(sell_signal(desk, SIGNAL.strategy))
    [denied] = desk.noted(f.SignalDenied)
    assert denied.code == "other_strategy"
    for words in ("BTCUSDT is held by the person who adopted it", "stop, target, cq-tui close and cq-tui flatten"):
        assert words in denied.reason
    assert not desk.position().exit_reason
    desk.tell(Command("close", SYMBOL, "kim"))
    assert desk.position().exit_reason == "close, requested by kim"


@pytest.mark.parametrize(
    ("owner", "settings"), [(SIGNAL.strategy, {}), ("", {"exit_any_strategy": True})], ids=["named", "any"]
)
def test_the_strategy_that_the_person_named_closes_it_or_any_where_the_setting_says_so(
    owner: str, settings: dict[str, bool]
) -> None:
    desk = adopted(owner, **settings)
    desk.tell(sell_signal(desk, SIGNAL.strategy))
    assert desk.noted(f.SignalDenied) == []
    assert desk.position().exit_reason == f"SELL signal of {SIGNAL.strategy}"


@pytest.mark.parametrize(("price", "stops"), [("39000", 0), ("41000", 1)], ids=["stop", "profit"])
def test_what_a_person_adopted_counts_neither_against_its_strategy_nor_for_it(price: str, stops: int) -> None:
    desk = adopted(SIGNAL.strategy, max_strategy_stops=2)
    of = desk.core.book.strategy_quarantine
    for _ in range(stops):
        of.count_stop(SIGNAL.strategy)
    stop = desk.orders(Leg.STOP)[-1]
    desk.answer(desk.one(PlaceOrder), desk.shown(stop, "NEW"))
    desk.hold("BTC", "0")
    desk.trade(desk.now_known(stop), "2", price, 7)
    desk.tick(1.0)
    assert desk.position_or_none() is None
    assert of.stops.get(SIGNAL.strategy, 0) == stops


def test_a_strategy_that_the_person_did_not_name_does_not_close_it() -> None:
    desk = adopted("another")
    desk.tell(sell_signal(desk, SIGNAL.strategy))
    [denied] = desk.noted(f.SignalDenied)
    assert "BTCUSDT is held by another" in denied.reason


def test_what_was_adopted_before_strategies_could_be_named_is_the_persons_too() -> None:
    plan = Plan(f"{ADOPTED}{SYMBOL}:1", "", "", D(39000))
    before = {
        "symbol": SYMBOL, "base_asset": "BTC", "quote_asset": "USDT", "quantity": "2", "price": "40000",
        "plan": to_plain(plan), "ms": 1, "person": "kim",
    }  # fmt: skip
    fact = from_event("position_adopted", before)
    assert fact is not None
    desk = adopted()
    book = Book("simulated:1", "owner")
    book.apply(fact)
    desk.core.book.positions[SYMBOL] = desk.position()._replace(plan=book.positions[SYMBOL].plan)
    desk.tell(sell_signal(desk, SIGNAL.strategy))
    assert [one.code for one in desk.noted(f.SignalDenied)] == ["other_strategy"]


def test_a_position_whose_owner_nobody_recorded_is_closed_by_any_strategy() -> None:
    desk = adopted()
    unknown = Plan("before:BTCUSDT:1m:1:BUY", "", "", D(39000))
    desk.core.book.positions[SYMBOL] = desk.position()._replace(plan=unknown)
    desk.tell(sell_signal(desk, SIGNAL.strategy))
    assert desk.position().exit_reason == f"SELL signal of {SIGNAL.strategy}"


def _halted(s: Situation) -> None:
    take_rules(s, (SYMBOL,), ExchangeInfo(0, (), {SYMBOL: replace(PLENTY, status="BREAK")}, {}))


def _unlisted(s: Situation) -> None:
    take_unlisted(s, (SYMBOL,))


def _unwatched(s: Situation) -> None:
    s.symbol_rules = {}
    s.left_out = {}


def _silent(s: Situation) -> None:
    s.lane(SYMBOL).quote = Quote(D(40000), D(40001), D(40000), NOW - 60)


def _unreconciled(s: Situation) -> None:
    s.is_reconciled = False


def _full_disk(s: Situation) -> None:
    s.health = replace(s.health, disk_problem="no space left on device")


def _open(s: Situation) -> None:
    assert take_command(s, command(stop="39000", quantity="1")).is_done


def _fell(s: Situation) -> None:
    s.lane(SYMBOL).quote = Quote(D(40000), D(40001), D(38999), NOW)


def _other_rules(**changes: object) -> Callable[[Situation], None]:
    def change(s: Situation) -> None:
        take_rules(s, (SYMBOL,), ExchangeInfo(0, (), {SYMBOL: replace(PLENTY, **changes)}, {}))  # type: ignore[arg-type]

    return change


@pytest.mark.parametrize(
    ("change", "numbers", "words"),
    [
        (_halted, {}, "BTCUSDT does not trade: in maintenance"),
        (_unlisted, {}, "BTCUSDT does not trade: "),
        (_unwatched, {}, "BTCUSDT is not watched: add it to SYMBOLS"),
        (_silent, {}, "there is no fresh price of BTCUSDT"),
        (_unreconciled, {}, "orders and balances of the account are not known yet"),
        (_full_disk, {}, "it could not be recorded: no space left on device"),
        (_open, {}, "a position in BTCUSDT is already open"),
        (_fell, {}, "stop 39000 must lie above 0 and below bid 40000 and last price 38999"),
        (_other_rules(quote_asset="BNB"), {}, "BTCUSDT is priced in BNB, but money is counted in USDT"),
        (_other_rules(order_types=frozenset({"MARKET"})), {}, "BTCUSDT takes no stop orders"),
        (_other_rules(max_quantity=D(1)), {}, "2 BTC cannot be protected: "),
        (_other_rules(min_notional=D(100_000)), {}, "2 BTC cannot be protected: "),
        (
            _other_rules(ask_multiplier_up=D("1.2")),
            {"target": "60000"},
            "would refuse target 60000: PERCENT_PRICE_BY_SIDE",
        ),
        (_other_rules(min_price=D(39500)), {}, "would refuse stop 39000: PRICE_FILTER"),
        (None, {"stop": "40000"}, "stop 40000 must lie above 0 and below bid 40000"),
        (None, {"stop": "0.001"}, "stop 0 must lie above 0 and below bid"),
        (None, {"target": "40000.005"}, "target 40000 must lie above bid 40000"),
        (None, {"quantity": "2.00001"}, "only 2 BTC are free and not ours already"),
        (None, {"quantity": "0.000001"}, "the quantity is less than one lot of 0.00001 BTC"),
    ],
)
def test_what_could_not_be_protected_as_asked_is_refused_with_its_reason(
    change: Callable[[Situation], None] | None, numbers: dict[str, str], words: str
) -> None:
    s = reconciled()
    if change is not None:
        change(s)
    before = dict(s.book.positions)
    s.take_effects()
    answer = take_command(s, command(**({"stop": "39000"} | numbers)))
    assert not answer.is_done
    assert words in answer.text
    assert (s.book.positions, s.take_effects()) == (before, [])
