"""What the core wants done: facts recorded, and requests to the exchange.

The effects of one step are carried out in their order. Every request has a number; what becomes of it comes back as
inputs with that number: ``Started``, then one of ``Answered``, ``Refused``, ``OutcomeUnknown``, ``NotSent``,
``NotStored``.
"""

from dataclasses import dataclass
from enum import IntEnum

from cq_tui.binance.order_lists import NewList
from cq_tui.binance.orders import CancelReplace, NewOrder
from cq_tui.trading.core.facts import Fact


class Urgency(IntEnum):
    """What goes first when requests wait for a connection or for the request budget."""

    #: A position without a stop.
    PROTECT = 0
    #: Whatever closes or reduces a position.
    EXIT = 1
    #: Queries that end a doubt about an order.
    RESOLVE = 2
    #: Whatever opens risk.
    ENTRY = 3
    #: Reconciliation and rules, when nothing is wrong.
    ROUTINE = 4


@dataclass(frozen=True, slots=True)
class Record:
    """Record facts as events. With ``durable``, they are synced before any later effect of the step.

    If that fails, the request ``needed_by`` is not sent and ``NotStored`` comes back for it. Without a number the later
    effects go on: what reduces risk goes out unstored and is found again by query.
    """

    facts: tuple[Fact, ...]
    durable: bool = False
    needed_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to the exchange. ``symbol`` is empty for the whole account."""

    number: int
    symbol: str
    urgency: Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder(Request):
    """Place one order. Answer: ``Order``."""

    order: NewOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceList(Request):
    """Place an order list: a protective OCO, or an entry with its protection. Answer: ``OrderList``."""

    order_list: NewList


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(Request):
    """Cancel an order, and the list that it belongs to. Answer: ``Order``.

    ``orders_after``: how many orders follow at once; if the request budget has no room for them, it is not sent.
    ``order_id``: the exchange's, of an order that is not ours.
    """

    client_order_id: str
    orders_after: int = 0
    order_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelList(Request):
    """Cancel an order list. Answer: ``OrderList``. ``orders_after`` as of ``CancelOrder``."""

    list_client_order_id: str
    orders_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceOrder(Request):
    """Cancel an order, with its list, and place another if that succeeded. Answer: ``CancelReplaceResult``.

    ``orders_after`` as of ``CancelOrder``, beside the one that it places.
    """

    replace: CancelReplace
    orders_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOrder(Request):
    """Query an order, by client order id or by the exchange's id. Answer: ``Order``; Refused with -2013 if unknown."""

    client_order_id: str | None = None
    order_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchTrades(Request):
    """Fetch the account's trades of a symbol: of one order, from a trade id, or the newest.

    Answer: a list of ``AccountTrade``, oldest first, at most 1,000.
    """

    order_id: int | None = None
    from_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules(Request):
    """Fetch the rules of symbols. Answer: ``ExchangeInfo``."""

    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchCommission(Request):
    """Fetch the commission rates of a symbol. Answer: ``CommissionRates``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchBookTicker(Request):
    """Fetch the best bid and ask of a symbol. Answer: ``BookTicker``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOpenOrders(Request):
    """Fetch all open orders of the account. Answer: a list of ``Order``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchAccount(Request):
    """Fetch balances and permissions. Answer: ``AccountInfo``."""


Effect = Record | Request
#: Requests that change something at the exchange: sent once, whatever becomes of them.
CHANGES: tuple[type[Request], ...] = (PlaceOrder, PlaceList, CancelOrder, CancelList, ReplaceOrder)
