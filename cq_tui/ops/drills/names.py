"""The names of the drills, for who only reads results; a test holds them to the catalog."""

DRILL_NAMES = (
    "feeder-outage", "insufficient-balance", "memory-corruption", "ban", "unknown-outcome", "lost-stream", "delisting",
    "rules-change", "clock-skew", "full-disk", "broken-settings", "second-instance", "kill-everything",
)  # fmt: skip
