"""The trader service: a session on the account of the mode in force, fed with the signals of the history."""

import asyncio
import time

from cq_tui.binance.errors import BinanceError
from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.events import OrderRejected
from cq_tui.contracts.health import TraderHealth
from cq_tui.contracts.trader_requests import TraderRequest, read_request
from cq_tui.services.endpoints import ExchangeAccess, ExchangeUnavailable, trading_access
from cq_tui.services.runtime import Service, ServiceRuntime, cancel_and_wait
from cq_tui.services.trader.account_document import account_state
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.services.trader.closings import KINDS
from cq_tui.services.trader.command_answers import carry_out
from cq_tui.services.trader.history_gate import HistoryGate
from cq_tui.services.trader.identity import AccountUnidentified, open_rest
from cq_tui.services.trader.left_open import LeftOpen
from cq_tui.services.trader.new_credentials import NewCredentials
from cq_tui.services.trader.selling import Selling
from cq_tui.services.trader.signal_history import SignalHistory
from cq_tui.services.trader.signal_lines import ToldSignal, read_signal
from cq_tui.services.trader.trader_health import trader_health
from cq_tui.services.trader.trader_state import restore_state, write_state
from cq_tui.services.trader.wishes import unlock
from cq_tui.store.document import write_document
from cq_tui.store.watch import watch_folders
from cq_tui.trading.core.inputs import SignalRefused, SignalSeen
from cq_tui.trading.denial import Denial, DenialReason

_RETRY_PAUSE = 1.0
#: So long (seconds) an account is left alone that cannot be traded while another one has something open.
_LEFT_OPEN_PAUSE = 5.0
#: Account and ability to trade are published at most this often (seconds).
_PUBLISH_INTERVAL = 0.25
#: The snapshot is stored this long after the last change, or after so long at the latest (seconds).
_STORE_WHEN_QUIET, _STORE_INTERVAL = 1.0, 5.0
#: Signals fed before other inputs have their turn.
_SIGNALS_AT_ONCE = 10


class TraderService(Service):
    """Runs a session on the account of the mode in force."""

    name = "trader"

    def __init__(self, frame: ServiceRuntime) -> None:
        super().__init__(frame)
        self._data = frame.data
        self._state = restore_state(self._data)
        if self._state.problem:
            frame.log.error("state not read", problem=self._state.problem)
        self._history = SignalHistory(self._data, self._state.cursor, self._state.answered_ts)
        self._gate = HistoryGate(self._data)
        frame.before_settings = self._write_account
        self._new_credentials = NewCredentials(frame)
        self._session: AccountSession | None = None
        self._waiting_for = "the exchange"
        self.selling = Selling(frame, self._state, self)
        #: Answers that wait for sales.
        self._closing: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._store_problem: str | None = None
        self._account_problem: str | None = None
        #: What was last published and stored, and when.
        self._told: tuple[object, ...] = ()
        self._published_activity = self._stored_activity = 0
        self._changed_at = self._stored_at = 0.0

    async def run(self) -> None:
        """Keep a session at the exchange of the mode in force, until asked to stop."""
        self._follow_own_numbers()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            beside = (self._follow_history(), self._publish(), self._new_credentials.follow())
            others = [tasks.create_task(each) for each in beside]
            try:
                await self._keep_session()
            finally:
                for task in (*others, *self._closing):
                    task.cancel()
        self._store()

    def _follow_own_numbers(self) -> None:
        """Note where our own events are: a history that was put back has fewer of them than the snapshot."""
        last = self.runtime.last_seq
        if last is not None and last < self._state.seq:
            self._state.seq = last

    async def _keep_session(self) -> None:
        stay: asyncio.Task[None] | None = None
        place: ExchangeAccess | None = None
        try:
            with watch_folders([self._data.run]) as watch:
                while not self.runtime.stopping.is_set():
                    wanted = self._place()
                    if wanted != place or (stay is not None and stay.done()):
                        await self._end(stay)
                        place = wanted
                        stay = None if wanted is None else asyncio.create_task(self._stay(wanted))
                    await watch.changes(timeout=0.5)
        finally:
            await self._end(stay)

    async def _end(self, stay: asyncio.Task[None] | None) -> None:
        if self._session is not None:
            await self._session.stop()
            # What has changed since the last time: until there is a next session, nobody else tells it.
            self._write_account()
        await cancel_and_wait(stay)

    def _place(self) -> ExchangeAccess | None:
        try:
            return trading_access(self.runtime.mode.mode, self.runtime.settings, self._data)
        except ExchangeUnavailable as reason:
            self._wait_for(str(reason))
            return None

    @property
    def session(self) -> AccountSession | None:
        """The session on an account, if there is one."""
        return self._session

    @property
    def waiting_for(self) -> str:
        """What it waits for while there is none, after "waits for"."""
        return self._waiting_for

    def is_there_an_exchange(self) -> bool:
        """Whether one can be tried."""
        return self._place() is not None

    def _wait_for(self, what: str) -> None:
        self._waiting_for = what

    async def _stay(self, access: ExchangeAccess) -> None:
        async with open_rest(access, self._data) as rest:
            session = AccountSession(self.runtime, access, rest, self._state, self._wait_for)
            self._session = session
            try:
                await session.run()
            except* (BinanceError, AccountUnidentified) as errors:
                self._wait_for(f"the exchange: {errors.exceptions[0]}")
                self.runtime.log.warning("exchange unreachable", problem=self._waiting_for)
                await asyncio.sleep(_RETRY_PAUSE)
            except* LeftOpen as errors:
                self._wait_for(str(errors.exceptions[0]))
                self.runtime.log.error("another account", problem=self._waiting_for)
                await asyncio.sleep(_LEFT_OPEN_PAUSE)
            finally:
                self._session = None

    # Signals

    async def _follow_history(self) -> None:
        """Feed signals. While nothing can be traded they wait, and may be refused as stale later."""
        with watch_folders([self._data.memory]) as watch:
            while True:
                has_more = False
                if self._takes_signals():
                    await self._feed_signals()
                    has_more = self._history.has_more
                await watch.changes(timeout=0.0 if has_more else 0.5)

    def _takes_signals(self) -> bool:
        return (self._is_ready() or self.runtime.mode.blocked is not None) and self._gate.is_open()

    def _has_waiting_signals(self) -> bool:
        session = self._session
        return session is not None and session.core is not None and session.core.has_waiting_signals

    def _is_ready(self) -> bool:
        session = self._session
        return session is not None and session.core is not None and session.core.is_ready

    async def _feed_signals(self) -> None:
        session, fed = self._session, 0
        for line in self._history.read():
            signal = read_signal(line, self.runtime.log)
            if signal is not None and not self._history.is_old(signal.timestamp, signal.event_id):
                self._feed(session, signal)
                self._history.answered(signal.timestamp, signal.event_id)
                fed += 1
                if fed % _SIGNALS_AT_ONCE == 0:
                    await asyncio.sleep(0)
            self._history.done(line)
        for refusal in self._history.take_refusals():
            self.runtime.log.error("signals refused", problem=refusal)

    def _feed(self, session: AccountSession | None, line: ToldSignal) -> None:
        signal = line.signal
        self.runtime.trace("signal read", signal.key, since_merged_ms=(time.time() - line.timestamp) * 1000)
        if session is not None:
            session.feed(signal if isinstance(signal, SignalRefused) else SignalSeen(signal, line.mode))
            return
        # Without an account there is no book that could answer it.
        denial = Denial(DenialReason.MODE_BLOCKED, self.runtime.mode.blocked or f"waiting for {self._waiting_for}")
        code, reason = denial.reason.value, str(denial)
        if isinstance(signal, SignalRefused):
            code, reason = signal.code, signal.reason
        payload = OrderRejected(
            symbol=signal.symbol,
            side=signal.side,
            reason=reason,
            refused_by="guardrail",
            code=code,
            signal_key=signal.key,
        )
        self.runtime.emit("order_rejected", payload, metadata={"strategy": signal.strategy})

    # Settings and commands

    async def on_settings_changed(self) -> None:
        """Tell the core; a change of account is seen by the session's keeper."""
        self._new_credentials.look()
        if self._session is not None:
            self._session.take_settings()

    async def execute_command(self, command: Command) -> tuple[Outcome, str] | None:
        """Flatten, close, release a symbol, accept or adopt; resume, after a flatten or a halt by signal."""
        if command.command == "resume":
            return self._resume(command)
        if command.command in KINDS:
            return await self._begin_to_close(command)
        session = self._session
        if session is None or session.core is None or not session.core.is_ready:
            return "refused", f"the trader is waiting for {self._waiting_for}"
        answer = carry_out(session, session.core, command)
        return answer if answer is not None else self.refuse(command)

    async def _begin_to_close(self, command: Command) -> tuple[Outcome, str] | None:
        try:
            request = read_request(command)
        except ValueError as error:
            return "refused", str(error)
        while self._tasks is None:
            # It is just starting.
            await asyncio.sleep(0)
        # It may take minutes: other commands do not wait for it.
        task = self._tasks.create_task(self._answer_closing(command, request))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return None

    async def _answer_closing(self, command: Command, request: TraderRequest) -> None:
        self.runtime.answer_command(command, *await self.selling.sell(request))

    def _resume(self, command: Command) -> tuple[Outcome, str]:
        try:
            request = read_request(command)
        except ValueError as error:
            return "refused", str(error)
        was_locked = unlock(self.runtime, self._state, self._session, request)
        if request.symbol:
            return "done", f"{request.symbol} {'may be opened again' if was_locked else 'was not locked'}"
        self.runtime.release_halt()
        return "done", "no longer halted after a flatten" if was_locked else "no longer halted by signal"

    # Publishing and storing, at their own pace

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(_PUBLISH_INTERVAL)
            now = time.time()
            session = self._session
            activity = 0 if session is None else session.activity
            if activity != self._published_activity:
                self._published_activity, self._changed_at = activity, now
                self._write_account()
            if session is not None and session.owner is not None:
                await session.owner.remember()
            told = self._ability()
            if told != self._told:
                self._told = told
                self.runtime.publish_health(self.health(now))
            if self._is_store_due(activity, now):
                self._stored_activity = activity
                self._store()

    def _ability(self) -> tuple[object, ...]:
        session, core = self._session, None if self._session is None else self._session.core
        if session is None or core is None or not core.is_ready:
            return None, self.runtime.mode.blocked, self._waiting_for
        held = tuple(symbol for symbol in core.book.positions if core.book.quantity(symbol))
        return tuple(core.blocked_by(session.moment())[:1]), held, tuple(core.book.doubts)

    def _is_store_due(self, activity: int, now: float) -> bool:
        is_new = activity != self._stored_activity or self._history.is_due(now, _STORE_INTERVAL, 256 * 1024)
        is_quiet = now - self._changed_at >= _STORE_WHEN_QUIET
        return is_new and (is_quiet or now - self._stored_at >= _STORE_INTERVAL)

    def _store(self) -> None:
        """Store cursor and books, if what they include is in the spool."""
        state, last = self._state, self.runtime.last_seq
        if last is None:
            return
        state.seq = last
        if not self._has_waiting_signals():
            # A signal that waits for its turn is read again after a restart; those that were answered are known.
            state.cursor, state.answered_ts = self._history.cursor, self._history.answered_ts
        try:
            write_state(self._data, state)
        except OSError as error:
            self._store_problem = f"{self._data.state_of(self.name).name} cannot be written: {error.strerror}"
            return
        self._store_problem = None
        if self._is_ready():
            # It is whole again: the books were read from the history, and agree with the account or say why not.
            self._state.problem = None
        self._stored_at = time.time()
        self._history.stored(self._stored_at)

    # Health

    @property
    def _problems(self) -> list[str]:
        mine = (self._history.problem, self._store_problem, self._account_problem, self._state.problem)
        # Once there is a session, its core names what is wrong with the settings.
        settings = None if self._is_ready() else self.runtime.loaded.problem
        return [problem for problem in (settings, *mine) if problem]

    def health(self, now: float) -> TraderHealth:
        """Report whether the trader can trade and, if not, why."""
        self._write_account()
        found = trader_health(self._session, self._waiting_for, self.runtime.mode.blocked, self._problems, now)
        # Without a book nothing can be opened: it will have this state.
        is_flattened = any("" in book.locks for book in self._state.books.values())
        state = found.trading_state or ("halted" if is_flattened else self.runtime.settings.TRADING_STATE)
        return found.model_copy(update={"trading_state": state})

    def _write_account(self) -> None:
        session = self._session
        if session is None or session.core is None or not session.core.is_ready:
            return
        try:
            state = account_state(session.core, session.core.situation.settings.mode, time.time())
            write_document(self._data.account, state, durable=False)
            self._account_problem = None
        except OSError as error:
            self._account_problem = f"account.json cannot be written: {error.strerror}"
