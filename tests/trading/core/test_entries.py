"""Signals at the core: what becomes an entry, of which kind, with what money, and what waits or is denied."""

from dataclasses import fields, replace

import pytest

from cq_tui.binance.order_lists import NewOpoco, NewOtoco
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import FetchRules, PlaceList, PlaceOrder, Record, Urgency
from cq_tui.trading.core.entry_kind import EntryKind, entry_kind
from cq_tui.trading.core.judging import context_of, symbol_doubt
from cq_tui.trading.core.knowing_rules import take_unlisted
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.denial import DenialReason
from cq_tui.trading.entry_context import EntryLimits
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.desk import LISTS, MARKET, SYMBOL, D, Desk, list_desk, market_desk
from tests.trading.samples import RULES, SELL, SIGNAL

ETH = replace(MARKET, symbol="ETHUSDT", base_asset="ETH")


def buy_signal(desk: Desk, **changes: object) -> i.SignalSeen:
    return i.SignalSeen(replace(SIGNAL, bar_close_time=int(desk.now * 1000) - 1, **changes))  # type: ignore[arg-type]


def denials(desk: Desk) -> list[str]:
    return [fact.code for fact in desk.noted(f.SignalDenied)]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, EntryKind.OTOCO),
        ({"opo_allowed": False}, EntryKind.OTOCO),
        ({"oto_allowed": False}, EntryKind.MARKET),
        ({"oto_allowed": False, "opo_allowed": False}, EntryKind.MARKET),
        ({"oco_allowed": False}, EntryKind.MARKET),
        ({"order_types": RULES.order_types}, EntryKind.MARKET),
        ({"order_types": frozenset({"LIMIT", "LIMIT_MAKER"})}, EntryKind.MARKET),
        ({"order_types": frozenset({"LIMIT", "STOP_LOSS"})}, EntryKind.MARKET),
    ],
)
def test_the_kind_of_entry_follows_from_what_the_symbol_allows(changes: dict[str, object], kind: EntryKind) -> None:
    assert entry_kind(replace(LISTS, **changes)) is kind  # type: ignore[arg-type]


def test_until_the_commission_is_known_the_exchange_tells_what_was_received() -> None:
    assert entry_kind(LISTS, knows_commission=False) is EntryKind.OPOCO
    assert entry_kind(replace(LISTS, opo_allowed=False), knows_commission=False) is EntryKind.OTOCO
    assert entry_kind(replace(LISTS, oto_allowed=False), knows_commission=False) is EntryKind.MARKET


def test_an_entry_by_list_pays_at_most_the_cap_and_is_fill_or_kill() -> None:
    desk = list_desk()
    request = desk.buy(trail=D(300), max_bars=3, cooldown_bars=2)
    assert isinstance(request, PlaceList)
    assert isinstance(request.order_list, NewOtoco)
    assert request.urgency is Urgency.ENTRY
    working, above, below = request.order_list.working, request.order_list.above, request.order_list.below
    assert (working.type, working.time_in_force, working.price) == ("LIMIT", "FOK", D("40080.02"))
    assert (working.quantity, request.order_list.pending_quantity) == (D("0.00249"), D("0.00248"))
    assert (above.type, above.price, below.type, below.stop_price) == ("LIMIT_MAKER", D(40600), "STOP_LOSS", D(39600))
    assert [one.leg for one in desk.orders()] == [Leg.ENTRY, Leg.STOP, Leg.TARGET]
    assert {one.list_client_order_id for one in desk.orders()} == {request.order_list.list_client_order_id}
    plan = desk.position().plan
    assert (plan.trail, plan.cooldown_ms, plan.frame) == (D(300), 120_000, "1m")
    assert plan.time_stop_ms == int(desk.now * 1000) + 3 * 60_000


def test_an_opoco_sells_whatever_was_bought() -> None:
    desk = list_desk()
    desk.core.situation.lane("BTCUSDT").commission = None
    request = desk.buy()
    assert isinstance(request, PlaceList)
    assert isinstance(request.order_list, NewOpoco)
    assert [one.quantity for one in desk.orders()] == [D("0.00249"), D(0), D(0)]


@pytest.mark.parametrize(("free", "is_list"), [("0", True), ("0.5", False)])
def test_where_others_own_coins_no_opoco_sells_them_for_its_commission(free: str, is_list: bool) -> None:
    """The exchange pays the commission of an OPOCO from what is free, and lets it sell all that was bought."""
    desk = list_desk()
    desk.hold("BTC", free)
    desk.look()
    desk.core.situation.lane("BTCUSDT").commission = None
    assert isinstance(desk.buy(), PlaceList if is_list else PlaceOrder)


def test_an_entry_is_recorded_before_it_is_sent_or_not_sent_at_all() -> None:
    desk = market_desk()
    desk.fresh()
    effects = desk.tell(buy_signal(desk))
    record, request = effects
    assert isinstance(record, Record)
    assert isinstance(request, PlaceOrder)
    assert (record.durable, record.needed_by) == (True, request.number)
    assert request.order.type == "MARKET"
    desk.waiting.remove(request)
    desk.tell(i.NotStored(request.number, "the disk is full"))
    [entry] = desk.orders()
    assert entry.status is OrderStatus.REJECTED
    assert entry.reason == "not sent, it could not be recorded: the disk is full"
    assert desk.core.book.positions == {}
    assert not desk.noted(f.QuarantineBegan)


def test_a_second_signal_waits_for_the_first_request_and_is_judged_then() -> None:
    desk = market_desk()
    first = desk.buy()
    desk.tell(buy_signal(desk, strategy="other"))
    assert denials(desk) == []
    assert len(desk.sent(PlaceOrder)) == 1
    [entry] = desk.orders()
    desk.answer(first, desk.filled(entry))
    desk.protect()
    assert denials(desk) == [DenialReason.POSITION_OPEN]


def test_a_sale_does_not_wait() -> None:
    desk = market_desk()
    desk.bought()
    assert desk.sent(PlaceList), "its protection is under way"
    desk.tell(i.SignalSeen(replace(SELL, bar_close_time=int(desk.now * 1000) - 1)))
    assert desk.position().exit_reason == "SELL signal of trend_multi_tf"
    assert desk.position().exit_signal.endswith(":SELL")


def test_a_signal_of_another_mode_is_denied() -> None:
    desk = market_desk()
    desk.fresh()
    desk.tell(replace(buy_signal(desk), mode="live"))
    assert denials(desk) == [DenialReason.MODE_BLOCKED]
    desk.tell(replace(buy_signal(desk, strategy="other"), mode="simulation"))
    assert desk.sent(PlaceOrder)


def test_a_signal_answered_before_a_restart_is_not_answered_again() -> None:
    desk = market_desk()
    seen = buy_signal(desk)
    request = desk.buy()
    desk.answer(request, desk.filled(desk.orders()[0]))
    again = Desk(MARKET, book=desk.core.book)
    again.now, again.balances = desk.now, desk.balances
    again.ready().tell(seen)
    assert again.noted(f.SignalDenied) == []
    assert again.sent(PlaceOrder) == []


def test_a_signal_twice_in_one_life_is_refused_by_name() -> None:
    desk = market_desk()
    desk.bought()
    desk.protect()
    desk.tell(buy_signal(desk))
    assert denials(desk) == [DenialReason.DUPLICATE_SIGNAL]


def test_an_id_from_outside_counts_once_whatever_else_the_signal_says() -> None:
    desk = Desk(MARKET, ETH).ready()
    desk.fresh()
    desk.quote("40000", "ETHUSDT")
    desk.tell(buy_signal(desk, signal_id="7"))
    desk.tell(buy_signal(desk, signal_id="7", symbol="ETHUSDT", frame="5m"))
    assert denials(desk) == [DenialReason.DUPLICATE_SIGNAL]
    assert [order.signal_key for order in desk.orders(Leg.ENTRY)] == ["trend_multi_tf:id:7"]
    assert desk.orders(Leg.ENTRY, "ETHUSDT") == []


def test_what_is_on_its_way_is_not_free() -> None:
    desk = Desk(MARKET, replace(LISTS, symbol="ETHUSDT", base_asset="ETH")).ready()
    desk.fresh()
    desk.quote("40000", "ETHUSDT")
    s = desk.core.situation
    assert context_of(s, SYMBOL).budget.available_quote == D(1000)
    desk.tell(buy_signal(desk, symbol="ETHUSDT"))
    entry = desk.orders(Leg.ENTRY, "ETHUSDT")[0]
    assert entry.price is not None
    assert context_of(s, SYMBOL).budget.available_quote == D(1000) - entry.quantity * entry.price
    desk.hold("USDT", "50")
    desk.tick(61.0)
    assert context_of(s, SYMBOL).budget.available_quote == D(50), "what the exchange says counts when it is less"
    assert context_of(s, SYMBOL).pending == {"ETHUSDT"}
    assert context_of(s, SYMBOL).held == set()


def test_an_entry_on_its_way_counts_as_exposure() -> None:
    desk = Desk(MARKET, ETH).ready()
    desk.fresh()
    desk.quote("40000", "ETHUSDT")
    worth = context_of(desk.core.situation, SYMBOL).worth
    assert worth is not None
    assert worth() == (D(1000), D(0))
    desk.tell(buy_signal(desk, symbol="ETHUSDT"))
    assert worth() == (D(1000), D(0)), "asked before"
    after = context_of(desk.core.situation, SYMBOL).worth
    assert after is not None
    entry = desk.orders(Leg.ENTRY, "ETHUSDT")[0]
    quote = desk.core.situation.lane("ETHUSDT").quote
    assert quote is not None
    assert after() == (D(1000), entry.quantity * quote.ask * D("1.002")), "at market, as it was sized"


def test_exposure_is_what_is_held_at_the_bid() -> None:
    desk = market_desk()
    desk.bought()
    desk.protect()
    desk.quote("40100")
    worth = context_of(desk.core.situation, SYMBOL).worth
    assert worth is not None
    assert worth() == (D(1000) + D("0.00249") * 100, D("0.00249") * 40100)


def test_the_commission_of_the_symbol_counts_and_until_it_is_read_the_account_s() -> None:
    desk = Desk(MARKET)
    assert context_of(desk.core.situation, SYMBOL).budget.commission == D("0.001")
    desk.ready()
    lane = desk.core.situation.lane(SYMBOL)
    assert lane.commission == D("0.001")
    lane.commission = D("0.002")
    assert context_of(desk.core.situation, SYMBOL).budget.commission == D("0.002")


def test_money_in_another_asset_than_it_is_counted_in_blocks() -> None:
    desk = market_desk()
    desk.tell(i.SettingsSeen(replace(desk.settings, quote="BTC")))
    desk.fresh()
    [blocked] = desk.core.blocked_by(desk.core.situation.moment)
    assert "money is counted in USDT, but TRADER_QUOTE is BTC: set it to USDT again" in blocked


def test_a_trade_not_identified_yet_is_a_doubt_of_its_symbol() -> None:
    desk = market_desk()
    s = desk.core.situation
    assert symbol_doubt(s, SYMBOL) is None
    s.lane(SYMBOL).strange[5] = {}
    assert symbol_doubt(s, SYMBOL) == "a trade of this account is not identified yet"
    assert symbol_doubt(s, "ETHUSDT") is None


def test_balance_and_book_that_differ_are_a_doubt_before_they_are_recorded() -> None:
    desk = market_desk()
    desk.bought()
    desk.protect()
    s = desk.core.situation
    s.misfits["BTC"] = D("-0.001")
    assert symbol_doubt(s, SYMBOL) == "balance and book differ by -0.001 BTC"


def test_a_symbol_that_is_gone_takes_no_entry() -> None:
    desk = market_desk()
    assert context_of(desk.core.situation, SYMBOL).rules is not None
    take_unlisted(desk.core.situation, (SYMBOL,))
    assert context_of(desk.core.situation, SYMBOL).rules is None


def test_where_no_protection_is_possible_the_rules_are_read_again_within_a_minute() -> None:
    desk = market_desk(oco_allowed=False)
    desk.fresh()
    desk.tell(buy_signal(desk))
    assert denials(desk) == ["protection_impossible"]
    desk.rules[SYMBOL] = MARKET
    for _ in range(30):
        desk.tick(2.0)
    desk.facts.clear()
    desk.buy()
    assert desk.sent(PlaceOrder)


def test_signals_without_end_that_cannot_be_protected_read_the_rules_once_a_minute() -> None:
    desk = market_desk(oco_allowed=False)
    asked = 0
    for second in range(600):
        desk.fresh()
        for effect in desk.tell(buy_signal(desk, strategy=f"s{second}"), after=1.0):
            asked += isinstance(effect, FetchRules)
        asked += sum(isinstance(effect, FetchRules) for effect in desk.tell(i.Tick()))
    assert set(denials(desk)) == {"protection_impossible"}
    assert 5 <= asked <= 15


def test_settings_reach_the_limits() -> None:
    settings = TraderSettings(
        symbols=(SYMBOL,), order_quote=D(50), cooldown=7.0, freshness=9.0, max_positions=2, max_exposure=D("0.1"),
        slippage_cap=D("0.01"), max_price_gap=D("0.03"), min_confidence=0.3, orders_minute=4, orders_day=5,
        order_notional=D(6), symbol_notional=D(7), total_notional=D(8), target_costs=D(3), risk_fraction=D("0.01"),
    )  # fmt: skip
    found = context_of(Desk(MARKET, settings=settings).ready().core.situation, SYMBOL)
    assert found.budget.order_quote == D(50)
    assert all(getattr(found.limits, one.name) == getattr(settings, one.name) for one in fields(EntryLimits))
    defaults = EntryLimits()
    assert all(getattr(found.limits, one.name) != getattr(defaults, one.name) for one in fields(EntryLimits))
    assert found.watched
    assert not context_of(Desk(MARKET, settings=settings).core.situation, "ETHUSDT").watched
