"""One session at one exchange: account stream, and the cycle that reconciles and protects."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.reconnect import Disconnected
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials
from cq_tui.binance.user_data import Subscribed, SubscriptionFailed, UserDataStream
from cq_tui.binance.user_events import AccountPosition, ExecutionReport
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import Mode, effective_mode
from cq_tui.contracts.numbers import to_decimal
from cq_tui.contracts.settings import Settings
from cq_tui.services.runtime import elapsed_ms
from cq_tui.services.trader.account import QUOTE_ASSET, free_quote, quote_balance
from cq_tui.services.trader.book import Book
from cq_tui.services.trader.chronicle import Chronicle
from cq_tui.services.trader.desk import Desk
from cq_tui.services.trader.orders import Save
from cq_tui.services.trader.surroundings import Surroundings, highest_high, look_around
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.guardrails import EntryContext, EntryLimits, check_exit, decide_entry
from cq_tui.trading.portfolio import exposure
from cq_tui.trading.protection import ProtectionNeed
from cq_tui.trading.signals import TradeSignal, frame_milliseconds
from cq_tui.trading.sizing import EntryBudget

_CYCLE = 1.0
#: Seconds between reconciliations, since the account stream may fall silent unnoticed.
_RECONCILE_INTERVAL = 60.0
#: The same while the account stream is down, or a difference must be seen twice.
_RECONCILE_SOON = 10.0
_RETRY_PAUSE = 2.0
_TRAIL_BARS = 22
#: A bid older than this (seconds) never triggers a sale.
_BID_LIMIT = 10.0


class TraderSession:
    """Everything the trader does while it is connected to one exchange."""

    def __init__(
        self,
        data: DataDir,
        rest: SpotRest,
        ws_api_url: str,
        credentials: Credentials,
        mode: Mode,
        book: Book,
        chronicle: Chronicle,
        save: Save,
        log: FilteringBoundLogger,
    ) -> None:
        self._data = data
        self._rest = rest
        self._ws_api_url = ws_api_url
        self._credentials = credentials
        self._log = log
        self.mode = mode
        self.desk = Desk(rest, book, chronicle, save, log)
        self.needs: dict[str, ProtectionNeed] = {}
        self.problem: str | None = None
        #: Why the account stream is down; None while it is up or not yet tried.
        self.stream_problem: str | None = None
        self.around: Surroundings = look_around(data)
        #: Held while orders are changed.
        self.turn = asyncio.Lock()
        self._reconcile_now = True
        self._stir = asyncio.Event()

    def now(self) -> float:
        """Return the exchange's time, Unix seconds."""
        return self._rest.server_now_ms() / 1000

    async def run(self, symbols: list[str]) -> None:
        """Fetch the symbols' rules, then run until canceled. Raises BinanceError if the start fails."""
        await self._rest.sync_clock()
        book = self.desk.book
        concerned = [*symbols, *book.positions, *(order.symbol for order in book.open_orders())]
        info = await self._rest.exchange_info(list(dict.fromkeys(concerned)))
        self.desk.orders.rules = info.symbols
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_account())
            tasks.create_task(self._work())

    async def _follow_account(self) -> None:
        server_now_ms, budget = self._rest.server_now_ms, self._rest.budget
        async with UserDataStream(self._ws_api_url, self._credentials, server_now_ms, budget=budget) as events:
            async for event in events:
                match event:
                    case ExecutionReport():
                        async with self.turn:
                            self.desk.orders.take_report(event, self.now())
                        self._reconcile_now = self._reconcile_now or self.desk.orders.in_doubt
                        self._stir.set()
                    case AccountPosition():
                        self.desk.take_balances(event)
                    case Subscribed():
                        self.stream_problem = None
                        self._reconcile_soon()
                    case SubscriptionFailed(error) | Disconnected(reason=error):
                        self.stream_problem = str(error)
                        self._log.warning("account stream lost", problem=str(error))
                    case _:
                        self._reconcile_soon()

    def _reconcile_soon(self) -> None:
        self._reconcile_now = True
        self._stir.set()

    async def _work(self) -> None:
        """Run the cycle: reconcile, resolve unknown outcomes, protect positions."""
        reconciled_at = 0.0
        while True:
            self._stir.clear()
            try:
                async with self.turn:
                    if self._reconcile_now or time.monotonic() - reconciled_at > self._reconcile_interval:
                        self._reconcile_now = True
                        await self._rest.sync_clock(samples=1)
                        await self.desk.reconcile(self.now())
                        reconciled_at = time.monotonic()
                        self._reconcile_now = False
                        self._note_first_equity()
                    await self.desk.orders.resolve(self.now())
                    await self._protect()
                self.problem = None
            except BinanceError as error:
                self.problem = str(error)
                self._log.warning("exchange problem", problem=str(error))
                await asyncio.sleep(_RETRY_PAUSE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CYCLE):
                    await self._stir.wait()

    @property
    def _reconcile_interval(self) -> float:
        soon = self.stream_problem is not None or self.desk.agreement.in_doubt
        return _RECONCILE_SOON if soon else _RECONCILE_INTERVAL

    async def _protect(self) -> None:
        self.around = look_around(self._data)
        self.needs = await self.desk.exits.protect(self._bids(), self._highs(), self.now())

    def _note_first_equity(self) -> None:
        book = self.desk.book
        if book.equity_start is None:
            book.equity_start = self.desk.worth(quote_balance(self.desk), self.around.prices())

    def _bids(self) -> dict[str, Decimal]:
        since = time.time() - _BID_LIMIT
        bids = {symbol: self.around.bid(symbol, since) for symbol in self.desk.book.positions}
        return {symbol: bid for symbol, bid in bids.items() if bid is not None}

    def _highs(self) -> dict[str, Decimal]:
        highs = {}
        for symbol, position in self.desk.book.positions.items():
            signal = self.desk.book.signals.get(position.signal_key)
            if position.trail is not None and signal is not None:
                high = highest_high(self._data, symbol, signal.frame, _TRAIL_BARS)
                # Bars from before the entry must not raise the stop of a position that is younger than they are.
                if high is not None and self._is_older_than(position.opened_at_ms, signal.frame):
                    highs[symbol] = high
        return highs

    def _is_older_than(self, opened_at_ms: int, frame: str) -> bool:
        return self.now() * 1000 - opened_at_ms >= _TRAIL_BARS * frame_milliseconds(frame)

    # Signals

    async def act_on(self, signal: TradeSignal, settings_now: Callable[[], Settings]) -> Denial | None:
        """Act on a signal, or return why not.

        The settings are asked for when its turn has come: who halted trading while it waited must be obeyed.
        """
        async with self.turn:
            now, settings = self.now(), settings_now()
            effective = effective_mode(settings)
            if effective.mode != self.mode:
                return Denial(DenialReason.MODE_BLOCKED, f"the mode changed to {effective.mode}")
            self.around = look_around(self._data)
            context = self.context(signal.symbol, settings, effective.blocked, now)
            if signal.side == "SELL":
                # A sale reduces risk: try it even if the exchange just had a problem.
                denial = check_exit(replace(context, reconciled=self.desk.reconciled), signal, now)
                if denial is None:
                    self.desk.book.act_on(signal)
                    await self._close(signal.symbol, f"SELL signal of {signal.strategy}")
                return denial
            began = time.perf_counter()
            size = decide_entry(context, signal, now)
            self.desk.orders.chronicle.trace("entry decided", signal.key, took_ms=elapsed_ms(began))
            if isinstance(size, Denial):
                return size
            denial = await self.desk.enter(signal, size.size, now)
            if denial is None:
                await self._protect_at_once()
            return denial

    async def flatten(self, symbols: list[str], reason: str) -> list[str]:
        """Close positions; return the symbols still held, whose sale is retried every cycle."""
        async with self.turn:
            self.around = look_around(self._data)
            for symbol in symbols:
                await self._close(symbol, reason)
        return [symbol for symbol in symbols if symbol in self.desk.book.positions]

    async def _close(self, symbol: str, reason: str) -> None:
        try:
            await self.desk.exits.close(symbol, reason, self._bids().get(symbol), self.now())
        except BinanceError as error:
            self._note_problem(error)

    async def _protect_at_once(self) -> None:
        """Protect an entry just filled, without waiting for the next cycle."""
        try:
            await self._protect()
        except BinanceError as error:
            self._note_problem(error)

    def _note_problem(self, error: BinanceError) -> None:
        self.problem = str(error)
        self._log.warning("exchange problem", problem=str(error))
        self._stir.set()

    def context(self, symbol: str, settings: Settings, mode_blocked: str | None, now: float) -> EntryContext:
        """Collect the input of the guardrails."""
        desk, book, around = self.desk, self.desk.book, self.around
        prices = around.prices()
        ticker = around.tickers.get(symbol)
        pending = book.pending_entries()
        order_quote = to_decimal(settings.TRADER_ORDER_QUOTE)
        return EntryContext(
            mode=self.mode,
            trading_state=settings.TRADING_STATE,
            ares=around.ares,
            feeder=around.feeder_in(self.mode),
            memory=around.memory,
            disk_problem=around.disk_problem,
            budget=EntryBudget(order_quote, free_quote(desk), desk.commission),
            equity=desk.worth(quote_balance(desk), prices),
            exposure=exposure(book.positions, prices) + order_quote * len(pending - set(book.positions)),
            price=to_decimal(ticker.ask) if ticker is not None else Decimal(0),
            price_time=ticker.timestamp if ticker is not None else 0.0,
            rules=desk.orders.rules.get(symbol),
            limits=EntryLimits(
                freshness=settings.ARES_FRESHNESS_THRESHOLD,
                cooldown=settings.TRADER_ORDER_COOLDOWN,
                max_positions=settings.TRADER_MAX_POSITIONS,
                max_exposure=to_decimal(settings.TRADER_MAX_EXPOSURE),
            ),
            guardrails_disabled=settings.DISABLE_ORDER_GUARDRAILS,
            mode_blocked=mode_blocked,
            reconciled=desk.reconciled and self.problem is None,
            acted_keys=book.acted,
            held=book.positions,
            pending=pending,
            last_entry=book.last_entry,
            paused_until=book.paused_until,
            quarantine=book.quarantine.block_reason(symbol, now),
        )

    @property
    def account_ok(self) -> bool:
        """Whether the balances are known and include the quote asset."""
        return self.desk.reconciled and QUOTE_ASSET in self.desk.balances
