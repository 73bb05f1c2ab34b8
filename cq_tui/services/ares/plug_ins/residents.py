"""One plug-in inside the host: its engine for each symbol, its warm-up from the journals, its bars in order.

A ``step`` is one call of the plug-in, so that the host can give the next turn to another. Whatever the plug-in raises
stops it on that symbol alone.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.services.ares.bar_keeper import BarKeeper
from cq_tui.services.ares.plug_ins.guarded_calls import GuardedCalls
from cq_tui.services.ares.strategy_plan import StrategyPlan
from cq_tui.store.journal import JournalError
from cq_tui.store.klines import KlineJournalReader, last_klines
from cq_tui.strategies.bar_order import BarOrder
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.checking import MAX_OTHERS_IN_ALL, instance_fault
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.past_bars import PastBars
from cq_tui.strategies.protocol import BatchStrategy, HeldPosition, StrategyClass
from cq_tui.strategies.raised import describe_error, format_traceback
from cq_tui.strategies.registry import StrategyCatalog
from cq_tui.strategies.runner import Surroundings

#: A plug-in whose oldest waiting bar came that long ago is stopped: it is too slow for its symbols.
MAX_BEHIND = 60.0

Tell = Callable[[dict[str, Any]], object]


@dataclass(slots=True)
class Market:
    """What the host knows of the market, as ARES tells it."""

    data: DataDir
    interval: str
    symbols: tuple[str, ...]
    #: Lead of the exchange's clock.
    clock_offset_ms: float
    #: Age from which on a closed kline is history, of which no signal is made. Seconds.
    fresh_seconds: float
    #: What plug-ins hold, by symbol.
    positions: dict[str, HeldPosition] = field(default_factory=dict)

    @property
    def now_ms(self) -> float:
        """The exchange's time, Unix ms."""
        return time.time() * 1000 + self.clock_offset_ms

    @property
    def fresh_from_ms(self) -> float:
        """Klines that closed before are history. Unix ms."""
        return self.now_ms - self.fresh_seconds * 1000

    def journal_of(self, symbol: str, interval: str) -> Path:
        """The journal of a symbol's klines."""
        return self.data.klines_of(symbol, interval)


class _KeptBars(BarKeeper):
    """The bars that ARES keeps: they are only read here."""

    def forget(self, symbol: str) -> None:
        """Leave them to ARES, which drops those that are of another series."""


class _Waiting(NamedTuple):
    """A bar that waits for its turn."""

    symbol: str
    kline: Kline
    #: When it arrived at ARES, by time.perf_counter().
    arrived: float


class _Due(NamedTuple):
    """A bar whose turn it is."""

    #: On which symbol it is decided.
    own: str
    bar: _Waiting
    #: Since when, by time.perf_counter().
    queued: float


class Resident:
    """One plug-in."""

    def __init__(self, kind: StrategyClass, market: Market, calls: GuardedCalls, tell: Tell, last_good: Any) -> None:
        """``last_good``: its settings that held last; None if it was never seen."""
        self.name = kind.name
        #: Seconds that it had, for fairness; see ``Turns``.
        self.spent = 0.0
        #: Why it runs on no symbol any more.
        self.stopped = ""
        self._market, self._calls, self._tell = market, calls, tell
        catalog = StrategyCatalog({self.name: kind})
        self._plan = StrategyPlan(catalog, {} if last_good is None else {self.name: last_good})
        self._times: dict[str, CallTimes] = {}
        self._engines: dict[str, SymbolEngine] = {}
        #: Where bars of other symbols are read as well, by own symbol.
        self._orders: dict[str, BarOrder[_Waiting]] = {}
        self._bars: deque[_Due] = deque()
        self._to_prime: deque[str] = deque()
        self._is_following = False
        #: ``open_time`` of the newest bar when its settings changed last, by symbol: no signal is made up to it.
        self._decided: dict[str, int] = {}
        self._priming: tuple[str, Iterator[None]] | None = None
        #: Other symbols that it reads beside a symbol, and those of the symbol that is being primed.
        self._others: dict[str, tuple[str, ...]] = {}
        self._others_primed: tuple[str, ...] = ()

    @property
    def interval(self) -> str:
        """Of the bars that it runs on."""
        return self._plan.interval_of(self.name) if self.name in self._plan.choices else self._market.interval

    @property
    def has_work(self) -> bool:
        """Whether it has anything to do."""
        return not self.stopped and bool(self._bars or self._priming or self._to_prime)

    @property
    def behind(self) -> float:
        """Seconds since the arrival of its oldest waiting bar."""
        return time.perf_counter() - self._bars[0].queued if self._bars else 0.0

    def follow(self, strategies: Mapping[str, Any]) -> None:
        """Apply settings; where they changed what runs, start over. They count from the next bar on."""
        self._calls.enter("make", self.name)
        try:
            changed = self._plan.follow(strategies, self._market.symbols, self._market.interval)
        except BaseException as error:  # noqa: BLE001 - the class of its parameters may raise anything
            self._calls.leave()
            self._stop(f"{self.name} stopped: {describe_error(error)}", format_traceback(error))
            return
        self._calls.leave()
        if not changed:
            return
        if self._is_following:
            self._decided = {symbol: self._last_open_time(symbol) for symbol in self._market.symbols}
        self._is_following = True
        self._engines.clear()
        self._orders.clear()
        self._bars.clear()
        self._priming = None
        self._to_prime = deque(self._market.symbols)

    def offer(self, symbol: str, kline: Kline, arrived: float) -> None:
        """Queue a new bar; where it is wanted and not primed yet, it is read from the journal later."""
        if self.stopped:
            return
        bar, now = _Waiting(symbol, kline, arrived), time.perf_counter()
        if symbol in self._engines and symbol not in self._orders:
            self._bars.append(_Due(symbol, bar, now))
        for own in [own for own, order in self._orders.items() if symbol in order.symbols]:
            self._orders[own].offer(bar)
            self._bars.extend(_Due(own, each, now) for each in self._orders[own].ready())

    def _last_open_time(self, symbol: str) -> int:
        try:
            newest = last_klines(self._market.journal_of(symbol, self.interval), 1)
        except JournalError:
            return -1
        return newest[-1].open_time if newest else -1

    def start_over(self, symbol: str) -> None:
        """Forget the bars of a symbol, wherever they are read: its journal holds another market's."""
        self._decided.pop(symbol, None)
        if self._priming is not None and (symbol == self._priming[0] or symbol in self._others_primed):
            self._prime_again(self._priming[0])
            self._priming = None
        reading = [own for own, order in self._orders.items() if symbol in order.symbols]
        for own in {symbol, *reading} if symbol in self._market.symbols else reading:
            self._prime_again(own)

    def _prime_again(self, own: str) -> None:
        self._engines.pop(own, None)
        self._orders.pop(own, None)
        if own not in self._to_prime:
            self._to_prime.append(own)

    def step(self) -> None:
        """Make one call of the plug-in."""
        began = time.perf_counter()
        try:
            self._step()
        finally:
            self.spent += time.perf_counter() - began
        if self.behind > MAX_BEHIND:
            self._stop_as_too_slow()

    def _step(self) -> None:
        if self._bars:
            due = self._bars.popleft()
            if (engine := self._engines.get(due.own)) is not None:
                self._process(engine, due.own, due.bar)
            return
        if self._priming is None:
            symbol = self._to_prime.popleft()
            self._priming = symbol, self._prime(symbol)
        if next(self._priming[1], self) is self:
            self._priming = None

    def _stop_as_too_slow(self) -> None:
        middle = self._times[self.name].p50 or 0.0
        self._stop(f"{self.name} stopped: too slow, {middle * 1000:.1f} ms a bar, {self.behind:.0f} s behind", "")

    def _stop(self, reason: str, traceback: str) -> None:
        """Run on no symbol any more."""
        self.stopped = reason
        self._bars.clear()
        self._tell({"failed": self.name, "symbol": "", "reason": reason, "traceback": traceback})

    def _prime(self, symbol: str) -> Iterator[None]:
        """Read the journal to its end; each step is one call."""
        self._others_primed = ()
        made = self._make(symbol)
        yield
        if made is None:
            return
        engine, takes_batches = made
        if engine.others:
            self._others_primed = engine.others
            yield from self._prime_in_order(symbol, engine)
            return
        reader = KlineJournalReader(self._market.journal_of(symbol, self.interval))
        while True:
            arrived = time.perf_counter()
            klines, market_changed, _ = reader.read_new(self._market.now_ms)
            if market_changed:
                self._prime_again(symbol)
                return
            if not klines:
                self._engines[symbol] = engine
                return
            fresh_from = self._market.fresh_from_ms
            first_fresh = next((i for i, each in enumerate(klines) if each.close_time >= fresh_from), len(klines))
            if first_fresh and takes_batches and engine.last_open_time is None:
                past = self._past_of(symbol, klines[:first_fresh])
                self._calls.enter("warm", self.name, symbol)
                engine.warm_up(klines[:first_fresh], past)
                self._calls.leave()
                yield
                klines = klines[first_fresh:]
            for kline in klines:
                self._process(engine, symbol, _Waiting(symbol, kline, arrived))
                yield

    def _prime_in_order(self, own: str, engine: SymbolEngine) -> Iterator[None]:
        """Read the journals of a symbol and of the others that are read beside it to their ends."""
        order = BarOrder[_Waiting](own, engine.others, INTERVAL_MS[self.interval])
        readers = [(each, KlineJournalReader(self._market.journal_of(each, self.interval))) for each in order.symbols]
        while True:
            arrived = time.perf_counter()
            read = [(symbol, reader.read_new(self._market.now_ms)) for symbol, reader in readers]
            if any(new.market_changed for _, new in read):
                self._prime_again(own)
                return
            if not any(new.klines for _, new in read):
                self._engines[own], self._orders[own] = engine, order
                return
            for symbol, new in read:
                for kline in new.klines:
                    order.offer(_Waiting(symbol, kline, arrived))
            for bar in order.ready():
                self._process(engine, own, bar)
                yield

    def _past_of(self, symbol: str, klines: Sequence[Kline]) -> Mapping[Frame, PastBars]:
        """Return what ARES keeps of the time before these klines."""
        log = structlog.get_logger()
        return _KeptBars(self._market.data, self.interval, (symbol,), log).before(symbol, klines)

    def _make(self, symbol: str) -> tuple[SymbolEngine, bool] | None:
        """Make the strategy for a symbol; None if it fails, or does not run there."""
        interval_ms = INTERVAL_MS[self.interval]
        surroundings = Surroundings(symbol, time.perf_counter, self._times, BaseException, self._tell_failure(symbol))
        self._calls.enter("make", self.name, symbol)
        try:
            made = self._plan.make(symbol, interval_ms, [self.name])
            fault, trace = next(filter(None, (instance_fault(each, self.name) for each in made)), None), ""
            engine = SymbolEngine(interval_ms, made, surroundings) if made and fault is None else None
            self._others[symbol] = engine.others if engine is not None else ()
        except BaseException as error:  # noqa: BLE001 - the plug-in may raise anything
            engine, fault, trace = None, describe_error(error), format_traceback(error)
        self._calls.leave()
        if engine is not None and len(self._other_symbols()) > MAX_OTHERS_IN_ALL:
            self._others[symbol] = ()
            engine, fault, trace = None, f"it reads more than {MAX_OTHERS_IN_ALL} other symbols", ""
        if fault is not None:
            self._tell_failure(symbol)(self.name, f"{self.name} stopped: {fault}", trace)
        return None if engine is None else (engine, isinstance(made[0], BatchStrategy))

    def _process(self, engine: SymbolEngine, own: str, bar: _Waiting) -> None:
        """Have a bar processed, and a signal told if the bar is a symbol's own and new."""
        kline = bar.kline
        if bar.symbol != own:
            self._calls.enter("bar", self.name, own)
            engine.on_other_kline(bar.symbol, kline)
            self._calls.leave()
            return
        is_fresh = kline.close_time >= self._market.fresh_from_ms and kline.open_time > self._decided.get(own, -1)
        self._calls.enter("bar", self.name, own)
        if is_fresh:
            engine.hold(self._market.positions.get(own))
        signals = engine.on_kline(kline)
        self._calls.leave()
        for signal in signals if is_fresh else ():
            self._tell({"signal": signal.payload().model_dump(mode="json"), "arrived": bar.arrived})

    def _tell_failure(self, symbol: str) -> Callable[[str, str, str], object]:
        return lambda name, reason, traceback: self._tell(
            {"failed": name, "symbol": symbol, "reason": reason, "traceback": traceback}
        )

    def state(self) -> dict[str, Any]:
        """Return its figures, as a message carries them."""
        times = self._times.get(self.name)
        # A symbol without any kline is waited for elsewhere, or was left out.
        fed = {symbol: engine for symbol, engine in self._engines.items() if engine.last_open_time is not None}
        warming = [(symbol, text) for symbol, engine in fed.items() if (text := engine.warmup_progress)]
        warming += [(symbol, "reads its klines") for symbol in self._unprimed()]
        held_up = [(own, overdue) for own, order in self._orders.items() if (overdue := order.overdue)]
        warming += [(own, f"waits for klines of {', '.join(overdue[:5])}") for own, overdue in held_up]
        is_enabled = self.name in self._plan.enabled
        return {
            "p50": times.p50 if times else None,
            "slowest": times.slowest if times else 0.0,
            "behind": round(self.behind, 3),
            "enabled": is_enabled,
            "others": self._known_others() if is_enabled and not self.stopped else [],
            "faults": self._plan.faults_of(self.name),
            "good": self._plan.last_good.get(self.name),
            "warming": [] if self.stopped else [len(warming), *warming[0]] if warming else [],
        }

    def _other_symbols(self) -> list[str]:
        return sorted({symbol for others in self._others.values() for symbol in others})

    def _known_others(self) -> list[str] | None:
        """Return the other symbols that it reads; None before that is known of all symbols."""
        return None if self._to_prime or self._priming else self._other_symbols()

    def _unprimed(self) -> Iterator[str]:
        if self._priming is not None:
            yield self._priming[0]
        yield from self._to_prime
