"""What the shell offers for an argument. Nothing is imported before the shell asks, and no error reaches it."""

from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from cq_tui.contracts.layout import SERVICES, DataDir

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any


def complete_service(incomplete: str) -> list[str]:
    """Offer the services."""
    return _matching(SERVICES, incomplete)


def complete_setting(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the settings, and once it is clear that one of a strategy is meant, those of each."""
    from cq_tui.contracts.settings import SETTING_KEYS

    return _matching(SETTING_KEYS, incomplete) + _strategy_settings(context, incomplete)


def _strategy_settings(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the parameters of built-in strategies, and whatever the settings hold: no code of plug-ins runs."""
    from cq_tui.contracts.strategy_settings import STRATEGIES, split_strategy_key, strategy_key

    if not incomplete.startswith(f"{STRATEGIES}."):
        return []
    from cq_tui.contracts.strategy_rules import SWITCHES
    from cq_tui.store.settings_file import SettingsError
    from cq_tui.store.settings_in_force import SettingsInForce
    from cq_tui.strategies.registry import BUILT_IN

    offered = {each.name: dict.fromkeys((*SWITCHES, *each.Parameters.model_fields)) for each in BUILT_IN}
    with suppress(SettingsError):
        for name, values in SettingsInForce(_data(context)).load().settings.STRATEGIES.items():
            offered.setdefault(name, dict.fromkeys(SWITCHES)).update(dict.fromkeys(values))
    keys = [strategy_key(name, parameter) for name, parameters in offered.items() for parameter in parameters]
    return _matching([key for key in keys if _harmless(split_strategy_key(key) or ())], incomplete)


def complete_mode(incomplete: str) -> list[str]:
    """Offer the modes."""
    from cq_tui.contracts.mode import MODES

    return _matching(MODES, incomplete)


def complete_assignment(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the settings, each with an equals sign."""
    return [f"{key}=" for key in complete_setting(context, incomplete)]


def complete_drill(incomplete: str) -> list[str]:
    """Offer the drills."""
    from cq_tui.ops.drills.catalog import DRILLS

    return _matching([*(drill.name for drill in DRILLS), "all"], incomplete)


def complete_event_type(incomplete: str) -> list[str]:
    """Offer the types of events."""
    from cq_tui.contracts.events import PAYLOADS

    return _matching(PAYLOADS, incomplete)


def complete_symbol(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the symbols that the settings name."""
    from cq_tui.contracts.symbol_choice import top_entry
    from cq_tui.store.settings_file import SettingsError
    from cq_tui.store.settings_in_force import SettingsInForce

    try:
        entries = SettingsInForce(_data(context)).load().settings.SYMBOLS
        return _matching([entry for entry in entries if top_entry(entry) is None], incomplete)
    except SettingsError:
        return []


def complete_strategy(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the strategies that ARES runs."""
    names = _read(_data(context).health_of("ares")).get("active_strategies")
    return _matching(_harmless(names) if isinstance(names, list) else [], incomplete)


def complete_position(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the symbols with an open position."""
    return _matching(_account(context, "positions"), incomplete)


def complete_quarantine(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the quarantined symbols and strategies."""
    names = [*_account(context, "quarantine"), *_account(context, "quarantined_strategies")]
    return _matching(names, incomplete)


def complete_doubt(context: typer.Context, incomplete: str) -> list[str]:
    """Offer what ``accept`` takes: symbols that are held, account, owner, drawdown."""
    return _matching([*_account(context, "positions"), "account", "owner", "drawdown"], incomplete)


def complete_fault(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the faults of the history."""
    from cq_tui.ops.verify import open_faults

    return _matching([*open_faults(_data(context)), "all"], incomplete)


def _matching(names: "Iterable[str]", incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _data(context: typer.Context) -> DataDir:
    """Return the data directory of an unfinished command line."""
    named: Path | None = context.params.get("data_dir") or context.find_root().params.get("data_dir")
    return DataDir.resolve(named)


def _account(context: typer.Context, field: str) -> list[str]:
    symbols = _read(_data(context).account).get(field)
    return _harmless(symbols) if isinstance(symbols, dict) else []


def _read(path: "Path") -> "dict[str, Any]":
    from cq_tui.store.document import DocumentError, read_json

    try:
        return read_json(path)
    except DocumentError:
        return {}


def _harmless(names: "Iterable[object]") -> list[str]:
    """Return the names that a shell can be offered: zsh evaluates them."""
    return [name for name in names if isinstance(name, str) and name.replace("_", "").isalnum()]
