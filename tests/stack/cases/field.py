"""The field: an exchange whose operator we are, and the services that trade on it as processes."""

import asyncio
import hmac
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx
import orjson

from cq_tui.contracts.commands import CommandOutcome
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_from_bytes
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.spools.spool import EventSpool
from tests.services.processes import RunningService, data_directory, environment, report, running, spooled

D = Decimal
#: Seconds within which something has to happen, on a machine that is busy with other tests.
_PATIENCE = 60.0
_numbers = count()
T = TypeVar("T")


async def until(condition: Callable[[], T]) -> T:
    """Ask again and again until the condition holds; return what it returned. Asking the exchange costs it time."""
    end = time.monotonic() + _PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"not so within {_PATIENCE:.0f} s"
        await asyncio.sleep(0.05)
    return found


class Exchange:
    """``cq-tui exchange --admin`` on loopback, a process, and its operator."""

    def __init__(self, *symbols: str) -> None:
        words = ["exchange", "--admin", "--json", "--seed", "7", "--symbols", ",".join(symbols), "--no-limits"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cq_tui", *words], env=environment(), stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.address: dict[str, str] = orjson.loads(self._process.stdout.readline())
        self._http = httpx.Client(base_url=self.address["rest_url"], timeout=30)

    def close(self) -> None:
        """End it."""
        self._http.close()
        self._process.kill()
        self._process.communicate()

    @property
    def settings(self) -> dict[str, object]:
        """The settings that trade here, as on the testnet."""
        address = self.address
        return {
            "SIMULATION_MODE": False, "TRADING_MODE": "testnet",
            "BINANCE_API_KEY": address["api_key"], "BINANCE_API_SECRET": address["api_secret"],
            "BINANCE_REST_URL": address["rest_url"], "BINANCE_STREAM_URL": address["stream_url"],
            "BINANCE_WS_API_URL": address["ws_api_url"],
        }  # fmt: skip

    # The operator

    def admin(self, control: str, **body: object) -> Any:
        """Send a request to /admin."""
        answer = self._http.post(f"/admin/{control}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, action: str, **selectors: object) -> int:
        """Add a fault; return its number."""
        return int(self.admin("faults", action=action, **selectors)["id"])

    def filters(self, symbol: str, **values: dict[str, object]) -> int:
        """Change fields of a symbol's filters."""
        changed = [{"filterType": name, **fields} for name, fields in values.items()]
        return self.fault("filters", symbol=symbol, filters=changed)

    def mend(self, *numbers: int) -> None:
        """End these faults, or all."""
        for path in [f"/admin/faults/{number}" for number in numbers] or ["/admin/faults"]:
            assert self._http.delete(path).status_code == 200

    # What it says to the account's owner

    def ask(self, path: str, method: str = "GET", **parameters: object) -> Any:
        """Ask for something of the account, signed as Binance documents it."""
        clock = self._http.get("/api/v3/time").json()["serverTime"]
        query = urlencode({**parameters, "timestamp": clock, "recvWindow": 30_000})
        signature = hmac.new(self.address["api_secret"].encode(), query.encode(), sha256).hexdigest()
        url = f"/api/v3/{path}?{query}&signature={signature}"
        answer = self._http.request(method, url, headers={"X-MBX-APIKEY": self.address["api_key"]})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def balance(self, asset: str) -> Decimal:
        """What the account holds of an asset, free and locked."""
        balances: dict[str, dict[str, str]] = self._http.get("/admin/account").json()["balances"]
        held = balances.get(asset, {"free": "0", "locked": "0"})
        return D(held["free"]) + D(held["locked"])

    def orders(self, symbol: str, *types: str) -> list[dict[str, Any]]:
        """All orders of a symbol, of these types (all without any), oldest first."""
        orders: list[dict[str, Any]] = self.ask("allOrders", symbol=symbol, limit=1000)
        return [order for order in orders if not types or order["type"] in types]

    def covered(self, symbol: str) -> Decimal:
        """How much of a symbol working stops would sell."""
        working = [order for order in self.ask("openOrders", symbol=symbol) if "STOP" in order["type"]]
        return sum((D(order["origQty"]) - D(order["executedQty"]) for order in working), D(0))

    def bought(self, symbol: str) -> int:
        """How often something was bought in a symbol."""
        return len([order for order in self.orders(symbol) if order["side"] == "BUY" and D(order["executedQty"])])


class Field:
    """The services over one data directory, and what they wrote."""

    def __init__(self, data: DataDir, exchange: Exchange, stack: AsyncExitStack) -> None:
        self.data = data
        self.exchange = exchange
        self.services: dict[str, RunningService] = {}
        self.ares = EventSpool(data.spool, "ares", quarantine=data.quarantine)
        self._stack = stack

    async def start(self, *names: str, **variables: str) -> None:
        """Start services."""
        for name in names:
            self.services[name] = await self._stack.enter_async_context(running(name, self.data, **variables))

    async def ready(self, *names: str) -> None:
        """Wait until services are ready."""
        await until(lambda: all(self.services[name].health.get("ready") for name in names))

    async def restart(self, name: str) -> None:
        """Kill a service, and start it again."""
        self.services[name].kill()
        await self.start(name)

    @property
    def trader(self) -> dict[str, Any]:
        """The trader's health."""
        return self.services["trader"].health

    @property
    def feeder(self) -> dict[str, Any]:
        """The feeder's health."""
        return self.services["feeder"].health

    @property
    def account(self) -> dict[str, Any]:
        """The account document; empty before there is one."""
        try:
            return read_json(self.data.account)
        except DocumentError:
            return {}

    @property
    def held(self) -> set[str]:
        """Symbols with an open position, as the account document has it."""
        return set(self.account.get("positions", ()))

    def events(self, *event_types: str) -> list[dict[str, Any]]:
        """What the trader told."""
        return [event["data"] for event in spooled(self.data, "trader", *event_types)]

    def denial(self, strategy: str) -> str | None:
        """The code with which the signal of a strategy was refused; None while it was not."""
        rejected = self.rejected(strategy)
        return None if rejected is None else str(rejected.get("code"))

    def rejected(self, strategy: str) -> dict[str, Any] | None:
        """The last refusal of a buy of a strategy; None while there is none."""
        found = [
            event for event in self.events("order_rejected")
            if event["side"] == "BUY" and str(event.get("signal_key")).partition(":")[0] == strategy
        ]  # fmt: skip
        return found[-1] if found else None

    def ticker(self, symbol: str) -> Ticker | None:
        """The feeder's price of a symbol."""
        return tickers_from_bytes(self.data.tickers.read_bytes())[1].get(symbol) if self.data.tickers.exists() else None

    def signal(self, symbol: str, side: str = "BUY", **changes: object) -> str:
        """Have a fresh signal in the history, as ARES would; return its strategy, which is unlike all others."""
        ticker = self.ticker(symbol)
        price = 1.0 if ticker is None else ticker.ask
        stop, target = (0.9, 1.1) if side == "BUY" else (1.1, 0.9)
        strategy = f"s{next(_numbers)}"
        plain: dict[str, object] = {
            "symbol": symbol, "side": side, "entry_price": price, "stop_loss": price * stop,
            "take_profit": price * target, "confidence": 0.7, "strategy": strategy, "frame": "1s",
            "bar_close_time": int(time.time()) * 1000 - 1,
        }  # fmt: skip
        self.ares.emit("signal_generated", plain | changes)
        return strategy

    async def refused(self, symbol: str, side: str = "BUY", **changes: object) -> str:
        """Give a signal that is to be refused; return the reason."""
        strategy = self.signal(symbol, side, **changes)
        return await until(lambda: self.denial(strategy)) or ""

    async def enter(self, *symbols: str) -> None:
        """Have protected positions."""
        for symbol in symbols:
            self.signal(symbol)
        await until(lambda: set(symbols) <= self.held)
        await until(lambda: all(self.exchange.covered(symbol) for symbol in symbols))

    async def closed(self, *symbols: str) -> None:
        """Wait until nothing is held of these symbols."""
        await until(lambda: not self.held & set(symbols))

    async def able(self) -> None:
        """Wait until the trader says that positions can be opened."""
        await until(lambda: self.trader.get("status") == "ok" and not self.trader.get("blocked_by"))

    async def command(self, name: str, target: str = "") -> CommandOutcome:
        """Give the trader a command, and return its answer."""
        command = issue_command(self.data, name, "trader", issued_by="the test", target=target or None)
        return await wait_for_answer(self.data, command)

    def show(self) -> None:
        """Print what explains a failure."""
        for event in spooled(self.data, "trader")[-25:]:
            print(event["event_type"], event["data"])
        print(self.services["trader"].health if "trader" in self.services else "no trader")

    def nothing_twice(self, *symbols: str) -> None:
        """Nothing was sent twice, or without a written intent; each fill was told once."""
        submitted = [event["client_order_id"] for event in self.events("order_submitted")]
        assert max(Counter(submitted).values(), default=1) == 1
        for symbol in symbols:
            placed = [order["clientOrderId"] for order in self.exchange.orders(symbol)]
            assert len(set(placed)) == len(placed), f"{symbol}: an order was sent twice"
            assert set(placed) <= set(submitted), f"{symbol}: an order without a written intent"
        told = [(event["symbol"], event["trade_id"]) for event in self.events("order_executed")]
        fills = [fill for fill in told if fill[0] in symbols]
        trades = [(name, str(trade["id"])) for name in symbols for trade in self.exchange.ask("myTrades", symbol=name)]
        assert sorted(fills) == sorted(trades)


@asynccontextmanager
async def field(root: Path, *symbols: str, on: Exchange | None = None, **settings: object) -> AsyncIterator[Field]:
    """An exchange with these symbols, or a given one, and a data directory; health of ARES stays fresh."""
    exchange = Exchange(*symbols) if on is None else on
    chosen: dict[str, object] = {
        "SYMBOLS": list(symbols), "FEEDER_HEARTBEAT_INTERVAL": 0.2, "ARES_FRESHNESS_THRESHOLD": 60.0,
        "TRADER_ORDER_COOLDOWN": 0.0,
    }  # fmt: skip
    data = data_directory(root, **(chosen | exchange.settings | settings))

    async def beat() -> None:
        while True:
            report(data, "ares", mode="testnet")
            await asyncio.sleep(0.3)

    beating = asyncio.create_task(beat())
    try:
        async with AsyncExitStack() as stack:
            around = Field(data, exchange, stack)
            stack.callback(around.ares.close)
            try:
                yield around
            except BaseException:
                around.show()
                raise
    finally:
        beating.cancel()
        if on is None:
            exchange.close()


async def trading(around: Field) -> None:
    """Start all that trades, and wait until it does."""
    await around.start(*(name for name in ("memory", "feeder", "trader") if name not in around.services))
    await around.ready("memory", "feeder", "trader")
    await until(lambda: all(around.ticker(symbol) for symbol in read_json(around.data.settings)["SYMBOLS"]))
    await around.able()
