"""The feeder service: stays in the exchange that the settings name, writes tickers, tells its health."""

import asyncio
import contextlib
import time

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.base import Status
from cq_tui.contracts.health import FeederHealth
from cq_tui.contracts.mode import Mode, base_interval
from cq_tui.contracts.tickers import tickers_to_bytes
from cq_tui.services.endpoints import NoExchange, Venue, market_venue, request_budget
from cq_tui.services.feeder.session import FeederSession
from cq_tui.services.frame import Frame, Service
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.journal import JournalError
from cq_tui.store.watch import watch_folders

#: Seconds between two writes of the tickers; ten a second is the most that readers reckon with.
_TICKER_INTERVAL = 0.2
_RETRY_PAUSE = 1.0


class FeederService(Service):
    """The service."""

    name = "feeder"

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._data = frame.data
        self._session: FeederSession | None = None
        self._waiting_for = "the exchange"
        self._ticker_problem: str | None = None
        self._venue_mode: Mode | None = None

    @property
    def heartbeat(self) -> float:
        """As set."""
        return self.frame.settings.FEEDER_HEARTBEAT_INTERVAL

    async def run(self) -> None:
        """Hold a session for the venue in force; a new venue, symbol list or interval begins a new one."""
        stay: asyncio.Task[None] | None = None
        place: tuple[Venue, tuple[str, ...], str] | None = None
        try:
            with watch_folders([self._data.run, self._data.settings.parent]) as watch:
                while not self.frame.stopping.is_set():
                    wanted = self._place()
                    if wanted != place or (stay is not None and stay.done()):
                        await _ended(stay)
                        place = wanted
                        stay = None if wanted is None else asyncio.create_task(self._stay(*wanted))
                    await watch.changes(timeout=0.5)
        finally:
            await _ended(stay)

    def _place(self) -> tuple[Venue, tuple[str, ...], str] | None:
        settings, mode = self.frame.settings, self.frame.mode.mode
        try:
            venue = market_venue(mode, settings, self._data)
        except NoExchange as reason:
            self._waiting_for = str(reason)
            return None
        return venue, tuple(settings.SYMBOLS), base_interval(settings, mode)

    async def _stay(self, venue: Venue, symbols: tuple[str, ...], interval: str) -> None:
        """Be in one venue until cancelled or until its connection breaks for good."""
        budget = request_budget(venue, self._data)
        async with SpotRest(venue.endpoints.rest, budget=budget) as rest:
            self._leave_old_prices(venue.mode)
            session = FeederSession(self._data, rest, venue.endpoints.stream, list(symbols), interval, self.frame.log)
            writing = asyncio.create_task(self._write_tickers(session))
            try:
                self._session = session
                self._waiting_for = "the exchange's answer"
                await session.run(self._tell)
            except* BinanceError as errors:
                self._waiting_for = f"the exchange: {errors.exceptions[0]}"
                self.frame.log.warning("exchange unreachable", problem=self._waiting_for)
                await asyncio.sleep(_RETRY_PAUSE)
            except* JournalError as errors:
                self._waiting_for = f"the disk: {errors.exceptions[0]}"
                await asyncio.sleep(_RETRY_PAUSE)
            finally:
                self._session = None
                writing.cancel()

    def _leave_old_prices(self, mode: Mode) -> None:
        """Empty the tickers of another market: nobody may take its prices for those of this one."""
        if self._market_on_disk() != mode:
            try:
                write_document(self._data.tickers, tickers_to_bytes(time.time(), {}), durable=False)
            except OSError as error:
                self._ticker_problem = f"market/tickers.json cannot be emptied: {error.strerror}"
        self._venue_mode = mode

    def _market_on_disk(self) -> str | None:
        if self._venue_mode is not None:
            return self._venue_mode
        try:
            return read_document(self._data.health_of(self.name), FeederHealth).mode
        except DocumentError:
            return None

    def _tell(self) -> None:
        self.frame.beat(self.health(time.time()))

    async def _write_tickers(self, session: FeederSession) -> None:
        while True:
            await asyncio.sleep(_TICKER_INTERVAL)
            if session.board.dirty:
                session.board.dirty = False
                try:
                    content = tickers_to_bytes(time.time(), session.board.tickers)
                    write_document(self._data.tickers, content, durable=False)
                    self._ticker_problem = None
                except OSError as error:
                    self._ticker_problem = f"market/tickers.json cannot be written: {error.strerror}"

    def health(self, now: float) -> FeederHealth:
        """Say how fresh the data is: a live loop alone is not health."""
        session = self._session
        last = session.board.last_update if session else 0.0
        status, reason = self._judge(session, now - last)
        return FeederHealth(
            service="feeder",
            status=status,
            reason=reason,
            last_update_ts=now,
            updated_within_sec=round(max(0.0, now - last), 3) if last else 0.0,
            ready=bool(session and session.backfilled and session.connected),
            waiting_for=(session.backfill_note if session else self._waiting_for) or None,
            mode=self._venue_mode,
            symbols=list(session.board.symbols) if session else [],
            symbols_count=len(session.board.symbols) if session else 0,
            ws_connected=bool(session and session.connected),
            rest_api_ok=bool(session and session.rest_problem is None),
            last_symbol_update=last,
            silent_symbols=_silence(session, now) if session and session.silent else None,
            rejected_symbols=dict(session.rejected) if session and session.rejected else None,
            reconnects=session.reconnects if session else None,
            dropped_messages=session.dropped + session.malformed if session else None,
            gaps_repaired=session.gaps_repaired if session else None,
            clock_offset_ms=round(session.clock_offset_ms, 3) if session else None,
        )

    def _left_out(self, session: FeederSession) -> str:
        """Name symbols that were asked for in vain; of the default list a recording simply has fewer."""
        asked_for = self.frame.loaded.sources.get("SYMBOLS") != "default"
        return f"left out: {', '.join(sorted(session.rejected))}" if session.rejected and asked_for else ""

    def _judge(self, session: FeederSession | None, age: float) -> tuple[Status, str | None]:
        limit = self.frame.settings.ARES_FRESHNESS_THRESHOLD
        if session is None:
            return "error", f"waits for {self._waiting_for}"
        if not session.backfilled:
            return "degraded", f"fetching {session.backfill_note or 'history'}"
        if not session.connected and age > limit:
            return "error", f"stream down: {session.down_reason}"
        if age > limit:
            return "error", f"no data for {age:.0f} s"
        problems = [
            f"stream down: {session.down_reason}" if not session.connected else "",
            f"silent: {', '.join(sorted(session.silent))}" if session.silent else "",
            self._left_out(session),
            f"klines lacking: {', '.join(sorted(session.lacking))}" if session.lacking else "",
            f"REST: {session.rest_problem}" if session.rest_problem else "",
            session.disk_problem or self._ticker_problem or "",
        ]
        reason = "; ".join(problem for problem in problems if problem)
        return ("degraded", reason) if reason else ("ok", None)


def _silence(session: FeederSession, now: float) -> dict[str, float]:
    """Seconds since the last message of each silent symbol."""
    tickers = session.board.tickers
    return {
        symbol: round(now - tickers[symbol].timestamp if symbol in tickers else seconds, 1)
        for symbol, seconds in session.silent.items()
    }


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Cancel a stay and wait for its end; an error of its own comes out here."""
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
