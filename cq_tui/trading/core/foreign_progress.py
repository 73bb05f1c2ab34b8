"""What is known of a sale of foreign coins only while the process runs; a restart finds it out again."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from cq_tui.trading.core.inputs import Quote
from cq_tui.trading.core.lane import Pause


class Wait(NamedTuple):
    """Why coins are not sold yet. ``lasts``: until the exchange or a person changes something."""

    reason: str
    lasts: bool = False


@dataclass(slots=True)
class ForeignProgress:
    """What was seen so far, and what is awaited."""

    #: By asset: how much was foreign when the account was last read at rest; it counts when it was seen twice.
    seen: dict[str, Decimal] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    #: By symbol: the exchange's own prices, asked for the sale.
    quotes: dict[str, Quote] = field(default_factory=dict)
    #: By asset: since when coins are locked although no open order is known that locks them (Unix seconds).
    locked_since: dict[str, float] = field(default_factory=dict)
    #: By symbol and the exchange's id: what it said each time that it refused to cancel an order.
    refused: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    #: By symbol: the pause after a cancel that failed.
    pauses: dict[str, Pause] = field(default_factory=dict)
