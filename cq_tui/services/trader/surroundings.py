"""The trader's inputs: the other services' health, and prices. An unreadable file counts as missing."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from cq_tui.contracts.health import AresHealth, FeederHealth, Health, MemoryHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.numbers import to_decimal
from cq_tui.contracts.tickers import Ticker, TickersError, tickers_from_bytes
from cq_tui.store.document import DocumentError, read_content, read_document
from cq_tui.store.journal import JournalError
from cq_tui.store.klines import last_klines
from cq_tui.store.reserve import Reserve
from cq_tui.trading.guardrails import HealthReport

_Health = TypeVar("_Health", bound=Health)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The inputs, read at one time."""

    ares: HealthReport
    feeder: HealthReport
    memory: HealthReport
    tickers: dict[str, Ticker]
    #: Mode of the feeder's market data; None if not reported.
    market: str | None = None
    #: Why the disk takes nothing that opens risk.
    disk_problem: str | None = None

    def feeder_in(self, mode: str) -> HealthReport:
        """Return the feeder's health for a mode; data of another mode counts as an error."""
        return self.feeder if self.market in (None, mode) else replace(self.feeder, status="error")

    def bid(self, symbol: str, since: float) -> Decimal | None:
        """Return the best bid, or None if it is older than ``since`` (Unix seconds)."""
        ticker = self.tickers.get(symbol)
        return to_decimal(ticker.bid) if ticker is not None and ticker.bid > 0 and ticker.timestamp >= since else None

    def prices(self) -> dict[str, Decimal]:
        """Return the last price by symbol."""
        return {symbol: to_decimal(ticker.price) for symbol, ticker in self.tickers.items() if ticker.price > 0}


def look_around(data: DataDir) -> Surroundings:
    """Read health and prices."""
    memory = _health(data, "memory", MemoryHealth)
    feeder = _health(data, "feeder", FeederHealth)
    return Surroundings(
        ares=_seen(_health(data, "ares", AresHealth)),
        feeder=_seen(feeder),
        memory=_seen(memory, intact=memory is not None and memory.integrity_ok),
        tickers=_tickers(data),
        market=feeder.mode if feeder is not None else None,
        disk_problem=Reserve(data).problem,
    )


def highest_high(data: DataDir, symbol: str, interval: str, bars: int) -> Decimal | None:
    """Return the highest high of the newest closed bars; None when they cannot be read."""
    try:
        klines = last_klines(data.klines_of(symbol, interval), bars)
    except JournalError:
        return None
    return to_decimal(max(kline.high for kline in klines)) if klines else None


def _health(data: DataDir, service: str, model: type[_Health]) -> _Health | None:
    try:
        return read_document(data.health_of(service), model)
    except DocumentError:
        return None


def _seen(health: Health | None, intact: bool = True) -> HealthReport:
    if health is None:
        return HealthReport(intact=intact)
    return HealthReport(health.status, health.last_update_ts, intact, health.reason)


def _tickers(data: DataDir) -> dict[str, Ticker]:
    try:
        return tickers_from_bytes(read_content(data.tickers))[1]
    except (DocumentError, TickersError):
        return {}
