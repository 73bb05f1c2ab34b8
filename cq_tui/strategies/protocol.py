"""The strategy protocol that plug-ins implement, and the signals that they return."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from cq_tui.contracts.events import SignalBar, SignalGenerated, signal_key
from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns, Frame


class Side(StrEnum):
    """BUY opens a position; on spot, SELL only closes one."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, −1 for SELL."""
        return 1 if self is Side.BUY else -1


@dataclass(frozen=True, slots=True)
class Signal:
    """A proposed trade, decided on closed klines. Prices are in the quote asset."""

    symbol: str
    side: Side
    entry_price: float
    stop_loss: float
    take_profit: float
    #: 0..1; each strategy documents its formula.
    confidence: float
    strategy: str
    #: Interval of the trigger bar, such as ``1m``.
    frame: str
    #: ``close_time`` of the trigger bar, Unix milliseconds.
    bar_close_time: int
    #: Exit after this many trigger bars if neither stop nor target was reached.
    max_bars: int | None = None
    #: Distance of the trailing stop below the highest high, in quote units; None keeps the stop fixed.
    trail: float | None = None
    #: Trigger bars without a new entry after a stop.
    cooldown_bars: int = 0
    #: Whether a BUY adds to the position that the strategy holds.
    scale_in: bool = False
    #: Share of its position that a SELL sells, above 0 and at most 1; None sells all of it.
    part: float | None = None
    #: The most that a BUY may pay, below the market if it is to wait for that price; None buys at the market's price.
    limit_price: float | None = None
    #: When an entry with a limit is given up, Unix milliseconds by the exchange's clock.
    limit_until_ms: int | None = None
    reason: str = ""
    #: What justified it, which the engine adds: the trigger bar, the strategy's values then, and of its parameters.
    bar: Kline | None = field(default=None, compare=False)
    values: Mapping[str, float] | None = field(default=None, compare=False)
    parameters_hash: str | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """Natural key: the same after any restart or recomputation."""
        return signal_key(self)

    def payload(self) -> SignalGenerated:
        """Return the ``data`` of its ``signal_generated`` event."""
        return SignalGenerated(
            symbol=self.symbol,
            side=self.side.value,
            entry_price=self.entry_price,
            stop_loss=self.stop_loss,
            take_profit=self.take_profit,
            confidence=self.confidence,
            strategy=self.strategy,
            frame=self.frame,
            bar_close_time=self.bar_close_time,
            max_bars=self.max_bars,
            trail=self.trail,
            cooldown_bars=self.cooldown_bars,
            scale_in=self.scale_in or None,
            part=self.part,
            limit_price=self.limit_price,
            limit_until_ms=self.limit_until_ms,
            reason=self.reason,
            parameters_hash=self.parameters_hash,
            bar=None if self.bar is None else _bar_of(self.bar),
            values=None if self.values is None else dict(self.values),
        )


def _bar_of(kline: Kline) -> SignalBar:
    return SignalBar(open=kline.open, high=kline.high, low=kline.low, close=kline.close, volume=kline.volume)


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """What a strategy holds in its symbol, by what the trader wrote last: floats, as in signals; prices in quote."""

    #: Whose it is.
    strategy: str
    #: Base units held, and the average price that they were bought at.
    quantity: float
    entry_price: float
    #: Unix milliseconds.
    opened_ms: int
    #: Where the stop is now, trailed or not; None before there is one.
    stop_loss: float | None = None
    #: None where only the stop ends it.
    take_profit: float | None = None


class StrategyParameters(BaseModel):
    """Base of a strategy's parameters: frozen, with defaults; an unknown name is an error.

    ``cq-tui strategies`` lists each with its type, its limits and the ``description`` of its ``Field``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false where a number is meant, which they would pass for."""
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation in (int, float):
            raise ValueError(f"must not be {str(value).lower()}: this is no switch")
        return value


Chosen = TypeVar("Chosen", bound=StrategyParameters)


def chosen_parameters(name: str, parameters: StrategyParameters | None, wanted: type[Chosen]) -> Chosen:
    """Return the parameters, or defaults for None. Raises TypeError for parameters of another strategy."""
    if parameters is None:
        return wanted()
    if not isinstance(parameters, wanted):
        raise TypeError(f"{name} takes {wanted.__name__}, not {type(parameters).__name__}")
    return parameters


class Strategy(Protocol):
    """One strategy on one symbol. Pure: no I/O and no clock; time comes from the bars.

    The engine delivers closed bars only, without duplicates, widest frame first if several close together. After a
    gap, it calls ``reset`` for each frame whose bars are no longer one series.
    """

    #: Unique; the ``strategy`` field of its signals.
    name: ClassVar[str]
    parameters: StrategyParameters
    #: The frames it needs, and how many consecutive bars of each warm it up: three times the longest period.
    #: The engine discards earlier signals.
    warm_up: Mapping[Frame, int]

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        """Process one closed bar; return a signal only for a bar of the trigger frame."""
        ...

    def reset(self, frame: Frame) -> None:
        """Forget everything derived from the bars of ``frame``."""
        ...

    def values(self) -> dict[str, float]:
        """Return the latest indicator values for display; NaN means "not yet"."""
        ...


@runtime_checkable
class BatchStrategy(Protocol):
    """A strategy that can also process its history as a batch, which is much faster than bar by bar."""

    def warm(self, frame: Frame, bars: BarColumns) -> None:
        """Reach the same state as ``on_bar`` over the same bars, from a fresh or reset frame."""
        ...


@runtime_checkable
class PositionAware(Protocol):
    """A strategy that is told what it holds."""

    def on_position(self, position: HeldPosition | None) -> None:
        """Take note of its position in the symbol, None for none, before the first bar after that changed.

        A fresh strategy holds nothing as far as it knows. It is told of live bars alone: past bars know no positions.
        """
        ...


@runtime_checkable
class ReadsOthers(Protocol):
    """A strategy that also gets the bars of other symbols, of its own interval and in the frames of its ``warm_up``.

    Its own symbol among them is left out. Each must warm up like its own. A gap in any of them is one of all: ``reset``
    is called for the frame. Its bars come one by one, in the order of ``BarOrder``; ``warm`` is not used.
    """

    #: Of the class or the instance; they need not be in SYMBOLS, and are not traded for that.
    other_symbols: Sequence[str]

    def on_other_bar(self, symbol: str, frame: Frame, bar: Kline) -> None:
        """Process a closed bar of another symbol: all that closed before the next own bar did."""
        ...


class StrategyClass(Protocol):
    """The class that an entry point of the group ``cq_tui.strategies`` names."""

    @property
    def name(self) -> str:
        """Name of the strategy, equal to the name of the entry point."""
        ...

    @property
    def Parameters(self) -> type[StrategyParameters]:  # noqa: N802 - a class attribute that holds a class
        """Its parameters, all with defaults."""
        ...

    def __call__(self, symbol: str, base_interval_ms: int, parameters: StrategyParameters | None = None) -> Strategy:
        """Create the strategy for one symbol; None means default parameters."""
        ...
