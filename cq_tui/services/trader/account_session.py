"""One session on one account: who it is, its lock, owner and book, then the core between files and exchange."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import BinanceError, OrderNotFound, TimestampRejected
from cq_tui.binance.reconnect import Disconnected, MalformedFrame, Renewing
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.types import AccountInfo
from cq_tui.binance.user_data import Subscribed, SubscriptionFailed, UserDataEvent, UserDataStream
from cq_tui.contracts.mode import base_interval
from cq_tui.contracts.trader_events import BookTakenOver
from cq_tui.services.endpoints import ExchangeAccess
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.services.trader.account_lock import AccountLock, AccountLockUnusable
from cq_tui.services.trader.conductor import Conductor
from cq_tui.services.trader.executor import Executor, placed_id
from cq_tui.services.trader.first_version import FirstVersionUnreadable, evidence_of, holds_something, take_over
from cq_tui.services.trader.health_inputs import limits_problem_of, read_health
from cq_tui.services.trader.identity import AccountUnidentified, account_named, identify
from cq_tui.services.trader.input_journal import InputJournal
from cq_tui.services.trader.left_open import refuse_another_account, was_elsewhere
from cq_tui.services.trader.market_inputs import BarReader, QuoteReader
from cq_tui.services.trader.owner import AccountOwner
from cq_tui.services.trader.place import place_of
from cq_tui.services.trader.recorder import Recorder
from cq_tui.services.trader.trader_settings import trader_settings
from cq_tui.services.trader.trader_state import TAKEN_OVER, TraderState
from cq_tui.store.spools.spool import SpoolEvent
from cq_tui.store.watch import watch_folders
from cq_tui.trading.core import facts, inputs
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_to_plain
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import Record, Request
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.price_waits import ends_elsewhere

#: Seconds between two looks at the market and at health when nothing tells of a change.
_LOOK_INTERVAL = 0.5
#: Seconds between two measurements of the exchange's clock.
_CLOCK_INTERVAL = 60.0
#: Orders of a first version's book that are asked for at most.
_MOST_EVIDENCE = 5


class AccountSession:
    """Everything between one account at the exchange and the files, until canceled.

    ``wait_for`` is told what the session waits for. ``core`` is None until the account is known and its book is read.
    """

    def __init__(
        self,
        runtime: ServiceRuntime,
        access: ExchangeAccess,
        rest: SpotRest,
        state: TraderState,
        wait_for: Callable[[str], None],
    ) -> None:
        self._runtime = runtime
        self._data = runtime.data
        self._log: FilteringBoundLogger = runtime.log
        self._access = access
        self._rest = rest
        self._state = state
        self._wait_for = wait_for
        self.account = ""
        self.core: Core | None = None
        self.owner: AccountOwner | None = None
        #: Why nothing may be opened although the owner is settled: the account's lock cannot be tried.
        self._lock_problem: str | None = None
        #: What a person should know although nothing is wrong with the account.
        self.notices: list[str] = []
        #: Counts inputs other than quotes and ticks.
        self.activity = 0
        self._executor: Executor | None = None
        self._conductor: Conductor | None = None
        self._inputs: InputJournal | None = None
        self._stream: UserDataStream | None = None
        self._was_silent = False
        self._quotes = QuoteReader(self._data)
        self.bars = BarReader(self._data, base_interval(runtime.settings, access.mode))

    # Time

    def moment(self) -> Moment:
        """Return this moment by both clocks."""
        return Moment(time.time(), self._rest.server_now_ms() / 1000)

    @property
    def clock_offset_ms(self) -> float:
        """How far the exchange's clock is ahead of this computer's."""
        return self._rest.clock.offset_ms

    # The life of a session

    async def run(self) -> None:
        """Identify the account, then trade until canceled.

        Raises BinanceError or AccountUnidentified if the start fails, LeftOpen if another account must be traded first.
        """
        self._wait_for("the exchange")
        self.account, info = await identify(self._access, self._rest)
        refuse_another_account(self._data, self._state.books, self._access.mode, self.account)
        lock = AccountLock(self.account, self._data)
        try:
            await self._take(lock)
            core = await self._begin(info)
            async with asyncio.TaskGroup() as tasks:
                assert self._executor is not None
                assert self._conductor is not None
                tasks.create_task(self._executor.run())
                tasks.create_task(self._conductor.tick())
                tasks.create_task(self._follow_account())
                tasks.create_task(self._watch_market(core))
                tasks.create_task(self._watch_health())
                tasks.create_task(self._keep_clock())
        finally:
            if self._inputs is not None:
                self._inputs.close()
            lock.release()

    def _hear(self, told: inputs.Input) -> None:
        """Tell the core what became of a request. Raises AccountUnidentified where it is about another account."""
        if isinstance(told, inputs.Answered) and isinstance(told.value, AccountInfo):
            account = account_named(self._access, told.value)
            if account != self.account:
                now = "an account that it does not name" if account is None else account
                raise AccountUnidentified(f"the exchange answers for {now}, no longer for {self.account}")
        self.feed(told)

    async def _take(self, lock: AccountLock) -> None:
        def tell(reason: str) -> None:
            self._wait_for(reason)
            self._log.warning("account taken", problem=reason)

        try:
            await lock.acquire_when_free(tell)
        except AccountLockUnusable as error:
            self._lock_problem = str(error)
            self._log.error("account lock", problem=str(error))

    async def _begin(self, info: AccountInfo) -> Core:
        """Settle the owner, find the book, and start the core with what is known."""
        self.owner = AccountOwner(self._runtime, self._state.owners, self.account, place_of(self._data.root))
        book = await self._book(info, self.owner.known.owner)
        core = Core(book)
        recorder = Recorder(self._runtime, book, self._log, self._runtime.trace)
        if faults := self._state.take_faults(self.account):
            self._doubt_history(book, recorder, faults)
        self._end_waits(book, recorder)
        self._executor = Executor(self._rest, self._hear, self._trace)
        self._inputs = self._input_journal(core)
        send = self._executor.submit, self._executor.start
        self._conductor = Conductor(core, self.moment, recorder.record, *send, self._inputs.note)
        self.core = core
        self.take_settings()
        self._conductor.feed(self._read_health())
        self._look_at_market(core)
        self._wait_for("orders and balances of the account")
        return core

    def _doubt_history(self, book: Book, recorder: Recorder, faults: list[str]) -> None:
        """Doubt a book that its events tell with gaps or contradictions."""
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        text = f"the history of this account does not tell its book without gaps: {faults[0]}{more}"
        doubt = facts.DoubtRaised("", "history", text, self.moment().ms)
        book.apply(doubt)
        recorder.record(Record((doubt,)))
        self._log.error("history doubted", faults=faults)

    def _input_journal(self, core: Core) -> InputJournal:
        runtime = self._runtime
        return InputJournal(
            self._data.trader_inputs,
            core,
            self.account,
            lambda: runtime.last_seq,
            lambda: runtime.settings.TRADER_INPUTS_MIB * 1024 * 1024,
            self._log,
        )

    def _end_waits(self, book: Book, recorder: Recorder) -> None:
        """Give up the entries that waited here for their price, if something else was traded since."""
        if was_elsewhere(self._data, self._access.mode, self.account) and (ends := ends_elsewhere(book)):
            for end in ends:
                book.apply(end)
            recorder.record(Record(tuple(ends), durable=True))

    async def stop(self) -> None:
        """Send nothing more; changes in flight have a moment to be answered."""
        if self._executor is not None:
            await self._executor.stop()
        if self.owner is not None:
            await self.owner.remember()

    # The book

    async def _book(self, info: AccountInfo, owner: str) -> Book:
        """Return the book of the account; that of the first version if its orders are found here."""
        known = self._state.books.get(self.account)
        plain = self._state.first_version.get(self._access.mode)
        if plain is not None and known is None:
            known = await self._take_over(plain, info, owner)
        elif plain is not None and holds_something(plain):
            self.notices.append(f"an earlier book of mode {self._access.mode} stays unused: its account is another one")
        book = self._state.book_of(self.account) if known is None else known
        book.owner = owner
        return book

    async def _take_over(self, plain: dict[str, object], info: AccountInfo, owner: str) -> Book | None:
        mode, quote = self._access.mode, self._runtime.settings.TRADER_QUOTE
        try:
            if not await self._is_here(plain):
                if holds_something(plain):
                    text = f"the earlier book of mode {mode} belongs to another account; it is kept"
                    self.notices.append(text)
                    self._log.warning("book not taken over", problem=text)
                return None
            balance = info.balances.get(quote)
            total = balance.total if balance is not None else Decimal(0)
            book = take_over(plain, self.account, owner, quote, total, self.moment().ms)
        except FirstVersionUnreadable as error:
            self.notices.append(f"the earlier book of mode {mode} cannot be read ({error}); it is kept")
            self._log.error("book not taken over", problem=str(error))
            return None
        event = BookTakenOver(account=self.account, mode=mode, book=book_to_plain(book))
        told = SpoolEvent(TAKEN_OVER, event, {"account": self.account}, time.time())
        self._runtime.record([told], durable=True)
        self._state.books[self.account] = book
        del self._state.first_version[mode]
        self._log.info("book taken over", mode=mode, account=self.account, positions=list(book.positions))
        return book

    async def _is_here(self, plain: dict[str, object]) -> bool:
        """Whether the exchange knows the book's orders. One without any fits every account."""
        evidence = evidence_of(plain)
        for one in evidence[:_MOST_EVIDENCE]:
            with suppress(OrderNotFound):
                await self._rest.query_order(one.symbol, one.client_order_id)
                return True
        return not evidence and not holds_something(plain)

    # Tracing

    def _trace(self, step: str, request: Request, **milliseconds: float) -> None:
        """Log one step of a request that places orders, by the signal that it follows."""
        if self._runtime.is_tracing and self.core is not None and (name := placed_id(request)) is not None:
            order = self.core.book.orders.get(name)
            self._runtime.trace(step, name if order is None else order.signal_key, **milliseconds)

    # Inputs

    def feed(self, *told: inputs.Input) -> None:
        """Tell the core. Before there is one, nothing is told."""
        if self._conductor is not None:
            self.activity += 1
            self._conductor.feed(*told)
            self._replace_silent_stream()

    def _replace_silent_stream(self) -> None:
        """Subscribe anew, once, where the core has found out that the account stream does not tell what happens."""
        if self.core is None or self._stream is None:
            return
        if self.core.is_stream_silent and not self._was_silent:
            self._log.warning("account stream silent", problem=self.core.situation.stream_problem)
            self._stream.renew("it is silent")
        self._was_silent = self.core.is_stream_silent

    def take_settings(self) -> None:
        """Tell the core the settings in force, and who owns the orders."""
        if self.owner is None:
            return
        problem = self._lock_problem or self.owner.problem
        settings = trader_settings(self._runtime.loaded, self._runtime.mode, self._access.mode)
        self.feed(inputs.OwnerSeen(self.owner.known.owner, problem), inputs.SettingsSeen(settings))

    async def _follow_account(self) -> None:
        stream = self._stream = UserDataStream(
            self._access.endpoints.ws_api,
            self._access.credentials,  # type: ignore[arg-type]
            self._rest.server_now_ms,
            budget=self._rest.budget,
        )
        async with stream as events:
            async for event in events:
                await self._take_event(event)

    async def _take_event(self, event: UserDataEvent) -> None:
        match event:
            case Subscribed():
                self.feed(inputs.StreamUp())
            case SubscriptionFailed(error=error):
                self.feed(inputs.StreamDown(str(error)))
                self._log.warning("account stream refused", problem=str(error))
                if isinstance(error, TimestampRejected):
                    await self._measure_clock()
            case Disconnected(reason=reason):
                self.feed(inputs.StreamDown(reason))
                self._log.warning("account stream lost", problem=reason)
            case Renewing():
                pass
            case MalformedFrame(problem=problem):
                self.feed(inputs.StreamDown(problem), inputs.StreamUp())
                self._log.error("account stream not understood", problem=problem)
            case _:
                self.feed(inputs.Reported(event))

    async def _watch_market(self, core: Core) -> None:
        with watch_folders([self._data.tickers.parent]) as watch:
            while True:
                await watch.changes(timeout=_LOOK_INTERVAL)
                self._look_at_market(core)

    def _look_at_market(self, core: Core) -> None:
        assert self._conductor is not None
        if (quotes := self._quotes.read(self.clock_offset_ms / 1000)) is not None:
            self._conductor.feed(quotes)
        if bars := self.bars.read(core.book, self._rest.server_now_ms()):
            self.feed(*bars)

    async def _watch_health(self) -> None:
        with watch_folders([self._data.health]) as watch:
            while True:
                await watch.changes(timeout=_LOOK_INTERVAL)
                assert self._conductor is not None
                self._conductor.feed(self._read_health())

    def _read_health(self) -> inputs.HealthSeen:
        return read_health(self._data, limits_problem_of(self._rest.budget.state(), self._rest.server_now_ms()))

    async def _keep_clock(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_INTERVAL)
            await self._measure_clock()

    async def _measure_clock(self) -> None:
        # The next request reports what is wrong.
        with suppress(BinanceError):
            await self._rest.sync_clock(samples=1)
