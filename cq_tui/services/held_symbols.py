"""Which symbols the trader still holds something in: they are fed until it holds nothing, whatever SYMBOLS says.

The trader's account document says so, also when the trader is dead and the document old. While it cannot be read, or
describes the account of another mode, the last known answer for this mode counts; the feeder remembers it over
restarts in ``state/feeder.json``.
"""

from pydantic import TypeAdapter, ValidationError

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import Symbol
from cq_tui.services.chosen_symbols import read_feeder_state, remember
from cq_tui.store.document import DocumentError, DocumentMissing, file_identity, read_document

_SYMBOL: TypeAdapter[str] = TypeAdapter(Symbol)


class HeldSymbols:
    """Reads the held symbols of a mode; ``problem`` says why the account cannot be read now."""

    def __init__(self, data: DataDir, *, remembers: bool = False) -> None:
        """Only the feeder ``remembers``: it writes ``state/feeder.json``, others only read it."""
        self._data = data
        self._remembers = remembers
        self._seen: object = None
        self._held: dict[str, list[str]] = {}
        self.problem: str | None = None
        try:
            self._held = dict(read_feeder_state(data).held)
        except DocumentError as error:
            self.problem = None if isinstance(error, DocumentMissing) else f"state/feeder.json {error.problem}"

    def read(self, mode: str) -> list[str]:
        """Return the symbols that the trader holds something in, by what is known of this mode's account."""
        identity = file_identity(self._data.account)
        if identity != self._seen:
            self._seen = identity
            self._read_account()
        return self._held.get(mode, [])

    def _read_account(self) -> None:
        try:
            account = read_document(self._data.account, AccountState)
        except DocumentError as error:
            self.problem = None if isinstance(error, DocumentMissing) else f"state/account.json {error.problem}"
            return
        self.problem = None
        held = sorted(symbol for symbol in account.symbols_at_stake if _is_symbol(symbol))
        if held != self._held.get(account.mode, []):
            self._held[account.mode] = held
            self._remember()

    def _remember(self) -> None:
        if not self._remembers:
            return
        try:
            remember(self._data, held=dict(self._held))
        except OSError as error:
            self.problem = f"state/feeder.json cannot be written: {error.strerror}"


def _is_symbol(name: str) -> bool:
    """Whether a name can be a symbol: a damaged document must not lead to other paths and requests."""
    try:
        _SYMBOL.validate_python(name)
    except ValidationError:
        return False
    return True
