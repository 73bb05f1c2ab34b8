"""REST responses as typed values, and their JSON parsers."""

from dataclasses import dataclass
from decimal import Decimal
from math import inf, isinf

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.fields import Fields, require_list, shorten_value
from cq_tui.contracts.market import Kline, make_kline

#: Statuses in which an order can still trade.
OPEN_STATUSES = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})
#: Statuses of a pending order of an OPO that never had a quantity: it is known once the working order is filled.
_UNSIZED_STATUSES = frozenset({"PENDING_NEW", "CANCELED", "EXPIRED", "REJECTED"})

_KLINE_COLUMNS = ("open time", "open", "high", "low", "close", "volume", "close time", "quote volume", "trades")


@dataclass(frozen=True, slots=True)
class Ticker24h:
    """Rolling 24-hour statistics of a symbol. Times in ms; ``change_percent`` in percent."""

    symbol: str
    last_price: Decimal
    change_percent: Decimal
    high_price: Decimal
    low_price: Decimal
    volume: Decimal
    quote_volume: Decimal
    close_time: int
    trades: int


@dataclass(frozen=True, slots=True)
class BookTicker:
    """Best bid and ask of a symbol; an empty side has price and quantity 0."""

    symbol: str
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of an order, with the commission taken from ``commission_asset``."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the exchange last reported it. Times in ms; ``order_list_id`` is -1 outside a list.

    ``quote_quantity`` is the quote amount filled so far, None when the exchange no longer knows it. ``quantity`` is 0
    for a pending order of an OPO or OPOCO: unknown until the working order is filled.
    Only the response to a placement has ``fills``.
    """

    symbol: str
    order_id: int
    order_list_id: int
    client_order_id: str
    side: str
    type: str
    status: str
    time_in_force: str
    price: Decimal
    stop_price: Decimal
    quantity: Decimal
    executed_quantity: Decimal
    quote_quantity: Decimal | None
    time: int
    expiry_reason: str = ""
    fills: tuple[Fill, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the order can still trade."""
        return self.status in OPEN_STATUSES

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base over all fills; None without a fill or when the cost is unknown."""
        if self.quote_quantity is None or not self.executed_quantity:
            return None
        return self.quote_quantity / self.executed_quantity


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """One order of a list, by its ids."""

    symbol: str
    order_id: int
    client_order_id: str


@dataclass(frozen=True, slots=True)
class OrderList:
    """An order list (OCO, OTOCO, OPOCO). ``reports`` are its orders in full; a query returns none. Time in ms.

    The reports of a placement show the pending orders as PENDING_NEW, even when the working order was filled at once.
    """

    order_list_id: int
    list_client_order_id: str
    symbol: str
    contingency_type: str
    status_type: str
    order_status: str
    time: int
    orders: tuple[ListedOrder, ...]
    reports: tuple[Order, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether an order of the list can still trade."""
        return self.order_status == "EXECUTING"


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's balance of one asset: free, and locked by open orders."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Free plus locked."""
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """Permissions, commission rates (fractions: 0.001 is 0.1 %) and balances by asset.

    ``uid`` identifies the account at its venue; None where the exchange reports none.
    """

    can_trade: bool
    maker_commission: Decimal
    taker_commission: Decimal
    update_time: int
    balances: dict[str, Balance]
    uid: int | None = None
    account_type: str = ""
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AccountTrade:
    """One trade of the account. Time in ms."""

    symbol: str
    trade_id: int
    order_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool


def parse_server_time(raw: object) -> int:
    """Return the server's time in ms."""
    return Fields(raw, "time").integer("serverTime")


def parse_kline(row: object) -> Kline:
    """Parse one row of a klines response (an array of 12). The newest may be unfinished."""
    if not isinstance(row, list) or len(row) < len(_KLINE_COLUMNS):
        raise MalformedMessage("kline", "(whole)", f"is {shorten_value(row)}; expected an array of at least 9")
    fields = Fields(dict(zip(_KLINE_COLUMNS, row, strict=False)), "kline")
    start, end, trades = map(fields.integer, ("open time", "close time", "trades"))
    prices = {name: float(fields.decimal(name)) for name in ("open", "high", "low", "close", "volume", "quote volume")}
    for name, price in prices.items():
        if isinf(price):  # such as "1e999"
            raise fields.field_error(name, "a decimal string")
    return Kline._make((start, end, *prices.values(), trades))


def parse_klines(raw: object) -> list[Kline]:
    """Parse a klines response, oldest first. It may have 1000 rows: only those of an odd one are checked one by one."""
    rows = require_list(raw, "klines")
    try:
        start, first, high, low, last, volume, end, quote, trades, *_ = zip(*rows, strict=True)
        texts = (first, high, low, last, volume, quote)
        numbers = [list(map(float, column)) for column in texts if _are_digits(column)]
        are_whole = {*map(type, start), *map(type, end), *map(type, trades)} == {int}
        if are_whole and len(numbers) == len(texts) and max(map(max, numbers)) < inf:
            return list(map(make_kline, zip(start, end, *numbers, trades, strict=True)))
    except (TypeError, ValueError):
        pass
    return [parse_kline(row) for row in rows]


def _are_digits(texts: tuple[str, ...]) -> bool:
    return "".join(texts).replace(".", "").isdecimal()


def parse_ticker_24h(raw: object) -> Ticker24h:
    """Parse one element of a 24h ticker response (type FULL)."""
    fields = Fields(raw, "ticker/24hr")
    return Ticker24h(
        symbol=fields.text("symbol"),
        last_price=fields.decimal("lastPrice"),
        change_percent=fields.decimal("priceChangePercent"),
        high_price=fields.decimal("highPrice"),
        low_price=fields.decimal("lowPrice"),
        volume=fields.decimal("volume"),
        quote_volume=fields.decimal("quoteVolume"),
        close_time=fields.integer("closeTime"),
        trades=fields.integer("count"),
    )


def parse_book_ticker(raw: object) -> BookTicker:
    """Parse one element of a book ticker response."""
    fields = Fields(raw, "bookTicker")
    return BookTicker(
        symbol=fields.text("symbol"),
        bid_price=fields.decimal("bidPrice"),
        bid_quantity=fields.decimal("bidQty"),
        ask_price=fields.decimal("askPrice"),
        ask_quantity=fields.decimal("askQty"),
    )


def parse_fill(raw: object) -> Fill:
    """Parse one element of ``fills`` of an order placement."""
    fields = Fields(raw, "fill")
    return Fill(
        trade_id=fields.integer("tradeId"),
        price=fields.decimal("price"),
        quantity=fields.decimal("qty"),
        commission=fields.decimal("commission"),
        commission_asset=fields.text("commissionAsset"),
    )


def parse_order(raw: object) -> Order:
    """Parse an order: the response to a placement (RESULT or FULL), a query or a cancel.

    In the response to a cancel ``clientOrderId`` is the cancel's id and ``origClientOrderId`` the order's.
    """
    fields = Fields(raw, "order")
    cost = fields.decimal("cummulativeQuoteQty")  # sic; negative means unknown (old orders)
    id_field = "origClientOrderId" if fields.raw.get("origClientOrderId") else "clientOrderId"
    time_field = "transactTime" if "transactTime" in fields.raw else "updateTime"
    order_list_id = fields.integer_or("orderListId", -1)
    status = fields.text("status")
    may_lack_quantity = order_list_id >= 0 and status in _UNSIZED_STATUSES
    return Order(
        symbol=fields.text("symbol"),
        order_id=fields.integer("orderId"),
        order_list_id=order_list_id,
        client_order_id=fields.text(id_field),
        side=fields.text("side"),
        type=fields.text("type"),
        status=status,
        time_in_force=fields.text("timeInForce"),
        price=fields.decimal("price"),
        stop_price=fields.decimal_or_zero("stopPrice"),
        quantity=(fields.decimal_or_zero if may_lack_quantity else fields.decimal)("origQty"),
        executed_quantity=fields.decimal("executedQty"),
        quote_quantity=None if cost < 0 else cost,
        time=fields.integer(time_field),
        expiry_reason=fields.text_or("expiryReason", ""),
        fills=tuple(map(parse_fill, fields.array("fills"))) if "fills" in fields.raw else (),
    )


def parse_orders(raw: object) -> list[Order]:
    """Parse a list of orders."""
    return [parse_order(row) for row in require_list(raw, "orders")]


def parse_listed_order(raw: object) -> ListedOrder:
    """Parse one element of ``orders`` of an order list."""
    fields = Fields(raw, "listed order")
    return ListedOrder(fields.text("symbol"), fields.integer("orderId"), fields.text("clientOrderId"))


def parse_order_list(raw: object) -> OrderList:
    """Parse an order list: the response to a placement, a query or a cancel."""
    fields = Fields(raw, "order list")
    return OrderList(
        order_list_id=fields.integer("orderListId"),
        list_client_order_id=fields.text("listClientOrderId"),
        symbol=fields.text("symbol"),
        contingency_type=fields.text("contingencyType"),
        status_type=fields.text("listStatusType"),
        order_status=fields.text("listOrderStatus"),
        time=fields.integer("transactionTime"),
        orders=tuple(map(parse_listed_order, fields.array("orders"))),
        reports=tuple(parse_orders(fields.raw.get("orderReports", []))),
    )


def parse_cancel(raw: object) -> Order | OrderList:
    """Parse the response to the cancel of an order: the whole list when the order belongs to one.

    Source: ``order.cancel`` in the exchange's WebSocket API, whose results are those of REST.
    """
    is_list = "contingencyType" in Fields(raw, "cancel").raw
    return parse_order_list(raw) if is_list else parse_order(raw)


def parse_balance(raw: object) -> Balance:
    """Parse one element of ``balances`` of an account."""
    fields = Fields(raw, "balance")
    return Balance(fields.text("asset"), fields.decimal("free"), fields.decimal("locked"))


def parse_account(raw: object) -> AccountInfo:
    """Parse an account."""
    fields = Fields(raw, "account")
    rates = fields.nested("commissionRates")
    balances = map(parse_balance, fields.array("balances"))
    return AccountInfo(
        can_trade=fields.flag("canTrade"),
        maker_commission=rates.decimal("maker"),
        taker_commission=rates.decimal("taker"),
        update_time=fields.integer("updateTime"),
        balances={balance.asset: balance for balance in balances},
        uid=fields.integer("uid") if fields.raw.get("uid") is not None else None,
        account_type=fields.text_or("accountType", ""),
        permissions=frozenset(map(str, fields.array("permissions") if "permissions" in fields.raw else ())),
    )


def parse_account_trade(raw: object) -> AccountTrade:
    """Parse one element of a myTrades response."""
    fields = Fields(raw, "myTrades")
    return AccountTrade(
        symbol=fields.text("symbol"),
        trade_id=fields.integer("id"),
        order_id=fields.integer("orderId"),
        price=fields.decimal("price"),
        quantity=fields.decimal("qty"),
        quote_quantity=fields.decimal("quoteQty"),
        commission=fields.decimal("commission"),
        commission_asset=fields.text("commissionAsset"),
        time=fields.integer("time"),
        is_buyer=fields.flag("isBuyer"),
        is_maker=fields.flag("isMaker"),
    )
