"""The events that are written and verified: fills, about 330 bytes a line."""

import random

from cq_tui.store.history.event_line import NewEvent

#: When the first of them happened (Unix seconds).
START = 1_750_000_000.0
_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "ADAUSDT")


def sample_events(first: int, count: int, writer: str = "trader") -> list[NewEvent]:
    """Return events ``first`` and following, the same ones each time."""
    draw = random.Random(first)
    return [
        NewEvent(
            event_type="order_executed",
            source="trader",
            data={
                "symbol": _SYMBOLS[number % len(_SYMBOLS)],
                "side": "BUY" if number & 1 else "SELL",
                "size": round(draw.uniform(0.001, 2.0), 5),
                "price": round(draw.uniform(0.5, 90_000.0), 2),
                "order_id": str(7_000_000_000 + number),
                "status": "FILLED",
                "commission": round(draw.uniform(0.01, 9.0), 6),
                "commission_asset": "USDT",
            },
            writer=writer,
            seq=number,
            occurred_at=START + number / 1000,
            metadata={},
        )
        for number in range(first, first + count)
    ]
