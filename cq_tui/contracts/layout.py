"""The data directory: the path of every file in it."""

import os
from dataclasses import dataclass
from pathlib import Path

#: Start order; they stop in reverse.
SERVICES: tuple[str, ...] = ("exchange", "memory", "feeder", "ares", "trader")

#: Maximum age of a health file in seconds; an older one is stale, whatever its status.
FRESHNESS_LIMITS: dict[str, float] = {
    "feeder": 10.0,
    "ares": 30.0,
    "trader": 60.0,
    "memory": 5.0,
    "exchange": 10.0,
    "supervisor": 10.0,
}


@dataclass(frozen=True, slots=True)
class DataDir:
    """The paths in one data directory. Creates and reads nothing."""

    root: Path

    @classmethod
    def resolve(cls, given: str | os.PathLike[str] | None = None) -> "DataDir":
        """``--data-dir``, else ``CQ_DATA_DIR``, else ``./shared_data``; always absolute."""
        chosen = given or os.environ.get("CQ_DATA_DIR") or "shared_data"
        return cls(Path(chosen).expanduser().absolute())

    # version
    @property
    def version(self) -> Path:
        """The version of the files in this directory."""
        return self.root / "version.json"

    @property
    def migration(self) -> Path:
        """Folder of the last migration: what it found, kept until it is undone, and what it has still to do."""
        return self.root / "migration"

    # health
    @property
    def health(self) -> Path:
        """Folder of the health documents."""
        return self.root / "health"

    def health_of(self, service: str) -> Path:
        """Health of one process, rewritten at every heartbeat."""
        return self.health / f"{service}.json"

    # settings
    @property
    def settings(self) -> Path:
        """The settings: the single source of truth (0600)."""
        return self.root / "ssot" / "env.json"

    # memory
    @property
    def memory(self) -> Path:
        """Folder of the history."""
        return self.root / "memory"

    @property
    def spool(self) -> Path:
        """Folder of the spools: events not yet appended to the history."""
        return self.memory / "spool"

    @property
    def events(self) -> Path:
        """The history: one event per line, in order."""
        return self.memory / "event_chain.ndjson"

    @property
    def hash_chain(self) -> Path:
        """The hash chain over the history, with its Merkle root."""
        return self.memory / "hash_chain.json"

    @property
    def checkpoints(self) -> Path:
        """Signed checkpoints and acknowledgements, oldest first (C2SP signed notes)."""
        return self.memory / "checkpoints.log"

    @property
    def tree_index(self) -> Path:
        """Roots of the full 1,024-leaf subtrees, and offsets of their events and blocks; rebuilt if missing."""
        return self.memory / "tree_index.json"

    @property
    def snapshots(self) -> Path:
        """Folder of the snapshots."""
        return self.memory / "snapshots"

    @property
    def quarantine(self) -> Path:
        """Folder of torn or damaged bytes; they are never deleted."""
        return self.memory / "quarantine"

    @property
    def imported(self) -> Path:
        """Folder of the unchanged files of other installations, each in a folder named after its manifest's SHA-256."""
        return self.memory / "imported"

    # market
    @property
    def tickers(self) -> Path:
        """The latest ticker of every symbol."""
        return self.root / "market" / "tickers.json"

    @property
    def klines(self) -> Path:
        """Folder of the kline journals."""
        return self.root / "market" / "klines"

    def klines_of(self, symbol: str, interval: str) -> Path:
        """Closed klines of one symbol and interval, oldest first."""
        return self.klines / f"{symbol}-{interval}.ndjson"

    @property
    def columns(self) -> Path:
        """Folder of recorded klines as columns, for looking back."""
        return self.root / "market" / "columns"

    def columns_of(self, symbol: str, interval: str) -> Path:
        """Recorded klines of one symbol and interval as columns, and which are the current ones."""
        return self.columns / f"{symbol}-{interval}" / "columns.json"

    # state of ARES
    def kept_bars_of(self, symbol: str, interval: str) -> Path:
        """Closed bars of the higher frames of one symbol, older than its kline journal."""
        return self.root / "state" / "ares" / f"{symbol}-{interval}.json"

    # inputs of the trader
    @property
    def trader_inputs(self) -> Path:
        """Folder of what the trader's core was told."""
        return self.root / "trader_inputs"

    # control
    @property
    def control(self) -> Path:
        """Folder of pending commands."""
        return self.root / "control"

    @property
    def control_done(self) -> Path:
        """Folder of executed, refused and expired commands."""
        return self.control / "done"

    # signals from outside
    @property
    def signals(self) -> Path:
        """Folder of signals from outside that ARES has not taken yet."""
        return self.control / "signals"

    @property
    def signals_taken(self) -> Path:
        """Folder of the signal from outside that ARES is taking."""
        return self.signals / "taken"

    @property
    def signals_done(self) -> Path:
        """Folder of what became of signals from outside."""
        return self.signals / "done"

    @property
    def signal_ids(self) -> Path:
        """Ids of signals from outside that were taken: each counts once."""
        return self.root / "state" / "outside_signals.ndjson"

    @property
    def signal_door(self) -> Path:
        """Address and token of `cq-tui signals serve` (0600)."""
        return self.run / "signals.json"

    def stop_of(self, trading_state: str) -> Path:
        """That it exists makes trading at least as careful, halted or reducing; what it says is a comment."""
        return self.control / trading_state

    def prepared_stop_of(self, trading_state: str) -> Path:
        """What becomes that file by a rename, which needs no space."""
        return self.control / f".{trading_state}"

    # state, exchange, run, logs
    def state_of(self, service: str) -> Path:
        """Cursors and other state of one service that survive a restart."""
        return self.root / "state" / f"{service}.json"

    @property
    def settings_record(self) -> Path:
        """The settings as the history has them, without secrets, and a change that is being recorded."""
        return self.root / "state" / "settings.json"

    @property
    def trading_state_record(self) -> Path:
        """The files that stop trading, as the history has them, and a change that is being recorded."""
        return self.root / "state" / "trading_state.json"

    @property
    def settings_in_force(self) -> Path:
        """The last good settings and the account in use, for as long as the settings cannot be used (0600: secrets)."""
        return self.root / "state" / "settings_in_force.json"

    @property
    def account(self) -> Path:
        """Balances, positions, orders and quarantined symbols."""
        return self.root / "state" / "account.json"

    @property
    def ledger(self) -> Path:
        """The simulated exchange's balances, orders and trades, as its own journal."""
        return self.root / "exchange" / "ledger.ndjson"

    @property
    def run(self) -> Path:
        """Folder of locks, desired states and the exchange's address."""
        return self.root / "run"

    @property
    def reserve(self) -> Path:
        """Space that is let go when the disk is full, so that stops and events of safety still fit."""
        return self.run / "reserve"

    def lock_of(self, service: str) -> Path:
        """Lock of one process, held while it runs."""
        return self.run / f"{service}.lock"

    def desired_state_of(self, service: str) -> Path:
        """Whether a service should be running or stopped."""
        return self.run / f"{service}.wanted.json"

    @property
    def copied(self) -> Path:
        """The text that was copied last in the room, where a terminal may not have taken it (0600)."""
        return self.run / "copied.txt"

    @property
    def exchange_address(self) -> Path:
        """Address and key of the simulated exchange (0600)."""
        return self.run / "exchange.json"

    @property
    def logs(self) -> Path:
        """Folder of the logs."""
        return self.root / "logs"

    def log_of(self, service: str) -> Path:
        """Log of one process."""
        return self.logs / f"{service}.log"

    def crash_report_at(self, time: str) -> Path:
        """What ended a room, or failed in it; contains no values. The 10 newest are kept."""
        return self.logs / f"room-{time}.crash"

    def bundle_at(self, timestamp: int) -> Path:
        """A debug bundle for support; contains no secrets."""
        return self.root / f"debug_bundle_{timestamp}.json"

    @property
    def drills(self) -> Path:
        """Folder of the evidence of drills."""
        return self.root / "drills"

    def drill_at(self, time: str, drill: str) -> Path:
        """Evidence of one drill: its report, and what its private data directory held. Contains no secrets."""
        return self.drills / f"{time}-{drill}"

    def folders(self) -> tuple[Path, ...]:
        """Every folder of a running stack, parents first."""
        return (
            self.root,
            self.health,
            self.settings.parent,
            self.memory,
            self.spool,
            self.snapshots,
            self.quarantine,
            self.tickers.parent,
            self.klines,
            self.control,
            self.control_done,
            self.signals,
            self.signals_taken,
            self.signals_done,
            self.account.parent,
            self.ledger.parent,
            self.run,
            self.logs,
        )
