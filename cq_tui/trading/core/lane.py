"""What the core knows of one symbol and forgets in a restart: quotes, questions under way, pauses after failures."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf
from typing import NamedTuple

from cq_tui.binance.types import AccountTrade
from cq_tui.trading.core.effects import Request
from cq_tui.trading.core.inputs import Quote, SignalSeen

#: "Not found" is evidence after so many queries, and so many seconds after the first: no answer is behind any more.
MIN_QUERIES, GONE_SECONDS = 3, 60.0
#: Seconds to the next question: doubled each time, up to a maximum.
FIRST_DELAY, LONGEST_DELAY = 0.5, 10.0


@dataclass(slots=True)
class Flight:
    """A request without an answer yet. ``ids``: the orders whose state it decides; Unix seconds, the exchange's."""

    request: Request
    ids: tuple[str, ...]
    began: float
    #: Counts activity at the account when it was made: an answer about the account is judged only if nothing moved.
    activity: int = 0
    #: When its orders are asked for if there is no answer yet.
    ask_at: float = inf
    #: Which trades and balances had been told before.
    news: int = 0


@dataclass(slots=True)
class Inquiry:
    """An order whose state is asked for. Times in Unix seconds, the exchange's.

    "Not found" and "no answer" are counted apart: the first is a statement of the exchange, the second says nothing.
    """

    since: float
    next_at: float
    not_found: int = 0
    unanswered: int = 0
    #: When it was first not found.
    missing_since: float = inf
    #: From when on trades and balances count as evidence.
    evidence_from: float = inf

    def is_settled(self, now: float) -> bool:
        """Whether it was not found for so long, and so often, that nothing is left to wait for."""
        return self.not_found >= MIN_QUERIES and now - self.missing_since >= GONE_SECONDS


@dataclass(slots=True)
class Pause:
    """The pause after failures in a row: doubled each time, ended by a success."""

    first: float = 0.5
    longest: float = 30.0
    failures: int = 0
    until: float = -inf
    #: When the failures in a row began.
    since: float = inf
    #: Whether the last failure was one of the connection, not a refusal.
    by_outage: bool = False

    def fail(self, now: float, at_least: float = 0.0, *, by_outage: bool = False) -> None:
        """Note a failure: nothing more until the pause is over."""
        self.by_outage = by_outage
        self.since = min(self.since, now)
        pause = min(self.first * 2.0 ** min(self.failures, 10), self.longest)
        self.failures += 1
        self.until = now + max(pause, at_least)

    def clock_was_set_back(self, now: float) -> None:
        """End now: how long it would still last is not known."""
        self.until = min(self.until, now)
        self.since = min(self.since, now) if self.failures else self.since

    def succeed(self) -> None:
        """Forget the failures."""
        self.failures, self.until, self.since = 0, -inf, inf


class Refusal(NamedTuple):
    """A refusal that outdated rules may explain. ``sent``: Unix seconds, the exchange's."""

    sent: float
    message: str
    was_probe: bool


class BookedTrade(NamedTuple):
    """A trade of ours. A venue that was wiped counts its trades and orders anew, so these two do not name it."""

    trade_id: int
    order_id: int
    price: Decimal
    quantity: Decimal


@dataclass(slots=True)
class Lane:
    """One symbol."""

    symbol: str
    quote: Quote | None = None
    #: Worst commission of a purchase, as a share; None until it was read.
    commission: Decimal | None = None
    #: When it is read again (Unix seconds, the exchange's).
    commission_due: float = -inf
    #: When the working stop is looked at unless it is heard of before (Unix seconds, the exchange's).
    stop_due: float = -inf
    inquiries: dict[str, Inquiry] = field(default_factory=dict)
    #: Signals that wait for the request before them.
    waiting: deque[SignalSeen] = field(default_factory=deque)
    exit_pause: Pause = field(default_factory=Pause)
    #: What the exchange said to the last exit that it refused.
    exit_refusal: str = ""
    #: Its first is short: the position is without a stop meanwhile.
    protect_pause: Pause = field(default_factory=lambda: Pause(first=0.1))
    #: Orders whose cancel was refused last.
    refused_cancel: tuple[str, ...] = ()
    #: When a replacement was last refused because too many orders are open (Unix seconds, the exchange's).
    crowded_at: float = -inf
    #: Refusals of protection in a row.
    protection_refused: int = 0
    #: When the position lost its protection, within the window (Unix seconds, the exchange's).
    repairs: deque[float] = field(default_factory=deque)
    #: Why what is held can be neither sold nor protected now; empty if it can.
    stuck: str = ""
    #: Since when sell orders are open without a position; infinite if none are.
    leftover_since: float = inf
    #: Closed bars of the plan's frame since the entry: close time and high.
    highs: deque[tuple[int, Decimal]] = field(default_factory=deque)
    #: Trades of the account are known up to this id.
    trades_until: int = -1
    #: What was booked since, told otherwise: its orders may be dropped before the trades are read.
    booked: set[BookedTrade] = field(default_factory=set)
    #: Orders that the book does not know, with their known trades: to be identified.
    strange: dict[int, dict[int, AccountTrade]] = field(default_factory=dict)
    #: Since when one of them may be a sale of ours; infinite if none is.
    strange_since: float = inf
    #: Orders that are known to be somebody else's.
    foreign_order_ids: set[int] = field(default_factory=set)
    #: Owners of copies of this directory: they canceled protection of ours by its id.
    copies: set[str] = field(default_factory=set)
    #: When protection was last found ended by somebody else, who may have sold: what was read before tells nothing.
    parted_at: float = -inf
    identify_at: float = -inf
    #: Orders that no query by their number finds.
    nameless: dict[int, Inquiry] = field(default_factory=dict)
    #: Trades of orders that are not in the book, by id, since coins of others were last counted.
    others: dict[int, AccountTrade] = field(default_factory=dict)
    #: Trades are to be read from ``trades_until`` on; when that was last done, and the earliest next time.
    scan_wanted: bool = False
    scanned_at: float = -inf
    trades_due: float = -inf
    trades_pause: float = 0.5
    #: Whether an earlier process may have sold of it what is not stored, and it is not known yet.
    must_catch_up: bool = False
    #: Whether an order executed more than its known trades.
    lacking: bool = False
    #: Whether a decision waits for the symbol's rules to be read.
    awaits_rules: bool = False
    #: Refusals that count as failures unless the rules, read again, have changed; and when they last did.
    refusals: list[Refusal] = field(default_factory=list)
    rules_changed_at: float = -inf
    #: When to look again (Unix seconds, the exchange's).
    due: float = inf

    def clock_was_set_back(self, now: float) -> None:
        """Let nothing wait longer than before; what was read before is no evidence any more."""
        self.exit_pause.clock_was_set_back(now)
        self.protect_pause.clock_was_set_back(now)
        for inquiry in (*self.inquiries.values(), *self.nameless.values()):
            inquiry.since, inquiry.next_at = min(inquiry.since, now), min(inquiry.next_at, now)
            if inquiry.not_found:
                inquiry.missing_since, inquiry.evidence_from = min(inquiry.missing_since, now), inf
        if self.leftover_since < inf:
            self.leftover_since = min(self.leftover_since, now)
        self.repairs.clear()
        self.identify_at, self.trades_due = min(self.identify_at, now), min(self.trades_due, now)
        self.commission_due, self.crowded_at = min(self.commission_due, now), min(self.crowded_at, now)
        self.stop_due, self.parted_at = min(self.stop_due, now), min(self.parted_at, now)
        self.scanned_at, self.rules_changed_at, self.due = -inf, -inf, now

    @property
    def is_judging(self) -> bool:
        """Whether entries wait for rules that may explain a refusal."""
        return self.awaits_rules and bool(self.refusals)

    def wake_at(self, moment: float) -> None:
        """Look again at ``moment`` or before."""
        self.due = min(self.due, moment)
