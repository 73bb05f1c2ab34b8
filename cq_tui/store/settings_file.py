"""Settings: environment over ``ssot/env.json`` over defaults; written under a lock, compared before swapped."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr, ValidationError

from cq_tui.contracts.settings import SECRET_KEYS, SETTING_KEYS, TRADING_STATES, Settings
from cq_tui.store.document import DocumentError, DocumentMissing, read_json, write_document

Source = Literal["environment", "file", "default"]


class SettingsError(Exception):
    """A setting cannot be used or changed; the message names key, value, rule and where it stands."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Effective settings, where each key comes from, and what was wrong with the file."""

    settings: Settings
    sources: Mapping[str, Source] = field(default_factory=dict)
    #: Why the file (or a part of it) is not in force; the last good settings are.
    problem: str | None = None

    def held_by_environment(self, key: str) -> bool:
        """Whether writing the file would change nothing, since the environment holds the key."""
        return self.sources.get(key) == "environment"


def load_settings(
    path: Path, environment: Mapping[str, str] | None = None, last_good: LoadedSettings | None = None
) -> LoadedSettings:
    """Read the settings. A bad file keeps ``last_good`` (or the environment and defaults) and names its problem.

    Raises SettingsError only when the environment itself is wrong, since nobody can correct it while we run.
    """
    variables = os.environ if environment is None else environment
    held = {key: variables[key] for key in SETTING_KEYS if key in variables}
    try:
        in_file = read_settings_file(path)
        _validate(in_file, "ssot/env.json")
    except SettingsError as error:
        if last_good is not None:
            return LoadedSettings(last_good.settings, last_good.sources, str(error))
        return LoadedSettings(*_merge({}, held), str(error))
    return LoadedSettings(*_merge(in_file, held))


def read_settings_file(path: Path) -> dict[str, Any]:
    """Return the file's keys as they stand; none when there is no file. Raises SettingsError."""
    try:
        return read_json(path)
    except DocumentMissing:
        return {}
    except DocumentError as error:
        raise SettingsError(str(error)) from None


def _merge(in_file: dict[str, Any], held: dict[str, str]) -> tuple[Settings, dict[str, Source]]:
    _validate(held, "the environment")
    merged: dict[str, Any] = in_file | held
    if "TRADING_STATE" in in_file and "TRADING_STATE" in held:
        merged["TRADING_STATE"] = max(in_file["TRADING_STATE"], held["TRADING_STATE"], key=TRADING_STATES.index)
    sources: dict[str, Source] = {
        key: "environment" if key in held else "file" if key in in_file else "default" for key in SETTING_KEYS
    }
    return Settings.model_validate(merged), sources


def _validate(values: Mapping[str, Any], where: str) -> Settings:
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = str(first["loc"][0]) if first["loc"] else "?"
        rule = first["msg"].removeprefix("Value error, ")
        shown = "" if key in SECRET_KEYS else f" is {first['input']!r}"
        raise SettingsError(
            f"{where}: {key}{shown}: {rule}. Correct it; until then the last good value holds"
        ) from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@dataclass(frozen=True, slots=True)
class Change:
    """One changed key with its values as they may be shown: secrets are only set or unset."""

    key: str
    old_value: Any
    new_value: Any


def change_settings(
    path: Path, changes: Mapping[str, Any], *, expected: Mapping[str, Any] | None = None
) -> tuple[Change, ...]:
    """Write keys to the file, keeping all others as they stand, and return what changed.

    ``expected`` names values that must still be in force in the file (compare-and-swap). Raises SettingsError for
    an unknown key, a value against its rule, a file that cannot be parsed (it is left alone), or a lost race.
    """
    unknown = [key for key in changes if key not in SETTING_KEYS]
    if unknown:
        raise SettingsError(f"{unknown[0]} is no setting. `cq-tui config show` lists them all")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with _locked(path):
            before = read_settings_file(path)
            old = _validate(before, "ssot/env.json")
            for key, value in (expected or {}).items():
                if getattr(old, key) != value:
                    raise SettingsError(f"{key} was changed meanwhile, to {getattr(old, key)!r}. Look and try again")
            after = before | dict(changes)
            new = _validate(after, "new settings")
            write_document(path, after, mode=0o600)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror}). Nothing was changed") from None
    pairs = ((key, shown_value(key, getattr(old, key)), shown_value(key, getattr(new, key))) for key in changes)
    return tuple(Change(*pair) for pair in pairs if getattr(old, pair[0]) != getattr(new, pair[0]))


def shown_value(key: str, value: Any) -> Any:
    """Return a value that may be shown, logged and remembered."""
    if key in SECRET_KEYS or isinstance(value, SecretStr):
        return "unset" if value is None else "set"
    return value
