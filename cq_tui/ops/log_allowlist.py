"""What a debug bundle may quote of log lines. A test compares it with the sources."""

#: Every ``event`` that the services log.
LOG_EVENTS = frozenset({
    "cannot run", "cannot start", "checkpoints", "commands not read", "crashed", "data directory", "disk",
    "another account", "events not spooled",
    "exchange unreachable", "health file not written", "held symbols", "integrity fault", "kline line rejected",
    "listening",
    "market changed", "nothing to change for the new settings", "other key or address", "outcome not written",
    "settings changed",
    "settings", "signal invalid", "signal withheld", "signal", "signals refused", "snapshot refused", "started",
    "state not read", "state not written", "status", "stopped", "strategy not loaded", "trace",
})  # fmt: skip

#: Fields that may be quoted if they hold a number.
NUMERIC_FIELDS = ("ts", "pid", "symbols", "klines", "count", "attempt", "seconds", "status_code", "code")
