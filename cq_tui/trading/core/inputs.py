"""What the core is told: signals, market, answers, reports, surroundings, commands, time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cq_tui.binance.cancel_replace import CancelReplaceResult
from cq_tui.binance.commission import CommissionRates
from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.binance.types import AccountInfo, AccountTrade, BookTicker, Order, OrderList
from cq_tui.binance.user_events import UserEvent
from cq_tui.contracts.base import Side
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.entry_context import HealthReport
from cq_tui.trading.signals import TradeSignal


@dataclass(frozen=True, slots=True)
class SignalSeen:
    """A signal of the history. ``mode``: the mode in which it was made; None if it does not say."""

    signal: TradeSignal
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class SignalRefused:
    """The answer to a signal of the history that cannot be read, with a key of its event."""

    key: str
    symbol: str
    side: Side
    strategy: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask and the last trade of a symbol, in quote units. ``time``: exchange's Unix seconds."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    time: float


@dataclass(frozen=True, slots=True)
class QuotesSeen:
    """Quotes that changed."""

    quotes: Mapping[str, Quote]


@dataclass(frozen=True, slots=True)
class BarClosed:
    """A bar of the frame of a strategy closed. Times in Unix milliseconds."""

    symbol: str
    frame: str
    high: Decimal
    close_time: int


#: Values of an answer, by request; see ``effects``.
Answer = (
    Order
    | OrderList
    | CancelReplaceResult
    | AccountInfo
    | ExchangeInfo
    | CommissionRates
    | BookTicker
    | tuple[AccountTrade, ...]
    | tuple[Order, ...]
)


@dataclass(frozen=True, slots=True)
class Started:
    """A request is about to be written to the connection: from here on it may reach the exchange."""

    number: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request."""

    number: int
    value: Answer


@dataclass(frozen=True, slots=True)
class Refused:
    """The exchange refused a request: nothing changed. ``code``: its error code, None without one.

    ``about_symbol``: whether other symbols may succeed.
    """

    number: int
    code: int | None
    message: str
    about_symbol: bool = True


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """A change may have been carried out; or a read failed in transit."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """A request certainly never reached the exchange. ``retry_after`` in seconds."""

    number: int
    reason: str
    retry_after: float = 1.0


@dataclass(frozen=True, slots=True)
class NotStored:
    """The facts that a request needs could not be recorded, so it was not sent."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reported:
    """An event of the account stream."""

    event: UserEvent


@dataclass(frozen=True, slots=True)
class StreamUp:
    """The account stream is subscribed: what happened before may have been missed."""


@dataclass(frozen=True, slots=True)
class StreamDown:
    """The account stream is lost."""

    reason: str


@dataclass(frozen=True, slots=True)
class HealthSeen:
    """The health of the services that entries depend on, read at this moment."""

    ares: HealthReport
    feeder: HealthReport
    memory: HealthReport
    #: Mode of the market data; None if the feeder does not say.
    market: str | None = None
    disk_problem: str | None = None
    #: For how long the request limits leave no room for an entry; None if there is room.
    limits_problem: str | None = None


@dataclass(frozen=True, slots=True)
class SettingsSeen:
    """The settings in force."""

    settings: TraderSettings


@dataclass(frozen=True, slots=True)
class OwnerSeen:
    """Whether orders may carry this book's owner. ``problem``: why nothing may be opened; None if all is well."""

    owner: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What a person asks for: flatten, close, resume, release, accept, adopt. ``person``: who asks.

    ``foreign``: a flatten sells coins that are not ours, too. ``strategy``: whose SELL signals close what is adopted.
    """

    kind: str
    symbol: str
    person: str
    why: str = ""
    numbers: Mapping[str, Decimal] = field(default_factory=dict)
    foreign: bool = False
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Input = (
    SignalSeen
    | SignalRefused
    | QuotesSeen
    | BarClosed
    | Started
    | Answered
    | Refused
    | OutcomeUnknown
    | NotSent
    | NotStored
    | Reported
    | StreamUp
    | StreamDown
    | HealthSeen
    | SettingsSeen
    | OwnerSeen
    | Command
    | Tick
)
