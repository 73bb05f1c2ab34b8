"""What a trader finds around it, as the tests want it: fresh health, prices, signals."""

import time
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.document import write_document
from cq_tui.trading.signals import TradeSignal
from tests.services.processes import report

D = Decimal


def write_prices(data: DataDir, price: float, *, age: float = 0.0, symbols: tuple[str, ...] = ("BTCUSDT",)) -> None:
    """Write tickers around a price."""
    now = time.time() - age
    tickers = {symbol: Ticker(price, 0.0, price - 0.01, price + 0.01, 1.0, now, 2) for symbol in symbols}
    write_document(data.tickers, tickers_to_bytes(now, tickers), durable=False)


def all_is_well(
    data: DataDir,
    price: float = 100.0,
    symbols: tuple[str, ...] = ("BTCUSDT",),
    memory: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Fresh health of all that an entry depends on, but for some fields of memory's, and fresh prices."""
    for service in ("feeder", "ares"):
        report(data, service)
    report(data, "memory", **memory)
    write_prices(data, price, symbols=symbols)


def buy(**changes: Any) -> TradeSignal:
    """A fresh BUY."""
    plain: dict[str, Any] = {
        "symbol": "BTCUSDT", "side": "BUY", "entry_price": D(100), "stop_loss": D(98), "take_profit": D(104),
        "confidence": 0.5, "strategy": "sample", "frame": "1s",
        "bar_close_time": int(time.time()) * 1000 - 1,
    }  # fmt: skip
    return TradeSignal(**(plain | changes))


def sell(**changes: Any) -> TradeSignal:
    """A fresh SELL."""
    return buy(side="SELL", stop_loss=D(104), take_profit=D(98), **changes)
