"""Changing settings for a user: validate, write, and record as events."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.limits import stricter_value
from cq_tui.contracts.mode import ACCOUNT_KEYS, MODE_KEYS, Mode, effective_mode, refuse_switch
from cq_tui.contracts.settings import Settings
from cq_tui.ops.strategies import check_strategy_changes
from cq_tui.services.settings_record import SettingsRecord
from cq_tui.store.data_directory import DataDirError, prepare_data_directory, require_usable_version
from cq_tui.store.settings_file import (
    LoadedSettings,
    SettingChange,
    SettingsError,
    replace_unusable,
    validate_settings,
)
from cq_tui.store.settings_in_force import SettingsInForce, read_in_force
from cq_tui.store.what_is_open import what_is_open


class ModeChangeRefused(SettingsError):
    """The mode cannot change: ``obstacles`` are open at the exchange of the present mode."""

    def __init__(self, before: Mode, after: Mode, obstacles: list[str]) -> None:
        super().__init__("the mode cannot change while positions or orders are open:\n  " + "\n  ".join(obstacles))
        self.before, self.after, self.obstacles = before, after, obstacles


def set_settings(
    data: DataDir, changes: Mapping[str, Any], changed_by: str, notify: Callable[[str], object] = lambda _: None
) -> tuple[SettingChange, ...]:
    """Write settings and record a ``config_changed`` event for each one that changed.

    ``changed_by`` is ``room`` or ``cli``; ``notify`` is told if the data directory was open to others, or a strategy is
    not installed. Raises SettingsError for a key set in the environment or an invalid value, and ModeChangeRefused;
    then nothing was changed.
    """
    require_usable_version(data)
    loaded = SettingsInForce(data).load()
    for key, value in changes.items():
        if loaded.is_overridden_by_environment(key, value):
            raise SettingsError(
                f"{key} is set in the environment, which overrides the file. Unset it there and try again"
            )
    for remark in check_strategy_changes(data, loaded, changes):
        notify(remark)
    _check_limits(loaded, changes)
    before, after = effective_mode(loaded.settings).mode, _mode_after(loaded, changes)
    _check_guardrails(loaded, changes)
    if after != before and (obstacles := what_is_open(data, unless_in=after)):
        raise ModeChangeRefused(before, after, obstacles)
    # What reduces risk is written even if nothing else can be.
    with suppress(DataDirError) if changes.get("TRADING_STATE", "active") != "active" else nullcontext():
        if closed := prepare_data_directory(data):
            notify(closed)
    return SettingsRecord(data).change(changes, changed_by)


def describe_unchanged_mode(before: LoadedSettings, after: LoadedSettings, done: Iterable[SettingChange]) -> str | None:
    """Return why the mode is as before although a setting that may name one changed; None if nothing needs saying."""
    mode = effective_mode(after.settings)
    changed = [change.key for change in done if change.key in MODE_KEYS]
    if not changed or after.problem or mode.mode != effective_mode(before.settings).mode:
        return None
    return f"the mode stays {mode.mode}: {'; '.join(mode.reasons)}. `cq-tui mode` shows what each mode takes"


def describe_left_alone(data: DataDir, before: LoadedSettings, after: LoadedSettings) -> str | None:
    """Return what is open that nobody looks after any more, now that the keys are gone; None if nothing is."""
    blocked = effective_mode(after.settings).blocked
    if not blocked or effective_mode(before.settings).blocked or not (is_open := what_is_open(data)):
        return None
    return f"{blocked}: until they are back nobody looks after what is open, but for its stops at the exchange\n  " + (
        "\n  ".join(is_open)
    )


def restore_settings(data: DataDir) -> Path | None:
    """Write the last good settings again; return where the file that could not be used is kept, None if it was gone.

    Raises SettingsError if the file can be used, or no good settings are known; then nothing was changed.
    """
    require_usable_version(data)
    known = read_in_force(data)
    if known is None or known.in_file is None:
        raise SettingsError(f"{data.root}: no earlier settings are known. Correct {data.settings} with an editor")
    return replace_unusable(data.settings, known.in_file)


def _check_limits(loaded: LoadedSettings, changes: Mapping[str, Any]) -> None:
    """Refuse what is looser than an administrator's limit. Raises SettingsError, which names limit and file."""
    limited = {key: value for key, value in changes.items() if key in loaded.limits}
    valid = validate_settings(limited, "new settings")
    for key in limited:
        limit, wanted = loaded.limits[key], getattr(valid, key)
        if stricter_value(key, wanted, limit.value) != wanted:
            whose = f"the limit {limit.value} in {limit.path}. Only the owner of that file can change it"
            raise SettingsError(f"{key} = {wanted} is looser than {whose}")


def _check_guardrails(loaded: LoadedSettings, changes: Mapping[str, Any]) -> None:
    """Refuse to turn the guardrails off in live mode, which keeps them and its account. Raises SettingsError."""
    if effective_mode(loaded.settings).mode != "live" or "DISABLE_ORDER_GUARDRAILS" not in changes:
        return
    with suppress(ValidationError):
        wanted = Settings.model_validate(loaded.requested.model_dump() | dict(changes))
        stays = wanted.model_copy(update={"DISABLE_ORDER_GUARDRAILS": False})
        if wanted.DISABLE_ORDER_GUARDRAILS and effective_mode(stays).mode == "live":
            raise SettingsError("DISABLE_ORDER_GUARDRAILS: live mode requires the guardrails. Leave it false there")


def _mode_after(loaded: LoadedSettings, changes: Mapping[str, Any]) -> Mode:
    """Return the mode that will be asked for; a request that is refused, and stays so, changes nothing."""
    before, asked = effective_mode(loaded.settings).mode, effective_mode(loaded.requested).mode
    try:
        after = effective_mode(Settings.model_validate(loaded.requested.model_dump() | dict(changes)))
    except ValidationError:
        # Writing it will report what is wrong.
        return before
    is_refused_again = not set(changes) & set(ACCOUNT_KEYS) or refuse_switch(after, before)
    return before if after.mode == asked and is_refused_again else after.mode
