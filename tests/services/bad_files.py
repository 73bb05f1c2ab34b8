"""Files as they should not be: what is read anywhere, and everything that may be found in its place."""

import os
from collections.abc import Callable
from pathlib import Path

#: A document that every reader takes for one, at first sight.
_DEEP = b'{"service":' + b'{"a":[' * 50_000


def _fresh(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        os.rename(path, path.with_name(f"{path.name}.folder"))
    path.unlink(missing_ok=True)


def _holding(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1024**3)


_FIELDS = b'"service":"feeder","status":"ok","timestamp":1,"last_update_ts":1,"data_version":"1.3"'
KINDS: dict[str, Callable[[Path], object]] = {
    "nothing": _holding(b""),
    "a gigabyte": _sparse,
    "UTF-16": _holding("\ufeff{}".encode("utf-16")),
    "a byte-order mark": _holding(b"\xef\xbb\xbf{" + _FIELDS + b"}\r\n"),
    "a key twice": _holding(b"{" + _FIELDS + b',"status":"error"}'),
    "NaN": _holding(b"{" + _FIELDS.replace(b"1,", b"NaN,") + b"}"),
    "huge integers": _holding(b"{" + _FIELDS.replace(b":1,", b":" + b"9" * 5000 + b",") + b"}"),
    "depth": _holding(_DEEP),
    "a list": _holding(b"[[]]\n"),
    "wrong types": _holding(
        b'{"service":[],"status":{},"tickers":7,"positions":"x","chain":1,"pid":"1","data":null}\n'
    ),
    "zero bytes": _holding(b"\0" * 5000),
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a loop": lambda path: path.symlink_to(path),
    "a device": lambda path: path.symlink_to("/dev/zero"),
}

FILES = (
    *(f"health/{name}.json" for name in ("feeder", "ares", "trader", "memory", "exchange", "supervisor")),
    "ssot/env.json", "state/settings_in_force.json", "state/settings.json", "state/account.json", "state/trader.json",
    "state/memory.json", "state/feeder.json", "state/ares.json", "state/trading_state.json", "market/tickers.json",
    "market/klines/BTCUSDT-1s.ndjson", "memory/event_chain.ndjson", "memory/hash_chain.json", "memory/tree_index.json",
    "memory/checkpoints.log", "memory/spool/trader.ndjson", "memory/spool/cli-0a.ndjson",
    "memory/snapshots/snapshot_1796073557.json", "control/1-a.json", "control/halted", "control/done/1-b.json",
    "run/exchange.json", "run/memory.wanted.json", "run/trader.lock", "run/reserve", "version.json",
    "exchange/ledger.ndjson",
)  # fmt: skip


def spoil(root: Path, name: str, kind: str) -> Path:
    """Put something else in the place of a file."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    _fresh(path)
    KINDS[kind](path)
    return path
