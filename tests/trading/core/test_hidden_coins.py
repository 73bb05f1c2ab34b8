"""A doubt hides what no book has and an order could have; each kind of doubt says whether that may be ours."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

import cq_tui.trading.core
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.foreign_sale import ForeignSale, Left
from cq_tui.trading.core.hidden_coins import HIDES_COINS, is_known, judge_doubts
from cq_tui.trading.core.situation import Situation
from tests.trading.core.situations import SYMBOL, reconciled

D = Decimal
#: Worth 4 at a price of 40,000: less than the least order of 5.
DUST = D("0.0001")


def situation(*doubts: tuple[str, str], **foreign: str) -> Situation:
    """Coins beyond the book, and doubts by symbol ("" for the account) and kind."""
    s = reconciled()
    s.is_quiet_known, s.foreign = True, {asset: D(amount) for asset, amount in foreign.items()}
    for symbol, kind in doubts:
        s.record(f.DoubtRaised(symbol, kind, f"a doubt of kind {kind}", s.ms))
    return s


def hidden(s: Situation, symbol: str = "", history: str | None = None) -> list[tuple[str, ...]]:
    return [one.hides for one in judge_doubts(s, symbol, history)]


def test_every_kind_of_doubt_says_whether_it_can_hide_coins() -> None:
    sources = "".join(path.read_text() for path in Path(cq_tui.trading.core.__path__[0]).glob("*.py"))
    raised = set(re.findall(r'\.doubt\([^"]*?(?:"", )?"(\w+)"', sources))
    assert len(raised) > 8
    assert raised | {"history"} == HIDES_COINS.keys()


@pytest.mark.parametrize(("kind", "hides"), HIDES_COINS.items())
def test_a_doubt_hides_coins_beyond_the_book_by_its_kind(kind: str, hides: bool) -> None:
    expected = [("2 BTC",)] if hides else [()]
    assert hidden(situation(("", kind), BTC="2")) == expected
    assert hidden(situation((SYMBOL, kind), BTC="2")) == expected


def test_a_kind_of_a_later_version_is_taken_to_hide_them() -> None:
    assert hidden(situation(("", "unheard of"), BTC="2")) == [("2 BTC",)]


@pytest.mark.parametrize("foreign", [{}, {"BTC": "0"}, {"BTC": "-1"}, {"BTC": str(DUST)}, {"USDT": "500"}], ids=str)
def test_nothing_is_hidden_where_nothing_beyond_the_book_could_be_sold(foreign: dict[str, str]) -> None:
    assert hidden(situation(("", "history"), **foreign)) == [()]


def test_coins_whose_market_is_not_known_may_be_sold_for_all_that_is_known() -> None:
    assert hidden(situation(("", "history"), XYZ="0.00001")) == [("0.00001 XYZ",)]
    s = situation(("", "history"), XYZ="1")
    s.book.foreign_sale = ForeignSale("kim", "", 1, {}, {"XYZ": Left(D(1), "no market")})
    assert hidden(s) == [()], "flatten --all found none"


def test_of_one_symbol_only_its_own_coins_count() -> None:
    s = situation(("", "history"), (SYMBOL, "claim"), ("ETHUSDT", "claim"), XYZ="1", ETH="1")
    assert hidden(s, SYMBOL) == [(), ()]
    s.foreign["BTC"] = D(2)
    assert hidden(s, SYMBOL) == [("2 BTC",), ("2 BTC",)]
    assert hidden(s, "ETHUSDT") == [("1 ETH",), ("1 ETH",)]


def test_what_the_book_does_not_say_counts_as_a_doubt_of_the_history() -> None:
    assert hidden(situation(BTC="2"), history="no snapshot, no events") == [("2 BTC",)]
    assert hidden(situation(), history="no snapshot, no events") == [()]
    assert judge_doubts(situation(BTC="2")) == []


def test_before_balances_were_judged_a_doubt_may_hide_anything_and_is_waited_for() -> None:
    s = situation(("", "history"))
    assert is_known(s)
    s.is_quiet_known = False
    assert not is_known(s)
    assert hidden(s) == [("what the account holds beyond the book is not known yet",)]
    harmless = situation(("", "balance"))
    harmless.is_quiet_known = False
    assert is_known(harmless)
    harmless.record(f.DoubtRaised("ETHUSDT", "outcome", "it is asked for", harmless.ms))
    assert is_known(harmless, SYMBOL), "it is about another symbol"
    assert not is_known(harmless, "ETHUSDT")
