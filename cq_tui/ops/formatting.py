"""Formatting of numbers, ages, times and spark lines, and sanitizing of untrusted text."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Literal, NamedTuple

from cq_tui.contracts.freshness import Fresh, classify_age
from cq_tui.ops.characters import printable

#: ``look`` needs attention; ``idle`` is of no concern (stopped on purpose, not started).
StatusLevel = Literal["good", "look", "bad", "idle"]


#: Levels, the worst first.
SEVERITY: tuple[StatusLevel, ...] = ("bad", "look", "idle", "good")


class Alert(NamedTuple):
    """Something that a user should know, and how bad it is."""

    level: StatusLevel
    text: str


GLYPHS: dict[StatusLevel, str] = {"good": "●", "look": "▲", "bad": "✖", "idle": "○"}

MINUS = "−"
NO_VALUE = "—"

_BARS = "▁▂▃▄▅▆▇█"


def worst_level(levels: Iterable[StatusLevel]) -> StatusLevel:
    """Return the level to look at first; good when there is none."""
    return min(levels, key=SEVERITY.index, default="good")


def sanitize(text: str, limit: int = 500) -> str:
    """Sanitize untrusted text: only characters that every terminal shows alike, and never longer than ``limit``."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return shown if shown.isascii() and shown.isprintable() else printable(shown)


def format_number(value: float, decimals: int = 0) -> str:
    """``67,412.10``, with a true minus sign."""
    return f"{value:,.{decimals}f}".replace("-", MINUS)


def format_signed(value: float, decimals: int = 2) -> str:
    """``+1.32`` or ``−0.41``; no sign for what rounds to zero."""
    text = f"{value:+,.{decimals}f}"
    return text[1:] if not text.strip("+-0.,") else text.replace("-", MINUS)


def format_percent(value: float) -> str:
    """``+1.32 %``."""
    return f"{format_signed(value)} %"


def format_price(value: float | None, decimals: int | None) -> str:
    """Format a price with its symbol's precision, or eight significant digits if unknown."""
    if value is None:
        return NO_VALUE
    return format_number(value, decimals) if decimals is not None else f"{value:,.8g}".replace("-", MINUS)


def format_quantity(value: float) -> str:
    """Format a base quantity without trailing zeros."""
    return f"{value:,.8f}".rstrip("0").rstrip(".").replace("-", MINUS)


def plain_amount(text: str) -> str:
    """Return an exact amount without zeros at its end."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_age(seconds: float | None) -> str:
    """``0.1 s``, ``12 s``, ``3 min``, ``2 h``, ``4 d``; ``ahead`` for a time in the future."""
    if seconds is None:
        return NO_VALUE
    if seconds < -2:
        return "ahead"
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 5_970:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{min(seconds / 86_400, 99_999):.0f} d"


def format_ago(timestamp: float | None, now: float) -> str:
    """``3 min ago``; ``not yet`` for what has not happened, ``in the future`` for what the clock has yet to reach."""
    if not timestamp:
        return "not yet"
    age = format_age(now - timestamp)
    return "in the future" if age == "ahead" else f"{age} ago"


def describe_age(seconds: float) -> str:
    """``12 s ago``; ``28 s ahead`` for a time that a clock has yet to reach."""
    return f"{format_age(-seconds)} ahead" if seconds < -2 else f"{format_age(seconds)} ago"


def age_level(seconds: float | None, limit: float) -> StatusLevel:
    """Amber from half the limit on, red past it or when the time lies ahead."""
    match None if seconds is None else classify_age(seconds, limit):
        case Fresh(age):
            return "look" if age > limit / 2 else "good"
        case _:
            return "bad"


class _Zone:
    """In which zone times are shown by this process."""

    shown: tzinfo = UTC


def show_times_in(zone: tzinfo) -> None:
    """Show all times in this zone from now on. Only a room does so, for the person in front of it."""
    _Zone.shown = zone


def zone_name(timestamp: float) -> str:
    """Return the short name of the zone in which a time is shown, such as ``UTC`` or ``CEST``."""
    moment = _to_datetime(timestamp)
    return (moment.tzname() if moment else None) or "UTC"


def format_clock(timestamp: float) -> str:
    """``14:22:07``; dashes if out of range."""
    moment = _to_datetime(timestamp)
    return moment.strftime("%H:%M:%S") if moment else "--:--:--"


def format_datetime(timestamp: float) -> str:
    """``2026-08-01 14:22:07 UTC``; ``never`` for 0."""
    if timestamp == 0:
        return "never"
    moment = _to_datetime(timestamp)
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname()}" if moment else f"{timestamp:g} (no date)"


def _to_datetime(timestamp: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(timestamp, _Zone.shown)
    except (OverflowError, ValueError, OSError):
        return None


def sparkline(values: Sequence[float | None]) -> str:
    """One bar per value, scaled between the lowest and the highest; a gap for None."""
    known = [value for value in values if value is not None]
    if not known:
        return " " * len(values)
    low, span = min(known), max(known) - min(known)
    if span <= 0:
        return "".join(" " if value is None else _BARS[3] for value in values)
    return "".join(" " if value is None else _BARS[min(7, int((value - low) / span * 8))] for value in values)


def format_bar(share: float, width: int) -> str:
    """``▓▓▓▓░░``."""
    full = round(max(0.0, min(1.0, share)) * width)
    return "▓" * full + "░" * (width - full)


def format_size(count: int) -> str:
    """``812 B``, ``64.0 kB``, ``4.3 MB``; a kB is 1,000 bytes."""
    if count < 1000:
        return f"{count} B"
    size, unit = count / 1e3, "kB"
    for larger in ("MB", "GB"):
        if size >= 999.95:
            size, unit = size / 1e3, larger
    return f"{size:,.1f} {unit}"


def pluralize(count: int, noun: str) -> str:
    """``1 symbol``, ``14 symbols``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def group_digest(digest: str, groups: int = 3) -> str:
    """``9f3c 41aa 07be …``: the beginning of a hash, easy to compare by eye."""
    shown = sanitize(digest, 80)
    if len(shown) <= groups * 4:
        return shown
    return " ".join(shown[start : start + 4] for start in range(0, groups * 4, 4)) + " …"
