"""Events of the user data stream: what happened to our orders and balances."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from cq_tui.binance.fields import Fields
from cq_tui.binance.types import OPEN_STATUSES, Balance, ListedOrder


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """One change of one order. ``execution_id`` identifies duplicates; ``trade_id`` is -1 without a trade.

    ``last_quote_quantity`` is the quote amount of the last trade, ``quote_quantity`` that of all so far.

    ``client_order_id`` is the order's own; the report of a cancel also carries the cancel's id, ``request_id``
    here. Times in ms.
    """

    symbol: str
    order_id: int
    order_list_id: int
    client_order_id: str
    request_id: str
    side: str
    type: str
    execution_type: str
    status: str
    reject_reason: str
    expiry_reason: str
    price: Decimal
    stop_price: Decimal
    quantity: Decimal
    executed_quantity: Decimal
    quote_quantity: Decimal
    last_quantity: Decimal
    last_price: Decimal
    commission: Decimal
    commission_asset: str
    trade_id: int
    execution_id: int
    is_maker: bool
    transaction_time: int
    event_time: int
    last_quote_quantity: Decimal = Decimal(0)

    @property
    def is_open(self) -> bool:
        """Whether the order can still trade."""
        return self.status in OPEN_STATUSES


@dataclass(frozen=True, slots=True)
class AccountPosition:
    """The new balances of the assets that may have changed. Times in ms."""

    event_time: int
    update_time: int
    balances: tuple[Balance, ...]


@dataclass(frozen=True, slots=True)
class BalanceUpdate:
    """A deposit, withdrawal or transfer: a signed change that is no trade. Time in ms."""

    event_time: int
    asset: str
    delta: Decimal


@dataclass(frozen=True, slots=True)
class ListStatus:
    """A change of an order list. Times in ms."""

    symbol: str
    order_list_id: int
    list_client_order_id: str
    contingency_type: str
    status_type: str
    order_status: str
    reject_reason: str
    transaction_time: int
    event_time: int
    orders: tuple[ListedOrder, ...]


@dataclass(frozen=True, slots=True)
class StreamTerminated:
    """``eventStreamTerminated``: the subscription has ended, although the connection lives. Time in ms."""

    event_time: int


@dataclass(frozen=True, slots=True)
class ServerShutdown:
    """``serverShutdown``: the server is about to end the connection. Time in ms."""

    event_time: int


@dataclass(frozen=True, slots=True)
class UnknownUserEvent:
    """An event type that is not handled; the account should be reconciled."""

    kind: str


UserEvent = (
    ExecutionReport
    | AccountPosition
    | BalanceUpdate
    | ListStatus
    | StreamTerminated
    | ServerShutdown
    | UnknownUserEvent
)


def parse_execution_report(raw: object) -> ExecutionReport:
    """Parse an ``executionReport``."""
    fields = Fields(raw, "executionReport")
    original = fields.text("C")
    last_quantity, last_price = fields.decimal("l"), fields.decimal("L")
    return ExecutionReport(
        symbol=fields.text("s"),
        order_id=fields.integer("i"),
        order_list_id=fields.integer("g"),
        client_order_id=original or fields.text("c"),
        request_id=fields.text("c"),
        side=fields.text("S"),
        type=fields.text("o"),
        execution_type=fields.text("x"),
        status=fields.text("X"),
        reject_reason=fields.text("r"),
        expiry_reason=fields.text_or("eR", ""),
        price=fields.decimal("p"),
        stop_price=fields.decimal("P"),
        quantity=fields.decimal("q"),
        executed_quantity=fields.decimal("z"),
        quote_quantity=fields.decimal("Z"),
        last_quantity=last_quantity,
        last_price=last_price,
        commission=fields.decimal("n"),
        commission_asset=fields.text_or("N", ""),
        trade_id=fields.integer("t"),
        execution_id=fields.integer("I"),
        is_maker=fields.flag("m"),
        transaction_time=fields.integer("T"),
        event_time=fields.integer("E"),
        last_quote_quantity=fields.decimal("Y") if "Y" in fields.raw else last_price * last_quantity,
    )


def parse_account_position(raw: object) -> AccountPosition:
    """Parse an ``outboundAccountPosition``."""
    fields = Fields(raw, "outboundAccountPosition")
    balances = tuple(_position_balance(row) for row in fields.array("B"))
    return AccountPosition(fields.integer("E"), fields.integer("u"), balances)


def _position_balance(raw: object) -> Balance:
    fields = Fields(raw, "outboundAccountPosition.B")
    return Balance(fields.text("a"), fields.decimal("f"), fields.decimal("l"))


def parse_balance_update(raw: object) -> BalanceUpdate:
    """Parse a ``balanceUpdate``."""
    fields = Fields(raw, "balanceUpdate")
    return BalanceUpdate(fields.integer("E"), fields.text("a"), fields.decimal("d"))


def parse_list_status(raw: object) -> ListStatus:
    """Parse a ``listStatus``."""
    fields = Fields(raw, "listStatus")
    orders = (Fields(row, "listStatus.O") for row in fields.array("O"))
    return ListStatus(
        symbol=fields.text("s"),
        order_list_id=fields.integer("g"),
        list_client_order_id=fields.text("C"),
        contingency_type=fields.text("c"),
        status_type=fields.text("l"),
        order_status=fields.text("L"),
        reject_reason=fields.text("r"),
        transaction_time=fields.integer("T"),
        event_time=fields.integer("E"),
        orders=tuple(ListedOrder(row.text("s"), row.integer("i"), row.text("c")) for row in orders),
    )


_PARSERS: dict[str, Callable[[object], UserEvent]] = {
    "executionReport": parse_execution_report,
    "outboundAccountPosition": parse_account_position,
    "balanceUpdate": parse_balance_update,
    "listStatus": parse_list_status,
    "eventStreamTerminated": lambda raw: StreamTerminated(Fields(raw, "eventStreamTerminated").integer("E")),
    "serverShutdown": lambda raw: ServerShutdown(Fields(raw, "serverShutdown").integer("E")),
}


def parse_user_event(raw: object) -> UserEvent:
    """Parse the ``event`` of a user data message. Raises MalformedMessage."""
    kind = Fields(raw, "user data event").text("e")
    parser = _PARSERS.get(kind)
    return parser(raw) if parser else UnknownUserEvent(kind)
