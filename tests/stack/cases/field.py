"""The field of the drills, with services that start quickly and report often."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.drills.field import Field, field_on
from cq_tui.ops.drills.private_exchange import ExchangeProcess, PrivateExchange
from cq_tui.ops.drills.waiting import until
from tests.services.processes import environment, running

__all__ = ["Exchange", "Field", "field", "trading", "until"]


class Exchange(ExchangeProcess):
    """``cq-tui exchange --admin`` on loopback."""

    def __init__(self, *symbols: str) -> None:
        super().__init__(*symbols, environment=environment())


@asynccontextmanager
async def field(
    root: Path, *symbols: str, on: PrivateExchange | None = None, **settings: object
) -> AsyncIterator[Field]:
    """An exchange with these symbols, or a given one, and a data directory."""
    exchange = Exchange(*symbols) if on is None else on
    try:
        async with field_on(DataDir(root), exchange, running, *symbols, **settings) as around:
            try:
                yield around
            except BaseException:
                print(*around.last_words(), sep="\n")
                raise
    finally:
        if on is None:
            exchange.close()


async def trading(around: Field) -> None:
    """Start all that trades, and wait until it does."""
    await around.begin()
