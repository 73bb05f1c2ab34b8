"""``market/columns/<symbol>-<interval>/columns.json``: which columns of recorded klines are the current ones."""

from typing import Annotated, Literal

from pydantic import Field

from cq_tui.contracts.base import ContractModel, SafeCount, UnixMs

#: The columns that are always there, and those of which a recording may have none; each is a file of that name.
Column = Literal["open_time", "open", "high", "low", "close", "volume", "quote_volume", "trades"]


class KlineColumnsDocument(ContractModel):
    """Klines of one symbol and interval, kept as columns for looking back. Replaced as a whole."""

    symbol: str
    """The symbol."""
    interval: str
    """The interval, such as ``1m``."""
    klines: SafeCount
    """How many there are."""
    first_open_time: UnixMs
    """When the oldest opened."""
    last_open_time: UnixMs
    """When the newest opened."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of their content, as docs/formats.md says."""
    folder: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """The folder beside this document with a NumPy file (``.npy``) for each column."""
    columns: list[Column]
    """The columns that are kept."""
    venue: str | None = None
    """Where some of them were fetched from, such as ``production`` or ``simulated``; absent if all were imported."""
