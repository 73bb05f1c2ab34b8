"""Data directories with a sound file of each kind, to spoil."""

import time
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.validate.report import ValidationReport
from cq_tui.ops.validate.run import Validation
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.history.writer import HistoryWriter
from tests.store.history.histories import event

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"


def example(name: str, **changes: Any) -> dict[str, Any]:
    """Return an example of the contract, with changes; a service is ok."""
    value: dict[str, Any] = orjson.loads((EXAMPLES / f"{name}.json").read_bytes())
    sound = {"status": "ok"} if name.startswith("health_") else {}
    return value | sound | changes


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value if isinstance(value, bytes) else orjson.dumps(value))
    path.chmod(0o600)
    return path


def sound_directory(root: Path, events: int = 40) -> DataDir:
    """Return a data directory with a history, health, settings, a snapshot, klines and a bundle."""
    data = DataDir(root)
    prepare_data_directory(data)
    history = HistoryWriter(data, now=50.0)
    history.append([event(seq)._replace(data=filled(seq)) for seq in range(1, events + 1)], time.time())
    history.flush_chain()
    history.close()
    for service in ("feeder", "ares", "trader"):
        write(data.health_of(service), example(f"health_{service}"))
    write(data.health_of("memory"), example("health_memory", chain_length=1251))
    write(data.settings, example("settings"))
    write(data.snapshots / "snapshot_1640995200.json", example("snapshot"))
    write(data.klines_of("BTCUSDT", "1m"), b"".join(map(kline_line, range(3))))
    write(data.bundle_at(1640995200), example("debug_bundle"))
    return data


def filled(number: int) -> dict[str, Any]:
    """Return the payload of a fill."""
    payload: dict[str, Any] = example("event")["data"] | {"order_id": str(number)}
    return payload


def kline_line(number: int, **changes: Any) -> bytes:
    opened = number * 60_000
    kline = {
        "open_time": opened, "close_time": opened + 59_999, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0,
        "volume": 1.0, "quote_volume": 10.0, "trades": 3,
    }  # fmt: skip
    return orjson.dumps(kline | changes) + b"\n"


def validated(*paths: Path, kind: str | None = None) -> ValidationReport:
    return Validation(paths, DataDir(Path("/nowhere")), kind).run()


def rules_of(report: ValidationReport) -> dict[str, set[str]]:
    """Return the broken rules by file."""
    return {file.name: set(file.counts) for file in report.files if file.counts}
