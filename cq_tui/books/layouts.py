"""Layouts of the statement: our own, and those that Koinly and CoinTracking import.

Koinly: the universal template of "How to create a custom CSV file with your data"
(https://support.koinly.io/en/articles/9489976), times in UTC. A fee is stated beside both amounts
(https://support.koinly.io/en/articles/9490025); that it leaves the balance in addition to them is unverified.

CoinTracking: the columns of its "Custom CSV". Both amounts include the fee, whose own column only informs; one in a
third asset needs a line of its own, "Other Fee"
(https://cointracking.freshdesk.com/en/support/solutions/articles/29000007202). That "Tx-ID" may follow "Date" is
unverified.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from cq_tui.books.entries import Movement, MovementKind
from cq_tui.books.fills import BookedFill
from cq_tui.books.statement import Row, amount_text, iso_time, lots_text, second_time
from cq_tui.trading.money.exact import ZERO, add, subtract

Record = dict[str, str | int | None]


class Layout(NamedTuple):
    """The columns of a CSV, and how a row becomes records of them; several, or none."""

    columns: tuple[str, ...]
    records: Callable[[Row, str], Iterator[Record]]


def plain_record(row: Row, account: str) -> Record:
    """Return a row with all that the books know of it; what does not apply is None."""
    fill, move = row.fill, row.movement
    profit = row.profits[0] if row.profits else None
    gain = None if row.proceeds is None or row.cost is None else subtract(row.proceeds, row.cost)
    record: Record = {
        "time": iso_time(row.ms), "ms": row.ms, "account": account, "kind": row.kind,
        "symbol": None, "asset": None, "quantity": None, "quote": None, "price": None, "amount": None,
        "fee": None, "fee_asset": None, "fee_value": None,
        "proceeds": amount_text(row.proceeds), "cost_basis": amount_text(row.cost), "gain_fifo": amount_text(gain),
        "realized": amount_text(row.realized), "lots": lots_text(row) or None,
        "strategy": None, "signal_key": None, "leg": None, "exit_reason": None,
        "order_id": None, "trade_id": None, "client_order_id": None, "person": None, "note": None,
    }  # fmt: skip
    if fill is not None:
        record |= _fill_fields(fill)
    elif move is not None:
        record |= _movement_fields(move)
    elif profit is not None:
        record |= {
            "symbol": profit.symbol,
            "strategy": profit.strategy or None,
            "signal_key": profit.signal_key or None,
        }
        record |= {"trade_id": None if profit.trade_id is None else str(profit.trade_id)}
    return record


def _fill_fields(fill: BookedFill) -> Record:
    return {
        "symbol": fill.symbol, "asset": fill.base, "quantity": amount_text(fill.quantity), "quote": fill.quote,
        "price": amount_text(fill.price), "amount": amount_text(fill.quote_quantity),
        "fee": amount_text(fill.commission), "fee_asset": fill.commission_asset or None,
        "fee_value": amount_text(fill.commission_quote), "strategy": fill.strategy or None,
        "signal_key": fill.signal_key or None, "leg": fill.leg.value, "exit_reason": fill.exit_reason or None,
        "order_id": str(fill.order_id), "trade_id": str(fill.trade_id), "client_order_id": fill.client_order_id,
    }  # fmt: skip


def _movement_fields(move: Movement) -> Record:
    return {
        "symbol": move.symbol or None, "asset": move.asset, "quantity": amount_text(move.quantity), "quote": move.quote,
        "amount": amount_text(move.value), "signal_key": move.signal_key or None, "person": move.person or None,
        "note": move.why or None,
    }  # fmt: skip


PLAIN_COLUMNS: Final = tuple(plain_record(Row(0, ""), ""))


def _plain(row: Row, account: str) -> Iterator[Record]:
    yield plain_record(row, account)


def _koinly(row: Row, account: str) -> Iterator[Record]:
    fill, move = row.fill, row.movement
    record: Record = dict.fromkeys(_KOINLY_COLUMNS) | {"Date": f"{second_time(row.ms)} UTC"}
    if fill is not None:
        bought, sold = (fill.base, fill.quantity), (fill.quote, fill.quote_quantity)
        received, sent = (bought, sold) if fill.side == "BUY" else (sold, bought)
        record |= {"Received Amount": amount_text(received[1]), "Received Currency": received[0]}
        record |= {"Sent Amount": amount_text(sent[1]), "Sent Currency": sent[0]}
        if fill.commission:
            record |= {"Fee Amount": amount_text(fill.commission), "Fee Currency": fill.commission_asset}
        record |= {"Description": f"{account} {fill.symbol} order {fill.order_id} {fill.client_order_id}"}
        yield record | {"TxHash": f"{fill.symbol}-{fill.trade_id}"}
    elif move is not None and move.quantity:
        is_in = move.quantity > 0
        amount, currency = ("Received Amount", "Received Currency") if is_in else ("Sent Amount", "Sent Currency")
        record |= {amount: amount_text(abs(move.quantity)), currency: move.asset}
        if move.kind in (MovementKind.ADOPTED, MovementKind.TAKEN_OVER) and move.symbol:
            record |= {"Net Worth Amount": amount_text(move.value), "Net Worth Currency": move.quote}
        label = "lost" if move.kind is MovementKind.LOST else None
        yield record | {"Label": label, "Description": " ".join(filter(None, (account, row.kind, move.why)))}


def _cointracking(row: Row, account: str) -> Iterator[Record]:
    fill, move = row.fill, row.movement
    when: Record = {"Exchange": account, "Date": second_time(row.ms)}
    empty: Record = dict.fromkeys(_COINTRACKING_COLUMNS)
    if fill is not None:
        bought, sold = _with_fee(fill)
        received, sent = (bought, sold) if fill.side == "BUY" else (sold, bought)
        trade: Record = {
            "Type": "Trade", "Buy Amount": amount_text(received[1]), "Buy Currency": received[0],
            "Sell Amount": amount_text(sent[1]), "Sell Currency": sent[0], "Trade-Group": fill.strategy or None,
            "Comment": f"order {fill.order_id} {fill.client_order_id}", "Tx-ID": f"{fill.symbol}-{fill.trade_id}",
        }  # fmt: skip
        is_third = fill.commission_asset not in (fill.base, fill.quote)
        fee: Record = {"Fee": amount_text(fill.commission), "Fee Currency": fill.commission_asset}
        yield empty | when | trade | (fee if fill.commission else {})
        if fill.commission and is_third:
            other: Record = {"Sell Amount": amount_text(fill.commission), "Sell Currency": fill.commission_asset}
            name = f"{fill.symbol}-{fill.trade_id}-fee"
            yield empty | when | other | {"Type": "Other Fee", "Comment": trade["Comment"], "Tx-ID": name}
    elif move is not None and move.quantity:
        is_in = move.quantity > 0
        amount, currency = ("Buy Amount", "Buy Currency") if is_in else ("Sell Amount", "Sell Currency")
        kind = "Lost" if move.kind is MovementKind.LOST else "Deposit" if is_in else "Withdrawal"
        comment = " ".join(filter(None, (row.kind, move.why)))
        moved: Record = {amount: amount_text(abs(move.quantity)), currency: move.asset, "Comment": comment}
        yield empty | when | moved | {"Type": kind}


def _with_fee(fill: BookedFill) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
    """Return what changed of base and quote asset: less received, or more paid, by a fee in the same asset."""
    less_base = fill.commission if fill.commission_asset == fill.base else ZERO
    less_quote = fill.commission if fill.commission_asset == fill.quote else ZERO
    if fill.side == "BUY":
        return (fill.base, subtract(fill.quantity, less_base)), (fill.quote, add(fill.quote_quantity, less_quote))
    return (fill.base, add(fill.quantity, less_base)), (fill.quote, subtract(fill.quote_quantity, less_quote))


_KOINLY_COLUMNS: Final = (
    "Date", "Sent Amount", "Sent Currency", "Received Amount", "Received Currency", "Fee Amount", "Fee Currency",
    "Net Worth Amount", "Net Worth Currency", "Label", "Description", "TxHash",
)  # fmt: skip
_COINTRACKING_COLUMNS: Final = (
    "Type", "Buy Amount", "Buy Currency", "Sell Amount", "Sell Currency", "Fee", "Fee Currency", "Exchange",
    "Trade-Group", "Comment", "Date", "Tx-ID",
)  # fmt: skip

LAYOUTS: Final[dict[str, Layout]] = {
    "plain": Layout(PLAIN_COLUMNS, _plain),
    "koinly": Layout(_KOINLY_COLUMNS, _koinly),
    "cointracking": Layout(_COINTRACKING_COLUMNS, _cointracking),
}
