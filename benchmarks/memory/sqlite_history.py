"""The peer of writing: the same events in one SQLite table, each row hashed together with the one before it.

WAL, synchronous=FULL, prepared statements, one transaction a batch, no index but the key.
"""

import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import orjson

from cq_tui.store.history.event_line import NewEvent

#: Milliseconds that a writer waits for another one's transaction.
_BUSY_TIMEOUT = 60_000
_TABLE = "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, ts REAL, type TEXT, payload TEXT, hash TEXT)"
_INSERT = "INSERT INTO events (id, ts, type, payload, hash) VALUES (?, ?, ?, ?, ?)"
_TIP = "SELECT rowid, hash FROM events ORDER BY rowid DESC LIMIT 1"


class SqliteHistory:
    """One connection. ``alone`` says that no other one writes, so the tip need not be asked for each time."""

    def __init__(self, path: Path, *, alone: bool = True) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_TIMEOUT / 1000)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(_TABLE)
        self._alone = alone
        self._count, self._tip = 0, ""

    def append(self, batch: Sequence[NewEvent], now: float) -> None:
        """Store a batch in one transaction, on the disk when this returns."""
        execute = self._database.execute
        execute("BEGIN IMMEDIATE")
        if not self._alone:
            self._count, self._tip = execute(_TIP).fetchone() or (0, "")
        self._database.executemany(_INSERT, self._rows(batch, now))
        execute("COMMIT")

    def _rows(self, batch: Sequence[NewEvent], now: float) -> list[tuple[str, float, str, str, str]]:
        rows: list[tuple[str, float, str, str, str]] = []
        prefix, time, tip = f"evt_{int(now)}_", f"{now:.6f}", self._tip
        for count, event in enumerate(batch, self._count + 1):
            event_id = f"{prefix}{count}"
            origin = {"writer": event.writer, "seq": event.seq, "occurred_at": event.occurred_at, **event.metadata}
            payload = orjson.dumps({"source": event.source, "data": event.data, "metadata": origin}).decode()
            tip = sha256(f"{tip}{event_id}{time}{event.event_type}{payload}".encode()).hexdigest()
            rows.append((event_id, now, event.event_type, payload, tip))
        self._count, self._tip = self._count + len(batch), tip
        return rows

    def close(self) -> None:
        """Close the connection."""
        self._database.close()
