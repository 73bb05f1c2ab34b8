"""The statement in each layout: whoever adds up a layout's amounts has the balances of the account."""

from collections import defaultdict
from decimal import Decimal

import pytest

from cq_tui.books.layouts import LAYOUTS, PLAIN_COLUMNS, plain_record
from cq_tui.books.ledger import keep_ledger
from cq_tui.books.statement import rows_of
from cq_tui.trading.core import facts as f
from tests.books.samples import DAY, START, Account, D

NO_END = 2**53


def busy() -> Account:
    """Everything that moves coins or money, once."""
    account = Account().open("1000")
    key = account.buy("BTCUSDT", "2", "100", START + 1, "0.002", "BTC")
    account.tell(f.FundsMoved("USDT", D(500), "a deposit", START + 2))
    account.sell(key, "1.5", "110", START + 3, "0.165", ends=False)
    account.sell(key, "0.2", "110", START + 4, "0.01", "BNB", ends=False, fee_price="600")
    account.tell(f.FundsMoved("USDT", D("-20.5"), "=cmd|a withdrawal", START + 5))
    account.adopt("ETHUSDT", "3", "50", START + 6)
    account.tell(f.HoldingAccepted("ETHUSDT", D(1), "ada", "gone", START + 7))
    return account


#: What is left of it, by hand; BNB was not ours, and its fee left all the same.
BALANCES = {
    "USDT": D(1000) - 200 + 500 + 165 - D("0.165") + 22 - D("20.5"),
    "BTC": D(2) - D("0.002") - D("1.5") - D("0.2"),
    "ETH": D(2),
    "BNB": D("-0.01"),
}


def added(layout: str, columns: list[tuple[str, str, int]]) -> dict[str, Decimal]:
    """Add up the amounts of a layout: columns of amount and asset, and their sign."""
    balances: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows_of(keep_ledger(busy().facts), 0, NO_END):
        for record in LAYOUTS[layout].records(row, "simulated:1"):
            for amount, asset, sign in columns:
                if record[amount] is not None:
                    balances[str(record[asset])] += D(str(record[amount])) * sign
    return dict(balances)


def test_koinly_gets_the_balances() -> None:
    columns = [("Received Amount", "Received Currency", 1), ("Sent Amount", "Sent Currency", -1)]
    assert added("koinly", [*columns, ("Fee Amount", "Fee Currency", -1)]) == BALANCES


def test_cointracking_gets_the_balances_without_its_fee_column() -> None:
    assert added("cointracking", [("Buy Amount", "Buy Currency", 1), ("Sell Amount", "Sell Currency", -1)]) == BALANCES


def test_a_plain_row_has_ids_fees_with_their_value_lots_and_cost_basis() -> None:
    rows = rows_of(keep_ledger(busy().facts), 0, NO_END)
    sale = next(plain_record(row, "simulated:1") for row in rows if row.ms == START + 3)
    assert sale["kind"] == "sell"
    assert (sale["fee"], sale["fee_asset"], sale["fee_value"]) == ("0.165", "USDT", "0.165")
    assert (sale["proceeds"], sale["cost_basis"]) == ("164.835", "150.15015015015")
    assert sale["gain_fifo"] == sale["realized"]
    assert sale["lots"] == "2026-11-01T00:00:00.001Z 1.5 cost 150.15015015015 (2)"
    assert all(sale[name] for name in ("order_id", "trade_id", "client_order_id", "signal_key", "strategy", "leg"))
    assert [row.kind for row in rows] == [
        "opening", "buy", "deposit", "sell", "sell", "withdrawal", "adopted", "lost",
    ]  # fmt: skip


def test_a_period_keeps_the_cost_basis_of_what_was_bought_before() -> None:
    account = Account().open()
    key = account.buy("BTCUSDT", "1", "100", START)
    account.sell(key, "1", "150", START + DAY)
    [row] = rows_of(keep_ledger(account.facts), START + 1, NO_END)
    assert (row.kind, row.cost, row.proceeds) == ("sell", D(100), D(150))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_record_has_the_columns_of_its_layout(layout: str) -> None:
    columns, records_of = LAYOUTS[layout]
    for row in rows_of(keep_ledger(busy().facts), 0, NO_END):
        for record in records_of(row, "simulated:1"):
            assert tuple(record) == columns or set(record) == set(columns)
    assert len(set(PLAIN_COLUMNS)) == len(PLAIN_COLUMNS)
