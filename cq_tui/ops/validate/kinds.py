"""Which kind of file a path is: by its place in a data directory, else by its name, else by its content."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from cq_tui.schemas import load_index

#: Kinds without a schema, since they are no JSON, with their paths.
_FURTHER: Final[dict[str, tuple[str, ...]]] = {
    "checkpoints": ("memory/checkpoints.log",),
}
#: Files of lines; all others are one document each.
LINE_KINDS: Final = frozenset(
    {"event", "spooled_event", "kline", "ledger_line", "log_line", "taken_signal", "trader_input", "checkpoints"}
)
_PLACEHOLDER = re.compile(r"<\w+>")
#: Which kind a document is, by a field that only that kind has, and what the field holds.
_MARKS: Final[tuple[tuple[str, str], ...]] = (
    ("bundle_id", "debug_bundle"),
    ("snapshot_id", "snapshot"),
    ("event_id", "event"),
    ("chain", "hash_chain"),
    ("event_offsets", "tree_index"),
    ("finished_ts", "command_outcome"),
    ("command_id", "command"),
    ("tickers", "tickers"),
    ("available_balance", "account"),
    ("process_started", "lock_holder"),
    ("wanted", "wanted_state"),
    ("ws_api_url", "exchange_address"),
    ("drill", "drill_report"),
    ("data_version", "version"),
    ("previous_hash", "block"),
    ("first_open_time", "kline_columns"),
    ("open_time", "kline"),
    ("TRADING_MODE", "settings"),
    ("BINANCE_USE_TESTNET", "settings"),
    ("LOG_LEVEL", "settings"),
)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    named = [(path, entry["kind"]) for entry in load_index()["schemas"] for path in entry["paths"]]
    named += [(path, kind) for kind, paths in _FURTHER.items() for path in paths]
    return tuple((re.compile(_as_pattern(path)), kind) for path, kind in named)


def _as_pattern(path: str) -> str:
    parts = _PLACEHOLDER.split(path)
    # Hidden files are on their way to another name.
    return r"[^/.][^/]*".join(map(re.escape, parts))


@cache
def all_kinds() -> tuple[str, ...]:
    """Return every kind that can be validated."""
    return (*(entry["kind"] for entry in load_index()["schemas"]), *_FURTHER)


@cache
def folders() -> frozenset[str]:
    """Return the folders of a data directory that hold such files, as patterns with ``*``; the root is empty."""
    paths = [path for entry in load_index()["schemas"] for path in entry["paths"]]
    paths += [path for further in _FURTHER.values() for path in further]
    parents = {_PLACEHOLDER.sub("*", path.rpartition("/")[0]) for path in paths}
    return frozenset(parent[: found.start()] for parent in parents for found in re.finditer(r"$|/", parent))


def kind_at(relative: str) -> str | None:
    """Return the kind of the file at a path relative to a data directory; None if it has none."""
    return next((kind for pattern, kind in _patterns() if pattern.fullmatch(relative)), None)


def kind_by_place(parts: tuple[str, ...]) -> str | None:
    """Return the kind that the last parts of any path name, as in a data directory; None if they name none."""
    places = ("/".join(parts[-count:]) for count in (3, 2, 1))
    return next((kind for place in places if (kind := kind_at(place)) is not None), None)


def kind_by_name(name: str) -> str | None:
    """Return the kind of the file that has this name in a data directory; None if there is none."""
    end = f"/{re.escape(name)}"
    return next((kind for pattern, kind in _patterns() if pattern.pattern.endswith(end)), None)


def kind_by_content(value: Any) -> str | None:
    """Return the kind of a document, or of the first line of a file, by its fields; None if it cannot be told."""
    if not isinstance(value, Mapping):
        return None
    kinds = all_kinds()
    if isinstance(service := value.get("service"), str) and "last_update_ts" in value:
        return f"health_{service}" if f"health_{service}" in kinds else None
    if (proof := value.get("kind")) in ("inclusion", "consistency"):
        return f"{proof}_proof"
    if {"seq", "occurred_at", "event_type"} <= value.keys():
        return "spooled_event"
    if {"event_type", "timestamp"} <= value.keys():
        return "event"
    return next((kind for field, kind in _MARKS if field in value and kind in kinds), None)
