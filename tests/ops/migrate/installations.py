"""R11 installations for tests, made by what is known of their programs' rules; and what stands in a directory."""

import json
import stat
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cq_tui.contracts.layout import DataDir

#: An event of each kind that might be mistaken for ours.
EVENTS: tuple[dict[str, Any], ...] = (
    {"timestamp": 1761299387.3151913, "schema_version": "1.0", "event_type": "test", "source": "unknown", "data": {}},
    {
        "timestamp": 1761299390.5,
        "event_type": "order_executed",
        "source": "trader",
        "data": {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "size": 2.0,
            "price": 60000.0,
            "order_id": "7",
            "status": "FILLED",
        },
        "metadata": {"writer": "trader", "seq": 1, "occurred_at": 1761299390.5},
    },
    {
        "timestamp": 1761299300.25,
        "event_type": "signal_generated",
        "source": "ares",
        "data": {"symbol": "ETHUSDT", "side": "BUY", "entry_price": 1.0, "stop_loss": 0.9, "take_profit": 1.1},
    },
)
ENV = """TRADING_MODE=testnet
SIMULATION_MODE=true
LIVE_TRADING_ENABLED=false
BINANCE_API_KEY=your_api_key_here
BINANCE_API_SECRET=your_api_secret_here
LOG_LEVEL=WARNING
SYMBOL=ETHUSDT
RISK_PROFILE=conservative
DRY_RUN=1
"""


def digest(item: object) -> str:
    """An item's hash, as the notes on R11 say."""
    return sha256(json.dumps(item, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def root_of(items: Sequence[object]) -> str:
    level = [digest(item) for item in items]
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [sha256((level[at] + level[at + 1]).encode()).hexdigest() for at in range(0, len(level), 2)]
    return level[0]


def chain_over(*groups: Sequence[object]) -> dict[str, Any]:
    """A chain with a block over each group of items."""
    blocks: list[dict[str, Any]] = []
    for number, group in enumerate(groups):
        block = {
            "timestamp": 1761299400.0 + number,
            "schema_version": "1.0",
            "block_type": "data",
            "merkle_root": root_of(group),
            "previous_hash": blocks[-1]["block_hash"] if blocks else "",
            "data_count": len(group),
        }
        blocks.append(block | {"block_hash": digest(block)})
    last = blocks[-1]["block_hash"] if blocks else ""
    return {"schema_version": "1.0", "blocks": blocks, "last_hash": last, "last_update": 1761299500.0}


def r11(folder: Path, *, events: Sequence[object] = EVENTS, memory: str = "memory", end: str = "\r\n") -> Path:
    """An installation, with its history in the subfolder ``memory``."""
    history = folder / memory
    (history / "snapshots").mkdir(parents=True)
    (history / "events.jsonl").write_bytes("".join(json.dumps(each) + end for each in events).encode())
    (history / "hash_chain.json").write_text(json.dumps(chain_over(events), indent=2))
    delta = {"timestamp": 1761299387.3, "action": "create_snapshot", "snapshot_id": "full_1761299387"}
    (history / "deltas.jsonl").write_text(json.dumps(delta) + end)
    (history / "snapshots" / "full_1761299387.json").write_text('{"snapshot_id": "full_1761299387", "data": {}}')
    (folder / "config.env").write_text(ENV)
    (folder / "account_snapshot.json").write_text('{"balance": 100000.0}')
    (folder / "ares_btcusdt.json").write_text('{"symbol": "BTCUSDT"}')
    (folder / "health").mkdir(exist_ok=True)
    (folder / "health" / "feeder.json").write_text('{"service": "feeder", "status": "ok"}')
    (folder / "notes.xyz").write_bytes(b"\x00\xff of unknown meaning")
    return folder


def everything(root: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Every file and folder, by name: mode, time of the content (of files), and content."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        # Locks are held and released meanwhile.
        time = 0 if content is None or path.suffix == ".lock" else status.st_mtime_ns
        found[path.relative_to(root).as_posix()] = (stat.S_IMODE(status.st_mode), time, content)
    return found


def imported(data: DataDir) -> list[dict[str, Any]]:
    """The events of a history."""
    return [json.loads(line) for line in data.events.read_bytes().splitlines()]
