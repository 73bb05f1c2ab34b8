"""Times, shares and names as trading reports show them."""

from datetime import UTC, datetime
from typing import Final

from cq_tui.ops.formatting import MINUS, NO_VALUE, format_signed

#: What the three results are called.
LINE_NAMES: Final = {"net": "net", "gross": "before costs", "buy_and_hold": "buy and hold"}

_DAY_MS = 86_400_000


def day_of(ms: int) -> str:
    """``2026-11-29``, in UTC; with the time where it is not the begin of a day."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.strftime("%Y-%m-%d" if ms % _DAY_MS == 0 else "%Y-%m-%d %H:%M")


def minute_of(ms: int) -> str:
    """``2026-11-29 14:05``, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def signed_share(share: float | None) -> str:
    """``+1.32 %``."""
    return NO_VALUE if share is None else f"{format_signed(share * 100)} %"


def plain_share(share: float | None, decimals: int = 1) -> str:
    """``31.0 %``."""
    return NO_VALUE if share is None else f"{share * 100:,.{decimals}f} %".replace("-", MINUS)


def figure(value: float | None, decimals: int = 2) -> str:
    """``0.71``."""
    return NO_VALUE if value is None else f"{value:,.{decimals}f}".replace("-", MINUS)


def money(value: float | str | None) -> str:
    """``+1,003.11``; of exact text, too."""
    return NO_VALUE if value is None else format_signed(float(value))


def duration(ms: int | None) -> str:
    """``45 min``, ``3.2 h``, ``12.5 days``."""
    if ms is None:
        return NO_VALUE
    minutes = ms / 60_000
    if minutes < 1:
        return f"{ms / 1000:.0f} s"
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 2_880 else f"{minutes / 1_440:.1f} days"
