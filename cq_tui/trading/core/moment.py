"""A moment by two clocks."""

from typing import NamedTuple


class Moment(NamedTuple):
    """One moment, in Unix seconds.

    What the exchange dates (orders, trades, klines, quotes) is compared with ``exchange``, what this computer dates
    (health files) with ``local``. The two are never subtracted from each other.
    """

    local: float
    exchange: float

    @property
    def ms(self) -> int:
        """The exchange's time in Unix milliseconds, as it dates orders and trades."""
        return int(self.exchange * 1000)
