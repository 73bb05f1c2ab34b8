"""What is open at the exchange: neither mode nor account is left meanwhile.

``state/account.json`` tells it. Where that file is gone, the trader's snapshot and its events tell at least which
positions are open: a file that somebody deleted is no proof that nothing is.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import Mode
from cq_tui.store.document import DocumentError, DocumentMissing, read_document

if TYPE_CHECKING:
    from cq_tui.contracts.account import AccountState

#: The modes in which an account of a venue is traded, whatever the addresses in the settings.
_MODES_OF: Final[dict[str, tuple[Mode, ...]]] = {
    "production": ("live",),
    "testnet": ("testnet",),
    "demo": ("testnet",),
    "simulated": ("simulation", "paper"),
}


def what_is_open(data: DataDir, *, unless_in: str | None = None) -> list[str]:
    """Return the open positions and orders in words; why that is not known, if the record cannot be read.

    ``unless_in``: a mode whose positions do not count, since it is the one that is gone to.
    """
    try:
        account = read_account(data)
    except DocumentError as error:
        return [f"cannot read what is open: {error}"]
    if account is None:
        return _recorded(data, lambda other: unless_in not in _modes_of(other))
    return [] if account.mode == unless_in else _describe(account)


def what_is_open_elsewhere(data: DataDir, mode: str, account: str | None) -> list[str]:
    """Return what is open in this mode on another account than this one; None: it is not known which one it is."""
    try:
        last = read_account(data)
    except DocumentError as error:
        return [f"cannot read what is open: {error}"]
    if last is None:
        # An address may lead the testnet mode to a simulated exchange.
        return _recorded(data, lambda other: other != account and _may_be_in(other, mode))
    if last.mode != mode:
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


def _recorded(data: DataDir, counts: Callable[[str], bool]) -> list[str]:
    """Return what was open by the trader's other records, on accounts that count, and what to do."""
    from cq_tui.store.recorded_positions import recorded_positions

    try:
        found = [one for one in recorded_positions(data) if counts(one.account)]
    except DocumentError as error:
        return [f"cannot read what is open: {error}"]
    if not found:
        return []
    remedy = f"{data.account.name} is missing: start the services with `cq-tui up`, and the trader writes it again"
    return [remedy, *(f"{one.symbol}: {one.state} on {one.account}, as recorded last" for one in found)]


def _modes_of(account: str) -> tuple[str, ...]:
    """Return the modes in which an account is traded; a book of version 0.1.0 is named by its mode."""
    return _MODES_OF.get(account.partition(":")[0], (account,))


def _may_be_in(account: str, mode: str) -> bool:
    return mode in _modes_of(account) or (mode == "testnet" and "simulation" in _modes_of(account))


def _describe(account: "AccountState") -> list[str]:
    positions = [f"{p.symbol}: {p.size:g} held, entry price {p.entry_price:g}" for p in account.positions.values()]
    orders = [
        f"{order.symbol}: {order.side} {order.leg} order {order.status.lower()}"
        for order in account.orders
        if order.may_be_open
    ]
    return positions + orders
