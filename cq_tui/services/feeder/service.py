"""The feeder service: runs a session at the configured exchange, writes tickers, reports health."""

import asyncio
import time
from functools import partial

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.watchdog import Deadlines
from cq_tui.contracts.base import Status
from cq_tui.contracts.health import FeederHealth
from cq_tui.contracts.mode import Mode, fed_intervals
from cq_tui.contracts.symbol_choice import top_entry
from cq_tui.contracts.tickers import Ticker, TickersError, tickers_from_bytes, tickers_to_bytes
from cq_tui.services.ares_state import good_settings, other_symbols
from cq_tui.services.chosen_symbols import read_feeder_state, remember
from cq_tui.services.endpoints import ExchangeAccess, ExchangeUnavailable, market_data_access, request_budget
from cq_tui.services.feeder.assessment import assess, awaited
from cq_tui.services.feeder.session import FeederSession
from cq_tui.services.feeder.symbol_states import SymbolStates, find_states
from cq_tui.services.feeder.top_symbols import Choice, TopSymbols
from cq_tui.services.held_symbols import HeldSymbols
from cq_tui.services.runtime import Service, ServiceRuntime, cancel_and_wait
from cq_tui.store.document import DocumentError, read_content, read_document, write_document
from cq_tui.store.journal import JournalError
from cq_tui.store.watch import watch_folders

#: Seconds between two writes of the tickers; readers expect at most ten a second.
_TICKER_INTERVAL = 0.2
_RETRY_PAUSE = 1.0


class FeederService(Service):
    """The service process."""

    name = "feeder"

    def __init__(self, runtime: ServiceRuntime) -> None:
        super().__init__(runtime)
        self._data = runtime.data
        self._session: FeederSession | None = None
        self._waiting_for = "the exchange"
        #: Whether a session has failed or ended since the start, or none can begin.
        self._has_failed = False
        self._ticker_problem: str | None = None
        stored = self._stored_health()
        #: Of the tickers on disk.
        self._market_mode = stored.mode if stored else None
        self._states = SymbolStates(stored.symbol_states if stored else None)
        self._held = HeldSymbols(self._data, remembers=True)
        self._held_problem: str | None = None
        self._top: TopSymbols | None = None

    @property
    def heartbeat_interval(self) -> float:
        """FEEDER_HEARTBEAT_INTERVAL."""
        return self.runtime.settings.FEEDER_HEARTBEAT_INTERVAL

    async def run(self) -> None:
        """Run a session; a change of exchange or interval starts a new one, other symbols do not."""
        session: asyncio.Task[None] | None = None
        current: tuple[ExchangeAccess, tuple[str, ...]] | None = None
        try:
            with watch_folders([self._data.run, self._data.settings.parent]) as watch:
                while not self.runtime.stopping.is_set():
                    wanted = self._session_parameters()
                    if wanted != current or (session is not None and session.done()):
                        await cancel_and_wait(session)
                        current = wanted
                        session = None if wanted is None else asyncio.create_task(self._run_session(*wanted))
                    if self._session is not None:
                        self._session.data_limit = self.runtime.settings.ARES_FRESHNESS_THRESHOLD
                        self._session.want(self._wanted_symbols())
                    await watch.changes(timeout=0.5)
        finally:
            await cancel_and_wait(session)

    def _session_parameters(self) -> tuple[ExchangeAccess, tuple[str, ...]] | None:
        settings, mode = self.runtime.settings, self.runtime.mode.mode
        try:
            venue = market_data_access(mode, settings, self._data)
        except ExchangeUnavailable as reason:
            self._waiting_for = str(reason)
            # The simulated exchange may still be starting; everything else is a mistake in the settings.
            self._has_failed = self._has_failed or mode != "simulation"
            return None
        return venue, fed_intervals(settings, mode, good_settings(self._data), self._held.trail_frames(mode))

    def _wanted_symbols(self) -> list[str]:
        """Return SYMBOLS, and behind them what else the trader holds, and what else strategies read."""
        held = self._held.read(self.runtime.mode.mode)
        if self._held.problem not in (None, self._held_problem):
            self.runtime.log.warning("held symbols", problem=self._held.problem, still_fed=held)
        self._held_problem = self._held.problem
        return list(dict.fromkeys([*self.runtime.settings.SYMBOLS, *held, *other_symbols(self._data)]))

    async def _run_session(self, venue: ExchangeAccess, intervals: tuple[str, ...]) -> None:
        """Run one session until it is canceled or its connection fails permanently."""
        budget = request_budget(venue, self._data)
        async with SpotRest(venue.endpoints.rest, budget=budget) as rest:
            self._clear_other_market(venue.mode)
            stream, log, trace = venue.endpoints.stream, self.runtime.log, self.runtime.trace
            session = FeederSession(
                self._data,
                rest,
                stream,
                self._wanted_symbols(),
                intervals,
                log,
                trace,
                deadlines=Deadlines(symbol=self.runtime.settings.ARES_FRESHNESS_THRESHOLD),
                repaired=partial(self.runtime.emit, "klines_repaired"),
                last_tickers=self._read_tickers(),
            )
            top = self._top = self._top_symbols(rest, venue.mode)
            beside = [asyncio.create_task(part) for part in (self._write_tickers(session), top.run())]
            try:
                self._session = session
                self._waiting_for = "the exchange's response"
                await session.run(self._publish_health)
            except* BinanceError as errors:
                self._waiting_for = f"the exchange: {errors.exceptions[0]}"
                self.runtime.log.warning("exchange unreachable", problem=self._waiting_for)
                await asyncio.sleep(_RETRY_PAUSE)
            except* JournalError as errors:
                self._waiting_for = f"the disk: {errors.exceptions[0]}"
                await asyncio.sleep(_RETRY_PAUSE)
            finally:
                self._session = None
                self._has_failed = True
                for task in beside:
                    task.cancel()

    def _top_symbols(self, rest: SpotRest, mode: Mode) -> TopSymbols:
        def remember_choice(chosen: Choice) -> None:
            remember(self._data, chosen=self._chosen() | {mode: chosen})
            self.runtime.look_at_settings()

        before = self._chosen().get(mode, {})
        return TopSymbols(rest, lambda: self.runtime.symbol_entries, before, remember_choice, self.runtime.log)

    def _chosen(self) -> dict[str, Choice]:
        try:
            return read_feeder_state(self._data).chosen
        except DocumentError:
            return {}

    def _clear_other_market(self, mode: Mode) -> None:
        """Clear the tickers of another market: its prices must not be taken for this one's."""
        if self._market_mode != mode:
            self._states = SymbolStates()
            try:
                write_document(self._data.tickers, tickers_to_bytes(time.time(), {}), durable=False)
            except OSError as error:
                self._ticker_problem = f"market/tickers.json cannot be cleared: {error.strerror}"
        self._market_mode = mode

    def _stored_health(self) -> FeederHealth | None:
        try:
            return read_document(self._data.health_of(self.name), FeederHealth)
        except DocumentError:
            return None

    def _read_tickers(self) -> dict[str, Ticker]:
        try:
            return tickers_from_bytes(read_content(self._data.tickers))[1]
        except (DocumentError, TickersError):
            return {}

    def _publish_health(self) -> None:
        self.runtime.publish_health(self.health(time.time()))

    async def _write_tickers(self, session: FeederSession) -> None:
        while True:
            await asyncio.sleep(_TICKER_INTERVAL)
            if session.ticker_table.dirty:
                session.ticker_table.dirty = False
                try:
                    content = tickers_to_bytes(time.time(), session.ticker_table.tickers)
                    write_document(self._data.tickers, content, durable=False)
                    self._ticker_problem = None
                except OSError as error:
                    self._ticker_problem = f"market/tickers.json cannot be written: {error.strerror}"

    def health(self, now: float) -> FeederHealth:
        """Report how fresh the data is: a running loop alone is not healthy."""
        session = self._session
        last = session.ticker_table.last_update if session else 0.0
        status, reason = self._assess_status(session, now, now - last)
        return FeederHealth(
            service="feeder",
            status=status,
            reason=reason,
            last_update_ts=now,
            updated_within_sec=round(max(0.0, now - last), 3) if last else 0.0,
            ready=bool(session and session.klines.backfilled and session.streams.connected),
            waiting_for=(self._awaited_choice or awaited(session) if session else self._waiting_for) or None,
            mode=self._market_mode,
            symbols=session.symbols if session else [],
            symbols_count=len(session.symbols) if session else 0,
            ws_connected=bool(session and session.streams.connected),
            rest_api_ok=bool(session and session.rest_problem is None),
            last_symbol_update=last,
            silent_symbols=_silence_seconds(session, now) or None if session else None,
            symbol_states=self._states.update(find_states(session, now), now) if session else None,
            rejected_symbols=(session.rejected or None) if session else None,
            held_symbols=self._held_elsewhere or None,
            other_symbols=self._only_read or None,
            chosen_symbols=(self._top.chosen or None) if session and self._top else None,
            reconnects=session.streams.reconnects if session else None,
            dropped_messages=session.streams.dropped + session.malformed if session else None,
            gaps_repaired=sum(feed.gaps_repaired for feed in session.feeds.values()) if session else None,
            clock_offset_ms=round(session.clock_offset_ms, 3) if session else None,
        )

    @property
    def _held_elsewhere(self) -> list[str]:
        listed = self.runtime.settings.SYMBOLS
        return [symbol for symbol in self._held.read(self.runtime.mode.mode) if symbol not in listed]

    @property
    def _only_read(self) -> list[str]:
        traded = {*self.runtime.settings.SYMBOLS, *self._held_elsewhere}
        return [symbol for symbol in other_symbols(self._data) if symbol not in traded]

    def _assess_status(self, session: FeederSession | None, now: float, age: float) -> tuple[Status, str | None]:
        if session is None:
            # At the start nothing has failed yet.
            return "error" if self._has_failed else "degraded", f"waiting for {self._waiting_for}"
        # A recording may simply lack some of the default list.
        is_configured = self.runtime.loaded.sources.get("SYMBOLS") != "default"
        limit = self.runtime.settings.ARES_FRESHNESS_THRESHOLD
        choice_problem = self._top.problem if self._top else None
        if not session.wanted:
            return "error" if choice_problem else "degraded", f"waiting for {choice_problem or self._awaited_choice}"
        disk_problem = choice_problem or self._ticker_problem
        return assess(session, now, age, limit, names_unlisted=is_configured, disk_problem=disk_problem)

    @property
    def _awaited_choice(self) -> str:
        """The entries of SYMBOLS for which nothing is chosen yet."""
        chosen = self._top.chosen if self._top else {}
        waiting = [entry for entry in self.runtime.symbol_entries if top_entry(entry) and entry not in chosen]
        return f"the choice of {', '.join(waiting)}" if waiting else ""


def _silence_seconds(session: FeederSession, now: float) -> dict[str, float]:
    """Seconds since the last message of each silent symbol."""
    return {symbol: round(now - last, 1) for symbol, last in session.silent_since(now).items()}
