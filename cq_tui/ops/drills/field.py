"""The field: a private exchange, a private data directory, the services on them, and what they wrote.

ARES is played by the field: a drill gives its signals at the right moment, as no strategy would.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import Any, TypeVar

from cq_tui.contracts.commands import CommandOutcome
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_from_bytes
from cq_tui.ops.drills.private_exchange import PrivateExchange
from cq_tui.ops.drills.services import RunningService, RunService
from cq_tui.ops.drills.waiting import PATIENCE, DrillFailed, check, until
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.spools.spool import EventSpool
from cq_tui.store.spools.spool_files import last_spooled_events

#: Seconds between two reports of ARES.
_BEAT = 0.3
#: How far stop and target of a signal are from its price: no price of a drill goes there.
_FAR = 0.1
_numbers = count()
T = TypeVar("T")


class Field:
    """The services over one data directory, and what they wrote."""

    def __init__(self, data: DataDir, exchange: PrivateExchange, run: RunService, stack: AsyncExitStack) -> None:
        self.data = data
        self.exchange = exchange
        self.services: dict[str, RunningService] = {}
        self.ares = EventSpool(data.spool, "ares", quarantine=data.quarantine)
        self._run = run
        self._stack = stack
        #: The strategy that opened each symbol's position last: it closes it as well.
        self._strategies: dict[str, str] = {}
        #: Seconds within which something has to happen.
        self.patience = PATIENCE
        #: The exchange's clock against this computer's (ms): signals are dated by it.
        self.offset_ms = 0

    async def until(self, condition: Callable[[], T], what: str) -> T:
        """Wait until a condition holds. Raises DrillFailed."""
        return await until(condition, what, self.patience)

    # The services

    async def start(self, *names: str, **variables: str) -> None:
        """Start services, with these variables in their environment."""
        for name in names:
            self.services[name] = await self._stack.enter_async_context(self._run(name, self.data, **variables))

    async def ready(self, *names: str) -> None:
        """Wait until services are ready."""
        await self.until(
            lambda: all(self.services[name].health.get("ready") for name in names), f"{', '.join(names)} ready"
        )

    async def restart(self, name: str) -> None:
        """Kill a service, and start it again."""
        self.services[name].kill()
        await self.start(name)

    async def begin(self) -> None:
        """Start all that trades, and wait until it does."""
        await self.start(*(name for name in ("memory", "feeder", "trader") if name not in self.services))
        await self.ready("memory", "feeder", "trader")
        symbols: list[str] = read_json(self.data.settings)["SYMBOLS"]
        await self.until(lambda: all(self.ticker(symbol) for symbol in symbols), "a price of each symbol")
        await self.able()

    @property
    def trader(self) -> dict[str, Any]:
        """The trader's health."""
        return self.services["trader"].health

    @property
    def feeder(self) -> dict[str, Any]:
        """The feeder's health."""
        return self.services["feeder"].health

    @property
    def memory(self) -> dict[str, Any]:
        """Memory's health."""
        return self.services["memory"].health

    # What they wrote

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

    def spooled(self, writer: str, *event_types: str) -> list[dict[str, Any]]:
        """The events that a process has spooled, of these types (all without any)."""
        events = [event._asdict() for event in last_spooled_events(self.data.spool, writer, 10_000)]
        return [event for event in events if not event_types or event["event_type"] in event_types]

    def events(self, *event_types: str) -> list[dict[str, Any]]:
        """What the trader told."""
        return [event["data"] for event in self.spooled("trader", *event_types)]

    def denial(self, strategy: str) -> str | None:
        """The code with which the signal of a strategy was refused; None while it was not."""
        rejected = self.rejected(strategy)
        return None if rejected is None else str(rejected.get("code"))

    def in_vain(self, strategy: str) -> str | None:
        """Why the signal of a strategy opened nothing that is still there; None while it is not known to be so.

        Refused, or closed again: an entry expires, which is no refusal, where the price runs away from it.
        """
        moves = [event for event in self.events("position_changed") if _strategy_of(event) == strategy]
        is_closed = bool(moves) and moves[-1]["after"] == "closed"
        return self.denial(strategy) or (str(moves[-1].get("reason") or "closed") if is_closed else None)

    def rejected(self, strategy: str) -> dict[str, Any] | None:
        """The last refusal of a buy of a strategy; None while there is none."""
        found = [
            event for event in self.events("order_rejected")
            if event["side"] == "BUY" and _strategy_of(event) == strategy
        ]  # fmt: skip
        return found[-1] if found else None

    def ticker(self, symbol: str) -> Ticker | None:
        """The feeder's price of a symbol."""
        return tickers_from_bytes(self.data.tickers.read_bytes())[1].get(symbol) if self.data.tickers.exists() else None

    # Signals and commands

    def signal(self, symbol: str, side: str = "BUY", **changes: object) -> str:
        """Have a fresh signal in the history, as ARES would; return its strategy, which is unlike all others."""
        ticker = self.ticker(symbol)
        price = 1.0 if ticker is None else ticker.ask
        stop, target = (1 - _FAR, 1 + _FAR) if side == "BUY" else (1 + _FAR, 1 - _FAR)
        strategy = f"s{next(_numbers)}"
        plain: dict[str, object] = {
            "symbol": symbol, "side": side, "entry_price": price, "stop_loss": price * stop,
            "take_profit": price * target, "confidence": 0.7, "strategy": strategy, "frame": "1s",
            "bar_close_time": int(time.time()) * 1000 + self.offset_ms - 1,
        }  # fmt: skip
        self.ares.emit("signal_generated", plain | changes)
        return strategy

    async def refused(self, symbol: str, *codes: str, **changes: object) -> str:
        """Give signals until one is refused, with one of these codes if there are any; return the code.

        On a busy machine, what has become too old, or a cool-down, refuses one with another code: the next one follows.
        """
        end, told = time.monotonic() + self.patience, set[str]()
        while True:
            strategy = self.signal(symbol, "BUY", **changes)
            code = await self.until(partial(self.denial, strategy), f"a signal in {symbol} refused") or ""
            if code in codes or not codes:
                return code
            told.add(code)
            check(time.monotonic() < end, f"signals in {symbol} refused for {told}, and not for {codes}")

    async def buy(self, symbol: str, is_done: Callable[[], object], **changes: object) -> str:
        """Give signals until it is so: one that is refused, or buys nothing, is followed by the next.

        Return the last one's strategy.
        """
        end, told = time.monotonic() + self.patience, set[str]()
        while True:
            strategy = self._strategies[symbol] = self.signal(symbol, "BUY", **changes)
            done_or_vain = partial(_either, is_done, partial(self.in_vain, strategy))
            await self.until(done_or_vain, f"an answer to a signal in {symbol}")
            if is_done():
                return strategy
            told.add(self.in_vain(strategy) or "")
            check(time.monotonic() < end, f"signals in {symbol} bought nothing: {told}")

    async def enter(self, *symbols: str, **changes: object) -> None:
        """Have protected positions."""
        await asyncio.gather(*(self.buy(symbol, partial(self.holds, symbol), **changes) for symbol in symbols))
        await self.protected(*symbols)

    def holds(self, symbol: str) -> bool:
        """Whether a position is open."""
        return symbol in self.held

    def remember(self, symbol: str, strategy: str) -> None:
        """Know which strategy opened a position."""
        self._strategies[symbol] = strategy

    def ask_to_close(self, *symbols: str, **changes: object) -> None:
        """Have the strategies that opened these positions sell."""
        for symbol in symbols:
            self.signal(symbol, "SELL", **({"strategy": self._strategies[symbol]} | changes))

    async def leave(self, *symbols: str, **changes: object) -> None:
        """Close positions."""
        self.ask_to_close(*symbols, **changes)
        await self.closed(*symbols)

    async def protected(self, *symbols: str) -> None:
        """Wait until stops at the exchange cover these symbols."""
        await self.until(lambda: all(map(self.exchange.covered, symbols)), f"a stop in {', '.join(symbols)}")

    async def closed(self, *symbols: str) -> None:
        """Wait until nothing is held of these symbols."""
        await self.until(lambda: not self.held & set(symbols), f"{', '.join(symbols)} closed")

    async def able(self) -> None:
        """Wait until the trader says that positions can be opened."""
        await self.until(
            lambda: self.trader.get("status") == "ok" and not self.trader.get("blocked_by"), "the trader able to buy"
        )

    async def blocked(self, word: str) -> str:
        """Wait until the trader names this word among what blocks every entry; return the reasons."""
        await self.until(lambda: word in str(self.trader.get("blocked_by")).lower(), f"the trader blocked by {word}")
        return "; ".join(self.trader.get("blocked_by") or ())

    async def command(self, name: str, target: str = "", service: str = "trader") -> CommandOutcome:
        """Give a service a command, and return its answer."""
        command = issue_command(self.data, name, service, issued_by="drill", target=target or None)
        try:
            async with asyncio.timeout(self.patience):
                return await wait_for_answer(self.data, command)
        except TimeoutError:
            raise DrillFailed(f"{service} did not answer the command {name}") from None

    # What is judged

    def nothing_twice(self, *symbols: str) -> None:
        """Nothing was sent twice, or without a written intent; each fill was told once. Raises DrillFailed."""
        submitted = [event["client_order_id"] for event in self.events("order_submitted")]
        check(max(Counter(submitted).values(), default=1) == 1, "an intent was written twice")
        for symbol in symbols:
            placed = [order["clientOrderId"] for order in self.exchange.orders(symbol)]
            check(len(set(placed)) == len(placed), f"{symbol}: an order was sent twice")
            check(set(placed) <= set(submitted), f"{symbol}: an order without a written intent")
        told = [(event["symbol"], event["trade_id"]) for event in self.events("order_executed")]
        fills = [fill for fill in told if fill[0] in symbols]
        trades = [(name, str(trade["id"])) for name in symbols for trade in self.exchange.trades(name)]
        check(sorted(fills) == sorted(trades), f"{len(trades)} fills at the exchange, {len(fills)} told")

    def last_words(self) -> Sequence[str]:
        """What explains a failure: the trader's last events and its health."""
        health = self.trader if "trader" in self.services else "no trader"
        lines = [f"{event['event_type']} {event['data']}" for event in self.spooled("trader")[-25:]]
        return [*lines, f"trader: {health}"]


def _either(one: Callable[[], object], other: Callable[[], object]) -> object:
    return one() or other()


def _strategy_of(event: Mapping[str, Any]) -> str:
    """The strategy whose signal an event follows."""
    return str(event.get("signal_key")).partition(":")[0]


@asynccontextmanager
async def field_on(
    data: DataDir, exchange: PrivateExchange, run: RunService, *symbols: str, **settings: object
) -> AsyncIterator[Field]:
    """Prepare a data directory that trades these symbols on an exchange; health of ARES stays fresh.

    The services that were started end with it.
    """
    chosen: dict[str, object] = {
        "SYMBOLS": list(symbols), "FEEDER_HEARTBEAT_INTERVAL": 0.2, "ARES_FRESHNESS_THRESHOLD": 60.0,
        "TRADER_ORDER_COOLDOWN": 0.0,
    }  # fmt: skip
    prepare_data_directory(data)
    write_document(data.settings, chosen | exchange.settings | settings)
    beating = asyncio.create_task(_report_ares(data))
    try:
        async with AsyncExitStack() as stack:
            field = Field(data, exchange, run, stack)
            stack.callback(field.ares.close)
            yield field
    finally:
        beating.cancel()


async def _report_ares(data: DataDir) -> None:
    while True:
        try:
            write_document(data.health_of("ares"), _healthy_ares(time.time()), durable=False)
        except OSError as error:
            # The next report may fit again.
            if not data.health.is_dir():
                raise DrillFailed(str(error)) from None
        await asyncio.sleep(_BEAT)


def _healthy_ares(now: float) -> dict[str, object]:
    return {
        "service": "ares", "status": "ok", "last_update_ts": now, "updated_within_sec": 0.0, "ready": True,
        "mode": "testnet", "signal_count": 0, "last_signal_time": 0.0, "feeder_health_ok": True,
        "default_signals_blocked": True, "active_strategies": [], "latency_ms_p50": 0.0,
    }  # fmt: skip
