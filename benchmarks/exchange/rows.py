"""All rows of the exchange and of our Binance client."""

from collections.abc import Iterator

from benchmarks.exchange import client, engine, many_symbols, orders, requests, streams
from benchmarks.report import Row


def measure(*, quick: bool) -> Iterator[Row]:
    """Yield the rows as they are measured."""
    yield from orders.measure(count=600 if quick else 3_000, rounds=3 if quick else 7)
    yield from requests.measure(quick=quick)
    yield from engine.measure(quick=quick)
    yield from streams.measure(quick=quick)
    yield from client.measure(quick=quick)
    yield from many_symbols.measure()
