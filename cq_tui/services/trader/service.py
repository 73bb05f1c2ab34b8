"""The trader service: tails the history for signals, stores its book, reports its health."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import orjson

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.base import Status
from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.events import SignalGenerated, SymbolQuarantined, SymbolReleased
from cq_tui.contracts.health import TraderHealth
from cq_tui.contracts.mode import Mode
from cq_tui.services.endpoints import ExchangeAccess, ExchangeUnavailable, request_budget, trading_access
from cq_tui.services.runtime import Service, ServiceRuntime, cancel_and_wait
from cq_tui.services.trader.account import account_state
from cq_tui.services.trader.book import Book
from cq_tui.services.trader.chronicle import Chronicle
from cq_tui.services.trader.history_gate import HistoryGate
from cq_tui.services.trader.session import TraderSession
from cq_tui.services.trader.signal_history import SignalHistory
from cq_tui.store.document import DocumentError, DocumentMissing, read_json, write_document
from cq_tui.store.reserve import Reserve
from cq_tui.store.watch import watch_folders
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.guardrails import global_denials
from cq_tui.trading.lifecycle import OrderStatus
from cq_tui.trading.signals import TradeSignal, parse_signal

_SIGNAL_MARK = b'"event_type":"signal_generated"'
_OWN_MARK = b'"source":"trader"'
_RETRY_PAUSE = 1.0
#: The cursor is stored at most this often (seconds), after signals were answered or so many bytes were read.
_CURSOR_INTERVAL = 1.0
_CURSOR_LAG = 256 * 1024


class BookUnreadable(Exception):
    """``state/trader.json`` cannot be read; the message says what to do. Without it, nothing is traded."""


class TraderService(Service):
    """Runs a session at the exchange of the current mode."""

    name = "trader"

    def __init__(self, frame: ServiceRuntime) -> None:
        super().__init__(frame)
        self._data = frame.data
        self._path = frame.data.state_of(self.name)
        self._chronicle = Chronicle(frame)
        self._books, self._history = self._read_state()
        for book in self._books.values():
            self._chronicle.answered_before.update(book.acted)
        self._gate = HistoryGate(frame.data)
        self._session: TraderSession | None = None
        self._waiting_for = "the exchange"
        self._disk_problem: str | None = None
        self._account_problem: str | None = None
        self._told: tuple[bool, str | None, str] | None = None

    async def run(self) -> None:
        """Follow the history, with a session at the exchange of the current mode."""
        stay: asyncio.Task[None] | None = None
        place: tuple[ExchangeAccess, tuple[str, ...]] | None = None
        try:
            with watch_folders([self._data.memory, self._data.run]) as watch:
                while not self.runtime.stopping.is_set():
                    wanted = self._place()
                    if wanted != place or (stay is not None and stay.done()):
                        await cancel_and_wait(stay)
                        place = wanted
                        stay = None if wanted is None else asyncio.create_task(self._stay(*wanted))
                    await self._follow_history()
                    self._tell_quarantine()
                    self._save_cursor_if_due()
                    self._tell_if_changed()
                    await watch.changes(timeout=0.0 if self._history.has_more else 0.5)
        finally:
            await cancel_and_wait(stay)
            self._save_cursor()

    def _tell_if_changed(self) -> None:
        """Publish health at once when the ability to trade changes."""
        session = self._session
        state = (session is not None and session.desk.reconciled, self.runtime.mode.blocked, self._waiting_for)
        if state != self._told:
            self._told = state
            self.runtime.publish_health(self.health(time.time()))

    def _place(self) -> tuple[ExchangeAccess, tuple[str, ...]] | None:
        settings, mode = self.runtime.settings, self.runtime.mode.mode
        try:
            return trading_access(mode, settings, self._data), tuple(settings.SYMBOLS)
        except ExchangeUnavailable as reason:
            self._waiting_for = str(reason)
            return None

    async def _stay(self, venue: ExchangeAccess, symbols: tuple[str, ...]) -> None:
        assert venue.credentials is not None  # a trading venue has them
        book = self._book(venue.mode)
        budget = request_budget(venue, self._data)
        live = venue.mode == "live"
        async with SpotRest(venue.endpoints.rest, venue.credentials, budget=budget, real_money=live) as rest:
            session = TraderSession(
                self._data,
                rest,
                venue.endpoints.ws_api,
                venue.credentials,
                venue.mode,
                book,
                self._chronicle,
                self._save,
                self.runtime.log,
            )
            self._session = session
            try:
                await session.run(list(symbols))
            except* BinanceError as errors:
                self._waiting_for = f"the exchange: {errors.exceptions[0]}"
                self.runtime.log.warning("exchange unreachable", problem=self._waiting_for)
                await asyncio.sleep(_RETRY_PAUSE)
            finally:
                self._session = None
                # Let a change of orders finish before the connection closes.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY_PAUSE), session.turn:
                        pass

    # Signals

    async def _follow_history(self) -> None:
        """Act on new signals. While nothing can be traded they wait, and may be refused as stale later."""
        session = self._session
        if not self.runtime.mode.blocked and (session is None or not session.desk.reconciled):
            return
        if not self._gate.is_open():
            return
        told_ours = False
        for line in self._history.read():
            if _SIGNAL_MARK in line:
                await self._take_signal(line)
            told_ours = told_ours or _OWN_MARK in line
            self._history.done(line)
        for refusal in self._history.take_refusals():
            self.runtime.log.error("signals refused", problem=refusal)
        if told_ours:
            # Our own events were merged: publish the account they led to.
            self.runtime.publish_health(self.health(time.time()))

    async def _take_signal(self, line: bytes) -> None:
        try:
            event = orjson.loads(line)
            if self._history.is_old(event["timestamp"], event["event_id"]):
                return
            signal = parse_signal(SignalGenerated.model_validate(event["data"]))
        except (ValueError, ArithmeticError, KeyError, TypeError) as error:
            self.runtime.log.warning("signal invalid", problem=str(error))
            return
        if signal.key in self._chronicle.answered_before:
            self._chronicle.answered_before.discard(signal.key)
            return
        self.runtime.trace("signal read", signal.key, since_merged_ms=(time.time() - event["timestamp"]) * 1000)
        denial = await self._act_on(signal, event.get("metadata"))
        if denial is not None:
            self._chronicle.denied(signal, denial)
            self._book(self.runtime.mode.mode).denials_count += 1
            self.runtime.log.info("signal denied", symbol=signal.symbol, reason=denial.reason.value)
        self._history.answered(event["timestamp"], event["event_id"])
        self.runtime.publish_health(self.health(time.time()))

    async def _act_on(self, signal: TradeSignal, metadata: object) -> Denial | None:
        if self._session is None:
            blocked = self.runtime.mode.blocked
            return Denial(DenialReason.MODE_BLOCKED, blocked or f"waiting for {self._waiting_for}")
        made_in = metadata.get("mode") if isinstance(metadata, dict) else None
        if made_in not in (None, self._session.mode):
            return Denial(DenialReason.MODE_BLOCKED, f"the signal was made in mode {made_in}, on other prices")
        return await self._session.act_on(signal, lambda: self.runtime.settings)

    def _tell_quarantine(self) -> None:
        session = self._session
        if session is None:
            return
        orders = session.desk.orders
        quarantine = orders.book.quarantine
        quarantine.limit = self.runtime.settings.TRADER_QUARANTINE_FAILURES
        quarantine.seconds = self.runtime.settings.TRADER_QUARANTINE_SECONDS
        while orders.quarantined:
            entry = quarantine.get(orders.quarantined.pop(0))
            if entry is not None:
                payload = SymbolQuarantined(
                    symbol=entry.symbol, reason=entry.reason, failures=entry.failures, until=entry.until
                )
                self.runtime.emit("symbol_quarantined", payload)
        while orders.released:
            self.runtime.emit(
                "symbol_released", SymbolReleased(symbol=orders.released.pop(0), reason="its probe was filled")
            )

    # Commands

    async def execute_command(self, command: Command) -> tuple[Outcome, str]:
        """Release a symbol, or flatten one or all."""
        session = self._session
        if session is None:
            return "refused", f"the trader is waiting for {self._waiting_for}"
        if command.command == "release_symbol":
            symbol = command.target or ""
            if session.desk.book.quarantine.release(symbol) is None:
                return "refused", f"{symbol} is not quarantined"
            self.runtime.emit("symbol_released", SymbolReleased(symbol=symbol, reason=f"by {command.issued_by}"))
            session.desk.orders.remember()
            return "done", f"{symbol} may trade again"
        if command.command == "flatten":
            held = list(session.desk.book.positions)
            symbols = [command.target] if command.target else held
            left = await session.flatten(symbols, f"flatten, requested by {command.issued_by}")
            self.runtime.publish_health(self.health(time.time()))
            if left:
                return "failed", f"still held, retried every second: {', '.join(left)}"
            return "done", ", ".join(f"{symbol} closed" for symbol in symbols if symbol in held) or "no open position"
        return await super().execute_command(command)

    # State on disk

    def _book(self, mode: Mode) -> Book:
        return self._books.setdefault(mode, Book())

    def _read_state(self) -> tuple[dict[str, Book], SignalHistory]:
        try:
            state = read_json(self._path)
            books = {mode: Book.from_dict(plain) for mode, plain in state["books"].items()}
            history = SignalHistory(self._data, state["cursor"], state.get("answered_ts", 0.0))
        except DocumentMissing:
            return {}, SignalHistory(self._data, None, 0.0)
        except (DocumentError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise BookUnreadable(
                f"{self._path} cannot be read ({type(error).__name__}: {error}). It records which orders are ours: "
                "restore it or, if nothing is open at the exchange, move it away"
            ) from None
        return books, history

    def _state(self) -> dict[str, Any]:
        for book in self._books.values():
            book.tidy()
        books = {mode: book.to_dict() for mode, book in self._books.items()}
        return {"cursor": self._history.cursor, "answered_ts": self._history.answered_ts, "books": books}

    def _save(self) -> None:
        try:
            Reserve(self._data).spend(lambda: self._write_state(durable=True))
        except OSError as error:
            self._disk_problem = f"{self._path.name} cannot be written: {error.strerror}"
            raise

    def _save_cursor_if_due(self) -> None:
        if self._history.is_due(time.monotonic(), _CURSOR_INTERVAL, _CURSOR_LAG):
            self._save_cursor()

    def _save_cursor(self) -> None:
        try:
            self._write_state(durable=False)
        except OSError as error:
            self._disk_problem = f"{self._path.name} cannot be written: {error.strerror}"

    def _write_state(self, *, durable: bool) -> None:
        write_document(self._path, self._state(), durable=durable)
        self._history.stored(time.monotonic())
        self._disk_problem = None

    # Health

    def health(self, now: float) -> TraderHealth:
        """Report whether the trader can trade and, if not, why."""
        session = self._session
        book = self._book(self.runtime.mode.mode)
        blocked = self._blocked_by(session, now)
        status, reason = self._judge(session, blocked)
        if session is not None and session.desk.reconciled:
            self._write_account(session, now)
        return TraderHealth(
            service="trader",
            status=status,
            reason=reason,
            last_update_ts=now,
            updated_within_sec=0.0,
            ready=(session is not None and session.desk.reconciled) or self.runtime.mode.blocked is not None,
            waiting_for=None if session is not None and session.desk.reconciled else self._waiting_for,
            orders_count=book.orders_count,
            fills_count=book.fills_count,
            last_order_time=book.last_order_time,
            account_balance_ok=bool(session and session.account_ok),
            ares_health_ok=bool(session and not any("ARES" in line for line in blocked)),
            quarantined_symbols=sorted(entry.symbol for entry in book.quarantine),
            active_positions=len(book.positions),
            blocked_by=blocked or None,
            open_orders=sum(1 for _ in book.open_orders()),
            denials_count=book.denials_count,
        )

    def _blocked_by(self, session: TraderSession | None, now: float) -> list[str]:
        if session is None:
            return [self.runtime.mode.blocked or f"waiting for {self._waiting_for}"]
        context = session.context("", self.runtime.settings, self.runtime.mode.blocked, now)
        return [str(denial) for denial in global_denials(context, now)]

    def _judge(self, session: TraderSession | None, blocked: list[str]) -> tuple[Status, str | None]:
        if session is not None and session.problem:
            return "error", f"exchange: {session.problem}"
        problems = [*(_worries(session) if session is not None else ()), *blocked[:1]]
        problems += [
            problem for problem in (self._history.problem, self._disk_problem, self._account_problem) if problem
        ]
        return ("degraded", "; ".join(problems)) if problems else ("ok", None)

    def _write_account(self, session: TraderSession, now: float) -> None:
        state = account_state(session.desk, session.mode, session.around.prices(), now)
        try:
            write_document(self._data.account, state, durable=False)
            self._account_problem = None
        except OSError as error:
            self._account_problem = f"account.json cannot be written: {error.strerror}"


def _worries(session: TraderSession) -> Iterator[str]:
    """Yield the problems of positions, orders and the account stream."""
    for symbol, need in session.needs.items():
        yield f"{symbol} is not protected as planned: {need.reason}"
    for order in session.desk.book.open_orders():
        if order.status is OrderStatus.UNKNOWN:
            yield f"{order.symbol}: outcome of its {order.leg} order is unknown after {order.queries} queries"
    for order in session.desk.book.orders.values():
        if order.lacks_trades:
            yield f"{order.symbol}: the trades of its {order.leg} order are not known yet"
    if session.stream_problem is not None:
        yield f"account stream: {session.stream_problem}"
