"""Profit is the change of equity, to the last digit, whatever happens in between."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.trading.money.account_money import Money, identity_fault, open_money, value_account
from cq_tui.trading.money.exact import subtract
from cq_tui.trading.money.fees import Fee, fee_of
from cq_tui.trading.money.holding import (
    Booking,
    Holding,
    adopt,
    buy,
    give_up,
    pay_commission,
    sell,
    value_commissions,
)
from tests.trading.money.naive_ledger import Done, NaiveLedger, done

D, F = Decimal, Fraction
BASES = ("BTC", "ETH", "SHIB")
UNIT = D("1E-8")


@dataclass
class Both:
    """The book and the naive ledger, told the same."""

    money: Money = field(default_factory=lambda: open_money("USDT", D("100000.00000001"), day=1))
    naive: NaiveLedger = field(default_factory=lambda: NaiveLedger(D("100000.00000001")))
    holdings: dict[str, Holding] = field(
        default_factory=lambda: {base: Holding(f"{base}USDT", base, "USDT") for base in BASES}
    )
    bids: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(BASES, D(1)))

    def book(self, base: str, booking: Booking) -> None:
        assert booking.excess == 0
        self.money = self.money.book(booking)
        self.holdings[base] = booking.holding

    def buy(self, base: str, trade: Done, commission: Decimal, asset: str, price: Decimal) -> None:
        self.book(base, buy(self.holdings[base], trade, fee_of(base, "USDT", commission, asset, price)))
        self.naive.buy(base, trade, commission, asset, price)

    def sell(self, base: str, trade: Done, commission: Decimal, asset: str, price: Decimal) -> None:
        self.book(base, sell(self.holdings[base], trade, fee_of(base, "USDT", commission, asset, price)))
        self.naive.sell(base, trade, commission, asset, price)

    def deposit(self, amount: Decimal) -> None:
        self.money = self.money.deposit(amount)
        self.naive.deposit(amount)

    def check(self) -> None:
        value = value_account(
            self.money, self.holdings.values(), {f"{base}USDT": bid for base, bid in self.bids.items()}
        )
        money = self.money
        assert value.unpriced == ()
        assert F(money.quote) == self.naive.balances["USDT"]
        assert {base: F(held.quantity) for base, held in self.holdings.items()} == {
            base: self.naive.own[base] for base in BASES
        }
        assert F(value.equity) == self.naive.equity(self.bids)
        assert F(money.start) == self.naive.opening + self.naive.came
        assert F(money.deposits) + F(money.paid_from_outside) == self.naive.came
        assert F(value.equity) - F(money.start) == F(money.realized) + F(value.unrealized)
        # Shares are cut to 12 decimals; nothing of it is lost, it is only realized later.
        assert abs(F(money.realized) - self.naive.realized) <= F(self.naive.sales, 10**12)
        assert identity_fault(money, self.holdings.values()) is None


def _commission(kind: str, base: str, trade: Done, rate: Decimal) -> tuple[Decimal, str]:
    if kind == "base":
        return (trade.quantity * rate).quantize(UNIT), base
    value = trade.price * trade.quantity * rate
    return (value.quantize(UNIT), "USDT") if kind == "quote" else ((value / 600).quantize(UNIT), "BNB")


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_round_trips_add_up_to_the_last_digit(seed: int) -> None:
    chance, both = random.Random(seed), Both()
    for _ in range(1_000):
        base = chance.choice(BASES)
        scale, places = {"BTC": (60_000, 2), "ETH": (3_000, 2), "SHIB": (1, 8)}[base]
        for _ in range(chance.randint(1, 4)):
            price = D(chance.randint(scale * 10 ** (places - 1), scale * 10**places)).scaleb(-places)
            trade = done(price, D(chance.randint(1, 10**8)).scaleb(-8))
            kind = chance.choice(("base", "quote", "third"))
            commission, asset = _commission(kind, base, trade, D("0.00075"))
            both.buy(base, trade, commission, asset, D(chance.randint(1, 10**12)).scaleb(-8))
        for part in range(chance.randint(1, 4)):
            held = both.holdings[base].quantity
            # What remains below a step of five decimals stays, and is part of the next round trip.
            amount = held.quantize(D("0.00001"), "ROUND_DOWN") if part else (held / 3).quantize(UNIT)
            if not amount:
                continue
            trade = done(price * D(chance.randint(80, 120)) / 100 if base != "SHIB" else price, amount)
            commission, asset = _commission(chance.choice(("quote", "third")), base, trade, D("0.001"))
            both.sell(base, trade, commission, asset, D("612.34"))
        if chance.random() < 0.1:
            both.deposit(D(chance.randint(-(10**10), 10**10)).scaleb(-8))
        both.bids[base] = price
        both.check()
    assert both.naive.sales > 1_000


AMOUNTS = st.decimals(UNIT, D(10**12), places=8)
KINDS = st.sampled_from(["base", "quote", "third", "unknown"])
STEPS = st.one_of(
    st.tuples(st.just("buy"), st.sampled_from(BASES), AMOUNTS, AMOUNTS, KINDS),
    st.tuples(st.just("sell"), st.sampled_from(BASES), AMOUNTS, st.decimals("0.0001", "1.2", places=4), KINDS),
    st.tuples(st.just("adopt"), st.sampled_from(BASES), AMOUNTS, AMOUNTS),
    st.tuples(st.just("give up"), st.sampled_from(BASES), AMOUNTS | st.just(D(0)), st.decimals("0", "1", places=4)),
    st.tuples(st.just("pay"), st.sampled_from(BASES), st.none() | AMOUNTS, st.decimals("0", "0.1", places=4)),
    st.tuples(st.just("value"), st.sampled_from(BASES), AMOUNTS),
    st.tuples(st.just("deposit"), st.decimals(-(10**12), 10**12, places=8)),
)


def _apply(money: Money, holdings: dict[str, Holding], step: tuple[object, ...]) -> Money:
    match step:
        case ("deposit", Decimal() as amount):
            return money.deposit(amount)
        case ("value", str(base), Decimal() as price):
            booking = value_commissions(holdings[base], "BNB", price)
        case ("adopt", str(base), Decimal() as price, Decimal() as amount):
            booking = adopt(holdings[base], amount, price)
        case ("give up", str(base), Decimal() as price, Decimal() as part):
            booking = give_up(holdings[base], _part(holdings[base], part), price)
        case ("pay", str(base), price, Decimal() as part):
            assert price is None or isinstance(price, Decimal)
            paid, fee = pay_commission(holdings[base], _part(holdings[base], part), price)
            money, holdings[base] = money.book(paid), paid.holding
            other = BASES[BASES.index(base) - 1]
            base, booking = other, buy(holdings[other], done("3", "0.5"), fee)
        case ("buy" | "sell" as side, str(base), Decimal() as price, Decimal() as amount, str(kind)):
            quantity = amount if side == "buy" else _part(holdings[base], min(amount, D(1)))
            if side == "sell" and amount > 1:
                quantity += D("0.1")  # foreign coins, sold by our order
            if not quantity:
                return money
            trade = done(price, quantity.quantize(UNIT))
            fee = _fee(kind, base, side, trade.quantity)
            booking = buy(holdings[base], trade, fee) if side == "buy" else sell(holdings[base], trade, fee)
        case _:
            raise AssertionError(step)
    holdings[base] = booking.holding
    return money.book(booking)


def _fee(kind: str, base: str, side: str, quantity: Decimal) -> Fee:
    amount = min(D("0.00000007"), quantity)
    match kind:
        case "base":
            return fee_of(base, "USDT", amount if side == "buy" else 3 * amount, base)
        case "quote":
            return fee_of(base, "USDT", amount, "USDT")
        case "third":
            return fee_of(base, "USDT", amount, "BNB", D("612.34567891"))
        case _:
            return fee_of(base, "USDT", amount, "BNB")


def _part(holding: Holding, share: Decimal) -> Decimal:
    if share == 1:
        return holding.quantity
    exact = F(holding.quantity) * F(share)
    return D(int(exact * 10**8)).scaleb(-8)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=30), st.lists(AMOUNTS, min_size=3, max_size=3))
def test_the_identity_holds_after_every_step(steps: list[tuple[object, ...]], bids: list[Decimal]) -> None:
    money = open_money("USDT", D(1000), day=1)
    holdings = {base: Holding(f"{base}USDT", base, "USDT") for base in BASES}
    prices = {f"{base}USDT": bid for base, bid in zip(BASES, bids, strict=True)}
    for step in steps:
        money = _apply(money, holdings, step)
        value = value_account(money, holdings.values(), prices)
        assert F(value.equity) - F(money.start) == F(money.realized) + F(value.unrealized)
        assert F(value.equity) == F(money.quote) + sum(F(h.quantity) * F(prices[h.symbol]) for h in holdings.values())
        assert F(money.start) == 1000 + F(money.deposits) + F(money.paid_from_outside)
        assert F(money.day_base) == F(money.peak) == F(money.start)
        assert identity_fault(money, holdings.values()) is None
        assert all(held.quantity >= 0 and held.cost >= 0 for held in holdings.values())


def test_a_book_that_does_not_add_up_says_so() -> None:
    money = open_money("USDT", D(1000), day=1)
    bought = buy(Holding("BTCUSDT", "BTC", "USDT"), done("100", "1"), fee_of("BTC", "USDT", D("0.1"), "USDT"))
    money = money.book(bought)
    assert identity_fault(money, [bought.holding]) is None
    assert identity_fault(money, []) == ("quote 899.9 + cost 0 - start 1000 is -100.1, but 0 USDT were realized")


def test_an_earlier_book_is_taken_over_with_what_it_had_realized() -> None:
    held = Holding("BTCUSDT", "BTC", "USDT", D("0.5"), D(20_000))
    money = open_money("USDT", D(500), day=3, holdings=[held], realized=D("-12.5"))
    assert (money.start, money.day_base, money.peak) == (D("20512.5"), D(20_500), D(20_500))
    assert identity_fault(money, [held]) is None
    value = value_account(money, [held], {"BTCUSDT": D(41_000)})
    assert (value.equity, value.unrealized) == (D(21_000), D(500))
    assert subtract(value.equity, money.start) == money.realized + value.unrealized
