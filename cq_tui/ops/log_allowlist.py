"""The words of our own log lines: what a debug bundle may quote. A test holds them against the sources."""

#: Every ``event`` text that the services log.
LOG_EVENTS = frozenset(
    {
        "answer refused",
        "cannot run",
        "cannot start",
        "checkpoints",
        "commands refused",
        "crashed",
        "disk",
        "exchange unreachable",
        "health file refused",
        "integrity fault",
        "kline line refused",
        "klines of another market",
        "listening",
        "nothing to change for the new settings",
        "settings",
        "settings changed",
        "signal",
        "signal denied",
        "signal unusable",
        "signal withheld",
        "snapshot refused",
        "spool refused",
        "started",
        "state refused",
        "status",
        "stopped",
        "strategy not loaded",
        "trace",
    }
)

#: Fields that may be quoted when they hold a number.
NUMERIC_FIELDS = ("ts", "pid", "symbols", "klines", "count", "attempt", "seconds", "status_code", "code")
