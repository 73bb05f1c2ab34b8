"""The exchange's ledger: a journal of ledger events and market states, bounded by compaction.

Each command is one line, so a crash keeps all of it or nothing. Lines are ``{"time", "facts"}`` (events),
``{"market"}`` (the state that prices continue from), ``{"facts": [], "account"}`` (the account's identity, which
earlier versions read as a command without events) and, after a compaction, ``{"snapshot"}`` parts.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.simulator.engine.identity import Identity
from cq_tui.simulator.engine.ledger_codec import (
    LedgerFormatError,
    decode_event,
    decode_record,
    encode_event,
    encode_record,
)
from cq_tui.simulator.engine.ledger_events import LedgerEvent
from cq_tui.simulator.engine.snapshot import restore_part, snapshot_parts
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalError, JournalWriter, read_lines
from cq_tui.store.reserve import Reserve

log = logging.getLogger(__name__)

#: The ledger is compacted after this many new lines, and on opening if it has more than this many.
COMPACT_AFTER = 20_000
COMPACT_AT_START = 2_000
#: Market states that a compaction keeps: enough to rebuild the klines of the last hours.
MARKET_STATES_KEPT = 16


class LedgerError(Exception):
    """The ledger is unusable; the message names file, line and remedy."""


class Ledger:
    """The single writer of a ledger file. Opening cuts off a torn tail and loads the rest into ``state``."""

    def __init__(self, path: Path, state: ExchangeState) -> None:
        self._path = path
        # The ledger of a data directory; elsewhere there is no reserve.
        self._reserve = Reserve(DataDir(path.parent.parent))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._writer = JournalWriter(path, quarantine=path.parent)
        self.market_states: list[dict[str, Any]] = []
        #: None in a ledger that only earlier versions have written.
        self.identity: Identity | None = None
        self._lines = 0
        self._compact_at = COMPACT_AFTER
        self._read_into(state)
        if self._lines > COMPACT_AT_START:
            self.compact(state)

    def _read_into(self, state: ExchangeState) -> None:
        for line in read_lines(self._path):
            self._lines += 1
            try:
                self._apply_line(orjson.loads(line), state)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise LedgerError(
                    f"{self._path}, line {self._lines}: not a valid ledger line "
                    f"({type(error).__name__}: {error}). Move the file away to start with a new account."
                ) from None

    def reload(self, state: ExchangeState) -> ExchangeState:
        """Return the state in the file, for the same symbols as ``state``."""
        fresh = state.empty_copy()
        self.market_states, self._lines = [], 0
        self._read_into(fresh)
        return fresh

    def _apply_line(self, raw: dict[str, Any], state: ExchangeState) -> None:
        if "account" in raw:
            self.identity = _decode_identity(raw["account"])
        elif "facts" in raw:
            for event in raw["facts"]:
                state.apply(decode_event(event))
        elif "snapshot" in raw:
            restore_part(state, raw["snapshot"])
        elif "market" in raw:
            self._remember_market_state(raw["market"])
        else:
            raise LedgerFormatError("neither facts, snapshot nor market")

    def _remember_market_state(self, market: dict[str, Any]) -> None:
        self.market_states = [*self.market_states, market][-MARKET_STATES_KEPT:]

    def record(self, events: Sequence[LedgerEvent], now: int) -> None:
        """Append the events of one command, with the reserve on a full disk. Raises JournalError if that fails."""
        entry = {"time": now, "facts": [encode_event(event) for event in events]}
        self._reserve.spend(lambda: self._append(entry))

    def record_identity(self, identity: Identity) -> None:
        """Append the account's identity, synced, with the reserve on a full disk. Raises JournalError."""
        entry = _identity_entry(identity)
        self._reserve.spend(lambda: self._append(entry, durable=True))
        self.identity = identity

    def record_market_state(self, market: dict[str, Any]) -> None:
        """Append a market state. Raises JournalError."""
        self._append({"market": market})
        self._remember_market_state(market)

    def _append(self, entry: dict[str, Any], *, durable: bool = False) -> None:
        self._writer.append([orjson.dumps(entry)], durable=durable)
        self._lines += 1

    @property
    def needs_compaction(self) -> bool:
        """Whether the file has grown enough to be compacted."""
        return self._lines > self._compact_at

    def compact(self, state: ExchangeState) -> None:
        """Replace the file with a snapshot of ``state``; a crash leaves the old or the new file.

        If the disk has no room for a snapshot, the old file keeps growing until the next attempt.
        """
        entries = [{"snapshot": part} for part in snapshot_parts(state)]
        entries += [_identity_entry(self.identity)] if self.identity is not None else []
        entries += [{"market": market} for market in self.market_states]
        self._compact_at = self._lines + COMPACT_AFTER
        try:
            write_document(self._path, b"".join(orjson.dumps(entry) + b"\n" for entry in entries))
        except OSError as error:
            log.error("%s could not be compacted (%s) and keeps growing; free some disk space", self._path, error)
            return
        self._writer.close()
        self._lines, self._compact_at = len(entries), COMPACT_AFTER
        try:
            self._writer = JournalWriter(self._path, quarantine=self._path.parent)
        except JournalError as error:  # the closed writer refuses every further append
            log.error("the ledger was compacted but cannot be reopened; restart the exchange: %s", error)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def _identity_entry(identity: Identity) -> dict[str, Any]:
    return {"facts": [], "account": encode_record(identity)}


def _decode_identity(raw: object) -> Identity:
    try:
        return decode_record(Identity, raw)
    except LedgerFormatError:
        # Its message might show the secret.
        raise LedgerFormatError("not the identity of an account") from None
