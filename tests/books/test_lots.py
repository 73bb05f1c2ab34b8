"""Lots: what was bought first leaves first, and nothing of a cost is lost on the way."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cq_tui.books.entries import ProfitKind
from cq_tui.books.ledger import Ledger, keep_ledger
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.money.account_money import cost_of
from cq_tui.trading.money.exact import ZERO, total
from tests.books.samples import START, Account, D


def fifo(ledger: Ledger) -> Decimal:
    return total(one.fifo.gain for one in ledger.profits if one.fifo is not None)


def held_back(ledger: Ledger) -> Decimal:
    return total(lots.cost for lots in ledger.lots.values())


def test_the_oldest_lot_leaves_first_and_a_sale_names_what_it_took() -> None:
    account = Account().open()
    key = account.buy("BTCUSDT", "1", "100", START)
    account.buy("BTCUSDT", "1", "200", START + 1, key=key)
    account.sell(key, "1.5", "300", START + 2, "3", ends=False)
    ledger = keep_ledger(account.facts)
    [sale] = ledger.profits
    assert sale.fifo is not None
    assert [(use.acquired_ms, use.quantity, use.cost) for use in sale.fifo.uses] == [
        (START, D(1), D(100)), (START + 1, D("0.5"), D(100)),
    ]  # fmt: skip
    assert (sale.fifo.proceeds, sale.fifo.gain) == (D(447), D(247))
    assert sum((use.proceeds for use in sale.fifo.uses), ZERO) == D(447)
    # By average cost each coin had cost 150.
    assert sale.amount == D(447) - D(225)
    [left] = ledger.lots["BTCUSDT"].open
    assert (left.quantity, left.cost) == (D("0.5"), D(100))


def test_a_commission_in_the_base_asset_makes_the_lot_smaller() -> None:
    account = Account().open()
    key = account.buy("BTCUSDT", "1", "100", START, "0.001", "BTC")
    [lot] = keep_ledger(account.facts).lots["BTCUSDT"].open
    assert (lot.quantity, lot.cost) == (D("0.999"), D(100))
    account.sell(key, "0.999", "110", START + 1, "0.10989")
    ledger = keep_ledger(account.facts)
    assert fifo(ledger) == D("109.89") - D("0.10989") - D(100) == ledger.profits[0].amount
    assert ledger.fills[0].commission_quote == D("0.1")


def test_a_commission_that_is_valued_late_reaches_lots_and_sales() -> None:
    account = Account().open()
    key = account.buy("BTCUSDT", "1", "100", START, "0.1", "BNB")
    account.sell(key, "0.5", "100", START + 1, "0.05", "BNB", ends=False)
    assert [fill.commission_quote for fill in keep_ledger(account.facts).fills] == [None, None]
    account.tell(f.CommissionValued("BTCUSDT", "BNB", D(600), START + 2))
    ledger = keep_ledger(account.facts)
    [lot] = ledger.lots["BTCUSDT"].open
    assert (lot.cost, lot.unvalued) == (D(80), ())
    late = ledger.profits[-1]
    assert (late.kind, late.amount, late.fifo and late.fifo.gain) == (ProfitKind.VALUED, D(-60), D(-60))


def test_own_coins_that_pay_a_commission_leave_their_lot() -> None:
    account = Account().open()
    account.buy("BNBUSDT", "1", "500", START)
    account.buy("BTCUSDT", "1", "100", START + 1, "0.01", "BNB", fee_price="600", own="0.01")
    ledger = keep_ledger(account.facts)
    [paid] = ledger.profits
    assert (paid.symbol, paid.kind, paid.amount) == ("BNBUSDT", ProfitKind.COMMISSION, D(1))
    assert ledger.lots["BNBUSDT"].quantity == D("0.99")
    assert ledger.lots["BTCUSDT"].cost == D(106)


def test_an_adopted_lot_and_a_loss_that_a_person_accepted() -> None:
    account = Account().open()
    account.adopt("BTCUSDT", "2", "100", START)
    account.tell(f.HoldingAccepted("BTCUSDT", D("0.5"), "ada", "lost", START + 1))
    ledger = keep_ledger(account.facts)
    [loss] = ledger.profits
    assert (loss.kind, loss.amount, loss.fifo and loss.fifo.cost) == (ProfitKind.LOST, D(-50), D(50))
    assert [(move.kind.value, move.quantity, move.value, move.person) for move in ledger.movements[1:]] == [
        ("adopted", D(2), D(200), "ada"), ("lost", D("-0.5"), D(0), "ada"),
    ]  # fmt: skip


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "adopt", "lose", "value"]),
        st.sampled_from(["0.3", "1", "2.7", "0.00000007"]),
        st.sampled_from(["99.99", "100", "31337.01"]),
        st.sampled_from([("0", "USDT"), ("0.00000001", "BTC"), ("0.013", "USDT"), ("0.0007", "BNB")]),
    ),
    max_size=14,
)


@given(STEPS)
def test_fifo_and_average_cost_differ_by_what_is_still_held_and_by_nothing_else(steps: list[tuple[Any, ...]]) -> None:
    account = Account().open()
    key = account.adopt("BTCUSDT", "1", "50", START)
    for ms, (what, quantity, price, (fee, asset)) in enumerate(steps, START):
        held = account.book.quantity("BTCUSDT")
        part = min(D(quantity), held)
        if what == "buy":
            account.fill(account.order("BTCUSDT", Leg.ENTRY, quantity, ms, key), quantity, price, ms, fee, asset)
        elif what == "sell" and part:
            account.sell(key, f"{part:f}", price, ms, fee, asset, ends=False)
        elif what == "adopt":
            account.adopt("BTCUSDT", quantity, price, ms)
        elif what == "lose":
            account.tell(f.HoldingAccepted("BTCUSDT", part, "ada", "", ms))
        else:
            account.tell(f.CommissionValued("BTCUSDT", "BNB", D(price), ms))
    ledger = keep_ledger(account.facts)
    holding, money = ledger.book.holdings["BTCUSDT"], ledger.book.money
    assert money is not None
    assert total(profit.amount for profit in ledger.profits) == money.realized
    assert fifo(ledger) - held_back(ledger) == money.realized - cost_of([holding])
    assert ledger.lots["BTCUSDT"].quantity == holding.quantity
