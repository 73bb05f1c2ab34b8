"""The words of our own log lines: what a debug bundle may quote. A test holds them against the sources."""

#: Every ``event`` text that the services log.
LOG_WORDS = frozenset(
    {
        "crashed",
        "disk",
        "health file refused",
        "integrity fault",
        "nothing to change for the new settings",
        "settings",
        "settings changed",
        "spool refused",
        "started",
        "status",
        "stopped",
    }
)

#: Fields that may be quoted when they hold a number.
NUMBER_FIELDS = ("ts", "pid", "symbols", "klines", "count", "attempt", "seconds", "status_code", "code")
