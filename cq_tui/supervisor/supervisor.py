"""The supervisor: starts, adopts, restarts and stops the services of one data directory.

It works from locks, pids and health files, never from parenthood, so that any supervisor can take over from any
other. One holds ``run/supervisor.lock``; everyone else asks it through ``control/``.
"""

import asyncio
import random
import time
from collections.abc import Callable

from cq_tui.contracts.events import ServiceStopped
from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.store.control import sweep
from cq_tui.store.folders import prepare
from cq_tui.store.lock import LockHeld, ProcessLock
from cq_tui.store.settings_file import LoadedSettings, load_settings
from cq_tui.store.watch import watch_folders
from cq_tui.supervisor.charge import Charge, State, is_ready, read_health
from cq_tui.supervisor.chronicle import Chronicle
from cq_tui.supervisor.orders import Orders
from cq_tui.supervisor.process import ServiceProcess, find, last_words, spawn, spawn_service
from cq_tui.supervisor.report import Kind, build_report
from cq_tui.supervisor.restart import CRASH_LIMIT, CRASH_WINDOW, RestartPolicy
from cq_tui.supervisor.wanted import Wanted, read_wanted

#: What each service waits for at the start: those whose files it cannot work without. The rest of the start order
#: (exchange, memory, feeder, ares, trader) is only an order, so that slow starts overlap.
NEEDS: dict[str, tuple[str, ...]] = {
    "exchange": (),
    "memory": (),
    "feeder": ("exchange",),
    "ares": ("memory",),
    "trader": ("exchange", "memory"),
}
assert tuple(NEEDS) == SERVICES
#: In paper mode both the feeder and the simulated exchange look at the real one.
NEEDS_IN_PAPER = NEEDS | {"feeder": ()}

#: Exit code of a service that found its lock held: the holder is adopted.
ALREADY_RUNNING = 3

Launch = Callable[[DataDir, str], ServiceProcess]
Listener = Callable[[str, ServiceState], object]

_HEARTBEAT = 2.0
_SWEEP_INTERVAL = 10.0
#: Seconds between two looks at a service: while it starts, when it is slow to, and when it runs. The end of its
#: process needs no look where the system tells of it; elsewhere it is noticed by the last one.
_STARTING_LOOK = 0.1
_SLOW_LOOK = 1.0
_RUNNING_LOOK = 2.0
_UNTOLD_LOOK = 0.25
#: A service that is not ready after this many seconds no longer holds up those behind it: they start, and say
#: by themselves what they miss.
_READY_PATIENCE = 60.0


class Supervisor:
    """The one supervisor of a data directory, in the room or headless.

    Use: ``acquire``, then run ``supervise(service)`` for each of ``services`` and ``serve()`` side by side until
    ``ended`` is set; at last cancel them and ``release`` or ``hand_over``.
    """

    services: tuple[str, ...] = SERVICES

    def __init__(
        self,
        data: DataDir,
        kind: Kind = "headless",
        *,
        keep_wanted: bool = False,
        launch: Launch = spawn_service,
        make_policy: Callable[[], RestartPolicy] = RestartPolicy,
        listener: Listener | None = None,
    ) -> None:
        """``keep_wanted`` takes over what was wanted before; otherwise everything is wanted running.

        ``launch`` starts a service's process, ``listener`` is told of every change. Raises SettingsError when the
        environment holds a bad setting.
        """
        self._data = data
        self._kind = kind
        self._keep_wanted = keep_wanted
        self._launch = launch
        self._listener = listener
        self._lock = ProcessLock(data.lock_of("supervisor"), "supervisor", kind)
        self._charges = {name: Charge(name, make_policy()) for name in SERVICES}
        self._settings = LoadedSettings(load_settings(data.settings).settings)
        self._chronicle = Chronicle(data)
        self._started_ts = time.time()
        self._stopping_all = False
        self._successor: ServiceProcess | None = None
        #: Set when this supervisor has no more to do (``shut_down`` was carried out).
        self.ended = asyncio.Event()

    def acquire(self) -> bool:
        """Become the supervisor; False when another one is at work. Raises DataDirError or OSError."""
        prepare(self._data)
        try:
            self._lock.acquire()
        except LockHeld:
            return False
        try:
            self._chronicle.open()
        except OSError:
            self._lock.release()
            raise
        self.ended.clear()
        self._stopping_all = False
        for charge in self._charges.values():
            charge.forgive()
            if self._keep_wanted:
                charge.wanted = read_wanted(self._data, charge.name)
            else:
                self._want(charge, "running")
        return True

    @property
    def holds(self) -> bool:
        """Whether this is the supervisor."""
        return self._lock.held

    def state_of(self, service: str) -> ServiceState:
        """What is known of one service."""
        return self._charges[service].state

    def release(self) -> None:
        """Stop being the supervisor; the services go on."""
        self._chronicle.close()
        self._lock.release()

    def hand_over(self) -> None:
        """Let a headless supervisor take over: nothing stops. Cancel the running tasks before. Raises OSError."""
        self.release()
        self._successor = spawn(self._data, "supervisor", ["up", "--take-over"])

    # What a person asks for

    async def start(self, service: str) -> None:
        """Want a service to run, forgiving its crashes."""
        charge = self._charges[service]
        charge.forgive()
        self._want(charge, "running")

    async def stop(self, service: str) -> None:
        """Want a service to be stopped, and wait until it is."""
        charge = self._charges[service]
        self._want(charge, "stopped")
        await self._end(charge)

    async def restart(self, service: str) -> None:
        """Stop a service and start it again. The written wish stays: a restart cut short is no stop."""
        charge = self._charges[service]
        charge.wanted = "stopped"
        charge.woken.set()
        await self._end(charge)
        await self.start(service)

    async def stop_all(self) -> None:
        """Stop every service, in reverse start order, each when the ones that depend on it have ended."""
        self._stopping_all = True
        try:
            for charge in self._charges.values():
                self._chronicle.wish(charge.name, "stopped", self._kind)
            for charge in reversed(self._charges.values()):
                charge.wanted = "stopped"
                charge.woken.set()
                await self._end(charge)
        finally:
            self._stopping_all = False
            for charge in self._charges.values():
                charge.woken.set()

    # The long-running parts

    async def supervise(self, service: str) -> None:
        """Keep one service as it is wanted, until cancelled."""
        charge = self._charges[service]
        try:
            while True:
                await self._step(charge)
        finally:
            charge.let_go()

    async def serve(self) -> None:
        """Carry out commands, follow the settings and report, until cancelled."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._obey())
            parts.create_task(self._beat())

    async def _obey(self) -> None:
        orders = Orders(self._data, self, self._chronicle.remember, self.ended.set)
        swept = 0.0
        with watch_folders([self._data.control]) as watch:
            while True:
                try:
                    if not swept:
                        orders.interrupted()
                    if await orders.carry_out():
                        self._chronicle.settle("control")
                    if time.monotonic() - swept >= _SWEEP_INTERVAL:
                        swept = time.monotonic()
                        sweep(self._data, time.time())
                except OSError as error:
                    where = error.filename or self._data.control
                    self._chronicle.complain("control", f"{where}: {error.strerror}")
                await watch.changes(timeout=_HEARTBEAT)

    async def _beat(self) -> None:
        with watch_folders([self._data.settings.parent]) as watch:
            while True:
                self._follow_settings()
                for charge in self._charges.values():
                    charge.measure()
                self._report()
                await watch.changes(timeout=_HEARTBEAT)

    # One service's life

    async def _step(self, charge: Charge) -> None:
        if charge.process is None:
            charge.process = find(self._data, charge.name)
        if not self._should_run(charge):
            await self._end(charge)
            if not self._should_run(charge):
                self._note(charge, "stopped", None if self._is_needed(charge.name) else "not needed in this mode")
                await charge.wait(None)
        elif charge.process is not None:
            await self._watch_over(charge)
        elif self._stopping_all or charge.gave_up:
            await charge.wait(None)
        elif (pause := charge.not_before - time.monotonic()) > 0:
            await charge.wait(pause)
        elif waits_for := self._waits_for(charge):
            self._note(charge, "waiting", f"waits for {waits_for}")
            await charge.wait(_SLOW_LOOK)
        else:
            self._start(charge)

    def _should_run(self, charge: Charge) -> bool:
        return charge.wanted == "running" and self._is_needed(charge.name)

    def _is_needed(self, service: str) -> bool:
        return service != "exchange" or effective_mode(self._settings.settings).uses_simulator

    def _waits_for(self, charge: Charge) -> str | None:
        """Name a service that has to be ready first; None when the turn of this one has come."""
        now = time.monotonic()
        charge.waiting_since = charge.waiting_since or now
        if now - charge.waiting_since >= _READY_PATIENCE:
            return None
        needs = NEEDS_IN_PAPER if effective_mode(self._settings.settings).mode == "paper" else NEEDS
        needed = (self._charges[name] for name in needs[charge.name])
        missing = (
            other for other in needed if self._should_run(other) and other.state.state not in ("running", "gave_up")
        )
        return next((other.name for other in missing), None)

    def _start(self, charge: Charge) -> None:
        charge.waiting_since = 0.0
        try:
            charge.process = self._launch(self._data, charge.name)
        except OSError as error:
            charge.gave_up = True
            self._note(charge, "gave_up", f"cannot be started: {error.strerror}")
            return
        self._note(charge, "starting")

    async def _watch_over(self, charge: Charge) -> None:
        """Stay with a running process until it ends or is no longer wanted."""
        process = charge.process
        assert process is not None
        while process.alive():
            if not self._should_run(charge):
                return
            health = read_health(self._data, charge.name)
            ready = is_ready(health, process.pid, time.time())
            waits_for = health.waiting_for if health is not None and health.pid == process.pid else None
            self._note(charge, "running" if ready else "starting", None if ready else waits_for)
            ran_for = time.time() - process.process_started
            look = _RUNNING_LOOK if ready else _STARTING_LOOK if ran_for < _READY_PATIENCE else _SLOW_LOOK
            await charge.wait(look if charge.end_is_told else min(look, _UNTOLD_LOOK))
        charge.process = find(self._data, charge.name) if process.exit_code == ALREADY_RUNNING else None
        unasked = charge.process is None and not process.asked_to_end
        if unasked and self._should_run(charge) and not self._stopping_all:
            self._take_crash(charge, process)

    def _take_crash(self, charge: Charge, process: ServiceProcess) -> None:
        """Say how a process ended, and decide when it is started again."""
        reason = process.end_in_words()
        if (process.exit_code or 0) > 0 and (words := last_words(self._data, charge.name)):
            reason = f"{reason}: {words}"
        stopped = ServiceStopped(service=charge.name, pid=process.pid, reason=reason, exit_code=process.exit_code)
        self._chronicle.remember("service_stopped", stopped)
        ran_for = time.time() - process.process_started
        delay = charge.policy.crashed(time.monotonic(), ran_for, random.random())
        if delay is None:
            charge.gave_up = True
            self._note(charge, "gave_up", f"crashed {CRASH_LIMIT} times in {CRASH_WINDOW:.0f} s, last: {reason}")
            return
        charge.restarts += 1
        charge.not_before = time.monotonic() + delay
        self._note(charge, "backoff", reason)

    async def _end(self, charge: Charge) -> None:
        async with charge.ending:
            if self._should_run(charge):
                # Somebody wanted it back while we waited for our turn.
                return
            process = charge.process or find(self._data, charge.name)
            if process is not None:
                self._note(charge, "stopping")
                await process.end()
                if charge.process is process:
                    charge.process = None
            if charge.process is None:
                self._note(charge, "stopped")

    # Wishes and words

    def _want(self, charge: Charge, wanted: Wanted) -> None:
        charge.wanted = wanted
        charge.woken.set()
        self._chronicle.wish(charge.name, wanted, self._kind)

    def _note(self, charge: Charge, state: State, reason: str | None = None) -> None:
        if not charge.note(state, reason):
            return
        self._chronicle.news(charge.name, charge.state)
        if self._listener is not None:
            self._listener(charge.name, charge.state)
        for other in self._charges.values():
            if other is not charge:
                other.woken.set()
        self._report()

    def _report(self) -> None:
        states = {name: charge.state for name, charge in self._charges.items()}
        problems = [*filter(None, [self._settings.problem]), *self._chronicle.problems.values()]
        report = build_report(states, problems, kind=self._kind, started_ts=self._started_ts, now=time.time())
        self._chronicle.report(report)

    def _follow_settings(self) -> None:
        before = self._settings
        self._settings = load_settings(self._data.settings, last_good=before)
        if self._settings.settings != before.settings:
            for charge in self._charges.values():
                # What made a service crash may be corrected now.
                charge.gave_up = False
                charge.woken.set()
