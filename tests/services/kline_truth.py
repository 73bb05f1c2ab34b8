"""Kline journals compared with the exchange that they are of."""

from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline, kline_from_line
from cq_tui.services.feeder.kline_history import fetch_history
from cq_tui.store.journal import read_lines


def stored(data: DataDir, symbol: str, interval: str = "1s") -> list[Kline]:
    """Return the klines in a journal."""
    return [kline_from_line(line) for line in read_lines(data.klines_of(symbol, interval))]


async def wrong_klines(data: DataDir, rest_url: str, interval: str = "1s") -> dict[str, set[Kline]]:
    """Return by symbol the klines that only the journal has, or only the exchange, until the journal's last."""
    wrong: dict[str, set[Kline]] = {}
    async with SpotRest(rest_url) as rest:
        await rest.sync_clock()
        for path in data.klines.glob(f"*-{interval}.ndjson"):
            symbol = path.name.removesuffix(f"-{interval}.ndjson")
            klines = stored(data, symbol, interval)
            history = await fetch_history(rest, symbol, interval, klines[0].open_time, lambda: True)
            known = [kline for kline in history.klines if kline.open_time <= klines[-1].open_time]
            if klines != known:
                wrong[symbol] = set(klines) ^ set(known)
    return wrong
