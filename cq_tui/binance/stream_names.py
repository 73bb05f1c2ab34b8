"""Names of market streams, and their distribution over connections."""

from collections.abc import Iterable
from urllib.parse import quote

#: The exchange's limit of streams on one connection.
MAX_STREAMS = 1024
#: Streams in the URL, and in each SUBSCRIBE after it.
MAX_BATCH = 200
#: The exchange answers no SUBSCRIBE of more than 4,096 bytes with its header: it falls silent until its next ping
#: (seen in binance/binance-connector-rust#27). Of URLs it takes 8,004 characters (unverified).
_MAX_BATCH_BYTES = 3_900


def kline_stream(symbol: str, interval: str) -> str:
    """Return the name of a kline stream."""
    return f"{symbol.lower()}@kline_{interval}"


def book_ticker_stream(symbol: str) -> str:
    """Return the name of a best bid and ask stream."""
    return f"{symbol.lower()}@bookTicker"


def mini_ticker_stream(symbol: str) -> str:
    """Return the name of a 24 h mini ticker stream."""
    return f"{symbol.lower()}@miniTicker"


def trade_stream(symbol: str) -> str:
    """Return the name of a stream of every trade."""
    return f"{symbol.lower()}@trade"


def depth_stream(symbol: str) -> str:
    """Return the name of an order book diff stream, ten times a second."""
    return f"{symbol.lower()}@depth@100ms"


def symbol_of(stream: str) -> str:
    """Return the symbol of a stream. Raises ValueError for a name without one."""
    symbol, at, kind = stream.partition("@")
    if not symbol or symbol.startswith("!") or not at or not kind:
        raise ValueError(f"stream {stream!r} has no symbol; expected <symbol>@<kind>")
    return symbol.upper()


def in_batches(streams: Iterable[str]) -> list[list[str]]:
    """Divide the streams of a connection into what fits one URL, or one SUBSCRIBE message."""
    batches: list[list[str]] = []
    size = 0
    for stream in streams:
        # In JSON with quotation marks and a comma, and not encoded, it is no longer.
        added = len(quote(stream, safe="@")) + len('"",')
        if not batches or len(batches[-1]) == MAX_BATCH or size + added > _MAX_BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(stream)
        size += added
    return batches


def split_streams(streams: Iterable[str], per_connection: int = MAX_STREAMS) -> list[list[str]]:
    """Distribute the streams over as few connections as possible, those of a symbol together."""
    if not 1 <= per_connection <= MAX_STREAMS:
        raise ValueError(f"{per_connection} streams per connection; expected 1 to {MAX_STREAMS}")
    by_symbol: dict[str, list[str]] = {}
    for stream in dict.fromkeys(streams):
        by_symbol.setdefault(symbol_of(stream), []).append(stream)
    shares: list[list[str]] = []
    for names in by_symbol.values():
        if not shares or len(shares[-1]) + len(names) > per_connection:
            shares.append([])
        for name in names:
            if len(shares[-1]) == per_connection:
                shares.append([])
            shares[-1].append(name)
    return shares
