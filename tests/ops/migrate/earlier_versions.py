"""Data directories of versions 1.0, 1.1 and 1.2 in our form of blocks, with events that might be taken for ours."""

from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import write_document
from tests.ops.validate.folders import example
from tests.store.history.test_forgeries import forge

VERSIONS = ("1.0", "1.1", "1.2")
FILL: dict[str, Any] = example("event")["data"]
SIGNAL = {
    "symbol": "ETHUSDT", "side": "BUY", "entry_price": 45000.0, "stop_loss": 44000.0, "take_profit": 46000.0,
    "confidence": 0.85, "strategy": "trend_multi_tf",
}  # fmt: skip
#: As if it told the trader's book.
MOVE = {"symbol": "BTCUSDT", "before": "closed", "after": "protected", "ms": 1}
HEALTH = {"service": "feeder", "old_status": "ok", "new_status": "degraded", "reason": "high_latency"}
#: Of each event: its type, its source, its payload and, from 1.1 on, its metadata.
_EVENTS: tuple[tuple[str, str, dict[str, Any], dict[str, Any]], ...] = (
    ("signal_generated", "ares", SIGNAL, {"strategy": "trend_multi_tf", "confidence": 0.85, "risk_score": 0.2}),
    ("order_executed", "trader", FILL, {"strategy": "trend_multi_tf", "account": "simulated:7"}),
    ("health_status_changed", "feeder", HEALTH, {}),
    (
        "position_changed",
        "trader",
        MOVE | {"metadata": {"writer": "trader", "seq": 3}},
        {"account": "simulated:7", "seq": 3},
    ),
    ("order_executed", "trader", FILL | {"side": "SELL"}, {"writer": "trader"}),
)


def line(second: int, event_type: str, source: str, data: dict[str, Any], metadata: dict[str, Any] | None) -> bytes:
    """An event of an earlier version, as the contract writes it and our blocks repeat it."""
    tail = {"data": data} if metadata is None else {"data": data, "metadata": metadata}
    head = f'{{"event_id":"evt_{second}_001","timestamp":{second}.250000,"event_type":"{event_type}"'
    return f'{head},"source":"{source}",'.encode() + orjson.dumps(tail)[1:]


def earlier(folder: Path, version: str, rounds: int = 4) -> DataDir:
    """A directory of a version, chained by our rules, and nothing in it that only cq-tui has."""
    data = DataDir(folder)
    for made in (data.memory, data.snapshots, data.health):
        made.mkdir(mode=0o700, parents=True)
    events = _EVENTS[: 5 if version != "1.0" else 4] * rounds
    lines = [
        line(1640995200 + number, event_type, source, payload, None if version == "1.0" else metadata)
        for number, (event_type, source, payload, metadata) in enumerate(events)
    ]
    forge(data, lines)
    for service in ("feeder", "ares", "trader", "memory"):
        write_document(data.health_of(service), _health(service, complete=version == "1.2", events=len(lines)))
    write_document(data.snapshots / "snapshot_1640995200.json", example("snapshot"))
    folder.chmod(0o700)
    return data


def _health(service: str, *, complete: bool, events: int) -> dict[str, Any]:
    health = example(f"health_{service}", last_update_ts=1640995300.0)
    if service == "memory":
        health |= {"events_count": events, "chain_length": events + 1}
    later = ("ws_connected", "rest_api_ok", "symbols_count", "feeder_health_ok", "default_signals_blocked")
    return health if complete else {name: value for name, value in health.items() if name not in later}
