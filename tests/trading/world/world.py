"""The world: exchange, network, disk, clocks and people around one trader, in virtual time."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count

from cq_tui.binance.user_events import UserEvent
from cq_tui.lookback.fills import Result
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import Effect, Request
from cq_tui.trading.core.inputs import BarClosed, HealthSeen, Input, OwnerSeen, Quote, QuotesSeen, SettingsSeen
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.entry_context import HealthReport
from cq_tui.trading.signals import TradeSignal
from tests.trading.world.actions import ACTIONS
from tests.trading.world.happenings import (
    Delisted,
    Gone,
    Happening,
    Kill,
    NoBudget,
    PaidInBnb,
    Plan,
    Rules,
    Status,
    Twin,
)
from tests.trading.world.judge import Judge
from tests.trading.world.market import BNB, SYMBOLS
from tests.trading.world.network import Weather
from tests.trading.world.process import Process
from tests.trading.world.reached import Reached
from tests.trading.world.storage import Storage
from tests.trading.world.venue import Venue

START = 1_700_000_000_000
OWNER = "me001"
ACCOUNT = "simulated:1"
_QUOTES_MS = 2_000
_HEALTH_MS = 2_500
_SNAPSHOT_MS = 5_000
_TICK_MS = 1_000
#: What is to die before its next effect dies after so long anyway.
_KILL_WITHIN_MS = 5_000
#: The frame of the strategies here, and of the bars of trails.
FRAME, FRAME_MS = "15s", 15_000
#: After the plan everything works, and the trader has this long to come to rest.
QUIET_MS, _LEAST_QUIET_MS = 180_000, 10_000
#: Nothing announces new rules; the trader reads them so often.
RULES_PERIOD_MS = 60_000


class World:
    """One run of one plan."""

    owner = OWNER
    frame = FRAME

    def __init__(
        self,
        plan: Plan,
        reached: Reached | None = None,
        trace: list[str] | None = None,
        make_core: Callable[[Book], Core] = Core,
    ) -> None:
        self.plan = plan
        self._make_core = make_core
        self.now = START
        self.clock_offset_ms = 0
        self.trace = trace
        self._reached = reached if reached is not None else Reached()
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        has_bnb = any(isinstance(one, PaidInBnb) for one in plan.happenings)
        self.venue = Venue(lambda: self.now, (*SYMBOLS, BNB) if has_bnb else SYMBOLS)
        self.weather = Weather()
        self.storage = Storage(ACCOUNT, OWNER)
        self.settings = TraderSettings(symbols=tuple(self.venue.market.column))
        self.health = {name: HealthReport("ok") for name in ("ares", "feeder", "memory")}
        self.silent_until: dict[str, int] = {}
        self.wrong_quotes: dict[str, Decimal] = {}
        self.highs: dict[str, Decimal] = {}
        self.owner_problem: str | None = None
        self._kill: Kill | None = None
        self._kill_after = 0
        self.lives = 0
        self.steps = 0
        self.is_quiet = False
        self.signals = 0
        #: By natural key: the signals that were given.
        self.asked: dict[str, TradeSignal] = {}
        #: By natural key: the share of a position that a SELL asks for.
        self.asked_parts: dict[str, Decimal] = {}
        self.judge = Judge(self)
        self.process: Process | None = None
        self.twin: World | None = None

    @property
    def reached_counts(self) -> Reached:
        """What was reached so far."""
        return self._reached

    # Time

    def at(self, due: int, action: Callable[[], None]) -> None:
        """Do something at a time."""
        heappush(self._queue, (due, next(self._numbers), action))

    def later(self, ms: int, action: Callable[[], None]) -> None:
        """Do something after ``ms``."""
        self.at(self.now + ms, action)

    def every(self, ms: int, action: Callable[[], None]) -> None:
        """Do something again and again."""

        def again() -> None:
            action()
            self.later(ms, again)

        self.later(ms, again)

    def run(self) -> None:
        """Run the plan, then the quiet after it. Raises Violation."""
        for one in self.plan.happenings:
            self.at(START + one.at, lambda one=one: self._happen(one))  # type: ignore[misc]
        self.every(_TICK_MS, self.tick)
        self.begin()
        self.run_until(START + self.plan.ms)
        self.become_quiet()
        end = START + self.plan.ms + QUIET_MS
        calm_from = START + max(self.plan.ms, *map(_ends_at, self.plan.happenings), 0)
        while self.now < end and not (self.now > calm_from + _LEAST_QUIET_MS and self._are_at_rest()):
            self.run_until(min(self.now + 5_000, end))
        for trader in self.traders():
            trader.judge.watch_end()
        if self.process is not None:
            self._note_decisions(self.process)

    def begin(self) -> None:
        """Start the trader, and what it hears of regularly."""
        self.start()
        self.every(_QUOTES_MS, self.send_quotes)
        self.every(_HEALTH_MS, self.send_health)
        self.every(_SNAPSHOT_MS, self.save)
        self.every(FRAME_MS, self.close_bars)

    def traders(self) -> list["World"]:
        """The world of each trader on the account."""
        return [self] if self.twin is None else [self, self.twin]

    def _are_at_rest(self) -> bool:
        return all(one.judge.is_at_rest() for one in self.traders())

    def _note_decisions(self, process: Process) -> None:
        for decision in process.core.decisions:
            self.reached("decision", decision)

    def run_until(self, end: int) -> None:
        """Let time pass."""
        while self._queue and self._queue[0][0] <= end:
            due, _, action = heappop(self._queue)
            self.now = max(self.now, due)
            action()
            self.judge.watch()
            if self.twin is not None:
                self.twin.judge.watch()
        self.now = end

    def _happen(self, happening: Happening) -> None:
        self.note(f"-- {happening}")
        self.reached("happening", type(happening).__name__)
        if any(self.judge.truth.owned.values()):
            self.reached("while held", type(happening).__name__)
        if self.judge.is_changing:
            self.reached("while a change is on its way", type(happening).__name__)
        for one in self.traders():
            one.judge.excuse(happening)
        ACTIONS[type(happening)](self, happening)

    def become_quiet(self) -> None:
        """End every fault."""
        self.note("-- quiet")
        self.is_quiet = True
        self.judge.excuse_quiet()
        self._kill = None
        self.weather.clear()
        self.silent_until.clear()
        self.wrong_quotes.clear()
        self.health = {name: HealthReport("ok") for name in self.health}
        self.owner_problem = None
        self.storage.is_full = False
        self.clock_offset_ms = 0
        self.set_settings(replace(self.settings, quote="USDT"))
        if self.process is not None:
            self.process.stream.mend()
            self.process.feed(OwnerSeen(self.owner))
        self.send_health()
        if self.twin is not None:
            self.twin.become_quiet()

    def begin_twin(self, begins: Twin) -> None:
        """Let a second trader begin on the account."""
        from tests.trading.world.twin import Twin as SecondWorld  # a world itself

        if self.twin is None:
            self.twin = SecondWorld(self, begins)
            self.twin.begin()

    # The process

    def start(self, snapshot: str = "none") -> None:
        """Start the trader."""
        if self.process is not None:
            return
        self.lives += 1
        self.process = process = Process(self, self._make_core(self.storage.open_book(snapshot)), self.lives)
        self.note(f"-- life {self.lives} from {snapshot} snapshot")
        self.judge.watch_birth()
        for message in (SettingsSeen(self.settings), OwnerSeen(self.owner, self.owner_problem), self._health_seen()):
            process.feed(message)
        process.feed(QuotesSeen(self._quotes()))
        process.stream.subscribe()

    def arm(self, kill: Kill) -> None:
        """Kill the process before its next ``skip``-th effect, or soon if there is none."""
        self._kill, self._kill_after = kill, kill.skip
        self.later(_KILL_WITHIN_MS, lambda: self._kill_anyway(kill))

    def _kill_anyway(self, kill: Kill) -> None:
        if self._kill is kill and self.process is not None:
            self.bury(self.process)

    def is_killed_before(self, effect: Effect) -> bool:
        """Count an effect; return whether the process dies before it."""
        if self._kill is None or self._kill.before not in ("", type(effect).__name__):
            return False
        self._kill_after -= 1
        if self._kill_after < 0:
            self.reached("killed before", type(effect).__name__)
        return self._kill_after < 0

    def bury(self, process: Process) -> None:
        """End the process, and start another one later."""
        self._note_decisions(process)
        kill = self._kill or Kill(0)
        self._kill = None
        self.note(f"-- killed ({kill})")
        process.is_alive = process.network.is_heard = False
        process.network.arrives = kill.executes
        self.process = None
        if kill.power:
            self.storage.lose_power()
        self.judge.watch_death()
        self.later(kill.ms, lambda: self.start(kill.snapshot))

    def feed(self, message: Input) -> None:
        """Tell the trader something, if it lives."""
        if self.process is not None:
            self.process.feed(message)

    def save(self) -> None:
        """Write a snapshot of the book."""
        if self.process is not None:
            self.storage.save(self.process.core.book)

    # The exchange

    def carry_out(self, request: Request) -> Result:
        """Carry out a request at the exchange, now."""
        result = self.venue.carry_out(request)
        self.publish()
        self.judge.watch_venue()
        return result

    def tick(self) -> None:
        """Let the market match what is open."""
        self.venue.tick()
        self.publish()

    def publish(self) -> None:
        """Tell the account's events to whoever is subscribed."""
        events: list[UserEvent] = self.venue.events()
        for one in self.traders() if events else ():
            if one.process is not None:
                one.process.stream.publish(events)

    # Surroundings

    def _quotes(self) -> dict[str, Quote]:
        market = self.venue.market
        found: dict[str, Quote] = {}
        for symbol in market.column:
            factor = self.wrong_quotes.get(symbol, Decimal(1))
            bid, ask, last = market.bid(symbol), market.ask(symbol), market.last_price(symbol)
            found[symbol] = Quote(bid * factor, ask * factor, last * factor, self.now / 1000)
        return found

    def send_quotes(self) -> None:
        """Tell the prices, unless the feeder is silent."""
        for symbol in self.venue.market.column:
            self.highs[symbol] = max(self.highs.get(symbol, Decimal(0)), self.venue.market.last_price(symbol))
        if self.now >= self.silent_until.get("quotes", 0):
            self.feed(QuotesSeen(self._quotes()))

    def close_bars(self) -> None:
        """Close the bars of all symbols."""
        highs, self.highs = self.highs, {}
        if self.now >= self.silent_until.get("quotes", 0):
            for symbol, high in highs.items():
                self.feed(BarClosed(symbol, FRAME, high, self.now - 1))

    def _health_seen(self) -> HealthSeen:
        now = (self.now + self.clock_offset_ms) / 1000
        for name, report in self.health.items():
            if self.now >= self.silent_until.get(name, 0):
                self.health[name] = replace(report, last_update=now)
        problem = "no space left on device" if self.storage.is_full else None
        limits = "for a while" if self.now < self.weather.no_budget_until else None
        return HealthSeen(**self.health, market="simulation", disk_problem=problem, limits_problem=limits)

    def send_health(self) -> None:
        """Tell the health of the other services."""
        self.feed(self._health_seen())

    def set_settings(self, settings: TraderSettings) -> None:
        """Change the settings."""
        self.settings = settings
        self.feed(SettingsSeen(settings))

    def position_state(self, symbol: str) -> str:
        """Return the state of a position, as the trader knows it."""
        position = None if self.process is None else self.process.core.book.positions.get(symbol)
        return "closed" if position is None else str(position.state)

    # What is told of it

    def note(self, line: str) -> None:
        """Add a line to the trace."""
        if self.trace is not None:
            self.trace.append(f"{(self.now - START) / 1000:9.3f} {_plain(line)}")

    def reached(self, kind: str, *what: object) -> None:
        """Note that something rare was reached."""
        self._reached.add(kind, *what)


def _ends_at(happening: Happening) -> int:
    """Return when something ends that goes on although all is to be quiet: what becomes of a symbol, a pause told."""
    if isinstance(happening, Rules) and happening.at:
        return happening.at + RULES_PERIOD_MS
    return happening.at + happening.ms if isinstance(happening, _LASTING) else 0


_LASTING = Status | Delisted | Gone | NoBudget


def _plain(line: str) -> str:
    """Shorten what dataclasses show of amounts and enums."""
    return _ENUM.sub(r"\1", _DECIMAL.sub(r"\1", line))


_DECIMAL = re.compile(r"Decimal\('([^']*?)(?:(?<=\.\d)0+)?'\)")
_ENUM = re.compile(r"<\w+\.\w+: '?([^'>]*)'?>")
