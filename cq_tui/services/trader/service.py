"""The trader service: tails the history for signals, keeps its book on disk, tells its health."""

import asyncio
import contextlib
import time
from typing import Any

import orjson
from pydantic import ValidationError

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.shared_weight import SharedWeight
from cq_tui.contracts.base import Status
from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.events import SignalGenerated, SymbolQuarantined, SymbolReleased
from cq_tui.contracts.health import TraderHealth
from cq_tui.contracts.mode import Mode
from cq_tui.services.endpoints import NoExchange, Venue, trading_venue
from cq_tui.services.frame import Frame, Service
from cq_tui.services.trader.account import account_state
from cq_tui.services.trader.book import Book
from cq_tui.services.trader.chronicle import Chronicle
from cq_tui.services.trader.session import TraderSession
from cq_tui.store.document import DocumentError, DocumentMissing, read_json, write_document
from cq_tui.store.journal import JournalReader
from cq_tui.store.watch import watch_folders
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.guardrails import standing_denials
from cq_tui.trading.signals import SignalUnusable, TradeSignal, read_signal

_SIGNAL_MARK = b'"event_type":"signal_generated"'
_OWN_MARK = b'"source":"trader"'
_RETRY_PAUSE = 1.0


class BookUnreadable(Exception):
    """``state/trader.json`` cannot be read; the message says what to do. Trading on a guess is no option."""


class TraderService(Service):
    """The service."""

    name = "trader"

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._data = frame.data
        self._path = frame.data.state_of(self.name)
        self._chronicle = Chronicle(frame)
        self._books, cursor = self._read_state()
        self._reader = JournalReader(self._data.events, cursor or 0)
        if cursor is None:
            self._reader.skip_to_end()
        self._session: TraderSession | None = None
        self._waiting_for = "the exchange"
        self._disk_problem: str | None = None

    async def run(self) -> None:
        """Follow the history; hold a session at the venue in force."""
        stay: asyncio.Task[None] | None = None
        place: tuple[Venue, tuple[str, ...]] | None = None
        try:
            with watch_folders([self._data.memory, self._data.run]) as watch:
                while not self.frame.stopping.is_set():
                    wanted = self._place()
                    if wanted != place or (stay is not None and stay.done()):
                        await _ended(stay)
                        place = wanted
                        stay = None if wanted is None else asyncio.create_task(self._stay(*wanted))
                    await self._follow_history()
                    self._tell_quarantine()
                    await watch.changes(timeout=0.5)
        finally:
            await _ended(stay)
            self._save_cursor()

    def _place(self) -> tuple[Venue, tuple[str, ...]] | None:
        settings, mode = self.frame.settings, self.frame.mode.mode
        try:
            return trading_venue(mode, settings, self._data), tuple(settings.SYMBOLS)
        except NoExchange as reason:
            self._waiting_for = str(reason)
            return None

    async def _stay(self, venue: Venue, symbols: tuple[str, ...]) -> None:
        assert venue.credentials is not None  # a trading venue has them
        book = self._book(venue.mode)
        budget = SharedWeight(self._data.run / f"weight-{venue.mode}.json")
        async with SpotRest(venue.endpoints.rest, venue.credentials, budget=budget) as rest:
            session = TraderSession(
                self._data,
                rest,
                venue.endpoints.ws_api,
                venue.credentials,
                venue.mode,
                book,
                self._chronicle,
                self._save,
                self.frame.log,
            )
            self._session = session
            try:
                await session.run(list(symbols))
            except* BinanceError as errors:
                self._waiting_for = f"the exchange: {errors.exceptions[0]}"
                self.frame.log.warning("exchange unreachable", problem=self._waiting_for)
                await asyncio.sleep(_RETRY_PAUSE)
            finally:
                self._session = None

    # Signals

    async def _follow_history(self) -> None:
        """Act on new signals. While nothing can be traded they wait, and are refused as stale later."""
        if self._session is not None and not self._session.desk.reconciled and not self.frame.mode.blocked:
            return
        lines = self._reader.read_new()
        for line in lines:
            if _SIGNAL_MARK in line:
                await self._take_signal(line)
        if any(_OWN_MARK in line for line in lines):
            # What we did has become history: show the account that it left behind.
            self.frame.beat(self.health(time.time()))
        if lines:
            self._save_cursor()

    async def _take_signal(self, line: bytes) -> None:
        try:
            signal = read_signal(SignalGenerated.model_validate(orjson.loads(line)["data"]))
        except (orjson.JSONDecodeError, ValidationError, SignalUnusable, KeyError, TypeError) as error:
            self.frame.log.warning("signal unusable", problem=str(error))
            return
        if signal.key in self._chronicle.answered_before:
            self._chronicle.answered_before.discard(signal.key)
            return
        denial = await self._act_on(signal)
        if denial is not None:
            self._chronicle.denied(signal, denial)
            self._book(self.frame.mode.mode).denials_count += 1
            self.frame.log.info("signal denied", symbol=signal.symbol, reason=denial.reason.value)
        self.frame.beat(self.health(time.time()))

    async def _act_on(self, signal: TradeSignal) -> Denial | None:
        blocked = self.frame.mode.blocked
        if self._session is None:
            return Denial(DenialReason.MODE_BLOCKED, blocked or f"waits for {self._waiting_for}")
        return await self._session.act_on(signal, self.frame.settings, blocked)

    def _tell_quarantine(self) -> None:
        session = self._session
        if session is None:
            return
        desk = session.desk
        quarantine = desk.book.quarantine
        quarantine.limit = self.frame.settings.TRADER_QUARANTINE_FAILURES
        quarantine.seconds = self.frame.settings.TRADER_QUARANTINE_SECONDS
        while desk.quarantined:
            entry = quarantine.get(desk.quarantined.pop(0))
            if entry is not None:
                payload = SymbolQuarantined(
                    symbol=entry.symbol, reason=entry.reason, failures=entry.failures, until=entry.until
                )
                self.frame.emit("symbol_quarantined", payload)
        while desk.released:
            self.frame.emit(
                "symbol_released", SymbolReleased(symbol=desk.released.pop(0), reason="its probe was filled")
            )

    # Commands

    async def carry_out(self, command: Command) -> tuple[Outcome, str]:
        """Release a symbol, or flatten one or all."""
        session = self._session
        if session is None:
            return "refused", f"the trader waits for {self._waiting_for}"
        if command.command == "release_symbol":
            symbol = command.target or ""
            if session.desk.book.quarantine.release(symbol) is None:
                return "refused", f"{symbol} is not in quarantine"
            self.frame.emit("symbol_released", SymbolReleased(symbol=symbol, reason=f"by {command.issued_by}"))
            self._save()
            return "done", f"{symbol} may trade again"
        if command.command == "flatten":
            symbols = [command.target] if command.target else list(session.desk.book.positions)
            for symbol in symbols:
                await session.desk.exit(symbol, f"flatten, asked for by {command.issued_by}", session.now())
            left = [symbol for symbol in symbols if symbol in session.desk.book.positions]
            return (
                ("failed", f"still held: {', '.join(left)}") if left else ("done", f"{len(symbols)} positions closed")
            )
        return await super().carry_out(command)

    # State on disk

    def _book(self, mode: Mode) -> Book:
        return self._books.setdefault(mode, Book())

    def _read_state(self) -> tuple[dict[str, Book], int | None]:
        try:
            state = read_json(self._path)
            books = {mode: Book.from_dict(plain) for mode, plain in state["books"].items()}
            cursor = state["cursor"]
        except DocumentMissing:
            return {}, None
        except (DocumentError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BookUnreadable(
                f"{self._path} cannot be read ({error}). It says which orders are whose: restore it, or, when nothing "
                "is open at the exchange, move it away"
            ) from None
        return books, cursor if isinstance(cursor, int) else None

    def _state(self) -> dict[str, Any]:
        for book in self._books.values():
            book.tidy()
        return {"cursor": self._reader.offset, "books": {mode: book.to_dict() for mode, book in self._books.items()}}

    def _save(self) -> None:
        try:
            write_document(self._path, self._state())
            self._disk_problem = None
        except OSError as error:
            self._disk_problem = f"{self._path.name} cannot be written: {error.strerror}"
            raise

    def _save_cursor(self) -> None:
        try:
            write_document(self._path, self._state(), durable=False)
            self._disk_problem = None
        except OSError as error:
            self._disk_problem = f"{self._path.name} cannot be written: {error.strerror}"

    # Health

    def health(self, now: float) -> TraderHealth:
        """Say whether the trader can trade, and if not, why."""
        session = self._session
        book = self._book(self.frame.mode.mode)
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
            ready=(session is not None and session.desk.reconciled) or self.frame.mode.blocked is not None,
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
            return [self.frame.mode.blocked or f"waits for {self._waiting_for}"]
        context = session.context("", self.frame.settings, self.frame.mode.blocked, now)
        return [str(denial) for denial in standing_denials(context, now)]

    def _judge(self, session: TraderSession | None, blocked: list[str]) -> tuple[Status, str | None]:
        if session is not None and session.problem:
            return "error", f"exchange: {session.problem}"
        if session is not None and session.needs:
            symbol, need = next(iter(session.needs.items()))
            return "degraded", f"{symbol} is not protected as planned: {need.reason}"
        if blocked:
            return "degraded", blocked[0]
        return ("degraded", self._disk_problem) if self._disk_problem else ("ok", None)

    def _write_account(self, session: TraderSession, now: float) -> None:
        state = account_state(session.desk, session.mode, session.around.prices(), now)
        try:
            write_document(self._data.account, state, durable=False)
        except OSError as error:
            self._disk_problem = f"account.json cannot be written: {error.strerror}"


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Cancel a stay and wait for its end; an error of its own comes out here."""
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
