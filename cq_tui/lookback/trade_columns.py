"""The recorded trades of one symbol as columns: in the order in which the exchange numbered them."""

import hashlib
from dataclasses import dataclass

import numpy as np

from cq_tui.lookback.columns import Floats, Integers


@dataclass(frozen=True, slots=True)
class TradeColumns:
    """Trades by ascending id. ``time`` in Unix ms, ``price`` in the quote asset."""

    symbol: str
    trade_id: Integers
    time: Integers
    price: Floats

    #: What stands for the interval where recordings are named.
    interval: str = "trades"

    def __len__(self) -> int:
        return len(self.trade_id)

    def digest(self) -> str:
        """Return the SHA-256 (hex) of a line ``<symbol> trades <count>`` and the columns, little-endian, 64 bits."""
        sha = hashlib.sha256(f"{self.symbol} trades {len(self)}\n".encode())
        for column in (self.trade_id, self.time, self.price):
            sha.update(np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<")).tobytes())
        return sha.hexdigest()
