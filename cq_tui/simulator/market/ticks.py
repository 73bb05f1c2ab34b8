"""Price sources and what they yield: blocks of ticks, historical bars, and the state to continue from."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cq_tui.simulator.market.background_liquidity import BackgroundLiquidity
from cq_tui.simulator.market.symbols import MarketSymbol

if TYPE_CHECKING:
    from cq_tui.simulator.market.holes import Holes

#: Ticks (a quote and trade of every symbol) per second, and the milliseconds between them.
TICKS_PER_SECOND = 4
TICK_MS = 1_000 // TICKS_PER_SECOND

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: One bar of a symbol: ``volume`` in base, ``quote`` in quote asset; ``taker…`` are the taker buy volumes.
BAR = np.dtype(
    [
        ("open_time", np.int64),
        ("open", np.float64),
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
        ("volume", np.float64),
        ("quote", np.float64),
        ("taker", np.float64),
        ("taker_quote", np.float64),
        ("trades", np.int32),
    ]
)
Bars = NDArray[Any]


class BackgroundTrade(NamedTuple):
    """A trade without the account; the quantity is a multiple of the step size."""

    price: Decimal
    quantity: Decimal
    taker_bought: bool


@dataclass(frozen=True, slots=True)
class TickBlock:
    """Consecutive ticks of all symbols: arrays of shape (ticks, symbols).

    ``start`` is the number of the first tick (Unix ms // TICK_MS). Prices are whole numbers of tick sizes:
    ``bid`` and ``ask`` are those after the trade at ``last`` of ``quantity`` (base asset) by a taker who bought or not.
    """

    start: int
    bid: Integers
    ask: Integers
    last: Integers
    quantity: Floats
    taker_bought: Flags

    def __len__(self) -> int:
        return int(self.last.shape[0])

    @property
    def end(self) -> int:
        """Number of the tick after the last."""
        return self.start + len(self)


class PriceSource(Protocol):
    """A source of the simulated market's prices: generated, replayed or live."""

    @property
    def symbols(self) -> tuple[MarketSymbol, ...]:
        """The symbols, in the column order of every block."""

    @property
    def speed(self) -> float:
        """How many seconds of a real market pass in one."""

    @property
    def trades_before(self) -> int:
        """Trades of each symbol before the next block; read it before the first block."""

    def liquidity(self, column: int) -> BackgroundLiquidity:
        """Return a symbol's background liquidity around the best prices of the blocks."""

    def holes(self, column: int) -> "Holes":
        """Return the times in which a symbol has no klines; its status is BREAK then."""

    def statuses(self, now: int) -> dict[str, str]:
        """Return what another exchange says of its symbols now (Unix ms), or said when it was recorded."""

    def history(self, minutes: int) -> Bars:
        """Return the bars of at most so many minutes before the first block, shape (bars, symbols).

        Their length divides a minute. Older ones are asked for by ``past``.
        """

    def oldest(self) -> int:
        """Return the open time (Unix ms) of the oldest minute that ``past`` has."""

    def past(self, column: int, first: int, last: int, *, hourly: bool = False) -> Bars:
        """Return a symbol's minutes that open from ``first`` to before ``last`` (Unix ms), as far as there are any.

        They are asked for where the market no longer keeps them, or never had. ``hourly`` allows hours instead.
        """

    def next_block(self) -> TickBlock | None:
        """Return the next block; None once the prices have ended."""

    def state(self) -> dict[str, Any]:
        """Return the JSON from which a restart generates the same prices."""


def bars_of_ticks(block: TickBlock, tick_sizes: Floats, ticks_per_bar: int = TICKS_PER_SECOND) -> Bars:
    """Return 1 s bars, shape (seconds, symbols), from a block that starts and ends on whole seconds.

    A part of one second makes one bar with ``ticks_per_bar`` = its length.
    """
    seconds, width = len(block) // ticks_per_bar, block.last.shape[1]
    shape = (seconds, ticks_per_bar, width)
    price = (block.last * tick_sizes).reshape(shape)
    quantity = block.quantity.reshape(shape)
    bought = np.where(block.taker_bought.reshape(shape), quantity, 0.0)
    bars = np.empty((seconds, width), dtype=BAR)
    bars["open_time"] = (block.start * TICK_MS + np.arange(seconds) * 1_000)[:, None]
    bars["open"], bars["close"] = price[:, 0], price[:, -1]
    bars["high"], bars["low"] = price.max(axis=1), price.min(axis=1)
    bars["volume"], bars["quote"] = quantity.sum(axis=1), (price * quantity).sum(axis=1)
    bars["taker"], bars["taker_quote"] = bought.sum(axis=1), (price * bought).sum(axis=1)
    bars["trades"] = (quantity > 0).sum(axis=1)
    return bars
