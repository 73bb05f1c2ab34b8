"""exchangeInfo: rate limits, and the trading rules of each symbol."""

from dataclasses import dataclass

from cq_tui.binance.fields import Fields
from cq_tui.binance.filters import SymbolRules, SymbolRulesError


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One rate limit: ``limit`` of ``type`` (REQUEST_WEIGHT, ORDERS …) per ``seconds``."""

    type: str
    seconds: int
    limit: int


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """Listed symbols and limits. ``symbol_errors`` says why the rules of a symbol could not be parsed.

    ``unknown_symbols`` are requested symbols that the exchange does not list. Time in ms.
    """

    server_time: int
    rate_limits: tuple[RateLimit, ...]
    symbols: dict[str, SymbolRules]
    symbol_errors: dict[str, str]
    unknown_symbols: tuple[str, ...] = ()

    @property
    def weight_per_minute(self) -> int | None:
        """The request weight that an address may use per minute; None when it is not reported."""
        for rate in self.rate_limits:
            if rate.type == "REQUEST_WEIGHT" and rate.seconds == 60 and rate.limit > 0:
                return rate.limit
        return None

    @property
    def order_limits(self) -> list[tuple[int, int]]:
        """How many orders an account may place: pairs of seconds and limit."""
        return [(rate.seconds, rate.limit) for rate in self.rate_limits if rate.type == "ORDERS" and rate.limit > 0]


_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}


def _parse_rate_limit(raw: object) -> RateLimit:
    fields = Fields(raw, "rateLimits")
    interval = fields.text("interval")
    if interval not in _SECONDS:
        raise fields.field_error("interval", "one of " + ", ".join(_SECONDS))
    return RateLimit(
        fields.text("rateLimitType"), _SECONDS[interval] * fields.integer("intervalNum"), fields.integer("limit")
    )


def parse_exchange_info(raw: object, unknown: tuple[str, ...] = ()) -> ExchangeInfo:
    """Parse an exchangeInfo response. A symbol that cannot be parsed is listed in ``symbol_errors``."""
    fields = Fields(raw, "exchangeInfo")
    symbols: dict[str, SymbolRules] = {}
    faults: dict[str, str] = {}
    for row in fields.array("symbols"):
        symbol = Fields(row, "exchangeInfo.symbols")
        try:
            symbols[symbol.text("symbol")] = SymbolRules.from_exchange_info(symbol.raw)
        except SymbolRulesError as error:
            faults[symbol.text("symbol")] = str(error)
    return ExchangeInfo(
        server_time=fields.integer("serverTime"),
        rate_limits=tuple(map(_parse_rate_limit, fields.array("rateLimits"))),
        symbols=symbols,
        symbol_errors=faults,
        unknown_symbols=unknown,
    )


def merge_exchange_info(parts: list[ExchangeInfo], unknown: tuple[str, ...]) -> ExchangeInfo:
    """Merge the responses of a split request (at least one)."""
    symbols = {name: rules for part in parts for name, rules in part.symbols.items()}
    faults = {name: fault for part in parts for name, fault in part.symbol_errors.items()}
    return ExchangeInfo(parts[-1].server_time, parts[-1].rate_limits, symbols, faults, unknown)
