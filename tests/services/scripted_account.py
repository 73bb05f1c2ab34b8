"""An exchange with one account that does with each order what the test says: orders, trades, user data."""

import asyncio
import contextlib
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import count
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from cq_tui.trading.client_order_id import parse_client_order_id
from tests.services.scripted_market import exchange_info, symbol_info

D = Decimal
Json = dict[str, Any]
Execute = Callable[[], Awaitable[Json]]
#: What becomes of one request; ``execute`` carries it out and returns the honest answer.
Script = Callable[[Execute], Awaitable[Response]]
FEE = D("0.001")
_OPEN = ("NEW", "PARTIALLY_FILLED")
_LIST_FLAGS = ("ocoAllowed", "otoAllowed", "opoAllowed", "cancelReplaceAllowed")
#: No two executions have the same id, also within a millisecond: the trader takes each once.
_EXECUTIONS = count(1)


async def answer(execute: Execute) -> Response:
    return JSONResponse(await execute())


def refuse(code: int, message: str = "scripted", status: int = 400) -> Script:
    async def script(_: Execute) -> Response:
        return JSONResponse({"code": code, "msg": message}, status)

    return script


async def execute_and_fail(execute: Execute) -> Response:
    """HTTP 503 of which nobody can say what it means."""
    await execute()
    return Response("<html>upstream</html>", 503)


async def fail(_: Execute) -> Response:
    return Response("<html>upstream</html>", 503)


async def execute_and_hang(execute: Execute) -> Response:
    """Carry it out and never answer."""
    await execute()
    await asyncio.Event().wait()
    raise AssertionError


def stopping(reached: asyncio.Event, *, executed: bool) -> Script:
    """Say that the request is here, carried out or not, and answer nothing more."""

    async def script(execute: Execute) -> Response:
        if executed:
            await execute()
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    return script


class _KeyCheck:
    """Refuses the requests of revoked keys."""

    def __init__(self, application: ASGIApp, revoked: set[str]) -> None:
        self._application, self._revoked = application, revoked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and Request(scope).headers.get("X-MBX-APIKEY") in self._revoked:
            refused = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
            await JSONResponse(refused, 401)(scope, receive, send)
        else:
            await self._application(scope, receive, send)


class ScriptedAccount:
    """Market orders and entries of lists fill at ``price`` unless ``fills`` says otherwise; legs wait for the test.

    Symbols take OCO orders; ``allows`` has the names of what else they take.
    """

    def __init__(self, *symbols: str, price: str = "100") -> None:
        #: Each account has its own: a machine has one trader for an account.
        self.uid = secrets.randbelow(10**9)
        self.symbols = symbols or ("BTCUSDT", "ETHUSDT")
        self.price = D(price)
        self.free = defaultdict(D, {"USDT": D(10_000)})
        self.orders: dict[str, Json] = {}
        self.trades: list[Json] = []
        #: Client ids in the order in which they were sent to us, whatever became of them.
        self.sent: list[str] = []
        self.allows = {"ocoAllowed"}
        #: Scripts of the next requests, by kind: entry, exit, oco, list, replace, cancel, query, trades. Without one:
        #: ``answer``.
        self.next: dict[str, deque[Script]] = defaultdict(deque)
        #: Share of a market order that fills at once.
        self.fills = D(1)
        self.sockets: set[WebSocket] = set()
        #: API keys that subscribed to the account's events, in their order.
        self.subscribed: list[str] = []
        #: API keys that are refused.
        self.revoked: set[str] = set()
        self.silent = False
        self._ids = iter(range(1, 10_000))

    @property
    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/v3/time", self._time),
                Route("/api/v3/exchangeInfo", self._info),
                Route("/api/v3/account", self._account),
                Route("/api/v3/account/commission", self._commission),
                Route("/api/v3/openOrders", self._open_orders),
                Route("/api/v3/order", self._query, methods=["GET"]),
                Route("/api/v3/order", self._place, methods=["POST"]),
                Route("/api/v3/order", self._cancel_one, methods=["DELETE"]),
                Route("/api/v3/order/cancelReplace", self._replace, methods=["POST"]),
                Route("/api/v3/orderList/oco", self._place_oco, methods=["POST"]),
                Route("/api/v3/orderList/otoco", self._place_otoco, methods=["POST"]),
                Route("/api/v3/orderList", self._cancel_list, methods=["DELETE"]),
                Route("/api/v3/myTrades", self._my_trades),
                WebSocketRoute("/ws-api/v3", self._user_data),
            ],
            middleware=[Middleware(_KeyCheck, revoked=self.revoked)],
        )

    # What the test looks at and does

    def legs(self, leg: str, *statuses: str) -> list[Json]:
        """The orders of a leg (entry, stop, target, exit), of these statuses."""
        found = [order for order in self.orders.values() if leg_of(order["clientOrderId"]) == leg]
        return [order for order in found if not statuses or order["status"] in statuses]

    async def fill(self, order: Json, quantity: Decimal | None = None, price: Decimal | None = None) -> None:
        """Fill a resting order and report it; another leg of its list expires."""
        trade = self._fill(order, quantity or _left(order), price or self.price)
        await self.report(order, "TRADE", trade)
        for other in self.orders.values():
            if order["orderListId"] >= 0 and other["orderListId"] == order["orderListId"] and other is not order:
                other["status"] = "EXPIRED"
                await self.report(other, "EXPIRED")

    async def report(self, order: Json, execution: str, trade: Json | None = None, *, status: str = "") -> None:
        """Send an execution report."""
        if self.silent:
            return
        await self._tell(_execution_report(order, execution, trade) | ({"X": status} if status else {}))

    async def position(self, asset: str, free: str, changed: int) -> None:
        """Send a balance that the account has had since ``changed`` (Unix ms)."""
        balance = {"a": asset, "f": free, "l": "0"}
        await self._tell({"e": "outboundAccountPosition", "E": changed, "u": changed, "B": [balance]})

    async def _tell(self, event: Json) -> None:
        for socket in list(self.sockets):
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_text(orjson.dumps({"subscriptionId": 0, "event": event}).decode())

    def rest_order(self, client_id: str, side: str, symbol: str = "BTCUSDT") -> Json:
        """Put an open order on the book that the trader did not send in this life."""
        return self._new({"symbol": symbol, "side": side, "quantity": "0.5", "type": "LIMIT"}, client_id, -1)

    # Orders

    def _new(self, params: Json, client_id: str, list_id: int, **more: str) -> Json:
        order = {
            "symbol": params["symbol"], "orderId": next(self._ids), "orderListId": list_id,
            "clientOrderId": client_id, "price": "0", "stopPrice": "0", "origQty": params["quantity"],
            "executedQty": "0", "cummulativeQuoteQty": "0", "status": "NEW", "timeInForce": "GTC",
            "type": params["type"], "side": params["side"], "updateTime": _now(),
        } | more  # fmt: skip
        self.orders[client_id] = order
        return order

    def _fill(self, order: Json, quantity: Decimal, price: Decimal) -> Json:
        buying, base = order["side"] == "BUY", order["symbol"].removesuffix("USDT")
        cost = quantity * price
        fee, fee_asset = (quantity * FEE, base) if buying else (cost * FEE, "USDT")
        self.free[base] += quantity if buying else -quantity
        self.free["USDT"] += -cost if buying else cost
        self.free[fee_asset] -= fee
        order["executedQty"] = f"{D(order['executedQty']) + quantity}"
        order["cummulativeQuoteQty"] = f"{D(order['cummulativeQuoteQty']) + cost}"
        order["status"] = "PARTIALLY_FILLED" if _left(order) else "FILLED"
        trade = {
            "symbol": order["symbol"], "id": next(self._ids), "orderId": order["orderId"], "price": f"{price}",
            "qty": f"{quantity}", "quoteQty": f"{cost}", "commission": f"{fee:f}", "commissionAsset": fee_asset,
            "time": _now(), "isBuyer": buying, "isMaker": False,
        }  # fmt: skip
        self.trades.append(trade)
        return trade

    async def _place(self, request: Request) -> Response:
        params = dict(request.query_params)
        name = params["newClientOrderId"]
        self.sent.append(name)

        async def execute() -> Json:
            return await self._execute_new(params, name)

        return await self._script(leg_of(name))(execute)

    async def _execute_new(self, params: Json, name: str) -> Json:
        prices = {key: params[key] for key in ("price", "stopPrice") if key in params}
        order = self._new(params, name, -1, **prices)
        quantity = D(params["quantity"]) * self.fills if params["type"] == "MARKET" else D(0)
        trades = [self._fill(order, quantity, self.price)] if quantity else []
        for trade in trades:
            await self.report(order, "TRADE", trade)
        if not trades:
            await self.report(order, "NEW")
        fills = [
            {key: trade[key] for key in ("price", "qty", "commission", "commissionAsset")} | {"tradeId": trade["id"]}
            for trade in trades
        ]
        return order | {"transactTime": _now(), "fills": fills}

    async def _replace(self, request: Request) -> Response:
        params = dict(request.query_params)
        name, old = params["newClientOrderId"], self.orders[params["cancelOrigClientOrderId"]]
        self.sent.append(name)
        members = self._members(old)
        if old["status"] not in _OPEN:
            refusal = {"code": -2011, "msg": "Unknown order sent."}
            data = {"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED", "cancelResponse": refusal}
            return JSONResponse({"code": -2022, "msg": "Order cancel-replace failed.", "data": data}, 400)

        async def execute() -> Json:
            for order in members:
                if order["status"] in _OPEN:
                    order["status"] = "CANCELED"
                    await self.report(order, "CANCELED")
            canceled = members[0] | {"transactTime": _now()}
            if "listClientOrderId" in old:
                canceled = _list_shape(old["listClientOrderId"], "ALL_DONE", members)
            placed = await self._execute_new(params, name)
            return {
                "cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": canceled,
                "newOrderResponse": placed,
            }  # fmt: skip

        return await self._script("replace")(execute)

    def _members(self, order: Json) -> list[Json]:
        name = order.get("listClientOrderId")
        members = [other for other in self.orders.values() if other.get("listClientOrderId") == name]
        return [order] if name is None else members

    async def _place_otoco(self, request: Request) -> Response:
        params = dict(request.query_params)
        kinds = ("working", "pendingAbove", "pendingBelow")
        names = [params[f"{kind}ClientOrderId"] for kind in kinds]
        self.sent += names
        list_name = params["listClientOrderId"]

        async def execute() -> Json:
            list_id = next(self._ids)
            common = {"symbol": params["symbol"], "listClientOrderId": list_name}
            working = self._new(
                common | {"side": "BUY", "type": params["workingType"], "quantity": params["workingQuantity"]},
                names[0], list_id, price=params["workingPrice"], timeInForce="FOK", listClientOrderId=list_name,
            )  # fmt: skip
            legs = [
                self._new(
                    common | {"side": "SELL", "type": params[f"{kind}Type"], "quantity": params["pendingQuantity"]},
                    name, list_id, price=params.get(f"{kind}Price", "0"), stopPrice=params.get(f"{kind}StopPrice", "0"),
                    listClientOrderId=list_name, status="PENDING_NEW",
                )
                for kind, name in zip(kinds[1:], names[1:], strict=True)
            ]  # fmt: skip
            is_filled = self.fills == 1 and D(params["workingPrice"]) >= self.price
            for order in (working, *legs):
                await self.report(order, "NEW")
            if is_filled:
                await self.report(working, "TRADE", self._fill(working, D(params["workingQuantity"]), self.price))
            else:
                working["status"] = "EXPIRED"
                await self.report(working, "EXPIRED")
            for leg in legs:
                leg["status"] = "NEW" if is_filled else "EXPIRED"
                await self.report(leg, leg["status"])
            return _list_shape(list_name, "EXECUTING" if is_filled else "ALL_DONE", [working, *legs])

        return await self._script("list")(execute)

    async def _place_oco(self, request: Request) -> Response:
        params = dict(request.query_params)
        names = params["aboveClientOrderId"], params["belowClientOrderId"]
        self.sent += names

        async def execute() -> Json:
            list_id = next(self._ids)
            above, below = (
                self._new(
                    params | {"type": params[f"{leg}Type"]}, params[f"{leg}ClientOrderId"], list_id,
                    price=params.get(f"{leg}Price", "0"), stopPrice=params.get(f"{leg}StopPrice", "0"),
                    listClientOrderId=params["listClientOrderId"],
                )
                for leg in ("above", "below")
            )  # fmt: skip
            for order in (above, below):
                await self.report(order, "NEW")
            return _list_shape(params["listClientOrderId"], "EXECUTING", [above, below])

        return await self._script("oco")(execute)

    async def _cancel_list(self, request: Request) -> Response:
        name = request.query_params["listClientOrderId"]
        members = [order for order in self.orders.values() if order.get("listClientOrderId") == name]
        open_ones = [order for order in members if order["status"] in _OPEN]

        async def execute() -> Json:
            for order in open_ones:
                order["status"] = "CANCELED"
                await self.report(order, "CANCELED")
            return _list_shape(name, "ALL_DONE", members)

        script = self._script("cancel")
        if not open_ones and script is answer:
            return JSONResponse({"code": -2011, "msg": "Unknown order sent."}, 400)
        return await script(execute)

    async def _cancel_one(self, request: Request) -> Response:
        order = self.orders[request.query_params["origClientOrderId"]]
        order["status"] = "CANCELED"
        return JSONResponse(order)

    async def _query(self, request: Request) -> Response:
        number, name = request.query_params.get("orderId"), request.query_params.get("origClientOrderId")
        order = next(
            (one for one in self.orders.values() if name == one["clientOrderId"] or number == str(one["orderId"])), None
        )

        async def execute() -> Json:
            assert order is not None
            return order

        script = self._script("query")
        if script is answer and order is None:
            return JSONResponse({"code": -2013, "msg": "Order does not exist."}, 400)
        return await script(execute)

    def _script(self, kind: str) -> Script:
        waiting = self.next[kind]
        return waiting.popleft() if waiting else answer

    # The rest

    async def _time(self, _: Request) -> Response:
        return JSONResponse({"serverTime": _now()})

    async def _info(self, request: Request) -> Response:
        wanted = orjson.loads(request.query_params["symbols"])
        if any(symbol not in self.symbols for symbol in wanted):
            return JSONResponse({"code": -1121, "msg": "Invalid symbol."}, 400)
        flags = {flag: flag in self.allows for flag in _LIST_FLAGS}
        return JSONResponse(exchange_info(symbol_info(symbol) | flags for symbol in wanted))

    async def _account(self, _: Request) -> Response:
        rates = {"maker": "0.001", "taker": "0.001"}
        balances = [{"asset": asset, "free": f"{free:f}", "locked": "0"} for asset, free in self.free.items()]
        common = {"commissionRates": rates, "canTrade": True, "updateTime": _now(), "uid": self.uid}
        return JSONResponse(common | {"balances": balances})

    async def _commission(self, request: Request) -> Response:
        nothing = dict.fromkeys(("maker", "taker", "buyer", "seller"), "0")
        standard = nothing | {"maker": f"{FEE}", "taker": f"{FEE}"}
        discount = {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": "0"}
        rates = {"standardCommission": standard, "specialCommission": nothing, "taxCommission": nothing}
        return JSONResponse({"symbol": request.query_params["symbol"], "discount": discount} | rates)

    async def _open_orders(self, _: Request) -> Response:
        return JSONResponse([order for order in self.orders.values() if order["status"] in _OPEN])

    async def _my_trades(self, request: Request) -> Response:
        asked = request.query_params
        script = self._script("trades")
        if script is not answer:
            return Response("later", 503)
        trades = [trade for trade in self.trades if trade["symbol"] == asked["symbol"]]
        if "orderId" in asked:
            trades = [trade for trade in trades if trade["orderId"] == int(asked["orderId"])]
        return JSONResponse([trade for trade in trades if trade["id"] >= int(asked.get("fromId", 0))])

    async def _user_data(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            request = await socket.receive_json()
            await socket.send_json({"id": request["id"], "status": 200, "result": {"subscriptionId": 0}})
            self.sockets.add(socket)
            self.subscribed.append(request["params"]["apiKey"])
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            self.sockets.discard(socket)


def leg_of(client_order_id: str) -> str:
    """The leg of an order of ours, of whatever version; empty for any other."""
    ours = parse_client_order_id(client_order_id)
    return "" if ours is None else ours.leg.value


def _now() -> int:
    return int(time.time() * 1000)


def _left(order: Json) -> Decimal:
    return D(order["origQty"]) - D(order["executedQty"])


def _list_shape(name: str, status: str, orders: list[Json]) -> Json:
    return {
        "orderListId": orders[0]["orderListId"], "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED" if status == "EXECUTING" else status, "listOrderStatus": status,
        "listClientOrderId": name, "transactionTime": _now(), "symbol": orders[0]["symbol"],
        "orders": [{key: order[key] for key in ("symbol", "orderId", "clientOrderId")} for order in orders],
        "orderReports": [order | {"transactTime": _now()} for order in orders],
    }  # fmt: skip


def _execution_report(order: Json, execution: str, trade: Json | None) -> Json:
    return {
        "e": "executionReport", "E": _now(), "s": order["symbol"], "c": order["clientOrderId"], "S": order["side"],
        "o": order["type"], "f": "GTC", "q": order["origQty"], "p": order["price"], "P": order["stopPrice"],
        "g": order["orderListId"], "C": "", "x": execution, "X": order["status"], "r": "NONE",
        "i": order["orderId"], "l": trade["qty"] if trade else "0", "z": order["executedQty"],
        "L": trade["price"] if trade else "0", "n": trade["commission"] if trade else "0",
        "N": trade["commissionAsset"] if trade else None, "T": _now(), "t": trade["id"] if trade else -1,
        "I": next(_EXECUTIONS), "w": True, "m": False, "Z": order["cummulativeQuoteQty"],
    }  # fmt: skip
