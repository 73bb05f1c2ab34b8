"""The strategies for a user: what is installed, what its settings say and what holds of them, and how it does."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cq_tui.contracts.health import AresHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.setting_names import describe_unknown_strategy
from cq_tui.contracts.strategy_settings import STRATEGIES, flattened, split_strategy_key, with_values
from cq_tui.ops.characters import printable
from cq_tui.ops.formatting import format_ago, pluralize
from cq_tui.ops.strategy_reader import read_strategies
from cq_tui.services.ares_state import good_settings
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.lock import read_holder
from cq_tui.store.settings_file import LoadedSettings, SettingsError
from cq_tui.store.settings_in_force import SettingsInForce

#: What ``health/ares.json`` says of a strategy.
_FIGURES = ("state", "reason", "signals", "last_signal_ts", "p50_us", "slowest_ms")


class StrategyNotFound(SettingsError):
    """No strategy of this name is installed; the message lists those that are."""


def list_strategies(data: DataDir, name: str | None = None) -> dict[str, Any]:
    """Return the strategies as ``cq-tui strategies --json`` prints them. Raises SettingsError."""
    settings = SettingsInForce(data).load().settings.STRATEGIES
    installed = read_strategies(settings, good_settings(data), None if name is None else {name})
    if name is not None and name not in installed.names:
        raise StrategyNotFound(f"no strategy {name[:80]!r} is installed. There are: {', '.join(installed.names)}")
    told = _told_by_ares(data)
    unknown = [each for each in settings if each not in installed.names] if name is None else []
    return {
        "strategies": [each | told.get(each["name"], dict.fromkeys(_FIGURES)) for each in installed.found],
        "not_loaded": [each._asdict() for each in installed.not_loaded],
        "unknown": [describe_unknown_strategy(each, installed.names) for each in unknown],
    }


def check_strategy_changes(data: DataDir, loaded: LoadedSettings, changes: Mapping[str, Any]) -> list[str]:
    """Refuse values that a strategy would not take; return what else is to be said of the changes.

    What cannot be asked, such as a plug-in that does not load, is left for ARES to judge. Raises SettingsError.
    """
    keys = [key for key in changes if key == STRATEGIES or split_strategy_key(key)]
    if not keys:
        return []
    wanted = with_values({STRATEGIES: loaded.settings.STRATEGIES}, changes)[STRATEGIES]
    if not isinstance(wanted, Mapping):
        # Writing it will report what is wrong.
        return []
    last_good, flat = good_settings(data), flattened({STRATEGIES: wanted})
    named = {split[0] for key in flat if (key in keys or STRATEGIES in keys) and (split := split_strategy_key(key))}
    installed = read_strategies(wanted, last_good, named)
    faults = {fault for each in installed.found for fault in each["faults"]}
    if faults:
        present = read_strategies(loaded.settings.STRATEGIES, last_good, named)
        faults -= {fault for each in present.found for fault in each["faults"]}
    if faults:
        raise SettingsError(f"{'; '.join(sorted(faults))}. `cq-tui strategies` shows what each takes")
    return [describe_unknown_strategy(name, installed.names) for name in sorted(named - set(installed.names))]


def strategy_lines(listed: Mapping[str, Any], now: float, *, in_full: bool) -> list[str]:
    """Return the lines of ``cq-tui strategies``; ``in_full`` with every parameter."""
    lines = [line for each in listed["strategies"] for line in _lines_of(each, now, in_full=in_full)]
    lines += [f"! {each['name']} ({each['target']}) was not loaded: {each['reason']}" for each in listed["not_loaded"]]
    lines += [f"! {each}" for each in listed["unknown"]]
    return list(map(printable, lines))


def _lines_of(strategy: Mapping[str, Any], now: float, *, in_full: bool) -> Iterator[str]:
    where = "all symbols" if strategy["symbols"] is None else ", ".join(strategy["symbols"])
    where += f"; bars of {strategy['interval']}" if strategy["interval"] else ""
    switch = "off" if not strategy["enabled"] else strategy["state"] or "not running"
    yield f"{strategy['name']:<20}  {switch:<11}  {_signals(strategy, now)}; {where}"
    if strategy["reason"] and strategy["reason"] not in strategy["faults"]:
        yield f"  {strategy['reason']}"
    yield from (f"  ! {fault}" for fault in strategy["faults"])
    if not in_full:
        changed = [f"{each['name']}={_shown(each['value'])}" for each in strategy["parameters"] if each["is_set"]]
        if changed:
            yield f"  {', '.join(changed)}"
        return
    if strategy["description"]:
        yield f"  {strategy['description']}"
    if strategy["target"]:
        yield f"  plug-in {strategy['target']}"
    if strategy["p50_us"] is not None:
        slowest = f", at most {strategy['slowest_ms']:g} ms" if strategy["slowest_ms"] is not None else ""
        yield f"  {strategy['p50_us']:g} µs a bar{slowest}"
    yield f"  hash of the parameters {strategy['parameters_hash']}"
    yield from _parameter_lines(strategy["parameters"])
    yield f"Change one with `cq-tui config set {STRATEGIES}.{strategy['name']}.NAME=VALUE`; enabled and symbols, too."


def _parameter_lines(parameters: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    width = max((len(each["name"]) for each in parameters), default=0)
    for each in parameters:
        kind = f"{each['type']} {each['limits']}".strip()
        default = f"default {_shown(each['default'])}" if each["is_set"] else "default"
        meaning = f"  {each['description']}" if each["description"] else ""
        yield f"  {each['name']:<{width}}  {_shown(each['value']):<8}  {default:<13}  {kind:<24}{meaning}".rstrip()


def _signals(strategy: Mapping[str, Any], now: float) -> str:
    if not strategy["signals"]:
        return "no signals yet"
    return f"{pluralize(strategy['signals'], 'signal')}, the last {format_ago(strategy['last_signal_ts'], now)}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else "unset" if value is None else str(value)


def _told_by_ares(data: DataDir) -> dict[str, dict[str, Any]]:
    """Return what ARES says of its strategies; of one that no longer runs, their figures without their state."""
    try:
        told = read_document(data.health_of("ares"), AresHealth).strategies or {}
    except DocumentError:
        return {}
    gone = {} if read_holder(data.lock_of("ares")) else {"state": None, "reason": None}
    return {name: {key: getattr(each, key) for key in _FIGURES} | gone for name, each in told.items()}
