"""Parameters that the public endpoints share: symbols, their status, limits and time zones."""

import re
from collections.abc import Sequence

from cq_tui.simulator.api.parameters import Parameters, either_required, invalid_value
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange

_is_zone = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-9]{2}))?").fullmatch
_STATUSES = frozenset({"TRADING", "HALT", "BREAK"})
_EARLIEST_ZONE, _LATEST_ZONE = -12 * 60, 14 * 60
_MINUTE_MS = 60_000


def read_symbol(exchange: Exchange, parameters: Parameters) -> str:
    """Return ``symbol``, which must be listed and have the requested ``symbolStatus``."""
    symbol = parameters.symbol(exchange.market.column)
    status = read_symbol_status(parameters)
    if status is not None and exchange.status(symbol) != status:
        raise RequestRejected(-1220, "The symbol's status does not match the requested symbolStatus.")
    return symbol


def read_symbol_status(parameters: Parameters) -> str | None:
    """Return ``symbolStatus``, None when it was not sent."""
    status = parameters.optional("symbolStatus")
    if status is not None and status not in _STATUSES:
        raise RequestRejected(-1122, "Invalid symbolStatus.")
    return status


def read_symbols(exchange: Exchange, parameters: Parameters, *, required: bool = False) -> tuple[Sequence[str], bool]:
    """Return the requested symbols, and whether a single one was requested by ``symbol``.

    Without either parameter returns all symbols, unless ``required``. Symbols whose status is not ``symbolStatus`` are
    omitted, except for a single one, which is rejected.
    """
    if (names := parameters.symbols(exchange.market.column)) is None:
        if "symbol" in parameters:
            return [read_symbol(exchange, parameters)], True
        if required:
            raise either_required("symbol", "symbols")
        names = list(exchange.market.column)
    if (status := read_symbol_status(parameters)) is not None:
        names = [name for name in names if exchange.status(name) == status]
    return names, False


def read_limit(parameters: Parameters, default: int, maximum: int) -> int:
    """Return ``limit``, capped at ``maximum``. Raises RequestRejected -1130 below 1."""
    value = parameters.integer("limit")
    if value is None:
        return default
    if value < 1:
        raise invalid_value("limit")
    return min(value, maximum)


def read_time_zone(parameters: Parameters) -> int:
    """Return ``timeZone`` (``-1:00``, ``05:45``, ``8``) in ms ahead of UTC; UTC when it was not sent."""
    value = parameters.optional("timeZone")
    if value is None:
        return 0
    offset = parse_utc_offset(value)
    if offset is None:
        raise invalid_value("timeZone")
    return offset


def parse_utc_offset(text: str) -> int | None:
    """Parse a UTC offset between -12:00 and +14:00 to ms; None when it is malformed."""
    found = _is_zone(text)
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    if int(minutes or 0) > 59:
        return None
    ahead = (int(hours) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1)
    return ahead * _MINUTE_MS if _EARLIEST_ZONE <= ahead <= _LATEST_ZONE else None
