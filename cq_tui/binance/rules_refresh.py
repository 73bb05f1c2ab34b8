"""When to read which symbols' trading rules, and what changed in them. Pure: requests and clocks are the caller's.

The exchange announces no change of rules or status on any stream; only exchangeInfo shows it. So the rules are read
at intervals, and at once when a refusal says that they may be out of date.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from math import inf
from typing import NamedTuple

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.symbol_parts import MAX_SYMBOLS

#: Codes of refusals that may come from outdated rules: a filter, an order rejected by the matching engine (as it is
#: while a symbol does not trade), a symbol that is not listed.
STALE_RULES_CODES = frozenset({-1013, -2010, -1121})
#: Seconds between two readings of a symbol that trades.
PERIOD = 3_600.0
#: Seconds between two readings of a symbol that does not trade; the first follow sooner: 5, 10, 20.
WAITING_PERIOD = 30.0
_FIRST_WAIT = 5.0
#: Seconds between two readings of a symbol under suspicion; doubled up to the limit while they show no change.
_SUSPICION_PAUSE = 5.0
_MAX_SUSPICION_PAUSE = 60.0
#: Seconds between two requests for suspicions and for symbols that are not listed, whatever their number.
_REQUEST_PAUSE = 2.0
#: Symbols due within this share of their period are read along with one that is due.
_TOGETHER = 0.1
#: Spot statuses other than TRADING. After a delisting the exchange may list a symbol as BREAK for years (unverified).
_STATUS_WORDS = {
    "BREAK": "in maintenance",
    "HALT": "trading is halted",
    "END_OF_DAY": "trading has ended for the day",
    "CANCEL_ONLY": "orders can only be canceled",
}


class RulesChangeKind(StrEnum):
    """What a reading showed."""

    LISTED = "listed"
    """Read for the first time, or listed again."""
    UNLISTED = "unlisted"
    """Delisted, or never listed."""
    STATUS = "status"
    RULES = "rules"
    """Filters, permissions or order types."""
    UNREADABLE = "unreadable"
    """The exchange's answer cannot be parsed; the rules read before stay."""


class RulesChange(NamedTuple):
    """One change of one symbol; ``before`` and ``after`` are None where there are no rules."""

    symbol: str
    kind: RulesChangeKind
    before: SymbolRules | None
    after: SymbolRules | None


@dataclass(slots=True)
class _Known:
    """What is known of one symbol, and when to read it next. Unix seconds."""

    rules: SymbolRules | None = None
    #: Whether the exchange lists it; None before the first answer.
    listed: bool | None = None
    #: Why the last answer cannot be parsed.
    fault: str | None = None
    read_at: float = -inf
    #: When the last reading failed.
    failed_at: float = -inf
    due_at: float = -inf
    #: When it was first seen as it is now, and when it had last been seen otherwise (None: never).
    since: float = 0.0
    before: float | None = None
    #: Readings in a row without TRADING, and failed ones.
    waits: int = 0
    failures: int = 0
    #: Grown pause between readings under suspicion; 0 at first.
    suspicion_pause: float = 0.0
    suspected: bool = False

    @property
    def trades(self) -> bool:
        return bool(self.listed) and self.fault is None and self.rules is not None and self.rules.status == "TRADING"

    @property
    def is_unlisted(self) -> bool:
        return self.listed is False

    @property
    def is_spaced(self) -> bool:
        """Whether requests for it keep a distance, whatever their number."""
        return self.suspected or self.is_unlisted


class RulesRefresh:
    """The rules of the wanted symbols and the policy of reading them again.

    The caller asks ``due(now)``, sends one request for exactly these symbols, and reports with ``take``,
    ``take_unlisted`` or ``failed``; then it asks again. ``now`` is Unix seconds by one clock, which may be set back.
    """

    def __init__(self, symbols: Iterable[str] = (), *, period: float = PERIOD) -> None:
        """``period`` is in seconds, between two readings of a symbol that trades."""
        self.period = period
        self._known: dict[str, _Known] = {}
        #: When the last request was answered or failed: for listed symbols, and for unlisted ones (True).
        self._asked_at = {False: -inf, True: -inf}
        #: Collected when it is asked for after a change; most readings show none.
        self._rules: dict[str, SymbolRules] | None = None
        self._left_out: dict[str, str] | None = None
        self.want(symbols)

    @property
    def rules(self) -> dict[str, SymbolRules]:
        """The last rules read of each wanted symbol, whatever its status; those delisted since are included."""
        if self._rules is None:
            self._rules = {symbol: known.rules for symbol, known in self._known.items() if known.rules is not None}
        return self._rules

    @property
    def trading(self) -> list[str]:
        """Wanted symbols with status TRADING, in order."""
        return [symbol for symbol, known in self._known.items() if known.trades]

    @property
    def left_out(self) -> dict[str, str]:
        """Wanted symbols that do not trade, with the reason; those not read yet are not among them."""
        if self._left_out is None:
            self._left_out = {
                symbol: _reason(known)
                for symbol, known in self._known.items()
                if not known.trades and known.listed is not None
            }
        return self._left_out

    @property
    def never_listed(self) -> list[str]:
        """Wanted symbols that the exchange has not listed since they were wanted."""
        return [symbol for symbol, known in self._known.items() if known.is_unlisted and known.rules is None]

    @property
    def delisted(self) -> list[str]:
        """Wanted symbols that the exchange listed before, and does not list now."""
        return [symbol for symbol, known in self._known.items() if known.is_unlisted and known.rules is not None]

    @property
    def not_trading(self) -> list[str]:
        """Wanted symbols that the exchange lists with another status than TRADING."""
        return [
            symbol
            for symbol, known in self._known.items()
            if known.listed and known.fault is None and known.rules is not None and known.rules.status != "TRADING"
        ]

    @property
    def unread(self) -> list[str]:
        """Wanted symbols for which no answer has come yet."""
        return [symbol for symbol, known in self._known.items() if known.listed is None]

    def want(self, symbols: Iterable[str]) -> None:
        """Replace the wanted symbols; what is known of those that stay is kept, and new ones are due at once."""
        self._known = {symbol: self._known.get(symbol) or _Known() for symbol in symbols}
        self._rules = self._left_out = None

    def due(self, now: float) -> list[str]:
        """Return the symbols to read in one request now; empty if there is nothing to do."""
        due = {symbol: known for symbol, known in self._known.items() if self._is_due(known, now)}
        if any(not known.is_unlisted for known in due.values()):
            symbols = [
                symbol
                for symbol, known in self._known.items()
                if known.listed is not False and (symbol in due or self._is_near(known, now))
            ]
            symbols.sort(key=lambda symbol: self._known[symbol].due_at)
            return symbols[:MAX_SYMBOLS]
        # The exchange refuses a whole request for one symbol that it does not list: each of these is asked for alone.
        return sorted(due, key=lambda symbol: due[symbol].due_at)[:1]

    def next_due(self) -> float:
        """Return when ``due`` should be asked again (Unix seconds); infinite without symbols."""
        due = inf
        for known in self._known.values():
            if known.due_at < due:
                spaced_until = self._asked_at[known.is_unlisted] + _REQUEST_PAUSE if known.is_spaced else -inf
                due = min(due, max(known.due_at, spaced_until))
        return due

    def note_refusal(self, symbol: str, code: int | None, now: float) -> None:
        """Note that the exchange refused a request for a symbol: the code may say that its rules are out of date."""
        if code not in STALE_RULES_CODES:
            return
        known = self._known.get(symbol)
        if known is not None and code != -2010:
            # These two blame the rules; -2010 has other causes too, such as a balance that is too low.
            known.suspicion_pause = 0.0
        self.suspect(symbol, now)

    def suspect(self, symbol: str, now: float) -> None:
        """Read a symbol again at once, or as soon as its last reading is some seconds old."""
        known = self._known.get(symbol)
        if known is None:
            return
        if now - known.read_at > _MAX_SUSPICION_PAUSE:
            known.suspicion_pause = 0.0
        known.suspected = True
        known.due_at = min(known.due_at, max(now, known.read_at + max(_SUSPICION_PAUSE, known.suspicion_pause)))

    def confirm(self, symbol: str, now: float, limit: float, *, must_be_read: bool = False) -> bool:
        """Return whether a symbol was read in the last ``limit`` seconds; if not, it is due at once.

        What could not be read then counts as read, since nothing better is known; not with ``must_be_read``.
        """
        known = self._known.get(symbol)
        if known is None or 0 <= now - known.read_at <= limit:
            return True
        if 0 <= now - known.failed_at <= limit:
            return not must_be_read
        known.due_at = min(known.due_at, now)
        return False

    def still_hold(self, now: float) -> None:
        """Take that all rules are as they were read: of an exchange that does not change them, they need no reading."""
        for known in self._known.values():
            if known.listed:
                known.read_at = now

    def hurry(self, now: float) -> None:
        """Read all symbols that do not trade soon, as after a reconnect: the exchange may have come back."""
        for symbol, known in self._known.items():
            if not known.trades:
                known.waits = 0
                self.suspect(symbol, now)

    def take(self, requested: Sequence[str], info: ExchangeInfo, now: float) -> list[RulesChange]:
        """Take the answer to a request and return what changed; requested symbols that it lacks are not listed."""
        self._note_asked(requested, now)
        changes: list[RulesChange] = []
        for symbol in requested:
            known = self._known.get(symbol)
            if known is not None:
                changes += self._take_symbol(symbol, known, info, now)
        return changes

    def take_unlisted(self, requested: Sequence[str], now: float) -> list[RulesChange]:
        """Take the answer that none of the requested symbols is listed (-1121)."""
        return self.take(requested, ExchangeInfo(int(now * 1000), (), {}, {}, tuple(requested)), now)

    def failed(self, requested: Sequence[str], now: float) -> None:
        """Note that a request failed: it is repeated after 1, 2, 4 … 30 seconds."""
        self._note_asked(requested, now)
        for known in (self._known[symbol] for symbol in requested if symbol in self._known):
            known.due_at = now + min(WAITING_PERIOD, 2.0**known.failures)
            known.failures, known.failed_at = min(known.failures + 1, 10), now

    def _note_asked(self, requested: Sequence[str], now: float) -> None:
        self._asked_at[all(self._known[symbol].is_unlisted for symbol in requested if symbol in self._known)] = now

    def _is_near(self, known: _Known, now: float) -> bool:
        """Whether a symbol may be read along with one that is due."""
        return known.due_at <= now + _TOGETHER * self.period and now >= known.read_at + _SUSPICION_PAUSE

    def _is_due(self, known: _Known, now: float) -> bool:
        # The clock was set back: what was planned by the old time counts for nothing.
        if now < known.read_at - 1:
            return True
        asked_at = self._asked_at[known.is_unlisted]
        if known.is_spaced and asked_at <= now < asked_at + _REQUEST_PAUSE:
            return False
        return known.due_at <= now

    def _take_symbol(self, symbol: str, known: _Known, info: ExchangeInfo, now: float) -> list[RulesChange]:
        old, old_reason, was_listed, seen = known.rules, _state(known), known.listed, known.read_at
        old_fault = known.fault
        known.fault = info.symbol_errors.get(symbol)
        known.rules = info.symbols.get(symbol, known.rules)
        known.listed = symbol in info.symbols or known.fault is not None
        moved = _state(known) != old_reason
        kinds = _kinds(known, old, was_listed, moved)
        if moved:
            known.since, known.before = now, None if was_listed is None else seen
        if moved or kinds or known.fault != old_fault:
            self._rules = self._left_out = None
        self._plan(known, bool(kinds), now)
        return [RulesChange(symbol, kind, old, known.rules if known.listed else None) for kind in kinds]

    def _plan(self, known: _Known, changed: bool, now: float) -> None:
        if known.suspected:
            doubled = min(_MAX_SUSPICION_PAUSE, 2 * max(_SUSPICION_PAUSE, known.suspicion_pause))
            known.suspicion_pause = 0.0 if changed else doubled
        known.suspected, known.failures = False, 0
        known.waits = 0 if known.trades else known.waits + 1
        wait = min(WAITING_PERIOD, _FIRST_WAIT * 2.0 ** min(known.waits - 1, 10))
        known.read_at, known.due_at = now, now + (self.period if known.trades else min(wait, self.period))


def _state(known: _Known) -> tuple[bool | None, bool, str]:
    """Return what a reason depends on."""
    return known.listed, known.fault is not None, known.rules.status if known.rules and known.listed else ""


def _kinds(known: _Known, old: SymbolRules | None, was_listed: bool | None, moved: bool) -> list[RulesChangeKind]:
    if not known.listed:
        return [RulesChangeKind.UNLISTED] if was_listed is not False else []
    if known.fault is not None:
        return [RulesChangeKind.UNREADABLE] if moved else []
    assert known.rules is not None  # listed without a fault
    if not was_listed or old is None:
        return [RulesChangeKind.LISTED]
    kinds = [RulesChangeKind.STATUS] if known.rules.status != old.status else []
    if replace(known.rules, status=old.status) != old:
        kinds.append(RulesChangeKind.RULES)
    return kinds


def _reason(known: _Known) -> str:
    """Say why a symbol does not trade, and since when."""
    if known.fault is not None:
        return known.fault
    if not known.listed:
        return f"delisted: not listed here {_since(known)}" if known.rules is not None else "is not listed here"
    status = known.rules.status if known.rules is not None else ""
    return f"{_STATUS_WORDS.get(status, 'not trading')} ({status}) {_since(known)}"


def _since(known: _Known) -> str:
    moment = datetime.fromtimestamp(known.since, UTC)
    return f"since {'' if known.before is not None else 'before '}{moment:%Y-%m-%d %H:%M} UTC"
