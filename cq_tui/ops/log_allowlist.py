"""What a debug bundle may quote of log lines. A test compares it with the sources."""

#: Every ``event`` that the services log.
LOG_EVENTS = frozenset({
    "cannot run", "cannot start", "checkpoints", "commands not read", "crashed", "data directory", "disk",
    "another account", "events not spooled",
    "exchange unreachable", "health file not written", "held symbols", "integrity fault", "kline line rejected",
    "listening",
    "nothing to change for the new settings", "other key or address", "outcome not written",
    "settings changed",
    "settings", "signal invalid", "signal withheld", "signal", "signals refused", "snapshot refused", "started",
    "kept bars dropped", "kept bars not read", "kept bars not written",
    "inputs not recorded",
    "state not read", "state not written", "status", "stopped", "stored klines changed", "strategy not loaded", "trace",
    "outside signal refused", "outside signal taken before", "outside signals", "plug-ins", "printed by plug-ins",
    "setting of a strategy not applied", "signal of a plug-in refused", "strategy stopped",
})  # fmt: skip

#: Fields that may be quoted if they hold a number.
NUMERIC_FIELDS = ("ts", "pid", "symbols", "klines", "count", "attempt", "seconds", "status_code", "code")
