"""An entry that waits for its limit price, as the book has it. Nothing of it is at the exchange."""

from dataclasses import dataclass

from cq_tui.trading.signals import TradeSignal


@dataclass(frozen=True, slots=True)
class PriceWait:
    """A BUY signal with a limit that the price has not come down to yet. Times in the exchange's Unix milliseconds."""

    signal: TradeSignal
    #: When it is given up.
    until_ms: int
    #: How many entries were tried so far and bought nothing, and when the last of them was.
    tries: int = 0
    tried_ms: int = 0
