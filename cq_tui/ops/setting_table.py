"""Every setting for a person who changes it: value, origin, type and range, meaning, and why it cannot be changed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cq_tui.contracts.json_schema import schema_of
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import Mode, effective_mode
from cq_tui.contracts.settings import SECRET_KEYS, SETTING_KEYS, Settings
from cq_tui.contracts.strategy_settings import STRATEGIES, is_secret_parameter, split_strategy_key, strategy_key
from cq_tui.ops.json_types import describe
from cq_tui.ops.render import format_setting, parse_assignments
from cq_tui.ops.strategies import list_strategies
from cq_tui.store.settings_file import LoadedSettings, SettingsError, validate_settings


class SettingRow(NamedTuple):
    """One setting."""

    key: str
    #: As a person would type it; of a secret only ``set`` or ``unset``.
    value: str
    #: default, file, environment or limits.
    origin: str
    #: Type and range, in words.
    kind: str
    meaning: str
    default: str
    is_secret: bool = False


def setting_rows(loaded: LoadedSettings) -> list[SettingRow]:
    """Return all settings but those of strategies, in their own order."""
    properties: dict[str, dict[str, Any]] = schema_of("settings")["properties"]
    return [
        SettingRow(
            key, format_setting(loaded.shown(key)), loaded.sources.get(key, "default"), describe(properties[key]),
            " ".join(properties[key]["description"].split()), format_setting(properties[key].get("default")),
            key in SECRET_KEYS,
        )
        for key in SETTING_KEYS
        if key != STRATEGIES
    ]  # fmt: skip


def strategy_rows(data: DataDir, loaded: LoadedSettings) -> list[SettingRow]:
    """Return the settings of every strategy by dotted key; this runs the code of plug-ins. Raises SettingsError."""
    rows = []
    for strategy in list_strategies(data)["strategies"]:
        for name, value, kind, meaning, default in _settings_of(strategy):
            key = strategy_key(strategy["name"], name)
            shown = format_setting(value) if not is_secret_parameter(key) else "set" if value else "unset"
            origin = loaded.sources.get(key, "default")
            rows.append(SettingRow(key, shown, origin, kind, meaning, default, is_secret_parameter(key)))
    return rows


def _settings_of(strategy: Mapping[str, Any]) -> list[tuple[str, Any, str, str, str]]:
    common = [
        ("enabled", strategy["enabled"], "boolean", "Whether it runs.", "true"),
        ("symbols", strategy["symbols"], "array of string", "Symbols that it runs on; unset: all.", "unset"),
        ("interval", strategy["interval"], "string", "Interval of its bars; unset: the base interval.", "unset"),
    ]
    return [
        *common,
        *(
            (each["name"], each["value"], f"{each['type']} {each['limits']}".strip(), each["description"],
             format_setting(each["default"]))
            for each in strategy["parameters"]
        ),
    ]  # fmt: skip


def read_value(key: str, text: str) -> Any:
    """Return the value that a text means; an empty one, or ``unset``, is none. Raises SettingsError."""
    if text in ("", "unset"):
        return None
    return parse_assignments([f"{key}={text}"], lambda _: text)[key] if text != "-" else text


def judge_value(loaded: LoadedSettings, key: str, text: str) -> str:
    """Return what would follow from a value, in words. Raises SettingsError for one that cannot be."""
    value = value_to_write(key, text)
    if split_strategy_key(key):
        # Only the strategy itself can say, when it is written.
        return ""
    validate_settings({key: value}, "new value")
    if loaded.is_overridden_by_environment(key, value):
        raise SettingsError(f"{key} is set in the environment, which overrides the file. Unset it there")
    before, after = effective_mode(loaded.settings).mode, mode_after(loaded, key, value)
    return "" if after == before else f"The mode changes from {before} to {after}."


def value_to_write(key: str, text: str) -> Any:
    """Return the value that a text stands for; an empty one is the default. Raises SettingsError."""
    value = read_value(key, text)
    return Settings.model_fields[key].get_default() if value is None and key in SETTING_KEYS else value


def mode_after(loaded: LoadedSettings, key: str, value: Any) -> Mode:
    """Return the mode with another value of a setting, however it is written: ``no`` is false. Raises SettingsError."""
    if split_strategy_key(key):
        return effective_mode(loaded.settings).mode
    return effective_mode(validate_settings(loaded.requested.model_dump() | {key: value}, "new value")).mode
