"""Settings: environment over ``ssot/env.json`` over defaults; the file is changed under a lock."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr, ValidationError

from cq_tui.contracts.settings import SECRET_KEYS, SETTING_KEYS, TRADING_STATES, Settings
from cq_tui.store.document import DocumentError, DocumentMissing, parse_json, read_with_owner, write_document
from cq_tui.store.owner import foreign_owner
from cq_tui.store.regular_file import open_regular

#: Characters of an invalid value quoted in a message.
_MAX_QUOTED = 80

Source = Literal["environment", "file", "default"]


class SettingsError(Exception):
    """A setting cannot be used or changed; the message names key, value, rule and source."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Effective settings, the source of each key, and what is wrong with the file."""

    settings: Settings
    sources: Mapping[str, Source] = field(default_factory=dict)
    #: Why the file is ignored and the last valid settings are in effect; None if it is valid.
    problem: str | None = None
    #: The trading state set in the environment.
    environment_state: str | None = None

    def is_overridden_by_environment(self, key: str, value: Any = None) -> bool:
        """Whether the environment overrides this key, so that writing the file has no effect.

        The file may always set a safer ``TRADING_STATE`` than the environment, and undo that: ``value`` is what would
        be written; without it, this is true only if the environment has the safest state already.
        """
        if key != "TRADING_STATE" or self.environment_state is None:
            return self.sources.get(key) == "environment"
        if value is None:
            return self.environment_state == TRADING_STATES[-1]
        return value in TRADING_STATES and _safer(value, self.environment_state) != value


def load_settings(
    path: Path, environment: Mapping[str, str] | None = None, last_good: LoadedSettings | None = None
) -> LoadedSettings:
    """Read the settings. If the file is invalid, keep ``last_good`` (or environment and defaults) and set ``problem``.

    An invalid file never adds risk: without ``last_good``, ``TRADING_STATE`` is at least ``reducing``, and a safer
    trading state that can be read from an invalid file takes effect. Raises SettingsError only if the environment is
    invalid, since it cannot be fixed while we run.
    """
    variables = os.environ if environment is None else environment
    held = {key: variables[key] for key in SETTING_KEYS if key in variables}
    in_file: dict[str, Any] = {}
    try:
        in_file, foreign = _read(path)
        if foreign:
            raise SettingsError(foreign)
        if not in_file and last_good is not None and "file" in last_good.sources.values() and not path.exists():
            raise SettingsError(f"{path} is gone; the last settings read stay in effect. Restore it")
        _validate(in_file, "ssot/env.json")
    except SettingsError as error:
        wanted = in_file.get("TRADING_STATE")
        state = wanted if wanted in TRADING_STATES else TRADING_STATES[0]
        if last_good is None:
            last_good = _merge({}, held)
            state = _safer(state, "reducing")
        state = _safer(state, last_good.settings.TRADING_STATE)
        settings = last_good.settings.model_copy(update={"TRADING_STATE": state})
        return replace(last_good, settings=settings, problem=str(error))
    return _merge(in_file, held)


def _safer(one: str, other: str) -> str:
    return max(one, other, key=TRADING_STATES.index)


def _read(path: Path) -> tuple[dict[str, Any], str | None]:
    """Return the file's raw values, none if it is missing, and why they do not count. Raises SettingsError."""
    try:
        content, uid = read_with_owner(path)
        owner, values = foreign_owner(uid, path.parent), parse_json(path, content)
    except DocumentMissing:
        return {}, None
    except (DocumentError, OSError) as error:
        raise SettingsError(str(error)) from None
    remedy = f"If its settings are yours: chown {os.geteuid()} {path}; otherwise move it away"
    return values, owner and f"{path} belongs to {owner} and is ignored. {remedy}"


def _merge(in_file: dict[str, Any], held: dict[str, str]) -> LoadedSettings:
    _validate(held, "the environment")
    state = held.get("TRADING_STATE")
    if state and "TRADING_STATE" in in_file and _safer(state, in_file["TRADING_STATE"]) != state:
        held = {key: value for key, value in held.items() if key != "TRADING_STATE"}
    sources: dict[str, Source] = {
        key: "environment" if key in held else "file" if key in in_file else "default" for key in SETTING_KEYS
    }
    return LoadedSettings(Settings.model_validate(in_file | held), sources, environment_state=state)


def _validate(values: Mapping[str, Any], where: str) -> Settings:
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = str(first["loc"][0]) if first["loc"] else "?"
        rule = first["msg"].removeprefix("Value error, ")
        shown = "" if key in SECRET_KEYS else f" is {repr(first['input'])[:_MAX_QUOTED]}"
        raise SettingsError(f"{where}: {key}{shown}: {rule}. Fix it and try again") from None


@contextmanager
def locked_settings(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Let nobody else change the settings meanwhile. Raises OSError; BlockingIOError instead of waiting."""
    lock = open_regular(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(lock)


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One changed key and its redacted values: secrets are only set or unset."""

    key: str
    old_value: Any
    new_value: Any


Changed = tuple[SettingChange, ...]


def change_settings(
    path: Path, changes: Mapping[str, Any], around: Callable[[Changed], AbstractContextManager[None]] | None = None
) -> Changed:
    """Write keys to the file, leave all others unchanged, and return what changed.

    ``around`` is entered before the file is written and left after it, under the lock. Raises SettingsError for an
    unknown key, an invalid value, or a file that cannot be parsed: it is left unchanged.
    """
    unknown = [key for key in changes if key not in SETTING_KEYS]
    if unknown:
        raise SettingsError(f"unknown setting {unknown[0]}. List all with `cq-tui config show`")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked_settings(path):
            before, foreign = _read(path)
            if foreign:
                raise SettingsError(foreign)
            old = _validate(before, "ssot/env.json")
            after = before | dict(changes)
            new = _validate(after, "new settings")
            done = tuple(
                SettingChange(key, redact_value(key, getattr(old, key)), redact_value(key, getattr(new, key)))
                for key in changes
                if getattr(old, key) != getattr(new, key)
            )
            with around(done) if around else nullcontext():
                write_document(path, after, mode=0o600)
    except OSError as error:
        raise SettingsError(
            f"{error.filename or path}: cannot be written ({error.strerror}). Nothing was changed"
        ) from error
    return done


def redacted_settings(path: Path) -> dict[str, Any]:
    """Return the valid values in the file, secrets only as ``set`` or ``unset``. Raises SettingsError."""
    in_file, foreign = _read(path)
    if foreign:
        raise SettingsError(foreign)
    valid = _validate(in_file, "ssot/env.json")
    return {key: redact_value(key, getattr(valid, key)) for key in SETTING_KEYS if key in in_file}


def redact_value(key: str, value: Any) -> Any:
    """Return a value that is safe to show, log and store: secrets become ``set`` or ``unset``."""
    if key in SECRET_KEYS or isinstance(value, SecretStr):
        return "unset" if value is None else "set"
    return value
