"""Which strategies run on which symbols, with which settings: what STRATEGIES asks for, as far as it holds."""

from collections.abc import Collection, Mapping
from typing import Any

from cq_tui.contracts.setting_names import describe_unknown_strategy
from cq_tui.contracts.strategy_settings import STRATEGIES, is_secret_parameter, strategy_key
from cq_tui.strategies.choice import Choice, choose
from cq_tui.strategies.protocol import Strategy
from cq_tui.strategies.registry import StrategyCatalog


class StrategyPlan:
    """The choice of each installed strategy; settings of others are kept for when they are installed."""

    def __init__(
        self,
        catalog: StrategyCatalog,
        last_good: Mapping[str, Mapping[str, Any]],
        others: Collection[str] = (),
    ) -> None:
        """``last_good``: the settings that held last, by strategy; one that was never seen is missing.

        ``others`` are the strategies that are installed and planned elsewhere.
        """
        self._catalog = catalog
        self._known = (*catalog.classes, *others)
        self._last_good = dict(last_good)
        self._seen: tuple[object, ...] = ()
        self._remarks: tuple[str, ...] = ()
        self._symbols: tuple[str, ...] = ()
        self.interval = ""
        self.choices: dict[str, Choice] = {}

    def follow(self, strategies: Mapping[str, Any], symbols: tuple[str, ...], interval: str) -> set[str]:
        """Choose anew if anything changed; return the strategies that run otherwise than before."""
        if (strategies, symbols, interval) == self._seen:
            return set()
        before_runs = {name: self._what_runs(choice) for name, choice in self.choices.items()}
        self._seen = (strategies, symbols, interval)
        self._symbols, self.interval = symbols, interval
        self.choices = {name: self._choose(name, strategies) for name in self._catalog.classes}
        self._last_good |= {name: choice.good for name, choice in self.choices.items()}
        unknown = [name for name in strategies if name not in self._known]
        self._remarks = tuple(describe_unknown_strategy(name, self._known) for name in unknown)
        return {name for name, each in self.choices.items() if self._what_runs(each) != before_runs.get(name)}

    @property
    def enabled(self) -> list[str]:
        """The strategies that run."""
        return [name for name, choice in self.choices.items() if choice.enabled]

    def interval_of(self, name: str) -> str:
        """Return the interval that a strategy runs on."""
        return self.choices[name].interval or self.interval

    def enabled_on(self, interval: str) -> list[str]:
        """Return the strategies that run on an interval."""
        return [name for name in self.enabled if self.interval_of(name) == interval]

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the settings, in words."""
        found = (fault for name in self.choices for fault in self.faults_of(name))
        return (*found, *self._remarks)

    def faults_of(self, name: str) -> tuple[str, ...]:
        """Return what is wrong with the settings of one strategy, in words."""
        if (choice := self.choices.get(name)) is None:
            return ()
        missing = [symbol for symbol in choice.symbols or () if symbol not in self._symbols]
        beside = [f"{strategy_key(name, 'symbols')}: {', '.join(missing[:5])} not in SYMBOLS"] if missing else []
        return (*choice.faults, *beside)

    @property
    def last_good(self) -> dict[str, dict[str, Any]]:
        """The settings that hold, by strategy, without secrets: the next start may find wrong ones."""
        return {
            name: {key: value for key, value in good.items() if not is_secret_parameter(strategy_key(name, key))}
            for name, good in self._last_good.items()
        }

    def make(self, symbol: str, interval_ms: int, names: Collection[str]) -> list[Strategy]:
        """Create those of the strategies that run on a symbol."""
        running = [name for name in self.enabled if name in names]
        here = [name for name in running if (chosen := self.choices[name].symbols) is None or symbol in chosen]
        return [self._catalog.make(name, symbol, interval_ms, self.choices[name].parameters) for name in here]

    def _choose(self, name: str, strategies: Mapping[str, Any]) -> Choice:
        model, last_good = self._catalog.classes[name].Parameters, self._last_good.get(name)
        try:
            return choose(name, model, strategies.get(name, {}), last_good)
        except Exception as error:  # noqa: BLE001 - the class of a plug-in's parameters may raise anything
            fault = f"{STRATEGIES}.{name}: its parameters cannot be read: {type(error).__name__}: {error}"
            return Choice(enabled=False, good=last_good or {}, faults=(fault,))

    def _what_runs(self, choice: Choice) -> object:
        interval = choice.interval or self.interval
        return (choice.symbols, interval, choice.parameters) if choice.enabled else None
