"""A report to show: the example of the contract, with a curve that rises, falls and recovers."""

from importlib.resources import files
from math import sin
from typing import Any

import orjson

from cq_tui.contracts.trading_report import TradingReport

HOUR = 3_600_000


def example(**header: Any) -> dict[str, Any]:
    """Return the example as a document, with some of its header replaced."""
    document: dict[str, Any] = orjson.loads((files("cq_tui") / "contracts/examples/trading_report.json").read_bytes())[
        0
    ]
    document["header"] |= header
    start = document["header"]["from_ms"]
    document["equity"] = {
        "ms": [start + hour * HOUR for hour in range(600)],
        "net": [10_000 + 200 * sin(hour / 40) for hour in range(600)],
        "buy_and_hold": [10_000 + 500 * sin(hour / 90) for hour in range(600)],
    }
    return document


def report(**header: Any) -> TradingReport:
    """Return it as a report."""
    return TradingReport.model_validate(example(**header))
