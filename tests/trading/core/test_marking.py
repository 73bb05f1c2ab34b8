"""Marks of the equity: once a day, at a new peak, and only when everything has a fresh price."""

from decimal import Decimal

from cq_tui.trading.core.book import Book
from cq_tui.trading.core.facts import EquityMarked, FundsMoved
from cq_tui.trading.core.inputs import Quote
from cq_tui.trading.core.marking import equity_as_known, equity_now, mark_equity
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.account_money import open_money
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.position_life import PositionState
from tests.trading.samples import D

DAY = 20_000
NOON = DAY * 86_400 + 43_200.0


def _situation(bid: str | None, *, is_position: bool = True) -> Situation:
    book = Book("simulated:1", "owner")
    holding = Holding("BTCUSDT", "BTC", "USDT", D(2), D(100))
    book.holdings["BTCUSDT"] = holding
    book.money = open_money("USDT", D(900), DAY, holdings=[holding])
    if is_position:
        book.positions["BTCUSDT"] = Position("BTCUSDT", PositionState.PROTECTED, Plan("k", "s", "1m", D(40)))
    situation = Situation(book)
    _at(situation, NOON, bid)
    return situation


def _at(situation: Situation, now: float, bid: str | None) -> None:
    situation.moment = Moment(now, now)
    if bid is not None:
        situation.lane("BTCUSDT").quote = Quote(D(bid), D(bid), D(bid), now)


def _marks(situation: Situation) -> tuple[Decimal, Decimal]:
    mark_equity(situation)
    money = situation.book.money
    assert money is not None
    return money.day_base, money.peak


def test_a_peak_is_marked_when_it_is_clearly_higher() -> None:
    situation = _situation("50.49")
    assert _marks(situation) == (D(1_000), D(1_000))
    _at(situation, NOON, "50.51")
    assert _marks(situation) == (D(1_000), D("1001.02"))
    _at(situation, NOON, "40")
    assert _marks(situation) == (D(1_000), D("1001.02"))
    assert situation.facts_count == 1


def test_a_day_begins_at_its_first_mark() -> None:
    situation = _situation("50")
    _at(situation, NOON + 86_400, "45")
    assert _marks(situation) == (D(990), D(1_000))
    _at(situation, NOON + 86_401, "44")
    assert _marks(situation) == (D(990), D(1_000))
    # A clock that goes back begins no day again.
    _at(situation, NOON, "43")
    assert _marks(situation) == (D(990), D(1_000))


def test_deposits_move_the_marks() -> None:
    situation = _situation("50")
    situation.record(FundsMoved("USDT", D(500), "deposit", 1))
    assert _marks(situation) == (D(1_500), D(1_500))
    assert situation.facts_count == 1


def test_without_a_fresh_price_nothing_is_marked() -> None:
    situation = _situation(None)
    _at(situation, NOON + 86_400, None)
    assert _marks(situation) == (D(1_000), D(1_000))
    _at(situation, NOON + 86_400, "45")
    _at(situation, NOON + 2 * 86_400, None)
    assert _marks(situation) == (D(1_000), D(1_000))


def test_what_is_left_of_earlier_positions_keeps_no_day_from_beginning() -> None:
    """It may have no price any more: nobody watches its symbol, or it is delisted."""
    situation = _situation(None, is_position=False)
    assert equity_now(situation) == D(1_000)
    _at(situation, NOON + 86_400, None)
    situation.record(FundsMoved("USDT", D(-100), "withdrawal", 1))
    assert _marks(situation) == (D(900), D(900))
    assert situation.book.money is not None
    assert situation.book.money.day == DAY + 1


def test_one_wrong_price_is_no_peak_and_begins_no_day() -> None:
    situation = _situation("50")
    for price in ("500", "5"):
        _at(situation, NOON + 86_400, "50")
        situation.lane("BTCUSDT").quote = Quote(D(price), D(price), D(50), NOON + 86_400)
        assert _marks(situation) == (D(1_000), D(1_000))
    assert situation.facts_count == 0
    assert equity_as_known(situation) == D(910), "the lower one"


def test_money_that_is_counted_in_another_asset_is_not_marked() -> None:
    situation = _situation("60")
    situation.settings = TraderSettings(quote="FDUSD")
    assert _marks(situation) == (D(1_000), D(1_000))


def test_a_book_without_an_account_has_no_equity() -> None:
    situation = Situation(Book("simulated:1", "owner"))
    situation.moment = Moment(NOON, NOON)
    mark_equity(situation)
    situation.book.apply(EquityMarked(D(5), DAY, 1))
    assert situation.book.money is None
