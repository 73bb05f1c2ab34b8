"""The room's read model of the data directory: each file's last good content and its problem. No Textual here."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.health import (
    HEALTH_MODELS,
    AresHealth,
    ExchangeHealth,
    FeederHealth,
    Health,
    MemoryHealth,
    ServiceState,
    SupervisorHealth,
    TraderHealth,
)
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.mode import EffectiveMode, base_interval, effective_mode, shown_mode, soft_guardrails_active
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.contracts.settings import Settings
from cq_tui.contracts.tickers import Ticker
from cq_tui.ops.history_verdicts import HistoryVerdicts, judge_memory
from cq_tui.ops.restarts import SeenRestarts
from cq_tui.ops.supervision import supervision_problem
from cq_tui.ops.verdict import (
    Overall,
    ServiceFacts,
    Verdict,
    is_supervisor_starting,
    judge,
    judge_all,
    living_supervisor,
    reported_modes,
)
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.document_reader import DocumentReader
from cq_tui.room.event_tail import EventTail
from cq_tui.room.file_contents import read_chain, read_closes, read_tickers
from cq_tui.room.market_day import MarketDay
from cq_tui.room.price_history import SPAN_SECONDS, PriceHistory
from cq_tui.room.trades import TradeBlotter
from cq_tui.store.document import read_document
from cq_tui.store.history.hash_chain import ChainTail
from cq_tui.store.reserve import Reserve
from cq_tui.store.settings_file import LoadedSettings, SettingsError
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.store.trading_state import STOPPED
from cq_tui.supervisor.desired_state import read_desired_state, will_run

FindHolder = Callable[[Path], LockHolder | None]

#: Most one-second klines read of a symbol for its market day, and polls until that is tried again.
_MOST_SEEDED = 9_000
_RESEED_POLLS = 60
#: Points of the equity curve that are kept.
_MAX_EQUITY_POINTS = 1200


class RoomState:
    """Everything the panes show. Reading never raises: a bad file becomes a message in ``file_problems``."""

    def __init__(
        self, data: DataDir, environment: Mapping[str, str] | None = None, find_holder: FindHolder | None = None
    ) -> None:
        self.data = data
        self._find_holder = find_holder or _find_holder
        self._health = {
            service: DocumentReader(data.health_of(service), data.root, _document_parser(model))
            for service, model in HEALTH_MODELS.items()
        }
        self._account = DocumentReader(data.account, data.root, lambda path: read_document(path, AccountState))
        self._tickers = DocumentReader(data.tickers, data.root, read_tickers)
        self._chain = DocumentReader(data.hash_chain, data.root, read_chain)
        self._event_tail = EventTail(data.events, data.root)
        self._in_force = SettingsInForce(data, environment)
        self.loaded_settings = LoadedSettings(Settings())
        self.settings_problem: str | None = None
        self._reserve = Reserve(data)
        #: Why the disk takes nothing that opens risk.
        self._disk_problem: str | None = None
        self.price_history = PriceHistory()
        #: Prices of the last 24 hours of market time; None where the market keeps the clock's time.
        self.market_day: MarketDay | None = None
        #: Polls until the recorded klines of symbols whose market day is not known are read again.
        self._reseed_in = 0
        self.trades = TradeBlotter()
        self.equity_curve: deque[tuple[float, float]] = deque(maxlen=_MAX_EQUITY_POINTS)
        #: Live processes that hold the locks, by service, and the services that somebody stopped.
        self.lock_holders: dict[str, LockHolder | None] = {}
        self._stop_requested: set[str] = set()
        #: The restarts that somebody at this room has seen.
        self.seen_restarts = SeenRestarts()
        #: When somebody pressed a key last, Unix seconds; 0 before the first.
        self.person_at = 0.0
        #: Whether this room is starting a supervisor: that there is none is no news then.
        self.supervisor_is_starting = False
        #: Whether all files have been read once.
        self.is_loaded = False
        self._unseeded: deque[str] = deque()
        self._readers: dict[Path, Callable[[bool], Changes]] = {
            **{path.path: self._refresher(path, Topic.SERVICES) for path in self._health.values()},
            data.account: self._refresh_account,
            data.tickers: self._refresh_tickers,
            data.hash_chain: self._refresher(self._chain, Topic.HISTORY),
            data.events: self._refresh_events,
            data.settings: self._refresh_settings,
            data.settings_in_force: self._refresh_settings,
            **{data.stop_of(state): self._refresh_settings for state in STOPPED},
            # The supervisor knows at once of a process that started or ended.
            data.health_of("supervisor"): self._refresh_supervisor,
        }

    # -- reading

    @property
    def watched_folders(self) -> tuple[Path, ...]:
        """Folders to watch for changes."""
        data = self.data
        return (
            data.health,
            data.tickers.parent,
            data.account.parent,
            data.memory,
            data.settings.parent,
            data.run,
            data.control,
            data.control_done,
        )

    def read_changed_files(self, paths: Iterable[Path]) -> Changes:
        """Read the files reported by a watch."""
        changes = Changes()
        for path in paths:
            reader = self._readers.get(path)
            if reader is not None:
                changes.add(reader(True))
        return changes

    def poll_files(self) -> Changes:
        """Check every file, in case the watch missed one, and record a price per second for the sparklines."""
        changes = Changes()
        for reader in self._readers.values():
            changes.add(reader(False))
        before, self._disk_problem = self._disk_problem, self._reserve.problem
        if self._disk_problem != before:
            changes.topics.add(Topic.SERVICES)
        if self._follow_market_speed():
            changes.topics.add(Topic.SERVICES)
        for symbol, ticker in self.tickers.items():
            self.price_history.add(symbol, ticker.timestamp, ticker.price)
            if self.market_day is not None:
                self.market_day.add(symbol, ticker.timestamp, ticker.price)
        if not self.is_loaded:
            self.is_loaded = True
            changes.topics |= set(Topic)
        return changes

    def _follow_market_speed(self) -> bool:
        """Reckon in market time while the simulated exchange says that it is faster; return whether that is new."""
        speed = self.market_speed
        is_new = speed != (1.0 if self.market_day is None else self.market_day.speed)
        if is_new:
            self.market_day = None if speed == 1.0 else MarketDay(speed)
            self._reseed_in = 0
        self._reseed_in -= 1
        if self.market_day is not None and self._reseed_in < 0:
            # The feeder may still have been filling its journals when they were read.
            self._reseed_in = _RESEED_POLLS
            unknown = [symbol for symbol, ticker in self.tickers.items() if self.change_percent(symbol, ticker) is None]
            self._unseeded.extend(symbol for symbol in unknown if symbol not in self._unseeded)
        return is_new

    @property
    def market_speed(self) -> float:
        """How many seconds of market time pass in one: 1 but on the simulated exchange."""
        value = self._health["exchange"].value
        speed = value.speed if isinstance(value, ExchangeHealth) and self.mode.mode == "simulation" else None
        return speed or 1.0

    def change_percent(self, symbol: str, ticker: Ticker) -> float | None:
        """Return the change of a price over 24 hours, of market time where it differs; None until they are known."""
        if self.market_day is None:
            return ticker.change_percent
        return self.market_day.change_percent(symbol, ticker.timestamp, ticker.price)

    def seed_prices(self, count: int) -> set[str]:
        """Read the recorded klines of up to ``count`` new symbols; return these symbols.

        Only one-second klines have enough detail for the last minute.
        """
        if base_interval(self.settings, self.mode.mode) != "1s":
            self._unseeded.clear()
            return set()
        symbols = {self._unseeded.popleft() for _ in range(min(count, len(self._unseeded)))}
        for symbol in symbols:
            closes = read_closes(self.data, symbol, "1s", self._seeded_seconds())
            self.price_history.seed(symbol, closes[-SPAN_SECONDS:])
            if self.market_day is not None:
                self.market_day.seed(symbol, closes)
        return symbols

    def _seeded_seconds(self) -> int:
        """Return how many one-second klines are read: those of a market day, if they are not too many."""
        wanted = 0 if self.market_day is None else int(self.market_day.seconds) + 1
        return max(SPAN_SECONDS, wanted if wanted <= _MOST_SEEDED else 0)

    def refresh_lock_holders(self) -> Changes:
        """Find the live processes that hold locks; for services without one, whether somebody stopped them."""
        holders = {name: self._find_holder(self.data.lock_of(name)) for name in (*SERVICES, "supervisor")}
        gone = [name for name in SERVICES if holders[name] is None]
        stopped = {name for name in gone if read_desired_state(self.data, name) == "stopped"}
        if (holders, stopped) == (self.lock_holders, self._stop_requested):
            return Changes()
        self.lock_holders, self._stop_requested = holders, stopped
        return Changes({Topic.SERVICES})

    def is_stopped_on_request(self, service: str) -> bool:
        """Whether nobody holds a service's lock, and somebody stopped it."""
        return service in self._stop_requested

    # -- content of the files

    @property
    def settings(self) -> Settings:
        """The settings in effect, as this process sees them."""
        return self.loaded_settings.settings

    @property
    def mode(self) -> EffectiveMode:
        """The mode that the services are in; while none runs, the one that the settings ask for."""
        health = {name: reader.value for name, reader in self._health.items()}
        holders = {name: holder.pid if holder else None for name, holder in self.lock_holders.items()}
        return shown_mode(effective_mode(self.settings), reported_modes(health, holders))

    @property
    def guardrails(self) -> bool:
        """Whether the soft guardrails are on."""
        return soft_guardrails_active(self.mode.mode, disabled=self.settings.DISABLE_ORDER_GUARDRAILS)

    @property
    def feeder(self) -> FeederHealth | None:
        """``health/feeder.json``."""
        value = self._health["feeder"].value
        return value if isinstance(value, FeederHealth) else None

    @property
    def ares(self) -> AresHealth | None:
        """``health/ares.json``."""
        value = self._health["ares"].value
        return value if isinstance(value, AresHealth) else None

    def exchange_now(self, now: float) -> float:
        """Return the exchange's time at ``now`` (both Unix seconds), as the trader last measured it."""
        offset = self.trader.clock_offset_ms if self.trader is not None else None
        return now + (offset or 0.0) / 1000

    @property
    def trader(self) -> TraderHealth | None:
        """``health/trader.json``."""
        value = self._health["trader"].value
        return value if isinstance(value, TraderHealth) else None

    @property
    def memory(self) -> MemoryHealth | None:
        """``health/memory.json``."""
        value = self._health["memory"].value
        return value if isinstance(value, MemoryHealth) else None

    @property
    def supervisor(self) -> SupervisorHealth | None:
        """``health/supervisor.json``."""
        value = self._health["supervisor"].value
        return value if isinstance(value, SupervisorHealth) else None

    @property
    def account(self) -> AccountState | None:
        """``state/account.json``."""
        return self._account.value

    @property
    def tickers(self) -> Mapping[str, Ticker]:
        """The latest ticker of every symbol."""
        return self._tickers.value[1] if self._tickers.value else {}

    @property
    def chain(self) -> ChainTail | None:
        """Root and length at the end of ``memory/hash_chain.json``."""
        return self._chain.value

    @property
    def event_tail(self) -> EventTail:
        """The last events."""
        return self._event_tail

    @property
    def known_since(self) -> float:
        """From this time on (Unix seconds) all signals and orders of the history are known; 0 for all."""
        return max(self._event_tail.known_since, self.trades.dropped_until)

    def health_of(self, service: str) -> Health | None:
        """Return the last good health of a service."""
        return self._health[service].value

    def health_problem(self, service: str) -> str | None:
        """Return what is wrong with a service's health file, if anything."""
        return self._health[service].problem

    def supervised_states(self, now: float) -> Mapping[str, ServiceState]:
        """Return what a living supervisor reports of its services; empty without one."""
        holder = self.lock_holders.get("supervisor")
        return living_supervisor(self.supervisor, holder.pid if holder else None, now)

    def note_person(self, now: float) -> None:
        """Note that a person is at this room, and sees what it tells."""
        self.person_at = now
        self.seen_restarts.mark(self.supervised_states(now), now)

    def supervised_state(self, service: str, now: float) -> ServiceState | None:
        """Return what a living supervisor reports of a service."""
        return self.supervised_states(now).get(service)

    def supervision_problem(self, now: float) -> str | None:
        """Return why services that crash stay down, if they do."""
        if self.supervisor_is_starting:
            return None
        running = [name for name in SERVICES if self.lock_holders.get(name)]
        return supervision_problem(self.lock_holders.get("supervisor"), self.supervisor, running, now)

    def required_services(self) -> tuple[str, ...]:
        """Return the services that the effective mode needs."""
        return self.mode.required_services

    def verdict(self, service: str, now: float) -> Verdict:
        """Judge one service."""
        if not self.lock_holders:
            self.refresh_lock_holders()
        reader, holder = self._health[service], self.lock_holders.get(service)
        facts = ServiceFacts(
            service,
            None if reader.problem else reader.value,
            reader.problem,
            holder=holder.pid if holder else None,
            supervised=self.supervised_state(service, now),
            stop_requested=service in self._stop_requested,
            will_start=holder is None and self._is_supervisor_starting(now) and will_run(self.data, service),
        )
        return judge(facts, now)

    def _is_supervisor_starting(self, now: float) -> bool:
        holder = self.lock_holders.get("supervisor")
        return self.supervisor_is_starting or is_supervisor_starting(self.supervisor, holder, now)

    def history(self, now: float) -> HistoryVerdicts | None:
        """Judge the history by memory's last report; None without one."""
        interval = self.settings.MEMORY_CHECKPOINT_INTERVAL
        return judge_memory(self.memory, self.verdict("memory", now), interval, now)

    def verdicts(self, now: float) -> dict[str, Verdict]:
        """Judge all required services."""
        return {service: self.verdict(service, now) for service in self.required_services()}

    def overall(self, now: float) -> Overall:
        """Return the worst over all required services."""
        return judge_all(self.verdicts(now), self.required_services())

    @property
    def symbols(self) -> list[str]:
        """Every symbol: those the feeder lists, then any others with a price."""
        listed = list(dict.fromkeys(self.feeder.symbols)) if self.feeder else []
        known = set(listed)
        return listed + [symbol for symbol in self.tickers if symbol not in known]

    @property
    def file_problems(self) -> dict[str, str]:
        """Problems of files, by a short name of the file's subject."""
        named = {
            "disk": self._disk_problem,
            "settings": self.settings_problem,
            "tickers": self._tickers.problem,
            "account": self._account.problem,
            "chain": self._chain.problem,
            "events": self._event_tail.problem,
            **{service: reader.problem for service, reader in self._health.items()},
        }
        return {name: problem for name, problem in named.items() if problem}

    # -- one refresh function per file

    def _refresher(
        self, reader: DocumentReader[Health] | DocumentReader[ChainTail], part: Topic
    ) -> Callable[[bool], Changes]:
        def refresh(notified: bool) -> Changes:
            return Changes({part}) if reader.refresh(notified=notified) else Changes()

        return refresh

    def _refresh_supervisor(self, notified: bool) -> Changes:
        if not self._health["supervisor"].refresh(notified=notified):
            return Changes()
        self.refresh_lock_holders()
        return Changes({Topic.SERVICES})

    def _refresh_account(self, notified: bool) -> Changes:
        if not self._account.refresh(notified=notified):
            return Changes()
        account = self._account.value
        if account is not None:
            self.trades.apply_account_orders(account.orders)
            if not self.equity_curve or account.timestamp > self.equity_curve[-1][0]:
                self.equity_curve.append((account.timestamp, account.equity))
        return Changes({Topic.ACCOUNT})

    def _refresh_tickers(self, notified: bool) -> Changes:
        before, problem = self.tickers, self._tickers.problem
        if not self._tickers.refresh(notified=notified):
            return Changes()
        after = self.tickers
        changed = {symbol for symbol, ticker in after.items() if before.get(symbol) != ticker}
        changed.update(symbol for symbol in before if symbol not in after)
        for symbol in after.keys() - before.keys():
            self._unseeded.append(symbol)
            self.price_history.add(symbol, after[symbol].timestamp, after[symbol].price)
        if not changed and self._tickers.problem == problem:
            return Changes()
        if before.keys() != after.keys():
            self.price_history.retain(after)
            if self.market_day is not None:
                self.market_day.retain(after)
        return Changes({Topic.PRICES}, changed)

    def _refresh_events(self, notified: bool) -> Changes:
        problem = self._event_tail.problem
        fresh = self._event_tail.refresh()
        self.trades.apply_events(fresh)
        return Changes({Topic.EVENTS}) if fresh or self._event_tail.problem != problem else Changes()

    def _refresh_settings(self, notified: bool) -> Changes:
        before = self.loaded_settings, self.settings_problem
        try:
            self.loaded_settings = self._in_force.load()
            problem = self.loaded_settings.problem
            # The bar has little room, and the data directory is the one that this room shows.
            self.settings_problem = problem and problem.replace(f"{self.data.root}/", "")
        except SettingsError as error:
            self.settings_problem = str(error)
        is_new = (self.loaded_settings, self.settings_problem) != before
        return Changes({Topic.SETTINGS, Topic.SERVICES}) if is_new or notified else Changes()


def _find_holder(lock: Path) -> LockHolder | None:
    # psutil is slow to import, and nothing of it is needed before the first paint.
    from cq_tui.store.lock import read_holder

    return read_holder(lock)


def _document_parser(model: type[Health]) -> Callable[[Path], Health]:
    return lambda path: read_document(path, model)
