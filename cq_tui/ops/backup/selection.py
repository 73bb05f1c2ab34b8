"""Which files of a data directory a backup holds, apart from those that grow together, and what is taken out of them.

Left out is what belongs to running processes (``run/``, ``health/``, pending commands), what is derived or can be had
again (columns of recorded klines), and what is about the past of this machine alone (``logs/``, ``drills/``, bundles).
"""

import os
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import SECRET_KEYS, SETTING_KEYS, TRADING_STATES
from cq_tui.contracts.strategy_settings import without_secret_parameters
from cq_tui.ops.migrate.originals import PRIVATE_KINDS, kind_of
from cq_tui.store.document import DocumentError, read_content
from cq_tui.store.settings_content import parse_settings

#: Settings that may hold a password, in an address.
_ADDRESSES = ("BINANCE_REST_URL", "BINANCE_STREAM_URL", "BINANCE_WS_API_URL")


def find_files(data: DataDir, *, with_keys: bool) -> Iterator[Path]:
    """Return the paths of the files that are read one by one, in an order in which none needs a later one.

    State comes first: what it says of the history is then never more than the history has.
    """
    secret = set() if with_keys else {data.settings, data.settings_in_force}
    grown = {data.events, data.hash_chain, data.checkpoints, data.tree_index, data.ledger}
    for folder in (data.account.parent, data.settings.parent, data.snapshots, data.quarantine):
        yield from (path for path in _walk(folder) if path not in secret)
    yield from (path for path in _walk(data.memory, data.spool, data.snapshots, data.quarantine) if path not in grown)
    yield from _walk(data.tickers.parent, data.columns)
    yield from _walk(data.control_done)
    stops = (data.stop_of(state) for state in TRADING_STATES)
    # That it exists counts.
    yield from (path for path in (*stops, data.version) if os.path.lexists(path))
    yield from (path for path in _walk(data.ledger.parent) if path not in grown)
    if with_keys and data.exchange_address.exists():
        yield data.exchange_address


def _walk(folder: Path, *skipped: Path) -> Iterator[Path]:
    """Return what lies in a folder, oldest name first: no temporary files, no links, no locks."""
    try:
        entries = sorted(os.scandir(folder), key=attrgetter("name"))
    except OSError:
        return
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith(".") or entry.name.endswith(".lock") or path in skipped:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, *skipped)
        else:
            yield path


def may_hold_secrets(data: DataDir, path: Path) -> bool:
    """Whether it is a file of another installation whose content nobody here knows, such as its settings."""
    if not path.is_relative_to(data.imported):
        return False
    # <sha256>/files/<name>
    name = Path(*path.relative_to(data.imported).parts[2:]).as_posix()
    return name != "." and kind_of(name) in PRIVATE_KINDS


def settings_without_secrets(data: DataDir) -> tuple[bytes | None, str | None]:
    """Return ``ssot/env.json`` without keys and secrets, and what else is left out of it, in words.

    None if there is no such file, or it is no JSON: then nobody can say what in it is secret.
    """
    if not os.path.lexists(data.settings):
        return None, None
    try:
        values = parse_settings(data.settings, read_content(data.settings)).values
    except DocumentError as error:
        return None, error.problem
    kept = {key: value for key, value in values.items() if key in SETTING_KEYS and not _is_secret(key, value)}
    kept = without_secret_parameters(kept)
    unknown = [key for key in values if key not in kept and key not in SECRET_KEYS]
    words = f"its values of {', '.join(unknown)}, which may be secret" if unknown else None
    return orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE), words


def _is_secret(key: str, value: Any) -> bool:
    return key in SECRET_KEYS or (key in _ADDRESSES and "@" in str(value))
