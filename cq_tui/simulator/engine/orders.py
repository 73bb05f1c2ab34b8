"""The engine's orders, order lists, trades and balances, and requests for new orders.

Fields of everything but the requests are part of the ledger's format.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

ZERO = Decimal(0)
#: Types that trade at any price once they work.
MARKET_TYPES = frozenset({"MARKET", "STOP_LOSS", "TAKE_PROFIT"})
STOP_LOSS_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
STOP_TYPES = STOP_LOSS_TYPES | {"TAKE_PROFIT", "TAKE_PROFIT_LIMIT"}
FINAL_STATUSES = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})


@dataclass(slots=True)
class EngineOrder:
    """One order and its progress. Times are Unix ms; -1 means none, as in Binance's responses."""

    symbol: str
    order_id: int
    client_order_id: str
    side: str
    type: str
    time_in_force: str
    quantity: Decimal
    quote_quantity: Decimal
    price: Decimal
    stop_price: Decimal
    stp_mode: str
    time: int
    update_time: int
    list_id: int = -1
    status: str = "NEW"
    executed: Decimal = ZERO
    quote_executed: Decimal = ZERO
    working_time: int = -1
    expiry_reason: str = ""
    locked: Decimal = ZERO
    strategy_id: int = -1
    strategy_type: int = -1
    #: Quantity visible in depth at a time; zero shows all.
    iceberg_quantity: Decimal = ZERO
    #: Basis points; -1 if the order does not trail.
    trailing_delta: int = -1
    #: Start of trailing, and the extreme price since then.
    trailing_time: int = -1
    trailing_extreme: Decimal = ZERO
    #: Quantity removed by self-trade prevention, and the latest prevented match.
    prevented_quantity: Decimal = ZERO
    prevented_match_id: int = -1
    amends: int = 0
    #: Rank in the queue at its price: the execution id at which it joined the end.
    priority: int = 0
    #: ``filled_or_prevented`` of an iceberg when its current visible part began.
    part_from: Decimal = ZERO

    @property
    def is_open(self) -> bool:
        """Whether the order can still fill."""
        return self.status not in FINAL_STATUSES

    @property
    def is_pending(self) -> bool:
        """Whether the order waits for the working order of its list."""
        return self.status == "PENDING_NEW"

    @property
    def is_working(self) -> bool:
        """Whether the order works or has worked, so it is not waiting for a trigger."""
        return self.working_time >= 0

    @property
    def remaining(self) -> Decimal:
        """Base quantity that can still fill."""
        return self.quantity - self.executed - self.prevented_quantity

    @property
    def can_rest(self) -> bool:
        """Whether the order rests in the book while it works."""
        return self.time_in_force == "GTC" and self.type not in MARKET_TYPES

    @property
    def is_stop(self) -> bool:
        """Whether the order needs a trigger before it works."""
        return self.type in STOP_TYPES

    @property
    def filled_or_prevented(self) -> Decimal:
        """Base quantity already filled or prevented."""
        return self.executed + self.prevented_quantity

    @property
    def visible_quantity(self) -> Decimal:
        """Quantity visible in depth: what remains, or the rest of an iceberg's visible part."""
        remaining = self.remaining
        if not self.iceberg_quantity:
            return remaining
        return min(self.part_from + self.iceberg_quantity - self.filled_or_prevented, remaining)

    def copy(self) -> "EngineOrder":
        """Return a copy of the order."""
        return EngineOrder(
            self.symbol, self.order_id, self.client_order_id, self.side, self.type, self.time_in_force,
            self.quantity, self.quote_quantity, self.price, self.stop_price, self.stp_mode, self.time,
            self.update_time, self.list_id, self.status, self.executed, self.quote_executed, self.working_time,
            self.expiry_reason, self.locked, self.strategy_id, self.strategy_type, self.iceberg_quantity,
            self.trailing_delta, self.trailing_time, self.trailing_extreme, self.prevented_quantity,
            self.prevented_match_id, self.amends, self.priority, self.part_from,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill of an order."""

    symbol: str
    trade_id: int
    order_id: int
    list_id: int
    price: Decimal
    quantity: Decimal
    quote: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool
    #: The account's own order on the other side; -1 for background liquidity.
    counter_order_id: int = -1

    @property
    def is_self_trade_maker(self) -> bool:
        """Whether this is the maker side of a self-trade, recorded after its taker side."""
        return self.is_maker and self.counter_order_id >= 0


@dataclass(frozen=True, slots=True)
class PreventedMatch:
    """A self-trade that self-trade prevention stopped.

    Quantities are what each order lost; zero if the mode leaves the order alone.
    """

    symbol: str
    match_id: int
    taker_order_id: int
    maker_order_id: int
    stp_mode: str
    price: Decimal
    taker_quantity: Decimal
    maker_quantity: Decimal
    time: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """A reduction of an order's quantity that keeps its priority."""

    symbol: str
    order_id: int
    execution_id: int
    original_client_id: str
    new_client_id: str
    original_quantity: Decimal
    new_quantity: Decimal
    time: int


@dataclass(slots=True)
class EngineOrderList:
    """Contingent orders by ascending id; ``kind`` as in ``NewOrderList``."""

    list_id: int
    client_id: str
    symbol: str
    order_ids: list[int]
    time: int
    done: bool = False
    kind: str = "OCO"

    @property
    def contingency(self) -> str:
        """Binance's contingencyType."""
        return "OCO" if self.kind == "OCO" else "OTO"

    @property
    def working_id(self) -> int | None:
        """The working order whose complete fill the others wait for; None in an OCO."""
        return None if self.kind == "OCO" else self.order_ids[0]

    @property
    def oco_ids(self) -> list[int]:
        """The two OCO legs; empty in an OTO or OPO."""
        if self.kind == "OCO":
            return self.order_ids
        return self.order_ids[1:] if len(self.order_ids) == 3 else []


@dataclass(slots=True)
class AssetBalance:
    """The account's balance of one asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


class NewOrder(NamedTuple):
    """A request for a new order, parsed but not yet checked against the market."""

    symbol: str
    side: str
    type: str
    client_order_id: str
    time_in_force: str = "GTC"
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    stp_mode: str = "EXPIRE_MAKER"
    strategy_id: int = -1
    strategy_type: int = -1
    iceberg_quantity: Decimal | None = None
    trailing_delta: int | None = None


@dataclass(frozen=True, slots=True)
class NewOrderList:
    """A request for a new order list.

    ``kind`` is OCO, OTO, OTOCO, OPO or OPOCO. All but an OCO have a ``working`` order. ``legs`` are the above and
    below legs of an OCO, OTOCO or OPOCO, otherwise the pending order. OPO and OPOCO legs have no quantity.
    """

    kind: str
    symbol: str
    client_id: str
    working: NewOrder | None
    legs: tuple[NewOrder, ...]

    @property
    def orders(self) -> tuple[NewOrder, ...]:
        """All orders by ascending id."""
        return self.legs if self.working is None else (self.working, *self.legs)
