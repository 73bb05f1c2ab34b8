"""The host process of plug-ins: it gets bars from ARES, lets each plug-in decide, and answers with their signals.

It opens no connection and writes no file. It ends with ARES, whatever a plug-in does at that moment.
"""

import contextlib
import ctypes
import faulthandler
import os
import select
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.services.ares.plug_ins.guarded_calls import GuardedCalls
from cq_tui.services.ares.plug_ins.residents import Market, Resident
from cq_tui.services.ares.plug_ins.running_call import DUMP_SIGNAL, RunningCall
from cq_tui.services.ares.plug_ins.turns import Turns
from cq_tui.services.ares.plug_ins.wire import Unpacker, pack
from cq_tui.strategies.protocol import HeldPosition, StrategyClass
from cq_tui.strategies.registry import BUILT_IN, PlugInRefused, load_plug_in, offered_plug_ins

_STATE_INTERVAL = 0.5
#: Seconds between two looks for messages while there is work.
_LOOK_INTERVAL = 0.001
_PIECE = 256 * 1024
_PR_SET_PDEATHSIG = 1
_NICENESS = 5
#: The system ends the host first when memory runs out, see proc_pid_oom_score_adj(5).
_FIRST_TO_END = "1000"


class Link:
    """The pipes to ARES."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming, self._outgoing, self._unpacker = incoming, outgoing, Unpacker()
        os.register_at_fork(after_in_child=self._close)

    def _close(self) -> None:
        """Leave the pipes to the host when a plug-in forks."""
        for descriptor in (self._incoming, self._outgoing):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def receive(self, timeout: float) -> list[dict[str, Any]]:
        """Return new messages; wait at most that many seconds for one. Raises EOFError when ARES has ended."""
        if not select.select([self._incoming], [], [], timeout)[0]:
            return []
        piece = os.read(self._incoming, _PIECE)
        if not piece:
            raise EOFError
        return list(self._unpacker.feed(piece))

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message. Raises BrokenPipeError when ARES has ended."""
        content = memoryview(pack(message))
        while content:
            content = content[os.write(self._outgoing, content) :]


class Host:
    """The plug-ins of one plan."""

    def __init__(self, link: Link, calls: GuardedCalls) -> None:
        self._link, self._calls = link, calls
        self._turns = Turns(())
        self._market: Market | None = None
        self._told = 0.0

    def run(self) -> None:
        """Work until ARES ends. Raises EOFError or BrokenPipeError then."""
        looked = 0.0
        while True:
            has_work = self._turns.has_work
            now = time.perf_counter()
            if not has_work or now - looked >= _LOOK_INTERVAL:
                looked = now
                for message in self._link.receive(0.0 if has_work else _STATE_INTERVAL):
                    self._handle(message)
            self._turns.take()
            if now - self._told >= _STATE_INTERVAL:
                self._tell_state(now)

    def _tell_state(self, now: float) -> None:
        self._told = now
        self._link.tell({"state": {resident.name: resident.state() for resident in self._turns.residents}})

    def _handle(self, message: dict[str, Any]) -> None:
        match message:
            case {"do": "plan"}:
                self._start(message)
            case {"do": "bar", "symbol": symbol, "interval": interval, "kline": values, "arrived": arrived}:
                for resident in self._on(interval):
                    resident.offer(symbol, Kline(*values), arrived)
            case {"do": "restart", "symbol": symbol, "interval": interval}:
                for resident in self._on(interval):
                    resident.start_over(symbol)
            case {"do": "settings", "strategies": strategies}:
                self._follow(strategies)
            case {"do": "positions", "positions": positions} if self._market is not None:
                self._market.positions = _held(positions)
            case {"do": "clock", "offset_ms": offset, "fresh_seconds": seconds} if self._market is not None:
                self._market.clock_offset_ms, self._market.fresh_seconds = offset, seconds

    def _on(self, interval: str) -> list[Resident]:
        return [resident for resident in self._turns.residents if resident.interval == interval]

    def _start(self, plan: dict[str, Any]) -> None:
        """Load the plug-ins and have each begin with its warm-up."""
        data, symbols = DataDir(Path(plan["data"])), tuple(plan["symbols"])
        market = Market(data, plan["interval"], symbols, plan["offset_ms"], plan["fresh_seconds"])
        market.positions = _held(plan["positions"])
        self._market = market
        kinds = self._load(plan["leave_out"])
        good, tell = plan["last_good"], self._link.tell
        self._turns = Turns([Resident(kind, market, self._calls, tell, good.get(kind.name)) for kind in kinds])
        tell({"loaded": [kind.name for kind in kinds]})
        self._follow(plan["strategies"])

    def _follow(self, strategies: dict[str, Any]) -> None:
        for resident in self._turns.residents:
            resident.follow(strategies)
        self._tell_state(time.perf_counter())

    def _load(self, leave_out: Sequence[str]) -> list[StrategyClass]:
        taken = {kind.name: kind for kind in BUILT_IN}
        for point in offered_plug_ins():
            if point.name in leave_out:
                continue
            self._calls.enter("import", point.name)
            try:
                loaded = load_plug_in(point, taken)
            except PlugInRefused as refusal:
                told = {"refused": point.name, "target": point.value, "reason": str(refusal)}
                self._calls.leave()
                self._link.tell(told | {"traceback": refusal.traceback})
            else:
                self._calls.leave()
                taken[loaded.name] = loaded
        return list(taken.values())[len(BUILT_IN) :]


def _held(positions: Mapping[str, Mapping[str, Any]]) -> dict[str, HeldPosition]:
    return {symbol: HeldPosition(**one) for symbol, one in positions.items()}


def end_with(parent: int) -> None:
    """Have this process killed when its parent ends, also while a plug-in hangs."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        # Not Linux.
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(0)


def give_way() -> None:
    """Leave the processor, and memory that runs out, to the services."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_END)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main(arguments: Sequence[str]) -> None:
    """Run the host. Arguments: the parent's pid, descriptors of the pipes in and out, descriptor of the page."""
    parent, incoming, outgoing, page = map(int, arguments)
    end_with(parent)
    give_way()
    faulthandler.enable()
    faulthandler.register(DUMP_SIGNAL, all_threads=False)
    # Ctrl+C in a terminal is for ARES.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running = RunningCall(page)
    os.close(page)
    for descriptor in (incoming, outgoing):
        os.set_inheritable(descriptor, False)
    with contextlib.suppress(EOFError, BrokenPipeError):
        Host(Link(incoming, outgoing), GuardedCalls(running, (incoming, outgoing))).run()
    # A plug-in's threads and exit handlers may not keep it.
    os._exit(0)
