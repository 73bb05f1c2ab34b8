"""The REST endpoints of Binance Spot that the stack uses, as typed methods."""

from decimal import Decimal

import orjson

from cq_tui.binance.cancel_replace import FAILED, PARTIALLY_FAILED, CancelReplaceResult, parse_cancel_replace
from cq_tui.binance.commission import CommissionRates, parse_commission_rates
from cq_tui.binance.errors import ApiError, InvalidSymbol, MalformedMessage, OutcomeUnknown
from cq_tui.binance.exchange_info import ExchangeInfo, merge_exchange_info, parse_exchange_info
from cq_tui.binance.fields import Fields, Param, require_list
from cq_tui.binance.http import RestConnection
from cq_tui.binance.order_book import DepthSnapshot, parse_depth
from cq_tui.binance.order_lists import NewList, NewOco, NewOpoco, NewOtoco
from cq_tui.binance.orders import CancelReplace, NewOrder, Params, check_client_order_id
from cq_tui.binance.symbol_parts import ask_in_parts
from cq_tui.binance.types import (
    AccountInfo,
    AccountTrade,
    BookTicker,
    Order,
    OrderList,
    Ticker24h,
    parse_account,
    parse_account_trade,
    parse_book_ticker,
    parse_cancel,
    parse_klines,
    parse_order,
    parse_order_list,
    parse_orders,
    parse_server_time,
    parse_ticker_24h,
)
from cq_tui.contracts.market import Kline

#: The weight of a depth request, by its maximum number of levels.
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))


def _without_none(*pairs: tuple[str, Param | None]) -> Params:
    return [(name, value) for name, value in pairs if value is not None]


def _symbols_json(symbols: list[str]) -> str:
    return orjson.dumps(symbols).decode()


def _cancel_params(symbol: str, id_name: str, client_order_id: str, cancel_id: str | None) -> Params:
    if cancel_id is not None:
        check_client_order_id(cancel_id)
    return _without_none(
        ("symbol", symbol), (id_name, check_client_order_id(client_order_id)), ("newClientOrderId", cancel_id)
    )


class SpotRest(RestConnection):
    """Binance Spot over REST. Times are ms, prices and quantities exact decimals.

    Every method raises NotSent, ConnectionLost, MalformedMessage or an ApiError; those that change
    something raise OutcomeUnknown when it is unknown whether they did, and are never sent twice.
    """

    # general

    async def ping(self) -> None:
        """Test the connection. Weight 1."""
        await self.read("/api/v3/ping", [], weight=1)

    async def server_time(self) -> int:
        """Return the server's time. Weight 1."""
        return parse_server_time(await self.read("/api/v3/time", [], weight=1))

    async def exchange_info(self, symbols: list[str] | None = None) -> ExchangeInfo:
        """Return the rules of the symbols (of all without a list), and adopt the limits it reports.

        Names that the exchange does not list are in ``unknown_symbols``; InvalidSymbol is raised if it lists none.
        Weight 20 per request: one for 100 symbols, and a few more to find a wrong name.
        """
        parts, unknown = [], tuple[str, ...]()
        if symbols is None:
            parts.append(await self._exchange_info(None))
        else:
            parts, unknown = await ask_in_parts(symbols, self._exchange_info)
        if not parts:
            raise InvalidSymbol(400, -1121, "no symbol was asked for")
        self.budget.set_limits(parts[-1].weight_per_minute, parts[-1].order_limits)
        return merge_exchange_info(parts, unknown)

    async def _exchange_info(self, symbols: list[str] | None) -> ExchangeInfo:
        params = _without_none(("symbols", None if symbols is None else _symbols_json(symbols)))
        return parse_exchange_info(await self.read("/api/v3/exchangeInfo", params, weight=20))

    # market data

    async def klines(
        self,
        symbol: str,
        interval: str,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int = 1000,
    ) -> list[Kline]:
        """Return up to 1000 klines, oldest first; the newest may be unfinished. Weight 2.

        With ``start_time`` the oldest from there, otherwise the newest up to ``end_time``.
        """
        params = _without_none(
            ("symbol", symbol),
            ("interval", interval),
            ("startTime", start_time),
            ("endTime", end_time),
            ("limit", limit),
        )
        return parse_klines(await self.read("/api/v3/klines", params, weight=2))

    async def tickers_24h(self, symbols: list[str]) -> list[Ticker24h]:
        """Return rolling 24-hour statistics of the symbols that are listed. Weight 2 up to 20 symbols, 40 up to 100.

        Raises InvalidSymbol if none is.
        """

        async def ask(part: list[str]) -> list[object]:
            params = _without_none(("symbols", _symbols_json(part)))
            raw = await self.read("/api/v3/ticker/24hr", params, weight=2 if len(part) <= 20 else 40)
            return require_list(raw, "ticker/24hr")

        answers, _ = await ask_in_parts(symbols, ask)
        return [parse_ticker_24h(row) for rows in answers for row in rows]

    async def quote_volumes(self) -> dict[str, Decimal]:
        """Return the quote volume of 24 hours of every symbol. Weight 80."""
        raw = await self.read("/api/v3/ticker/24hr", [("type", "MINI")], weight=80)
        rows = (Fields(row, "ticker/24hr") for row in require_list(raw, "ticker/24hr"))
        return {row.text("symbol"): row.decimal("quoteVolume") for row in rows}

    async def book_tickers(self, symbols: list[str]) -> list[BookTicker]:
        """Return best bid and ask of the symbols that are listed. Weight 4 per 100 symbols.

        Raises InvalidSymbol if none is.
        """

        async def ask(part: list[str]) -> list[object]:
            params = _without_none(("symbols", _symbols_json(part)))
            return require_list(await self.read("/api/v3/ticker/bookTicker", params, weight=4), "bookTicker")

        answers, _ = await ask_in_parts(symbols, ask)
        return [parse_book_ticker(row) for rows in answers for row in rows]

    async def depth(self, symbol: str, limit: int = 1000) -> DepthSnapshot:
        """Return the best ``limit`` levels of each side, up to 5000. Weight 5, 25, 50 or 250, by the limit."""
        if not 1 <= limit <= _DEPTH_WEIGHTS[-1][0]:
            raise ValueError(f"{limit} levels of depth; expected 1 to {_DEPTH_WEIGHTS[-1][0]}")
        weight = next(weight for levels, weight in _DEPTH_WEIGHTS if limit <= levels)
        params = _without_none(("symbol", symbol), ("limit", limit))
        return parse_depth(await self.read("/api/v3/depth", params, weight=weight))

    # account

    async def account(self) -> AccountInfo:
        """Return permissions, commission rates and the balances above zero. Weight 20."""
        params = _without_none(("omitZeroBalances", True))
        return parse_account(await self.read("/api/v3/account", params, weight=20, signed=True))

    async def commission(self, symbol: str) -> CommissionRates:
        """Return the account's commission rates on a symbol. Weight 20."""
        params = _without_none(("symbol", symbol))
        return parse_commission_rates(await self.read("/api/v3/account/commission", params, weight=20, signed=True))

    async def my_trades(
        self,
        symbol: str,
        *,
        order_id: int | None = None,
        start_time: int | None = None,
        from_id: int | None = None,
        limit: int = 1000,
    ) -> list[AccountTrade]:
        """Return the account's trades of a symbol, oldest first. Weight 5 with ``order_id``, else 20."""
        params = _without_none(
            ("symbol", symbol),
            ("orderId", order_id),
            ("startTime", start_time),
            ("fromId", from_id),
            ("limit", limit),
        )
        weight = 20 if order_id is None else 5
        raw = await self.read("/api/v3/myTrades", params, weight=weight, signed=True)
        return [parse_account_trade(row) for row in require_list(raw, "myTrades")]

    # orders

    async def new_order(self, order: NewOrder) -> Order:
        """Place an order. HTTP success may still mean EXPIRED: check the status."""
        return await self.send_once(
            "POST", "/api/v3/order", order.params(), parse_order, client_order_id=order.client_order_id, orders=1
        )

    async def query_order(
        self, symbol: str, client_order_id: str | None = None, *, order_id: int | None = None
    ) -> Order:
        """Return an order by client order id, order id, or both, which must agree. Weight 4.

        OrderNotFound may be wrong right after placement.
        """
        if client_order_id is None and order_id is None:
            raise ValueError("query_order needs a client order id or an order id")
        if client_order_id is not None:
            check_client_order_id(client_order_id)
        params = _without_none(("symbol", symbol), ("orderId", order_id), ("origClientOrderId", client_order_id))
        return parse_order(await self.read("/api/v3/order", params, weight=4, signed=True))

    async def cancel_order(
        self, symbol: str, client_order_id: str, *, cancel_id: str | None = None, order_id: int | None = None
    ) -> Order | OrderList:
        """Cancel an order by client order id. In a list it cancels the whole list, and returns that.

        ``cancel_id`` is the cancel's own id. ``order_id``: the exchange's, which then names the order alone. Raises
        CancelRejected when the order is not open.
        """
        if order_id is None:
            params = _cancel_params(symbol, "origClientOrderId", client_order_id, cancel_id)
        else:
            params = _without_none(("symbol", symbol), ("orderId", order_id), ("newClientOrderId", cancel_id))
        return await self.send_once("DELETE", "/api/v3/order", params, parse_cancel, client_order_id=client_order_id)

    async def cancel_replace(self, request: CancelReplace) -> CancelReplaceResult:
        """Cancel an order and place another if that succeeded; see CancelReplaceResult for what may come of it.

        Raises ApiError when nothing was changed, such as for a filter or the order count. OutcomeUnknown leaves both
        halves unknown: query the canceled order and the new one, whose client order id the error has.
        """
        path, new_id = "/api/v3/order/cancelReplace", request.new.client_order_id
        try:
            return await self.send_once(
                "POST", path, request.params(), parse_cancel_replace, client_order_id=new_id, orders=1
            )
        except ApiError as error:
            if error.code not in (PARTIALLY_FAILED, FAILED):
                raise
            try:
                return parse_cancel_replace(error.data)
            except MalformedMessage as malformed:
                unknown = OutcomeUnknown(f"POST {path}: {error}, but {malformed}", error.status, error.code)
                unknown.client_order_id = new_id
                raise unknown from malformed

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Return the open orders of a symbol (weight 6) or of all (weight 80)."""
        weight = 80 if symbol is None else 6
        raw = await self.read("/api/v3/openOrders", _without_none(("symbol", symbol)), weight=weight, signed=True)
        return parse_orders(raw)

    async def all_orders(
        self,
        symbol: str,
        *,
        order_id: int | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int = 1000,
    ) -> list[Order]:
        """Return up to 1000 orders of a symbol, open or not, oldest first. Weight 20.

        The newest ones; or those from an order id on; or those of a time range (ms), at most 24 hours long.
        """
        params = _without_none(
            ("symbol", symbol),
            ("orderId", order_id),
            ("startTime", start_time),
            ("endTime", end_time),
            ("limit", limit),
        )
        return parse_orders(await self.read("/api/v3/allOrders", params, weight=20, signed=True))

    # order lists

    async def new_oco(self, oco: NewOco) -> OrderList:
        """Place an OCO: two orders of which one cancels the other."""
        return await self._new_list("oco", oco, orders=2)

    async def new_otoco(self, otoco: NewOtoco) -> OrderList:
        """Place an OTOCO: an entry, and an OCO that sells a given quantity once the entry is filled."""
        return await self._new_list("otoco", otoco, orders=3)

    async def new_opoco(self, opoco: NewOpoco) -> OrderList:
        """Place an OPOCO: an entry, and an OCO that sells what it received once it is filled."""
        return await self._new_list("opoco", opoco, orders=3)

    async def _new_list(self, kind: str, request: NewList, *, orders: int) -> OrderList:
        return await self.send_once(
            "POST",
            f"/api/v3/orderList/{kind}",
            request.params(),
            parse_order_list,
            client_order_id=request.list_client_order_id,
            orders=orders,
        )

    async def query_order_list(self, list_client_order_id: str) -> OrderList:
        """Return an order list by its client order id. Weight 4."""
        # Here origClientOrderId is the id of the list.
        params = _without_none(("origClientOrderId", check_client_order_id(list_client_order_id)))
        return parse_order_list(await self.read("/api/v3/orderList", params, weight=4, signed=True))

    async def cancel_order_list(
        self, symbol: str, list_client_order_id: str, *, cancel_id: str | None = None
    ) -> OrderList:
        """Cancel an order list by its client order id. Raises CancelRejected when it is not open."""
        params = _cancel_params(symbol, "listClientOrderId", list_client_order_id, cancel_id)
        return await self.send_once(
            "DELETE", "/api/v3/orderList", params, parse_order_list, client_order_id=list_client_order_id
        )

    async def open_order_lists(self) -> list[OrderList]:
        """Return all open order lists. Weight 6."""
        raw = await self.read("/api/v3/openOrderList", [], weight=6, signed=True)
        return [parse_order_list(row) for row in require_list(raw, "openOrderList")]
