"""What may happen in the world. A plan is a list of these: each stands for itself, so any of them can be left out."""

from dataclasses import dataclass, fields
from enum import StrEnum


class Fate(StrEnum):
    """What becomes of a request."""

    #: Held back here: certainly never sent.
    NOT_SENT = "not sent"
    #: Started, and then found out that there was no connection.
    NO_CONNECTION = "no connection"
    #: Sent, and lost before the exchange: not executed, outcome unknown.
    LOST = "lost"
    #: Executed, and the answer lost: outcome unknown.
    UNKNOWN = "unknown"
    #: The outcome is called unknown first, and executed later, within the receive window.
    LATE = "late"
    #: Executed at once, and answered long after.
    SLOW = "slow"
    #: On its way for long, then executed and answered.
    SLOW_THERE = "slow there"
    #: Refused, with a code.
    REFUSED = "refused"
    #: Answered twice.
    TWICE = "twice"


class Break(StrEnum):
    """What goes wrong with the account stream."""

    LOST = "lost"
    DELAYED = "delayed"
    TWICE = "twice"
    REORDERED = "reordered"
    DOWN = "down"


class Rule(StrEnum):
    """A change of a symbol's rules."""

    COARSE_STEP = "coarse step"
    FINE_STEP = "fine step"
    COARSE_TICK = "coarse tick"
    MIN_NOTIONAL_UP = "min notional up"
    MIN_NOTIONAL_DOWN = "min notional down"
    MARKET_LOT = "market lot"
    NO_OCO = "no oco"
    NO_OTO = "no oto"
    NO_OPO = "no opo"
    NO_REPLACE = "no replace"
    NO_STOPS = "no stops"
    LIMITED_STOPS = "stops only with a limit"
    NO_PERMISSION = "no permission"
    FEW_ALGO_ORDERS = "few algo orders"
    FEW_ORDERS = "few orders"
    MAX_POSITION = "max position"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens ``at`` a time, in ms since the start."""

    at: int

    def __str__(self) -> str:
        """The happening in one short line."""
        shown = [f"{one.name}={getattr(self, one.name)}" for one in fields(self) if one.name != "at"]
        return f"{type(self).__name__}({', '.join(shown)})"


# The market


@dataclass(frozen=True, slots=True)
class Move(Happening):
    """The price is multiplied; the spread in ticks."""

    symbol: str
    factor: str
    spread: int = 1


@dataclass(frozen=True, slots=True)
class Thin(Happening):
    """The book is thin for a while: this share of an order's size at each of a few prices."""

    symbol: str
    quote: int
    levels: int
    ms: int


# Strategy


@dataclass(frozen=True, slots=True)
class Signal(Happening):
    """A signal, levels as shares of the ask."""

    symbol: str
    side: str = "BUY"
    stop: str = "0.98"
    target: str = "1.03"
    entry: str = "1"
    trail: str | None = None
    max_bars: int | None = None
    cooldown_bars: int = 0
    confidence: float = 0.7
    age_ms: int = 100
    strategy: str = "trend"
    #: The most that it may buy, in base units.
    size: str | None = None
    #: The most that it may pay, as a share of the ask, and for how long (ms).
    limit: str | None = None
    limit_ms: int = 20_000
    #: Share of the position that a SELL sells.
    part: str | None = None
    #: Whether a BUY adds to the position of its strategy.
    scale_in: bool = False
    #: What it asks for and is not done.
    unsupported: str = ""
    #: Sent this often.
    times: int = 1
    mode: str | None = "simulation"


# Network and exchange


@dataclass(frozen=True, slots=True)
class Request(Happening):
    """The fate of the next ``count`` requests from here on, of one kind or any."""

    fate: Fate
    kind: str = ""
    symbol: str = ""
    count: int = 1
    ms: int = 1_000
    code: int = -1003
    text: str = ""


@dataclass(frozen=True, slots=True)
class Outage(Happening):
    """The exchange answers nothing but 503 for a while. ``executes``: changes are executed nevertheless."""

    ms: int
    executes: bool = False


@dataclass(frozen=True, slots=True)
class StaleReplica(Happening):
    """Orders placed from here on are not found by queries for a while."""

    ms: int


@dataclass(frozen=True, slots=True)
class NoBudget(Happening):
    """The request budget is used up for a while. ``all_requests``: not only for entries and routine."""

    ms: int
    all_requests: bool = False


@dataclass(frozen=True, slots=True)
class FewOrders(Happening):
    """Only so many orders are still allowed for a while, by the exchange's limit of orders."""

    left: int
    ms: int


@dataclass(frozen=True, slots=True)
class Stream(Happening):
    """The account stream fails, for ``count`` events or ``ms``."""

    how: Break
    count: int = 1
    ms: int = 2_000


@dataclass(frozen=True, slots=True)
class Rules(Happening):
    """The rules of a symbol change."""

    symbol: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Status(Happening):
    """The exchange gives a symbol another status, and TRADING again after ``ms``."""

    symbol: str
    status: str
    ms: int


@dataclass(frozen=True, slots=True)
class Delisted(Happening):
    """The symbol is delisted: BREAK, and all its orders expire. It comes back after ``ms``."""

    symbol: str
    ms: int


@dataclass(frozen=True, slots=True)
class Gone(Happening):
    """The symbol is not listed any more, for ``ms``."""

    symbol: str
    ms: int


@dataclass(frozen=True, slots=True)
class ExchangeCancels(Happening):
    """The exchange ends all open orders of a symbol."""

    symbol: str


@dataclass(frozen=True, slots=True)
class PersonCancels(Happening):
    """A person cancels all open orders of a symbol at the exchange."""

    symbol: str


@dataclass(frozen=True, slots=True)
class PersonSells(Happening):
    """A person cancels all open orders of a symbol at the exchange, and sells this share of what the account holds.

    ``rests``: by an order far above the market, which keeps those coins from any other order.
    """

    symbol: str
    share: str = "1"
    rests: bool = False


@dataclass(frozen=True, slots=True)
class Wiped(Happening):
    """The venue forgets all orders, trades and balances, as the testnet does now and then."""


# Others on the account


@dataclass(frozen=True, slots=True)
class ForeignOrder(Happening):
    """Somebody places a limit order far from the market on this account, under this client order id if there is one."""

    symbol: str
    side: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ForeignTrade(Happening):
    """Somebody trades on this account, for this many quote units."""

    symbol: str
    side: str
    quote: int


@dataclass(frozen=True, slots=True)
class Funds(Happening):
    """A deposit, or a withdrawal (negative), of an asset."""

    asset: str
    amount: str


@dataclass(frozen=True, slots=True)
class OtherOwner(Happening):
    """Another data directory trades on this account: its orders carry our prefix and another owner."""

    symbol: str


@dataclass(frozen=True, slots=True)
class SameOwner(Happening):
    """A copied data directory sends an order with an id that is used up."""

    symbol: str


@dataclass(frozen=True, slots=True)
class PaidInBnb(Happening):
    """Commissions are paid in BNB from here on; the account gets this much of it, which is not the trader's."""

    foreign: str


@dataclass(frozen=True, slots=True)
class Twin(Happening):
    """A second trader begins on this account, with the same strategies.

    It has another owner, or is a ``copy`` of this directory as it is now. ``doubted``: a copy finds out that it is one.
    """

    copy: bool = False
    doubted: bool = True


# This computer


@dataclass(frozen=True, slots=True)
class Clock(Happening):
    """The local clock is off by this much from here on."""

    offset_ms: int


@dataclass(frozen=True, slots=True)
class Health(Happening):
    """A service reports this status for a while; ``silent``: it reports nothing."""

    service: str
    status: str
    ms: int


@dataclass(frozen=True, slots=True)
class FeederSilent(Happening):
    """No quotes for a while."""

    ms: int


@dataclass(frozen=True, slots=True)
class WrongQuotes(Happening):
    """Quotes of a symbol are wrong by a factor for a while."""

    symbol: str
    factor: str
    ms: int


@dataclass(frozen=True, slots=True)
class DiskFull(Happening):
    """No durable facts can be recorded for a while."""

    ms: int


@dataclass(frozen=True, slots=True)
class Owner(Happening):
    """The owner is in question for a while."""

    ms: int


@dataclass(frozen=True, slots=True)
class Setting(Happening):
    """A setting changes. ``value`` as text."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Order(Happening):
    """What a person asks for: flatten, close, resume, release, accept, adopt."""

    kind: str
    symbol: str
    stop: str = "0.97"
    #: A flatten sells coins of others, too.
    foreign: bool = False
    #: Of adopt: whose SELL closes it; empty if only the person does.
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class Kill(Happening):
    """The process dies before its next ``skip``-th effect, of one kind or any, and starts again after ``ms``.

    ``power``: what was not synced is lost. ``snapshot``: fresh, old or none. ``executes``: what was sent arrives.
    """

    skip: int = 0
    ms: int = 500
    power: bool = False
    snapshot: str = "old"
    executes: bool = True
    before: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One life of the world: a seed for latencies, and what happens."""

    seed: int
    happenings: tuple[Happening, ...]
    ms: int = 60_000

    def __str__(self) -> str:
        """The plan, a line for each happening."""
        lines = (f"  {one.at / 1000:8.3f} {one}" for one in self.happenings)
        return "\n".join([f"seed {self.seed}, {self.ms / 1000:g} s", *lines])
