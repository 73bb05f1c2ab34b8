"""What is open at the exchange, by ``state/account.json``: no mode is left meanwhile."""

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, DocumentMissing, read_document


def what_is_open(data: DataDir, *, unless_in: str | None = None) -> list[str]:
    """Return the open positions and orders in words; why that is not known, if the record cannot be read.

    ``unless_in``: a mode whose positions do not count, since it is the one that is gone to.
    """
    # Imported only for a change of mode: the room paints its first frame without it.
    from cq_tui.contracts.account import AccountState

    try:
        account = read_document(data.account, AccountState)
    except DocumentMissing:
        return []
    except DocumentError as error:
        return [f"cannot read what is open: {error}"]
    if account.mode == unless_in:
        return []
    positions = [f"{p.symbol}: {p.size:g} held, entry price {p.entry_price:g}" for p in account.positions.values()]
    orders = [
        f"{order.symbol}: {order.side} {order.leg} order {order.status.lower()}"
        for order in account.orders
        if order.may_be_open
    ]
    return positions + orders
