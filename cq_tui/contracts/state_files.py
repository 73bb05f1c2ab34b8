"""``state/``: what is kept over restarts. Models of the files that are read through one."""

from typing import Annotated, Any

from cq_tui.contracts.base import ContractModel
from cq_tui.contracts.events import ConfigChanged, TradingStateChanged
from cq_tui.contracts.units import UNIX_SECONDS


class FeederState(ContractModel):
    """``state/feeder.json``: which symbols are fed because the trader holds something in them, or for their volume."""

    held: dict[str, list[str]]
    """Symbols held when the account was last read, by mode."""
    trail_frames: dict[str, list[str]] = {}
    """Intervals of the klines by which stops of open positions trailed then, by mode."""
    chosen: dict[str, dict[str, list[str]]] = {}
    """Symbols chosen for entries of SYMBOLS such as top:50:USDT, by mode and entry."""


class AnnouncedSettings(ContractModel, extra="ignore"):
    """A change of settings that is perhaps not written, or not recorded."""

    writer: str
    """Spool of its events, which are numbered from 1."""
    changes: list[ConfigChanged]
    """The events that will follow."""


class SettingsRecordDocument(ContractModel, extra="ignore"):
    """``state/settings.json``: the settings as the history has them."""

    recorded: dict[str, Any]
    """Values in the file, by key; of a secret, whether it is set."""
    announced: AnnouncedSettings | None = None
    """A change that is being made."""


class AnnouncedStop(ContractModel, extra="ignore"):
    """A change by ``file`` that is perhaps not spooled."""

    writer: str
    """Spool of its event."""
    change: TradingStateChanged
    """The event that will follow."""
    occurred_at: Annotated[float, UNIX_SECONDS]
    """When it happened."""


class TradingStateRecordDocument(ContractModel, extra="ignore"):
    """``state/trading_state.json``: the files that stop trading, as the history has them."""

    standing: dict[str, str] = {}
    """Who made each file that stands, by trading state: the writer in its comment, or ``file``."""
    resumed: dict[str, str] = {}
    """The writer of each file's last resumption, by trading state."""
    announced: AnnouncedStop | None = None
    """A change that is being recorded."""
