"""What the strategies hold, by the account that the trader writes: they are told of their own positions."""

from collections.abc import Callable

from cq_tui.contracts.account import AccountState, PositionState
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, DocumentMissing, file_identity, read_document
from cq_tui.strategies.protocol import HeldPosition


class HeldPositions:
    """The open positions of the mode that ARES is in, each of its strategy."""

    def __init__(self, data: DataDir, mode: Callable[[], str]) -> None:
        self._data, self._mode = data, mode
        self._seen: object = None
        self._of_mode = ""
        self._by_symbol: dict[str, HeldPosition] = {}

    def read(self) -> dict[str, HeldPosition]:
        """Return them by symbol; as they were, while the account cannot be read. Those of another mode are not held."""
        identity = file_identity(self._data.account)
        if identity != self._seen:
            self._seen = identity
            self._read_account()
        return self._by_symbol if self._of_mode == self._mode() else {}

    def _read_account(self) -> None:
        try:
            account = read_document(self._data.account, AccountState)
        except DocumentMissing:
            self._by_symbol = {}
            return
        except DocumentError:
            return
        self._of_mode = account.mode
        self._by_symbol = {symbol: _held(one) for symbol, one in account.positions.items() if one.strategy}


def _held(position: PositionState) -> HeldPosition:
    return HeldPosition(
        strategy=position.strategy or "",
        quantity=position.size,
        entry_price=position.entry_price,
        opened_ms=round(position.opened_ts * 1000),
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
    )
