"""The /admin API: adds, lists and clears faults, moves the clock, shuts connections down, changes the account."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cq_tui.binance.filters import SymbolRulesError
from cq_tui.simulator.api.ws_connection import WsApi
from cq_tui.simulator.clock import Clock
from cq_tui.simulator.connections.open_connections import GOING_AWAY, Connections, OpenConnection
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.faults import account_controls
from cq_tui.simulator.faults.account_controls import BalanceRequest, CommissionRequest, ControlError, WipeRequest
from cq_tui.simulator.faults.exchange_faults import ExchangeFaults
from cq_tui.simulator.faults.fault_spec import MARKET, USER_DATA, WS_API, FaultSpec
from cq_tui.simulator.faults.plan import FaultPlan, RequestTarget
from cq_tui.simulator.faults.stream_faults import StreamFaults
from cq_tui.simulator.streams.stream_hub import StreamHub
from cq_tui.simulator.streams.stream_names import parse_stream
from cq_tui.simulator.tick_loop import TickLoop

Model = TypeVar("Model", bound=BaseModel)
_MAX_ADVANCE_MS = 7 * 86_400_000


class AdminError(ValueError):
    """An /admin request that cannot be executed; the message says why."""


class ClockRequest(BaseModel):
    """Freeze the clock (``stand``), advance it by ms and freeze it, or follow the wall clock again (``go``)."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    stand: bool = False
    advance_ms: int | None = Field(default=None, ge=0, le=_MAX_ADVANCE_MS)
    go: bool = False


class ShutdownRequest(BaseModel):
    """A shutdown: the delay between its announcement and the close of the connections."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    delay_ms: int = Field(default=1_000, ge=0, le=600_000)


class Admin:
    """Executes /admin requests and applies the active faults."""

    def __init__(
        self,
        exchange: Exchange,
        hub: StreamHub,
        ws_api: WsApi,
        connections: Connections,
        clock: Clock,
        driver: TickLoop,
    ) -> None:
        self.plan = FaultPlan()
        self._exchange = exchange
        self._connections = connections
        self._clock = clock
        self._driver = driver
        self._streams = StreamFaults(self.plan, clock.market_time, hub, ws_api)
        self._on_exchange = ExchangeFaults(exchange, clock)
        self._applied: list[int] = []

    def match_request(self, target: RequestTarget) -> list[FaultSpec]:
        """Return the faults that apply to a request."""
        self.refresh()
        return self.plan.match_request(target, self._clock.market_time())

    def refresh(self) -> None:
        """Apply new faults and undo ended ones."""
        faults = self.plan.active(self._clock.market_time())
        numbers = [fault.fault_id for fault in faults]
        if numbers == self._applied and not self._streams.is_active:
            return
        self._streams.update(faults)
        if numbers == self._applied:
            return
        self._applied = numbers
        self._on_exchange.apply([fault.spec for fault in faults])

    async def handle(self, method: str, path: str, body: bytes) -> Any:
        """Execute a request and return its response content. Raises AdminError."""
        match method, path.strip("/").split("/")[1:]:
            case "GET", ["faults"]:
                return [fault.to_json() for fault in self.plan.active(self._clock.market_time())]
            case "POST", ["faults"]:
                return self._add(body)
            case "DELETE", ["faults"]:
                self.plan.clear()
                self._exchange.limits.unban()
                self.refresh()
                return {}
            case "DELETE", ["faults", number] if number.isascii() and number.isdigit() and len(number) < 10:
                if not self.plan.remove(int(number)):
                    raise AdminError(f"no fault has the id {number}; GET /admin/faults lists them")
                self.refresh()
                return {}
            case "GET", ["clock"]:
                return self._clock_json()
            case "POST", ["clock"]:
                return await self._move_clock(body)
            case "POST", ["shutdown"]:
                return self._shut_down(body)
            case "GET", ["account"]:
                return account_controls.balances(self._exchange)
            case "POST", ["account"]:
                return self._control(account_controls.change_balances, BalanceRequest, body)
            case "POST", ["commission"]:
                return self._control(account_controls.set_commission, CommissionRequest, body)
            case "POST", ["wipe"]:
                return self._control(account_controls.wipe, WipeRequest, body)
        raise AdminError(
            "unknown request; use GET, POST or DELETE /admin/faults, DELETE /admin/faults/ID, GET or POST /admin/clock "
            "or /admin/account, or POST /admin/shutdown, /admin/commission or /admin/wipe"
        )

    def _control(self, change: Callable[[Exchange, Model], Any], kind: type[Model], body: bytes) -> Any:
        """Carry out an operator control of the account."""
        request = _read(kind, body)
        try:
            return change(self._exchange, request)
        except ControlError as error:
            raise AdminError(str(error)) from None
        except RequestRejected as error:
            raise AdminError(f"not carried out: {error.message}") from None

    def _add(self, body: bytes) -> Any:
        spec = _read(FaultSpec, body)
        if spec.symbol is not None and spec.symbol not in self._exchange.market.column:
            raise AdminError(f"symbol {spec.symbol!r} is not listed here")
        if spec.stream is not None and not self._is_stream(spec.stream):
            raise AdminError(
                f"stream {spec.stream!r} is unknown or never sends here; name one such as btcusdt@trade, "
                f"or {MARKET}, {USER_DATA} or {WS_API}"
            )
        fault = self.plan.add(spec, self._clock.market_time())
        try:
            self.refresh()
        except SymbolRulesError as error:
            self.plan.remove(fault.fault_id)
            self.refresh()
            raise AdminError(str(error)) from None
        return fault.to_json()

    def _is_stream(self, name: str) -> bool:
        known = self._exchange.market.column
        return name in (MARKET, USER_DATA, WS_API) or parse_stream(name, known) is not None

    def _shut_down(self, body: bytes) -> Any:
        """Announce the shutdown to all open connections and close them later; new connections are served normally."""
        delay = _read(ShutdownRequest, body or b"{}").delay_ms
        announced = self._connections.announce_shutdown(self._clock())
        asyncio.get_running_loop().call_later(delay / 1_000, _close, announced)
        return {"connections": len(announced), "delay_ms": delay}

    async def _move_clock(self, body: bytes) -> Any:
        move = _read(ClockRequest, body)
        if move.go:
            self._clock.resume()
        elif move.stand or move.advance_ms is not None:
            self._clock.move_to(self._clock.market_time() + (move.advance_ms or 0))
            await self._driver.catch_up()
        return self._clock_json()

    def _clock_json(self) -> dict[str, Any]:
        return {"time": self._clock.market_time(), "stands": self._clock.is_frozen, "offset_ms": self._clock.offset}


def _close(connections: list[OpenConnection]) -> None:
    for connection in connections:
        connection.disconnect("The server is shutting down", GOING_AWAY)


def _read(kind: type[Model], body: bytes) -> Model:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise AdminError(f"{field}: {message}" if field else message) from None
