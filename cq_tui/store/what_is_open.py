"""What is open at the exchange, by ``state/account.json``: neither mode nor account is left meanwhile."""

from typing import TYPE_CHECKING

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, DocumentMissing, read_document

if TYPE_CHECKING:
    from cq_tui.contracts.account import AccountState


def what_is_open(data: DataDir, *, unless_in: str | None = None) -> list[str]:
    """Return the open positions and orders in words; why that is not known, if the record cannot be read.

    ``unless_in``: a mode whose positions do not count, since it is the one that is gone to.
    """
    try:
        account = read_account(data)
    except DocumentError as error:
        return [f"cannot read what is open: {error}"]
    return [] if account is None or account.mode == unless_in else _describe(account)


def what_is_open_elsewhere(data: DataDir, mode: str, account: str | None) -> list[str]:
    """Return what is open in this mode on another account than this one; None: it is not known which one it is."""
    try:
        last = read_account(data)
    except DocumentError as error:
        return [f"cannot read what is open: {error}"]
    if last is None or last.mode != mode:
        return []
    # A document of an earlier version names no account.
    is_here = account is not None and last.account in (account, None)
    return [] if is_here else _describe(last)


def read_account(data: DataDir) -> "AccountState | None":
    """Return the account that was traded last; None if there is none. Raises DocumentError."""
    # Imported only for a change of account: the room paints its first frame without it.
    from cq_tui.contracts.account import AccountState

    try:
        return read_document(data.account, AccountState)
    except DocumentMissing:
        return None


def _describe(account: "AccountState") -> list[str]:
    positions = [f"{p.symbol}: {p.size:g} held, entry price {p.entry_price:g}" for p in account.positions.values()]
    orders = [
        f"{order.symbol}: {order.side} {order.leg} order {order.status.lower()}"
        for order in account.orders
        if order.may_be_open
    ]
    return positions + orders
