"""The available strategies: built-in ones, and plug-ins from other packages.

A package provides a strategy with an entry point in the group ``cq_tui.strategies`` that names a ``StrategyClass``. A
plug-in that cannot be loaded is reported with the reason and does not affect the others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import ValidationError

from cq_tui.contracts.outside_signals import MANUAL
from cq_tui.strategies import default_signal
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.checking import class_fault
from cq_tui.strategies.protocol import Strategy, StrategyClass, StrategyParameters
from cq_tui.strategies.raised import describe_error, format_traceback
from cq_tui.strategies.trend_multi_tf import TrendMultiTf

ENTRY_POINT_GROUP = "cq_tui.strategies"

#: Of signals that no strategy makes: test signals, and those of a person.
RESERVED_NAMES = frozenset({default_signal.NAME, MANUAL})

BUILT_IN: tuple[StrategyClass, ...] = (TrendMultiTf, BbMeanRevertV2)


@dataclass(frozen=True, slots=True)
class PlugInFailure:
    """An entry point whose strategy could not be loaded."""

    name: str
    #: ``package.module:Class``.
    target: str
    reason: str

    def __str__(self) -> str:
        return (
            f"strategy plug-in {self.name!r} ({self.target}) was not loaded: {self.reason}; "
            "fix or uninstall its package"
        )


class StrategyUnknown(LookupError):
    """No strategy of this name; the message lists the available ones."""


class StrategyParametersInvalid(ValueError):
    """Parameters that a strategy rejects; the message names strategy, parameter and rule."""


@dataclass(frozen=True, slots=True)
class StrategyCatalog:
    """The available strategies by name, built-in ones first."""

    classes: Mapping[str, StrategyClass]
    failures: tuple[PlugInFailure, ...] = ()

    def make(
        self, name: str, symbol: str, base_interval_ms: int, settings: Mapping[str, Any] | None = None
    ) -> Strategy:
        """Create a strategy for one symbol; ``settings`` overrides single parameters.

        Raises StrategyUnknown and StrategyParametersInvalid.
        """
        if name not in self.classes:
            raise StrategyUnknown(f"no strategy {name!r}; available: {', '.join(self.classes)}")
        return self.classes[name](symbol, base_interval_ms, self.parameters(name, settings or {}))

    def parameters(self, name: str, settings: Mapping[str, Any]) -> StrategyParameters:
        """Return the parameters of a strategy with these settings. Raises StrategyParametersInvalid."""
        try:
            return self.classes[name].Parameters(**settings)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'together'}: {fault['msg']}" for fault in error.errors()
            )
            raise StrategyParametersInvalid(f"parameters of {name}: {faults}") from None


def offered_plug_ins(offered: Iterable[EntryPoint] | None = None) -> list[EntryPoint]:
    """Return the entry points of other packages (default: of the installed ones). Nothing is imported."""
    own = {f"{built_in.__module__}:{built_in.__qualname__}" for built_in in (TrendMultiTf, BbMeanRevertV2)}
    points = entry_points(group=ENTRY_POINT_GROUP) if offered is None else offered
    return [point for point in sorted(points) if point.value not in own]


def load_strategies(offered: Iterable[EntryPoint] | None = None) -> StrategyCatalog:
    """Collect the built-in strategies and those of entry points (default: the installed ones).

    The built-in ones are available even if the package is not installed. A plug-in cannot take their names.
    """
    classes: dict[str, StrategyClass] = {built_in.name: built_in for built_in in BUILT_IN}
    failures = []
    for point in offered_plug_ins(offered):
        try:
            loaded = load_plug_in(point, taken=classes)
        except PlugInRefused as refusal:
            failures.append(PlugInFailure(point.name, point.value, str(refusal)))
        else:
            classes[loaded.name] = loaded
    return StrategyCatalog(classes, tuple(failures))


class PlugInRefused(Exception):
    """Why the strategy of an entry point cannot be loaded."""

    def __init__(self, reason: str, traceback: str = "") -> None:
        super().__init__(reason)
        #: Of what it raised while it was imported.
        self.traceback = traceback


def load_plug_in(point: EntryPoint, taken: Mapping[str, StrategyClass]) -> StrategyClass:
    """Import the class of an entry point. Raises PlugInRefused, whatever the plug-in raises."""
    try:
        loaded = point.load()
        fault = class_fault(loaded, point.name)
    except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything, SystemExit too
        raise PlugInRefused(describe_error(error), format_traceback(error)) from None
    if fault is not None:
        raise PlugInRefused(fault)
    if loaded.name in taken or loaded.name in RESERVED_NAMES:
        raise PlugInRefused(f"the name {loaded.name!r} is taken")
    return cast(StrategyClass, loaded)
