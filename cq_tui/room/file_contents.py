"""What the room reads in single files: tickers, the end of the hash chain, recorded closes."""

from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.contracts.tickers import Ticker, TickersError, tickers_from_bytes
from cq_tui.store.document import DocumentError, DocumentMissing, read_content
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.hash_chain import ChainError, ChainTail
from cq_tui.store.journal import JournalError
from cq_tui.store.klines import last_klines


def read_tickers(path: Path) -> tuple[float, dict[str, Ticker]]:
    """Return the time and the tickers of ``market/tickers.json``. Raises DocumentError."""
    try:
        return tickers_from_bytes(read_content(path))
    except TickersError as error:
        raise DocumentError(path, str(error), "The feeder will rewrite it") from None


def read_chain(path: Path) -> ChainTail:
    """Return root and length at the end of ``memory/hash_chain.json``. Raises DocumentError."""
    try:
        return read_chain_tail(path)
    except FileNotFoundError:
        raise DocumentMissing(path) from None
    except ChainError as error:
        raise DocumentError(path, str(error), "Memory keeps it and rebuilds it when it starts") from None
    except OSError as error:
        raise DocumentError(path, f"cannot be read ({error.strerror})", "Check its permissions") from None


def read_klines(data: DataDir, symbol: str, interval: str, count: int) -> list[Kline]:
    """Return the last recorded klines; none if they cannot be read."""
    if "/" in symbol or symbol.startswith("."):
        return []
    try:
        return last_klines(data.klines_of(symbol, interval), count)
    except (JournalError, OSError, ValueError):
        return []


def read_closes(data: DataDir, symbol: str, interval: str, count: int) -> list[tuple[float, float]]:
    """Return (close time in Unix seconds, close) of the last recorded klines; none if they cannot be read."""
    return [(kline.close_time / 1000, kline.close) for kline in read_klines(data, symbol, interval, count)]
