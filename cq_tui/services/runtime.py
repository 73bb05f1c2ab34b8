"""The runtime of a service process: lock, settings, log, spool, heartbeat, commands and graceful shutdown."""

import asyncio
import contextlib
import faulthandler
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, ClassVar, Protocol

from pydantic import BaseModel
from structlog.typing import FilteringBoundLogger

from cq_tui import __version__
from cq_tui.contracts.base import Status
from cq_tui.contracts.commands import Command, Outcome, SymbolClosing, command_executed_event
from cq_tui.contracts.events import HealthStatusChanged, ServiceStarted, ServiceStopped
from cq_tui.contracts.health import FeederHealth, Health
from cq_tui.contracts.in_force import Identified
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import EffectiveMode, effective_mode
from cq_tui.contracts.settings import Settings
from cq_tui.services.chosen_symbols import with_chosen_symbols
from cq_tui.services.logs import open_log
from cq_tui.services.settings_to_act_on import settings_to_act_on
from cq_tui.services.trading_state_record import event_of, make_request
from cq_tui.store.administrator_limits import seen_limits
from cq_tui.store.control import CommandInbox
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import file_identity, write_document
from cq_tui.store.lock import ProcessLock
from cq_tui.store.regular_file import open_regular
from cq_tui.store.reserve import Reserve
from cq_tui.store.settings_in_force import digest_of
from cq_tui.store.spools.event_queue import EventQueue
from cq_tui.store.spools.spool import SpoolEvent
from cq_tui.store.trading_state import Stop, prepare_stops, put_stop, seen_stops
from cq_tui.store.watch import watch_folders

#: Seconds that a service has to stop after SIGTERM.
SHUTDOWN_GRACE = 5.0


class ServiceRuntime:
    """What one service process needs: it reads ``settings`` and ``mode``, and calls ``emit`` and ``publish_health``."""

    def __init__(self, name: str, data: DataDir, lock: ProcessLock | None = None, hold: Stop | None = None) -> None:
        """Acquire the lock and open everything. Raises LockHeld, DataDirError or SettingsError.

        A spool that cannot be opened is not fatal, since positions must stay protected: events wait in memory. With a
        ``lock`` that is held, no file that cannot be written is fatal. ``hold`` keeps trading from being active until
        the end, whatever is resumed.
        """
        closed = prepare_data_directory(data) if lock is None else None
        self.name = name
        self.data = data
        prepare_stops(data)
        self._in_force = settings_to_act_on(data)
        self._in_force.trades = name == "trader"
        self._in_force.held_stop = self._hold = hold
        self._load_settings()
        self._needs_files = lock is None
        self._lock = lock or ProcessLock(data.lock_of(name), name)
        if lock is None:
            # Positions are protected even on a full disk.
            Reserve(data).spend(self._lock.acquire, protects=name == "trader")
        self.log = self._open_log()
        if closed:
            self.log.warning("data directory", problem=closed)
        self._name_remarks(())
        self._crash_file = self._open_crash_file()
        self._events = EventQueue(data, name)
        self._pending_answers: list[tuple[Command, Outcome, str, list[SymbolClosing] | None]] = []
        self.inbox = CommandInbox(data, name, self.record_command)
        self.stopping = asyncio.Event()
        #: Makes the settings be looked at now.
        self.look_at_settings: Callable[[], object] = lambda: None
        #: Called before the settings are looked at: what is open is written then, so that no mode is left meanwhile.
        self.before_settings: Callable[[], object] = lambda: None
        self.started_ts = max(0.0, time.time())
        self._status: Status | None = None
        self._is_halt_recorded = False

    def _open_log(self) -> FilteringBoundLogger:
        return open_log(self.data, self.name, self.settings.LOG_LEVEL, must_open=self._needs_files)

    def _open_crash_file(self) -> IO[str] | None:
        """Have the traceback of an interpreter crash written to a file."""
        try:
            file = open(self.data.logs / f"{self.name}.crash", "a", encoding="utf-8", opener=open_regular)  # noqa: SIM115
        except OSError:
            if self._needs_files:
                raise
            return None
        faulthandler.enable(file)
        return file

    def _load_settings(self) -> None:
        in_force = self._in_force.load()
        #: SYMBOLS as it is written: entries such as top:50:USDT are replaced in the settings in force.
        self.symbol_entries = in_force.settings.SYMBOLS
        self.loaded = with_chosen_symbols(in_force, self.data)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.loaded.settings

    @property
    def mode(self) -> EffectiveMode:
        """The mode that follows from the settings."""
        return effective_mode(self.settings)

    @property
    def settings_due_in(self) -> float | None:
        """Seconds after which another look at the settings is due although the file has not changed; None if none is.

        They are not stored yet, or ask for an account that may become usable.
        """
        if self._in_force.is_pending:
            return 0.25
        return 2.0 if self._in_force.is_unsettled or self._is_halted_by_signal else None

    @property
    def problem(self) -> str | None:
        """What is wrong with the runtime itself: a full disk, an invalid settings file."""
        return self._events.problem or self.loaded.problem

    def emit(
        self, event_type: str, data: BaseModel | Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Record an event. One that the spool refuses waits in memory for the next heartbeat.

        Raises JournalBroken when a new process has to check what the disk holds.
        """
        self._events.add(event_type, data, metadata)
        self._flush_events()

    @property
    def is_tracing(self) -> bool:
        """Whether ENABLE_DEBUG_TRACING is on."""
        return self.settings.ENABLE_DEBUG_TRACING

    def trace(self, step: str, key: str, **milliseconds: float) -> None:
        """Log one step on the way from closed kline to order, when tracing.

        ``key`` is the natural key of the signal, or its middle part, symbol:interval:close_time, for a kline.
        """
        if self.is_tracing:
            rounded = {name: round(value, 3) for name, value in milliseconds.items()}
            self.log.info("trace", step=step, key=key, **rounded)

    def emit_durably(
        self, event_type: str, data: BaseModel | Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Record an event and wait until the disk has it. Raises JournalError when it does not."""
        self._events.emit_durably(event_type, data, metadata)

    def record(self, events: Sequence[SpoolEvent], *, durable: bool = False, opens_risk: bool = False) -> None:
        """Record events in one append; with ``durable``, wait until the disk has them.

        Raises JournalError when they wait in memory instead, or open risk while the disk is full.
        """
        self._events.record(events, durable=durable, opens_risk=opens_risk)

    @property
    def last_seq(self) -> int | None:
        """Number of this process's last event in the spool; None while events wait in memory."""
        return self._events.last_seq

    def _flush_events(self) -> None:
        before = self._events.problem
        self._events.flush()
        if self._events.problem not in (before, None):
            self.log.error("events not spooled", error=self._events.problem)

    def publish_health(self, health: Health) -> None:
        """Write the health file; emit an event if the status changed."""
        self._flush_events()
        self._flush_answers()
        if self.problem and health.status == "ok":
            health = health.model_copy(update={"status": "degraded", "reason": self.problem})
        stamped = health.model_copy(update=self._stamp(health))
        if self._status is not None and health.status != self._status:
            change = HealthStatusChanged(
                service=self.name, old_status=self._status, new_status=health.status, reason=health.reason
            )
            self.emit("health_status_changed", change)
            self.log.warning("status", old=self._status, new=health.status, reason=health.reason)
        self._status = health.status
        try:
            write_document(self.data.health_of(self.name), stamped, durable=False)
        except OSError as error:
            self.log.error("health file not written", error=str(error))

    def _stamp(self, health: Health) -> dict[str, Any]:
        """Return what every report says; the mode in the feeder's is that of its prices."""
        mode = {} if isinstance(health, FeederHealth) else {"mode": self.mode.mode}
        return {"pid": os.getpid(), "started_ts": self.started_ts, "version": __version__, **mode}

    def identify(self, settings: Settings, account: str | None, problem: str | None = None) -> None:
        """Take whose account these settings lead to, which are not followed yet, or why the exchange does not say."""
        found = Identified(credentials=digest_of(settings), account=account, problem=problem)
        if found == self._in_force.identified:
            return
        self._in_force.identified = found
        self.log.warning("other key or address", account=account, problem=problem)
        self.look_at_settings()

    @property
    def _is_halted_by_signal(self) -> bool:
        return self._in_force.held_stop is not self._hold

    def halt(self) -> None:
        """Halt trading until ``resume``: somebody sent the signal for it, since no file could be made."""
        if not self._is_halted_by_signal:
            self._in_force.held_stop = Stop("halted", time.time(), by="signal")
            self.look_at_settings()

    def release_halt(self) -> None:
        """Forget a halt by signal."""
        self._in_force.held_stop = self._hold
        self.look_at_settings()

    def _name_remarks(self, before: Sequence[str]) -> None:
        for each in self.loaded.remarks:
            if each not in before:
                self.log.warning("settings", problem=each)

    def _keep_halt(self) -> None:
        """Make the file that whoever sent the signal could not make; until then, only this process knows."""
        state = self.loaded.settings_state
        request = make_request("halt", state, "halted", "signal")
        if not self._is_halt_recorded:
            self._is_halt_recorded = True
            self.emit("trading_state_changed", event_of(request))
        with contextlib.suppress(OSError):
            put_stop(self.data, request, lambda _: None)
            self.release_halt()

    def reload_settings(self) -> bool:
        """Reload the settings; return whether they, or what is wrong with them, changed."""
        before = self.loaded
        self.before_settings()
        if self._is_halted_by_signal:
            self._keep_halt()
        else:
            self._is_halt_recorded = False
        self._load_settings()
        if self.loaded.problem and self.loaded.problem != before.problem:
            self.log.error("settings", problem=self.loaded.problem)
        self._name_remarks(before.remarks)
        if self.settings.LOG_LEVEL != before.settings.LOG_LEVEL:
            self.log = self._open_log()
        after = self.loaded
        return (after.settings, after.problem, after.stops) != (before.settings, before.problem, before.stops)

    def answer_command(
        self, command: Command, outcome: Outcome, message: str, closings: list[SymbolClosing] | None = None
    ) -> None:
        """Write a command's outcome and record it. If the disk refuses it, it is retried at each heartbeat."""
        self._pending_answers.append((command, outcome, message, closings))
        self._flush_answers()
        self.record_command(command, outcome, message)

    def _flush_answers(self) -> None:
        while self._pending_answers:
            try:
                self.inbox.answer(*self._pending_answers[0])
            except OSError as error:
                self.log.error("outcome not written", error=str(error))
                return
            self._pending_answers.pop(0)

    def claim_commands(self) -> list[Command]:
        """Claim the pending commands; if the disk refuses, they stay for the next time."""
        try:
            return list(self.inbox.claim())
        except OSError as error:
            self.log.error("commands not read", error=str(error))
            return []

    def record_command(self, command: Command, outcome: Outcome, message: str) -> None:
        """Record a command and its outcome in the history."""
        self.emit("command_executed", command_executed_event(command, outcome, message))

    def close(self) -> None:
        """Close the spool and release the lock."""
        self._events.close()
        faulthandler.disable()
        if self._crash_file is not None:
            self._crash_file.close()
        self._lock.release()


class Trace(Protocol):
    """``ServiceRuntime.trace``."""

    def __call__(self, step: str, key: str, **milliseconds: float) -> None:
        """Log one step."""


def elapsed_ms(began: float) -> float:
    """Return the milliseconds since ``began``, a value of time.perf_counter()."""
    return (time.perf_counter() - began) * 1000


async def cancel_and_wait(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait for it; raise the error that it failed with."""
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Service(ABC):
    """One service: its work (``run``), its ``health``, and the commands it executes."""

    name: ClassVar[str]

    def __init__(self, runtime: ServiceRuntime) -> None:
        self.runtime = runtime

    @abstractmethod
    async def run(self) -> None:
        """Work until ``runtime.stopping`` is set, then shut down cleanly."""

    @abstractmethod
    def health(self, now: float) -> Health:
        """Return the health to publish now."""

    @property
    def heartbeat_interval(self) -> float:
        """Seconds between two health reports."""
        return 2.0

    async def on_settings_changed(self) -> None:
        """Apply changed settings; ``runtime.settings`` already holds them."""
        self.runtime.log.debug("nothing to change for the new settings")

    async def execute_command(self, command: Command) -> tuple[Outcome, str] | None:
        """Execute a command for this service; None if it answers by itself, later."""
        return self.refuse(command)

    def refuse(self, command: Command) -> tuple[Outcome, str]:
        """Return the answer to a command that this service does not know."""
        return "refused", f"{self.name} has no command {command.command!r}"


async def serve(runtime: ServiceRuntime, service: Service) -> None:
    """Run a service until it ends, fails, or receives SIGTERM. Raises the error that it failed with."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runtime.stopping.set)
    loop.add_signal_handler(signal.SIGUSR1, runtime.halt)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _record_interrupted(runtime)
    runtime.emit("service_started", ServiceStarted(service=runtime.name, pid=os.getpid(), version=__version__))
    runtime.log.info("started", pid=os.getpid(), mode=runtime.mode.mode)
    runtime.publish_health(service.health(time.time()))
    companions = [
        loop.create_task(_send_heartbeats(runtime, service), name="heartbeats"),
        loop.create_task(_watch_settings(runtime, service), name="settings"),
        loop.create_task(_watch_commands(runtime, service), name="commands"),
    ]
    work = loop.create_task(service.run(), name="work")
    stop = loop.create_task(runtime.stopping.wait(), name="stop")
    try:
        done, _ = await asyncio.wait([work, stop, *companions], return_when=asyncio.FIRST_COMPLETED)
        if stop in done:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SHUTDOWN_GRACE):
                    await asyncio.shield(work)
        for task in done - {stop}:
            task.result()
    finally:
        for task in (work, stop, *companions):
            task.cancel()
        await asyncio.gather(work, stop, *companions, return_exceptions=True)
    if work.done() and not work.cancelled() and (error := work.exception()):
        raise error


def _record_interrupted(runtime: ServiceRuntime) -> None:
    try:
        for command in runtime.inbox.answer_interrupted():
            runtime.record_command(command, "interrupted", "the service ended while executing it")
    except OSError as error:
        runtime.log.error("commands not read", error=str(error))


async def _send_heartbeats(runtime: ServiceRuntime, service: Service) -> None:
    while True:
        runtime.publish_health(service.health(time.time()))
        await asyncio.sleep(service.heartbeat_interval)


async def _watch_settings(runtime: ServiceRuntime, service: Service) -> None:
    """Hot-reload the settings, and what stops trading; look now and then in case a notification was missed."""
    data = runtime.data
    with watch_folders([data.settings.parent, data.control]) as watch:
        is_notified, seen = True, None
        is_asked = asyncio.Event()

        def look() -> None:
            is_asked.set()
            watch.wake()

        runtime.look_at_settings = look
        while True:
            # What is in force may be put back by whoever knows that something is open.
            paths = data.settings, data.settings_in_force, data.state_of("feeder")
            files = tuple(map(file_identity, paths))
            identity = files, seen_stops(data), seen_limits()
            is_due = is_notified or is_asked.is_set() or identity != seen or runtime.settings_due_in is not None
            is_asked.clear()
            if is_due and runtime.reload_settings():
                runtime.log.info("settings changed", mode=runtime.mode.mode)
                await service.on_settings_changed()
                runtime.publish_health(service.health(time.time()))
            seen = identity
            is_notified = bool(await watch.changes(timeout=runtime.settings_due_in or 2.0))


async def _watch_commands(runtime: ServiceRuntime, service: Service) -> None:
    """Execute commands one by one, in their own task: a long one must not delay a halt in the settings."""
    with watch_folders([runtime.data.control]) as watch:
        while True:
            for command in runtime.claim_commands():
                if (answer := await service.execute_command(command)) is not None:
                    runtime.answer_command(command, *answer)
            await watch.changes(timeout=2.0)


def stopped_event(runtime: ServiceRuntime, error: BaseException | None) -> ServiceStopped:
    """Return the event of a service's end."""
    reason = "requested" if error is None else f"crashed: {type(error).__name__}: {error}"
    return ServiceStopped(service=runtime.name, pid=os.getpid(), reason=reason, exit_code=0 if error is None else 1)
