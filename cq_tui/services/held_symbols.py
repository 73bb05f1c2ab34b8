"""What is fed for positions, whatever the settings say: symbols in which something is held, bars that stops trail by.

The trader's account document says so, also when the trader is dead and the document old. While it cannot be read, or
describes the account of another mode, the last known answer for this mode counts; the feeder remembers it over
restarts in ``state/feeder.json``.
"""

from pydantic import TypeAdapter, ValidationError

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.contracts.settings import Symbol
from cq_tui.services.chosen_symbols import read_feeder_state, remember
from cq_tui.store.document import DocumentError, DocumentMissing, file_identity, read_document

_SYMBOL: TypeAdapter[str] = TypeAdapter(Symbol)


class HeldSymbols:
    """Reads what is fed for the positions of a mode; ``problem`` says why the account cannot be read now."""

    def __init__(self, data: DataDir, *, remembers: bool = False) -> None:
        """Only the feeder ``remembers``: it writes ``state/feeder.json``, others only read it."""
        self._data = data
        self._remembers = remembers
        self._seen: object = None
        self._held: dict[str, list[str]] = {}
        self._trail_frames: dict[str, list[str]] = {}
        self.problem: str | None = None
        try:
            known = read_feeder_state(data)
            self._held, self._trail_frames = dict(known.held), dict(known.trail_frames)
        except DocumentError as error:
            self.problem = None if isinstance(error, DocumentMissing) else f"state/feeder.json {error.problem}"

    def read(self, mode: str) -> list[str]:
        """Return the symbols that the trader holds something in, by what is known of this mode's account."""
        self._look()
        return self._held.get(mode, [])

    def trail_frames(self, mode: str) -> list[str]:
        """Return the intervals of the klines by which stops of open positions trail, as far as the exchange has any."""
        self._look()
        return self._trail_frames.get(mode, [])

    def _look(self) -> None:
        identity = file_identity(self._data.account)
        if identity != self._seen:
            self._seen = identity
            self._read_account()

    def _read_account(self) -> None:
        try:
            account = read_document(self._data.account, AccountState)
        except DocumentError as error:
            self.problem = None if isinstance(error, DocumentMissing) else f"state/account.json {error.problem}"
            return
        self.problem = None
        held = sorted(symbol for symbol in account.symbols_at_stake if _is_symbol(symbol))
        frames = sorted({one.trail_frame for one in account.positions.values() if one.trail_frame in INTERVAL_MS})
        if (held, frames) != (self._held.get(account.mode, []), self._trail_frames.get(account.mode, [])):
            self._held[account.mode], self._trail_frames[account.mode] = held, frames
            self._remember()

    def _remember(self) -> None:
        if not self._remembers:
            return
        try:
            remember(self._data, held=dict(self._held), trail_frames=dict(self._trail_frames))
        except OSError as error:
            self.problem = f"state/feeder.json cannot be written: {error.strerror}"


def _is_symbol(name: str) -> bool:
    """Whether a name can be a symbol: a damaged document must not lead to other paths and requests."""
    try:
        _SYMBOL.validate_python(name)
    except ValidationError:
        return False
    return True
