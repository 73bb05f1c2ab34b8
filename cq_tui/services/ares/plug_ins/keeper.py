"""Keeps the host of plug-ins running for ARES: feeds it bars, takes its signals, and ends it when a plug-in hangs."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from cq_tui.contracts.events import SignalGenerated
from cq_tui.contracts.health import StrategyHealth
from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.contracts.mode import asked_interval
from cq_tui.contracts.outside_signals import MAX_SIGNAL_BYTES
from cq_tui.services.ares.feeder_view import FeederView
from cq_tui.services.ares.held_positions import HeldPositions
from cq_tui.services.ares.plug_ins.blame import Blame
from cq_tui.services.ares.plug_ins.told_state import LONGEST_TEXT, PlugInState, known_others
from cq_tui.services.ares.plug_ins.wire import WireError, pack
from cq_tui.services.ares.strategy_health import Measured, judge
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.strategies.checking import WrongSignal, check_entry_and_exit, check_levels
from cq_tui.strategies.protocol import HeldPosition
from cq_tui.strategies.registry import PlugInFailure

if TYPE_CHECKING:
    from cq_tui.services.ares.plug_ins.host_process import HostProcess
    from cq_tui.services.ares.plug_ins.running_call import Call

#: So many klines at once are a history, which the host reads by itself.
_HISTORY = 100
#: Seconds between two looks at the host.
_LOOK_INTERVAL = 0.2
#: Seconds that the host has to end by itself.
_GRACE = 0.5
#: A host that says nothing for so many seconds, between calls, is ended. It speaks twice a second.
_SILENCE = 10.0
#: A slow plug-in is named from that many seconds on.
_BEHIND = 5.0
#: Pause between two pieces of output: a flood of it costs ARES little, and whoever prints waits.
_OUTPUT_PAUSE = 0.02
#: Seconds from a bar to its signal: what is more was not sent by the host.
_LONGEST_WAY = 600.0
_DAY_MS = INTERVAL_MS["1d"]


class Arrived(NamedTuple):
    """A signal of a plug-in."""

    signal: SignalGenerated
    #: When its kline arrived, by time.perf_counter(); None if that cannot be.
    kline_at: float | None


class PlugInKeeper:
    """The plug-ins as ARES sees them."""

    def __init__(
        self,
        runtime: ServiceRuntime,
        feeder: FeederView,
        held: HeldPositions,
        offered: Sequence[EntryPoint],
        others: Mapping[str, Sequence[str]],
        wake: Callable[[], object],
    ) -> None:
        """``held`` is what plug-ins are told of; ``wake`` is called when there are signals to take.

        ``others``: symbols that they read beside their own, by plug-in, when ARES ran last.
        """
        self._runtime, self._feeder, self._held, self._wake = runtime, feeder, held, wake
        self._targets = {point.name: point.value for point in offered}
        self._blame = Blame()
        self._plan: tuple[tuple[str, ...], str] = ((), "")
        self._settings: dict[str, Any] = {}
        #: Settings of plug-ins that hold, by name.
        self.last_good: dict[str, dict[str, Any]] = {}
        #: Symbols that they read beside their own, by plug-in: as it was, while the host starts.
        self.other_symbols = {name: tuple(known) for name, known in others.items() if name in self._targets}
        #: Messages that came from hosts.
        self._heard = 0
        #: The host is to end, and a new one to take its place.
        self._is_unwanted = False
        self._host: HostProcess | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._signals: deque[Arrived] = deque()
        #: ``open_time`` of the newest kline passed on, by symbol and interval.
        self._fed: dict[tuple[str, str], int] = {}
        self._clock: tuple[float, float] = (0.0, 0.0)
        #: What the host was told last.
        self._positions: dict[str, HeldPosition] = {}
        self._forget_host()

    def _forget_host(self) -> None:
        """Nothing is known of a new host yet."""
        self._host, self._is_unwanted = None, False
        #: Names of those that it loaded; None until it has.
        self._loaded: list[str] | None = None
        self._refused: dict[str, str] = {}
        self._failures: dict[str, dict[str, str]] = {}
        self._states: dict[str, PlugInState] = {}

    # What ARES tells

    async def apply(
        self,
        symbols: tuple[str, ...],
        interval: str,
        strategies: Mapping[str, Any],
        last_good: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Start over with these symbols, interval and settings of strategies; every plug-in gets another try.

        ``last_good`` are the settings that held last, by strategy.
        """
        if not self._targets:
            return
        await self.close()
        self._plan = symbols, interval
        self._settings, self.last_good = self._own(strategies), self._own(last_good)
        self._blame.forget()
        self._fed.clear()
        self._keeping = asyncio.get_running_loop().create_task(self._keep(), name="plug-ins")

    def follow(self, strategies: Mapping[str, Any]) -> None:
        """Pass changed settings on. A plug-in that is left out gets another try, in a new host."""
        own = self._own(strategies)
        if own == self._settings:
            return
        changed = {name for name in self._targets if own.get(name) != self._settings.get(name)}
        self._settings = own
        if changed & self._blame.left_out.keys():
            self._blame.forget(changed)
            self._is_unwanted = True
        elif self._host is not None:
            self._host.send({"do": "settings", "strategies": own})

    def _own(self, by_strategy: Mapping[str, Any]) -> dict[str, Any]:
        return {name: each for name, each in by_strategy.items() if name in self._targets}

    def feed(self, symbol: str, interval: str, klines: Sequence[Kline], arrived: float) -> None:
        """Pass on what is new of these closed klines, oldest first."""
        last = self._fed.get((symbol, interval), -1)
        new = [kline for kline in klines if kline.open_time > last]
        if not new or self._host is None:
            return
        self._fed[symbol, interval] = new[-1].open_time
        self._tell_clock(self._host)
        self._tell_positions(self._host)
        if len(new) > _HISTORY:
            self.start_over(symbol, interval)
            return
        for kline in new:
            bar = {"symbol": symbol, "interval": interval, "kline": list(kline), "arrived": arrived}
            self._host.send({"do": "bar", **bar})

    def start_over(self, symbol: str, interval: str) -> None:
        """Have the plug-ins read the journal of a symbol anew: it holds a history, or another market's klines."""
        for name, failures in self._failures.items():
            if self._interval_of(name) == interval:
                failures.pop(symbol, None)
        if self._host is not None:
            self._host.send({"do": "restart", "symbol": symbol, "interval": interval})

    @property
    def other_series(self) -> set[tuple[str, str]]:
        """The symbols that plug-ins read beside those in SYMBOLS, each with the interval."""
        found = ((symbol, name) for name, symbols in self.other_symbols.items() for symbol in symbols)
        return {(symbol, self._interval_of(name)) for symbol, name in found if symbol not in self._plan[0]}

    def _interval_of(self, name: str) -> str:
        return asked_interval(self._settings.get(name, {}), self.last_good.get(name, {})) or self._plan[1]

    def forget_market(self, symbol: str, interval: str) -> None:
        """Start over, since the journal of a symbol holds another market's klines now."""
        self._fed.pop((symbol, interval), None)
        self.start_over(symbol, interval)

    def take_signals(self) -> list[Arrived]:
        """Return the signals that came."""
        taken = list(self._signals)
        self._signals.clear()
        return taken

    async def close(self) -> None:
        """End the host."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None

    def _tell_clock(self, host: "HostProcess") -> None:
        clock = self._feeder.clock_offset_ms, self._runtime.settings.ARES_FRESHNESS_THRESHOLD
        if clock != self._clock:
            self._clock = clock
            host.send({"do": "clock", "offset_ms": clock[0], "fresh_seconds": clock[1]})

    def _tell_positions(self, host: "HostProcess") -> None:
        if (positions := self._own_positions()) != self._positions:
            self._positions = positions
            host.send({"do": "positions", "positions": positions})

    def _own_positions(self) -> dict[str, HeldPosition]:
        return {symbol: one for symbol, one in self._held.read().items() if one.strategy in self._targets}

    # What ARES reports

    @property
    def active(self) -> list[str]:
        """Names of the plug-ins that are switched on, and were loaded."""
        return [name for name in self._loaded or () if name in self._states and self._states[name].enabled]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all plug-ins that are installed."""
        return tuple(self._targets)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with their settings, in words."""
        return tuple(fault for state in self._states.values() for fault in state.faults)

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words, each plug-in once."""
        if not self._targets:
            return []
        loading = "" if self._loaded is not None or self._blame.given_up else "plug-ins are being loaded"
        firsts = map(_first, filter(None, self._failures.values()))
        failed = [f"{symbol}: {text}" if symbol else text for symbol, text in firsts]
        slow = [
            f"{name} is {state.behind:.0f} s behind, {(state.p50 or 0) * 1000:.0f} ms a bar"
            for name, state in self._states.items()
            if state.behind >= _BEHIND
        ]
        found = [self._blame.given_up, loading, *self._refused.values(), *self._blame.left_out.values(), *failed, *slow]
        return [problem for problem in found if problem]

    def judge(self, signals_of: Callable[[str], tuple[int, float | None]]) -> dict[str, StrategyHealth]:
        """Return the state of each plug-in. ``signals_of`` tells how many signals it made, and when the last one."""
        return {name: self._judge(name, *signals_of(name)) for name in self._targets}

    def _judge(self, name: str, signals: int, last_signal_ts: float | None) -> StrategyHealth:
        state = self._states.get(name)
        faults, is_off = (state.faults, not state.enabled) if state else ((), False)
        return judge(self._measure(name), signals, last_signal_ts, faults, is_off=is_off)

    def _measure(self, name: str) -> Measured:
        whole = self._blame.left_out.get(name) or self._refused.get(name) or self._blame.given_up
        if whole:
            return Measured(symbols=1, failures={"": whole})
        state, failures = self._states.get(name), self._failures.get(name, {})
        symbols = 1 if "" in failures else len(self._plan[0])
        if state is None:
            return Measured(symbols, failures, {"": "is being loaded"})
        return Measured(symbols, failures, state.warming, state.p50, state.slowest)

    # The host

    async def _keep(self) -> None:
        """Run a host, and another one whenever it ended."""
        try:
            while not self._blame.given_up:
                reason = await self._run(await self._start())
                self._forget_host()
                if reason:
                    self._runtime.log.error("plug-ins", problem=reason)
                    self._wake()
                    await asyncio.sleep(self._blame.delay)
        except Exception as error:
            self._forget_host()
            self._blame.given_up = f"plug-ins cannot run: {type(error).__name__}: {error}"
            self._runtime.log.error("plug-ins", problem=self._blame.given_up, exc_info=error)
            self._wake()

    async def _start(self) -> "HostProcess":
        # Loaded only where there are plug-ins: ARES starts without it.
        from cq_tui.services.ares.plug_ins.host_process import start_host

        host = await start_host()
        self._forget_host()
        self._host = host
        return host

    async def _run(self, host: "HostProcess") -> str:
        """Work with a host until it ended; return why, or nothing if that was wanted."""
        tasks = [asyncio.create_task(work(host)) for work in (self._hear, self._log_output)]
        try:
            self._send_plan(host)
            hanging = await self._watch(host)
            if hanging is not None:
                await host.end_hung()
                return self._blame.hung(*hanging)
            if self._is_unwanted:
                return ""
            call = host.page.read()
            await host.end()
            return self._blame.ended(call, host.describe_exit(), time.monotonic())
        finally:
            # What it said before it ended is heard: a pipe holds it.
            await asyncio.shield(host.end(grace=_GRACE))
            await asyncio.wait(tasks, timeout=_GRACE)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            host.close()

    def _send_plan(self, host: "HostProcess") -> None:
        symbols, interval = self._plan
        offset, fresh = self._clock = self._feeder.clock_offset_ms, self._runtime.settings.ARES_FRESHNESS_THRESHOLD
        self._positions = self._own_positions()
        plan = {
            "do": "plan",
            "data": str(self._runtime.data.root),
            "symbols": symbols,
            "interval": interval,
            "offset_ms": offset,
            "fresh_seconds": fresh,
            "leave_out": list(self._blame.left_out),
            "strategies": self._settings,
            "last_good": self.last_good,
            "positions": self._positions,
        }
        host.send(plan)

    async def _watch(self, host: "HostProcess") -> "tuple[Call, float] | None":
        """Wait until the host ended or is unwanted, or a call takes too long; return that call and its limit.

        Only time in which ARES itself ran counts: a computer that sleeps or is overloaded is no fault of a plug-in.
        """
        from cq_tui.services.ares.plug_ins.running_call import LIMITS

        current, looked, heard = host.page.read(), time.monotonic(), self._heard
        since = silent = 0.0
        while not host.has_exited() and not self._is_unwanted:
            await asyncio.sleep(_LOOK_INTERVAL)
            call, now = host.page.read(), time.monotonic()
            passed = min(now - looked, 2 * _LOOK_INTERVAL)
            since = since + passed if call.number == current.number else 0.0
            silent = silent + passed if heard == self._heard else 0.0
            current, looked, heard = call, now, self._heard
            if call.what in LIMITS and since > LIMITS[call.what]:
                return call, LIMITS[call.what]
            if not call.what and silent > _SILENCE:
                # Suspended, or a thread of a plug-in holds it: nobody in particular is to blame.
                await host.end()
        return None

    async def _log_output(self, host: "HostProcess") -> None:
        from cq_tui.services.ares.plug_ins.printed import PrintedLines

        printed = PrintedLines()
        async for piece in host.output():
            for line in printed.feed(piece, time.monotonic()):
                self._runtime.log.info("printed by plug-ins", line=line)
            await asyncio.sleep(_OUTPUT_PAUSE)

    async def _hear(self, host: "HostProcess") -> None:
        try:
            async for message in host.answers():
                self._take(message)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # A plug-in may write into a descriptor that is not its own.
            self._runtime.log.error("plug-ins", problem=f"the process of plug-ins sent no message of ours: {error!r}")
            await host.end()

    def _take(self, message: dict[str, Any]) -> None:
        self._heard += 1
        match message:
            case {"signal": signal, "arrived": arrived}:
                self._take_signal(signal, float(arrived))
            case {"state": states}:
                self._take_states({self._known(name): PlugInState.of(state) for name, state in states.items()})
            case {"loaded": names}:
                self._loaded = list(map(self._known, names))
            case {"failed": name, "symbol": symbol, "reason": reason, "traceback": traceback}:
                self._take_failure(self._known(name), str(symbol), str(reason), str(traceback))
            case {"refused": name, "reason": reason, "traceback": traceback}:
                known = self._known(name)
                failure = PlugInFailure(known, self._targets[known], str(reason)[:LONGEST_TEXT])
                self._refused[known] = str(failure)
                problem, exception = self._refused[known], str(traceback)[-LONGEST_TEXT:]
                self._runtime.log.error("strategy not loaded", problem=problem, exception=exception)

    def _known(self, name: object) -> str:
        """Return the name of a plug-in. Raises WireError for any other."""
        if not isinstance(name, str) or name not in self._targets:
            raise WireError(f"no plug-in is called {str(name)[:80]!r}")
        return name

    def _take_failure(self, name: str, symbol: str, reason: str, traceback: str) -> None:
        if symbol and symbol not in self._plan[0]:
            raise WireError(f"{symbol[:40]!r} is no symbol of {name}")
        self._failures.setdefault(name, {})[symbol] = problem = reason[:LONGEST_TEXT]
        exception = traceback[-LONGEST_TEXT:]
        self._runtime.log.error("strategy stopped", strategy=name, symbol=symbol, problem=problem, exception=exception)
        self._wake()

    def _take_states(self, states: dict[str, PlugInState]) -> None:
        before, self._states = self._states, states
        self.last_good |= {name: state.good for name, state in states.items() if state.good is not None}
        self.other_symbols = known_others(self.other_symbols, states)
        if [state.settled for state in states.values()] != [state.settled for state in before.values()]:
            self._wake()

    def _take_signal(self, values: Any, kline_at: float) -> None:
        """Check a signal once more: the host's memory is a plug-in's too."""
        try:
            signal = SignalGenerated.model_validate(values)
            self._check(signal)
            if len(pack(values)) > MAX_SIGNAL_BYTES:
                raise WrongSignal(f"{signal.strategy} on {signal.symbol}: more than {MAX_SIGNAL_BYTES:,} bytes")
        except (ValidationError, WrongSignal) as error:
            self._runtime.log.error("signal of a plug-in refused", problem=str(error)[:LONGEST_TEXT])
            return
        is_possible = 0.0 <= time.perf_counter() - kline_at < _LONGEST_WAY
        self._signals.append(Arrived(signal, kline_at if is_possible else None))
        self._wake()

    def _check(self, signal: SignalGenerated) -> None:
        closed, interval = signal.bar_close_time or 0, self._interval_of(signal.strategy)
        if signal.strategy not in self._targets or signal.symbol not in self._plan[0] or signal.frame != interval:
            raise WrongSignal(f"{signal.strategy} on {signal.symbol} {signal.frame} is none of ours")
        if closed > self._feeder.now_ms or signal.signal_id is not None or signal.source not in (None, "strategy"):
            raise WrongSignal(f"{signal.strategy} on {signal.symbol}: a bar of {closed}, id {signal.signal_id}")
        if (closed + 1) % min(INTERVAL_MS[interval], _DAY_MS):
            # Each bar closes once: however many of these come, there are not more signals than bars.
            raise WrongSignal(f"{signal.strategy} on {signal.symbol}: no bar closes at {closed}")
        if closed < self._feeder.fresh_from_ms:
            raise WrongSignal(f"{signal.strategy} on {signal.symbol}: the bar of {closed} is too old, it came late")
        check_levels(signal)
        check_entry_and_exit(signal)


def _first(failures: dict[str, str]) -> tuple[str, str]:
    return next(iter(failures.items()))
