"""The exchange's ledger: a journal of facts and of the market's state, bounded by compaction.

One line holds everything that one command did, so that a crash keeps all of it or nothing. Lines are
``{"time", "facts"}``, ``{"market"}`` (what the prices need to go on) and, after a compaction, ``{"snapshot"}`` parts.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from cq_tui.simulator.engine.ledger_codec import LedgerFormatError, decode_event, encode_event
from cq_tui.simulator.engine.ledger_events import LedgerEvent
from cq_tui.simulator.engine.snapshot import restore_part, snapshot_parts
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalError, JournalWriter, read_lines

log = logging.getLogger(__name__)

#: Lines after which the ledger is compacted while it is written, and lines that make it worth it at the start.
COMPACT_AFTER = 20_000
COMPACT_AT_START = 2_000
#: States of the market that a compaction keeps: enough to make the klines of the last hours again.
MARKET_STATES_KEPT = 16


class LedgerError(Exception):
    """The ledger cannot be used; the message names file, line and remedy."""


class Ledger:
    """The one writer of a ledger file. Opening cuts a torn tail off and fills ``state`` from the rest."""

    def __init__(self, path: Path, state: ExchangeState) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._writer = JournalWriter(path, quarantine=path.parent)
        self.market_states: list[dict[str, Any]] = []
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
            except (LedgerFormatError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise LedgerError(
                    f"{self._path}, line {self._lines}: not a line of the exchange's ledger ({error!r}). "
                    "Move the file away to begin with a new account."
                ) from None

    def reload(self, state: ExchangeState) -> ExchangeState:
        """Return the state that the file holds, for the same symbols as ``state``."""
        fresh = state.empty_copy()
        self.market_states, self._lines = [], 0
        self._read_into(fresh)
        return fresh

    def _apply_line(self, raw: dict[str, Any], state: ExchangeState) -> None:
        if "facts" in raw:
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
        """Append what one command did. Raises JournalError when it is not in the file."""
        self._append({"time": now, "facts": [encode_event(event) for event in events]})

    def record_market_state(self, market: dict[str, Any]) -> None:
        """Append the state of the market."""
        self._append({"market": market})
        self._remember_market_state(market)

    def _append(self, entry: dict[str, Any]) -> None:
        self._writer.append([orjson.dumps(entry)])
        self._lines += 1

    @property
    def needs_compaction(self) -> bool:
        """Whether so much was appended that the file should be rewritten."""
        return self._lines > self._compact_at

    def compact(self, state: ExchangeState) -> None:
        """Replace the file by a snapshot of ``state``; a crash leaves the old or the new file.

        Where there is no room for a snapshot the old file stays and goes on growing until the next attempt.
        """
        entries = [{"snapshot": part} for part in snapshot_parts(state)]
        entries += [{"market": market} for market in self.market_states]
        self._compact_at = self._lines + COMPACT_AFTER
        try:
            write_document(self._path, b"".join(orjson.dumps(entry) + b"\n" for entry in entries))
        except OSError as error:
            log.error("%s could not be compacted (%s) and goes on growing; make room for it", self._path, error)
            return
        self._writer.close()
        self._lines, self._compact_at = len(entries), COMPACT_AFTER
        try:
            self._writer = JournalWriter(self._path, quarantine=self._path.parent)
        except JournalError as error:  # what is written to the closed one is refused from now on
            log.error("the ledger was compacted and cannot be opened again; restart the exchange: %s", error)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
