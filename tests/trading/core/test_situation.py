"""What the core decides by: prices, own coins, requests under way, questions, doubts."""

from math import inf

from cq_tui.binance.types import Balance
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.effects import FetchRules, PlaceList, PlaceOrder, QueryOrder, Record, ReplaceOrder, Urgency
from cq_tui.trading.core.inputs import Quote, QuotesSeen
from cq_tui.trading.core.knowing_rules import take_settings
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.core.situation import QUOTE_LIMIT
from tests.trading.core.desk import MARKET, SYMBOL, D, Desk, market_desk


def test_prices_are_those_of_a_fresh_quote() -> None:
    desk = market_desk()
    s = desk.core.situation
    assert s.bid("ETHUSDT") is None
    assert s.last_bid("ETHUSDT") is None
    desk.tell(QuotesSeen({SYMBOL: Quote(D(100), D(101), D(0), desk.now - QUOTE_LIMIT)}))
    assert (s.bid(SYMBOL), s.last_price(SYMBOL), s.last_bid(SYMBOL)) == (D(100), D(100), D(100))
    desk.tell(QuotesSeen({SYMBOL: Quote(D(100), D(101), D(99), desk.now - QUOTE_LIMIT)}))
    assert s.last_price(SYMBOL) == D(99)
    desk.tell(QuotesSeen({SYMBOL: Quote(D(100), D(101), D(99), desk.now - QUOTE_LIMIT - 0.01)}))
    assert (s.bid(SYMBOL), s.last_price(SYMBOL), s.last_bid(SYMBOL)) == (None, None, D(100))
    desk.tell(QuotesSeen({SYMBOL: Quote(D(0), D(101), D(99), desk.now)}))
    assert (s.bid(SYMBOL), s.last_bid(SYMBOL)) == (None, None)


def test_an_asset_is_priced_in_the_quote_asset() -> None:
    desk = market_desk()
    desk.quote("600", "BNBUSDT")
    assert desk.core.situation.price_of("BNB") == D(600)
    assert desk.core.situation.price_of("ETH") is None


def test_in_doubt_about_the_balance_only_what_is_there_can_be_sold() -> None:
    desk = market_desk().protected()
    s = desk.core.situation
    assert s.available("ETHUSDT") == 0
    s.balances["BTC"] = Balance("BTC", D("0.0005"), D("0.0005"))
    assert s.available(SYMBOL) == D("0.00249")
    s.doubt(SYMBOL, "status", "another doubt")
    assert s.available(SYMBOL) == D("0.00249")
    s.doubt(SYMBOL, "balance", "coins are missing")
    assert s.available(SYMBOL) == D("0.001")
    s.balances["BTC"] = Balance("BTC", D(5), D(0))
    assert s.available(SYMBOL) == D("0.00249")
    del s.balances["BTC"]
    assert s.available(SYMBOL) == 0


def test_a_change_is_under_way_until_its_orders_were_seen() -> None:
    desk = market_desk()
    s = desk.core.situation
    request = desk.buy()
    assert s.is_busy(SYMBOL)
    assert not s.is_busy("ETHUSDT")
    [entry] = desk.orders()
    desk.hold("BTC", "0.00249")
    desk.trade(entry, "0.00249", "40000", 5)
    assert request in desk.waiting
    assert isinstance(desk.one(PlaceList), PlaceList), "the report came before the answer"


def test_each_change_is_preceded_by_a_synced_record() -> None:
    desk = market_desk()
    desk.protected()
    desk.sell()
    effects = desk.tell(QuotesSeen({}))
    assert effects == []
    s = desk.core.situation
    before = s.activity
    s.record(f.DoubtRaised(SYMBOL, "x", "y", 1))
    s.send(QueryOrder(number=s.next_number(), symbol=SYMBOL, urgency=Urgency.ROUTINE, order_id=1))
    assert s.activity == before
    s.record(f.DoubtEnded(SYMBOL, "x", "y", 1))
    s.send(desk.one(ReplaceOrder), ("a",))
    assert s.activity == before + 1
    records = [one for one in s.take_effects() if isinstance(one, Record)]
    assert [(one.durable, one.needed_by) for one in records] == [(False, None), (True, None)]
    assert s.take_effects() == []


def test_a_question_is_asked_at_the_earliest_of_its_moments() -> None:
    desk = market_desk().protected()
    s, [stop] = desk.core.situation, desk.orders(Leg.STOP)
    lane, name = s.lane(SYMBOL), stop.client_order_id
    lane.due = inf
    s.inquire(name, delay=3.0)
    assert (lane.inquiries[name].since, lane.inquiries[name].next_at) == (s.now, s.now + 3.0)
    assert lane.due == s.now + 3.0
    s.inquire(name, delay=5.0)
    assert lane.inquiries[name].next_at == s.now + 3.0
    s.inquire(name, delay=1.0)
    assert lane.inquiries[name].next_at == s.now + 1.0
    assert lane.due == s.now + 1.0
    desk.tick(0.9)
    assert desk.sent(QueryOrder) == []
    desk.quote("40000")
    assert desk.sent(QueryOrder) == []
    desk.now += 0.11
    desk.quote("40000")
    assert desk.one(QueryOrder).client_order_id == name


def test_a_doubt_is_raised_and_ended_once() -> None:
    desk = market_desk()
    s = desk.core.situation
    s.doubt(SYMBOL, "outcome", "first")
    s.doubt(SYMBOL, "outcome", "second")
    s.end_doubt(SYMBOL, "status", "nothing to end")
    assert desk.core.book.doubts == {SYMBOL: {"outcome": "first"}}
    s.end_doubt(SYMBOL, "outcome", "found", "ada")
    assert desk.core.book.doubts == {}
    desk.fresh()
    told = [one for one in desk.facts if isinstance(one, f.DoubtRaised | f.DoubtEnded)]
    assert [type(one) for one in told] == [f.DoubtRaised, f.DoubtEnded]


def test_the_account_is_looked_at_less_and_less_often_while_it_does_not_rest() -> None:
    desk = market_desk()
    s = desk.core.situation
    s.account_is_at_rest()
    pauses = []
    for _ in range(6):
        s.account_due = inf
        s.look_at_account_again()
        pauses.append(s.account_due - s.now)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    s.account_due = s.now + 0.5
    s.look_at_account_again()
    assert s.account_due == s.now + 0.5
    s.account_is_at_rest()
    s.account_due = inf
    s.look_at_account_again()
    assert s.account_due == s.now + 1.0


def test_rules_are_read_for_what_is_watched_and_what_is_held() -> None:
    desk = market_desk().protected()
    desk.rules["ETHUSDT"] = MARKET
    desk.unread = (FetchRules,)
    take_settings(desk.core.situation, TraderSettings(symbols=("ETHUSDT",)))
    desk.look()
    assert desk.one(FetchRules).symbols == ("ETHUSDT",), "those of what is held are known"
    assert set(desk.core.situation.rules.rules) == {SYMBOL}
    assert desk.one(FetchRules).urgency is Urgency.RESOLVE


def test_rules_that_are_refused_as_stale_are_read_at_once() -> None:
    desk = market_desk()
    desk.unread = (FetchRules,)
    desk.now += 61.0
    desk.refuse(desk.buy(), -1013, "Filter failure: LOT_SIZE")
    assert desk.one(FetchRules).symbols == (SYMBOL,)


def test_quarantine_follows_the_settings() -> None:
    desk = Desk(MARKET, settings=TraderSettings(symbols=(SYMBOL,), quarantine_failures=1, quarantine_seconds=5.0))
    desk.ready()
    desk.refuse(desk.buy(), -2010)
    [began] = desk.noted(f.QuarantineBegan)
    assert began.until == desk.now + 5.0
    assert desk.sent(PlaceOrder) == []


def test_rules_that_changed_end_the_pauses() -> None:
    desk = market_desk().bought()
    desk.now += 61.0
    desk.unread = (FetchRules,)
    desk.refuse(desk.one(PlaceList), -1013, "Filter failure: LOT_SIZE")
    lane = desk.core.situation.lane(SYMBOL)
    lane.exit_pause.fail(desk.now)
    desk.rules[SYMBOL] = desk.rules[SYMBOL].__class__(
        **{name: getattr(desk.rules[SYMBOL], name) for name in desk.rules[SYMBOL].__slots__} | {"max_quantity": D(8000)}
    )
    desk.unread = ()
    desk.quote("40000")
    assert (lane.exit_pause.failures, lane.protect_pause.failures) == (0, 0)
