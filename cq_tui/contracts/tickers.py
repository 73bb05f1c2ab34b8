"""``market/tickers.json``: the latest ticker of every symbol, replaced at most ten times a second.

It is read ten times a second with hundreds of symbols, so the parser builds tuples by hand; the pydantic model only
provides the schema.
"""

import math
from operator import itemgetter
from typing import Annotated, NamedTuple

import orjson

from cq_tui.contracts.base import BaseAmount, ContractModel, Count, Finite, Price, Timestamp
from cq_tui.contracts.units import PERCENT


class Ticker(NamedTuple):
    """One symbol: prices in the quote asset; ``timestamp`` is the time of its last message (Unix seconds)."""

    price: float
    #: Change over 24 hours, percent.
    change_percent: float
    bid: float
    ask: float
    #: Base volume over 24 hours.
    volume: float
    timestamp: float
    #: Decimals of the symbol's tick size, for display.
    decimals: int

    @property
    def spread_bp(self) -> float:
        """Bid-ask spread in basis points of the mid price; 0 without a two-sided market."""
        middle = (self.bid + self.ask) / 2
        return (self.ask - self.bid) / middle * 10_000 if self.bid > 0 and middle > 0 else 0.0


class TickerModel(ContractModel):
    """The latest ticker of one symbol."""

    price: Price
    """Price of the last trade."""
    change_percent: Annotated[Finite, PERCENT]
    """Change of the price over 24 hours."""
    bid: Price
    """Best bid; 0 if there is none."""
    ask: Price
    """Best ask; 0 if there is none."""
    volume: BaseAmount
    """Volume over 24 hours."""
    timestamp: Timestamp
    """When the symbol's last message came."""
    decimals: Count
    """Decimals of the symbol's tick size, for display."""


class TickersDocument(ContractModel):
    """``market/tickers.json``: the latest ticker of every symbol."""

    timestamp: Timestamp
    """When this file was written."""
    tickers: dict[str, TickerModel]
    """The latest ticker of each symbol."""


class TickersError(ValueError):
    """The tickers document is invalid; the message names the symbol and the field."""


_NUMBERS = Ticker._fields[:-1]
_get_fields = itemgetter(*Ticker._fields)


def tickers_to_bytes(timestamp: float, tickers: dict[str, Ticker]) -> bytes:
    """Serialize the document."""
    body = {symbol: ticker._asdict() for symbol, ticker in tickers.items()}
    return orjson.dumps({"timestamp": timestamp, "tickers": body})


def tickers_from_bytes(content: bytes) -> tuple[float, dict[str, Ticker]]:
    """Parse the document into its time and tickers. Raises TickersError."""
    try:
        raw = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise TickersError(f"not JSON: {error}") from None
    timestamp, body = (raw.get("timestamp"), raw.get("tickers")) if isinstance(raw, dict) else (None, None)
    if not isinstance(body, dict) or not isinstance(timestamp, (int, float)):
        raise TickersError("expected an object with 'timestamp' and 'tickers'")
    return float(timestamp), {symbol: _ticker(symbol, entry) for symbol, entry in body.items()}


def _ticker(symbol: str, entry: object) -> Ticker:
    if not isinstance(entry, dict):
        raise TickersError(f"ticker {symbol!r} is not an object")
    try:
        ticker = Ticker._make(_get_fields(entry))
        # A finite sum has finite parts: one check instead of seven, and a second for numbers that overflow it.
        finite = math.isfinite(sum(ticker)) or all(map(math.isfinite, ticker[:-1]))
        if finite and type(ticker.decimals) is int and 0 <= ticker.decimals <= 18:
            return ticker
    except KeyError as error:
        raise TickersError(f"ticker {symbol!r} lacks {error.args[0]!r}") from None
    except TypeError:
        pass
    wrong = next((f for f in _NUMBERS if not isinstance(entry[f], (int, float)) or entry[f] != entry[f]), "decimals")
    raise TickersError(f"ticker {symbol!r}: {wrong} holds {entry[wrong]!r}, expected a number")
