"""A trade in the whole account's books: who pays its commission."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.base import Side
from cq_tui.trading.money.account_money import identity_fault, open_money
from cq_tui.trading.money.exact import AmountError
from cq_tui.trading.money.holding import Booking, Holding, Unvalued
from cq_tui.trading.money.trades import Commission, book_trade, own_part
from tests.trading.money.naive_ledger import done
from tests.trading.samples import D

BTC = Holding("BTCUSDT", "BTC", "USDT", D(1), D(100))
BNB = Holding("BNBUSDT", "BNB", "USDT", D(2), D(1_000))
HELD = {"BTCUSDT": BTC, "BNBUSDT": BNB}


def _one(side: Side, commission: Commission) -> Booking:
    (booking,) = book_trade(HELD, "BTCUSDT", side, done("100", "1"), commission)
    return booking


@pytest.mark.parametrize(
    ("total", "part"), [("7", "0"), ("2.1", "0.2"), ("2", "0.3"), ("1.5", "0.3"), ("0", "0.3"), ("2.3", "0")]
)
def test_foreign_coins_pay_a_commission_before_own_ones(total: str, part: str) -> None:
    assert own_part(HELD, "BTCUSDT", D("0.3"), "BNB", D(total)) == D(part)


def test_own_coins_pay_no_more_than_there_are_and_only_in_another_symbol() -> None:
    assert own_part(HELD, "BTCUSDT", D(5), "BNB", D(0)) == 2
    assert own_part(HELD, "BNBUSDT", D("0.3"), "BNB", D(2)) == 0
    assert own_part(HELD, "BTCUSDT", D("0.3"), "USDT", D(0)) == 0
    assert own_part(HELD, "BTCUSDT", D("0.3"), "XYZ", D(0)) == 0
    assert own_part({"BTCUSDT": BTC}, "BTCUSDT", D("0.3"), "BNB", D(0)) == 0


def test_only_coins_counted_in_the_same_money_pay() -> None:
    other = Holding("BNBFDUSD", "BNB", "FDUSD", D(2), D(1_000))
    assert own_part({"BTCUSDT": BTC, "BNBFDUSD": other}, "BTCUSDT", D("0.3"), "BNB", D(0)) == 0
    assert own_part({"BNBFDUSD": other} | HELD, "BTCUSDT", D("0.3"), "BNB", D(0)) == D("0.3")


def test_a_trade_whose_commission_a_foreign_coin_pays_is_one_booking() -> None:
    bought = _one("BUY", Commission(D("0.01"), "BNB", D(600)))
    assert (bought.holding.cost, bought.outside) == (D(206), D(6))
    sold = _one("SELL", Commission(D("0.01"), "BNB"))
    assert sold.holding.unvalued == (Unvalued("BNB", D(0), D("0.01")),)
    assert sold.realized == 0


def test_a_commission_is_split_between_foreign_and_own_coins() -> None:
    paid, sold = book_trade(
        HELD, "BTCUSDT", "SELL", done("120", "1"), Commission(D("0.03"), "BNB", D(600), own=D("0.01"))
    )
    assert (paid.holding.quantity, paid.realized, paid.quote) == (D("1.99"), D(1), D(6))
    assert (sold.realized, sold.quote, sold.outside) == (D(2), D(114), D(12))


def test_own_coins_pay_at_their_cost_when_no_price_is_known() -> None:
    paid, bought = book_trade(HELD, "BTCUSDT", "BUY", done("100", "1"), Commission(D("0.01"), "BNB", own=D("0.01")))
    assert (paid.realized, bought.holding.cost, bought.holding.unvalued) == (D(0), D(205), ())


def test_own_coins_that_are_not_there_cannot_pay() -> None:
    with pytest.raises(AmountError, match="BTCUSDT: no own XYZ can pay"):
        _one("BUY", Commission(D(1), "XYZ", own=D(1)))
    with pytest.raises(AmountError, match="BNBUSDT: no own BNB can pay"):
        book_trade(HELD, "BNBUSDT", "BUY", done("1", "1"), Commission(D(1), "BNB", own=D(1)))
    with pytest.raises(AmountError, match="BNBUSDT: 3 BNB taken out of 2"):
        _one("BUY", Commission(D(3), "BNB", own=D(3)))


AMOUNTS = st.decimals("0.00000001", "1000", places=8)


@given(
    st.lists(st.tuples(st.sampled_from(["BTCUSDT", "BNBUSDT"]), st.sampled_from(["BUY", "SELL"]), AMOUNTS, AMOUNTS,
                       st.none() | AMOUNTS), max_size=20),
    AMOUNTS,
)  # fmt: skip
def test_commissions_in_a_traded_coin_leave_no_doubt(
    trades: list[tuple[str, Side, Decimal, Decimal, Decimal | None]], foreign: Decimal
) -> None:
    holdings = dict(HELD)
    balances = {"USDT": D(10**9), "BTC": BTC.quantity, "BNB": BNB.quantity + foreign}
    money = open_money("USDT", balances["USDT"], day=0, holdings=holdings.values())
    for symbol, side, price, amount, bnb_price in trades:
        quantity = amount if side == "BUY" else min(amount, holdings[symbol].quantity)
        if not quantity:
            continue
        trade, fee = done(price, quantity), min(D("0.05"), balances["BNB"])
        if symbol == "BNBUSDT" and side == "SELL":
            fee = min(fee, balances["BNB"] - quantity)
        base, sign = holdings[symbol].base, 1 if side == "BUY" else -1
        own = own_part(holdings, symbol, fee, "BNB", balances["BNB"])
        balances[base] += sign * quantity
        balances["USDT"] -= sign * trade.quote_quantity
        balances["BNB"] -= fee
        for booking in book_trade(holdings, symbol, side, trade, Commission(fee, "BNB", bnb_price, own)):
            money = money.book(booking)
            holdings[booking.holding.symbol] = booking.holding
        assert (money.quote, holdings["BTCUSDT"].quantity) == (balances["USDT"], balances["BTC"])
        assert holdings["BNBUSDT"].quantity <= balances["BNB"]
        assert identity_fault(money, holdings.values()) is None
