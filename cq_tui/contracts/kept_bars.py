"""``state/ares/<symbol>-<interval>.json``: bars of the higher frames that are older than the kline journal."""

from typing import Annotated

from pydantic import Field

from cq_tui.contracts.base import ContractModel, PositivePrice, UnixMs

_Column = Annotated[list[PositivePrice], Field(max_length=10_000)]


class FrameBars(ContractModel):
    """Closed bars of one frame as columns of equal length, oldest first; single ones may be missing."""

    open_time: Annotated[list[UnixMs], Field(max_length=10_000)]
    """When each opened; they increase."""
    high: _Column
    """Highest price of each."""
    low: _Column
    """Lowest price of each."""
    close: _Column
    """Last price of each."""


class KeptBarsDocument(ContractModel):
    """What ARES keeps so that a slow average goes on after a restart as if there had been none."""

    symbol: str
    """The symbol."""
    interval: str
    """The base interval, such as ``1m``."""
    tide: FrameBars
    """Bars of fifteen base intervals."""
    trend: FrameBars
    """Bars of five base intervals."""
