"""Settings: environment over ``ssot/env.json`` over defaults; the file is changed under a lock."""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr, ValidationError

from cq_tui.contracts.limits import AdministratorLimit
from cq_tui.contracts.mode import ACCOUNT_KEYS
from cq_tui.contracts.setting_names import describe_unknown, is_setting, refuse_unknown
from cq_tui.contracts.settings import SECRET_KEYS, SETTING_KEYS, TRADING_STATES, Settings, usable_symbols
from cq_tui.contracts.strategy_settings import (
    ENVIRONMENT_PREFIX,
    STRATEGIES,
    flattened,
    held_in_environment,
    is_secret_parameter,
    split_strategy_key,
    with_values,
)
from cq_tui.store.document import DocumentError, DocumentMissing, file_identity, read_with_owner, write_document
from cq_tui.store.owner import foreign_owner
from cq_tui.store.regular_file import open_regular
from cq_tui.store.settings_content import SettingsContent, parse_settings, state_in_text, trim_values
from cq_tui.store.trading_state import Stop

#: Characters of an invalid value quoted in a message.
_MAX_QUOTED = 80
#: Wrong values named in a message.
_MAX_NAMED = 5

Source = Literal["environment", "file", "default", "control", "limits"]


class SettingsError(Exception):
    """A setting cannot be used or changed; the message names key, value, rule and source."""


class _Unusable(SettingsError):
    """The file cannot be used; ``state`` is the safest trading state that it names all the same."""

    def __init__(self, message: str, state: str = TRADING_STATES[0]) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Effective settings, the source of each key, and what is wrong with the file."""

    settings: Settings
    sources: Mapping[str, Source] = field(default_factory=dict)
    #: Why what the file says is not in effect, or not all of it, and what to do; None if it is.
    problem: str | None = None
    #: The trading state set in the environment.
    environment_state: str | None = None
    #: The last good values in the file, with secrets; None if there was no file.
    in_file: Mapping[str, Any] | None = field(default=None, repr=False)
    #: Where white space around a name, a key or a secret was trimmed, in words.
    trimmed: tuple[str, ...] = ()
    #: What keeps trading from being active beside the settings, the most careful first.
    stops: tuple[Stop, ...] = ()
    #: The trading state that they left behind.
    _settings_state: str | None = field(default=None, repr=False)
    #: Limits of an administrator, by setting; the settings are within them.
    limits: Mapping[str, AdministratorLimit] = field(default_factory=dict)
    #: Limits files that do not hold against the user who runs this, in words.
    weak_limits: tuple[str, ...] = ()
    #: What file and environment ask for, if the services do not follow it to another account; else None.
    refused: Settings | None = None

    def stopped_by(self, stops: tuple[Stop, ...]) -> "LoadedSettings":
        """Return these settings, in which the trading state is at least as careful as each stop."""
        if not stops:
            return self
        state: str = self.settings.TRADING_STATE
        sources = dict(self.sources)
        for stop in stops:
            if safer_state(stop.state, state) != state:
                state, sources["TRADING_STATE"] = stop.state, "control"
        settings = self.settings.model_copy(update={"TRADING_STATE": state})
        return replace(self, settings=settings, sources=sources, stops=stops, _settings_state=self.settings_state)

    @property
    def settings_state(self) -> str:
        """The trading state by settings alone."""
        return self._settings_state or self.settings.TRADING_STATE

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names in the file that are no settings, so nothing follows from them, in words."""
        return tuple(map(describe_unknown, sorted(self.settings.model_extra or {})))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What somebody should look at although the settings are in effect, in words."""
        return (*self.unknown, *(f"{each} was trimmed" for each in self.trimmed))

    @property
    def stop_reason(self) -> str | None:
        """Who stopped trading, since when and why, as far as that led to the state in force."""
        state = self.settings.TRADING_STATE
        return "; ".join(stop.describe() for stop in self.stops if stop.state == state) or None

    @property
    def requested(self) -> Settings:
        """What file and environment ask for."""
        return self.refused or self.settings

    def shown(self, key: str) -> Any:
        """Return the value of a setting, or of a strategy's by its dotted key, safe to show; None if it is unset."""
        if split_strategy_key(key):
            return redact_value(key, flattened({STRATEGIES: self.settings.STRATEGIES}).get(key))
        return redact_value(key, getattr(self.settings, key))

    def is_overridden_by_environment(self, key: str, value: Any = None) -> bool:
        """Whether the environment overrides this key, so that writing the file has no effect.

        The file may always set a safer ``TRADING_STATE`` than the environment, and undo that: ``value`` is what would
        be written; without it, this is true only if the environment has the safest state already.
        """
        if key != "TRADING_STATE" or self.environment_state is None:
            whole = STRATEGIES if split_strategy_key(key) else key
            return "environment" in (self.sources.get(key), self.sources.get(whole))
        if value is None:
            return self.environment_state == TRADING_STATES[-1]
        return value in TRADING_STATES and safer_state(value, self.environment_state) != value


def load_settings(
    path: Path, environment: Mapping[str, str] | None = None, last_good: LoadedSettings | None = None
) -> LoadedSettings:
    """Read the settings; what cannot be used is a ``problem``, and ``last_good`` holds in its place.

    That is the whole file if it is no JSON, of another owner, or gone. Of a file with wrong values, the others are in
    effect. Without ``last_good``, environment and defaults hold. Nothing is opened meanwhile: ``TRADING_STATE`` is at
    least ``reducing``, and a safer one that can be read in the file takes effect. Raises SettingsError only if the
    environment is invalid, since it cannot be fixed while we run.
    """
    held = held_settings(environment)
    try:
        found = _read(path)
        if found is None and last_good is not None and last_good.in_file is not None:
            raise _Unusable(f"{path} is gone. Restore it with `cq-tui config restore`, or write {{}} for the defaults")
    except _Unusable as error:
        base = last_good or merge_settings(None, held)
        whose = "the defaults" if base.in_file is None else "the last good settings"
        return _only_reducing(base, error.state, f"{error}. Until then {whose} hold")
    if found is None:
        return merge_settings(None, held)
    wrong = _wrong_in(found)
    good = {} if last_good is None else last_good.in_file or {}
    others = [] if "SYMBOLS" in found.doubled or "SYMBOLS" not in wrong else usable_symbols(found.values["SYMBOLS"])
    values = _without_wrong(found.values, wrong, good) | ({"SYMBOLS": others} if others else {})
    loaded = merge_settings(values, held)
    loaded = replace(loaded, trimmed=(*found.trimmed, *loaded.trimmed))
    if not wrong:
        return loaded
    whose = "their last good values" if good else "their defaults"
    if others:
        names = "the other names of SYMBOLS"
        whose = names if len(wrong) == 1 else f"{whose} and {names}"
    return _only_reducing(loaded, found.state, f"{_describe_wrong(wrong)}. Until then {whose} hold")


def _only_reducing(loaded: LoadedSettings, asked: str, problem: str) -> LoadedSettings:
    """Return these settings with a problem: they open nothing. ``asked`` is the trading state that the file names."""
    state = safer_state(safer_state(asked, "reducing"), loaded.settings.TRADING_STATE)
    settings = loaded.settings.model_copy(update={"TRADING_STATE": state})
    return replace(loaded, settings=settings, problem=problem, refused=None)


def wrong_values(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the keys whose values break a rule, each with the words for it."""
    wrong: dict[str, str] = {}
    try:
        Settings.model_validate(dict(values))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False):
            key = str(each["loc"][0]) if each["loc"] else "?"
            wrong.setdefault(key, _describe_error(key, each["msg"], each["input"]))
    return wrong


def _wrong_in(found: SettingsContent) -> dict[str, str]:
    """Return what is wrong in a file, in words, by the name that has it."""
    return {**wrong_values(found.values), **found.doubled}


def _without_wrong(values: Mapping[str, Any], wrong: Mapping[str, str], good: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with the ``good`` ones in place of wrong ones; where there is none, none."""
    held = _held_back(wrong)
    kept = {key: value for key, value in values.items() if key not in held}
    return kept | {key: good[key] for key in SETTING_KEYS if key in held and key in good}


def _held_back(wrong: Mapping[str, str]) -> set[str]:
    """Return the keys whose values in the file do not count.

    What chooses the account is one value: beside a wrong key or mode, the others would lead to an account that nobody
    named.
    """
    return {*wrong, *(ACCOUNT_KEYS if not wrong.keys().isdisjoint(ACCOUNT_KEYS) else ())}


def _describe_wrong(wrong: Mapping[str, str]) -> str:
    named = [*wrong.values()][:_MAX_NAMED]
    more = [f"{len(wrong) - _MAX_NAMED} more"] if len(wrong) > _MAX_NAMED else []
    return f"ssot/env.json: {'; '.join(named + more)}. Fix it and try again"


def held_settings(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the settings in an environment, by default in that of this process."""
    variables = os.environ if environment is None else environment
    single = {name: value for name, value in variables.items() if name.startswith(ENVIRONMENT_PREFIX)}
    return {key: variables[key] for key in SETTING_KEYS if key in variables} | single


def safer_state(one: str, other: str) -> str:
    """Return the more careful of two trading states."""
    return max(one, other, key=TRADING_STATES.index)


def _read_valid(path: Path) -> dict[str, Any] | None:
    """Return the file's values, which are valid; None if there is no file. Raises SettingsError."""
    found = _read(path)
    if found is None:
        return None
    if wrong := _wrong_in(found):
        raise SettingsError(_describe_wrong(wrong))
    return found.values


def read_last_of_duplicates(path: Path) -> dict[str, Any]:
    """Return the file's values as up to version 0.1.0, which did not mind a key that appears twice.

    Raises SettingsError if they cannot be read or are not valid.
    """
    found = _read(path)
    values = {} if found is None else found.values
    validate_settings(values, "ssot/env.json")
    return values


def _read(path: Path) -> SettingsContent | None:
    """Return what the file says, None if it is missing. Raises _Unusable if it cannot be read, or does not count."""
    content = b""
    try:
        content, uid = read_with_owner(path)
        found, owner = parse_settings(path, content), foreign_owner(uid, path.parent)
    except DocumentMissing:
        return None
    except DocumentError as error:
        remedy = "Fix it, or run `cq-tui config restore`"
        raise _Unusable(f"{path}: {error.problem}. {remedy}", state_in_text(content)) from None
    except OSError as error:
        raise _Unusable(f"{path}: {error.strerror or error}. Check its owner and permissions") from None
    if owner:
        remedy = f"If its settings are yours: chown {os.geteuid()} {path}; otherwise run `cq-tui config restore`"
        raise _Unusable(f"{path} belongs to {owner} and is ignored. {remedy}", found.state)
    return found


def merge_settings(in_file: Mapping[str, Any] | None, held: Mapping[str, str]) -> LoadedSettings:
    """Merge the valid values of a file, None without one, with those held in the environment. Raises SettingsError."""
    single = held_in_environment(held)
    held, trimmed = trim_values({key: value for key, value in held.items() if key in SETTING_KEYS})
    checked = validate_settings(held, "the environment")
    values, state = dict(in_file or {}), held.get("TRADING_STATE")
    if state and "TRADING_STATE" in values and safer_state(state, values["TRADING_STATE"]) != state:
        held = {key: value for key, value in held.items() if key != "TRADING_STATE"}
    sources: dict[str, Source] = {
        key: "environment" if key in held else "file" if key in values else "default" for key in SETTING_KEYS
    }
    merged: dict[str, Any] = {**values, **held}
    if STRATEGIES in held:
        merged[STRATEGIES] = checked.STRATEGIES
    merged = with_values(merged, single)
    settings = Settings.model_validate(merged)
    in_object = [key for key in flattened({STRATEGIES: settings.STRATEGIES}) if split_strategy_key(key)]
    sources |= {key: "environment" if key in single or STRATEGIES in held else "file" for key in in_object}
    said = tuple(f"{each} in the environment" for each in trimmed)
    return LoadedSettings(settings, sources, environment_state=state, in_file=in_file, trimmed=said)


def validate_settings(values: Mapping[str, Any], where: str) -> Settings:
    """Return these values as settings. Raises SettingsError, which names ``where`` they are."""
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = str(first["loc"][0]) if first["loc"] else "?"
        described = _describe_error(key, first["msg"], first["input"])
        raise SettingsError(f"{where}: {described}. Fix it and try again") from None


def _describe_error(key: str, rule: str, value: Any) -> str:
    """Return what is wrong with a value, without secrets."""
    shown = "" if key in SECRET_KEYS else f" is {repr(value)[:_MAX_QUOTED]}"
    return f"{key}{shown}: {rule.removeprefix('Value error, ')}"


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
    path: Path,
    changes: Mapping[str, Any],
    around: Callable[[Changed], AbstractContextManager[None]] | None = None,
    last_good: Mapping[str, Any] | None = None,
) -> Changed:
    """Write keys to the file, leave all others unchanged, and return what changed.

    ``around`` is entered before the file is written and left after it, under the lock. A file that is gone is written
    again with the values of ``last_good``, which are in effect. None takes a setting of a strategy out of the file.
    Raises SettingsError for an unknown key, an invalid value, a file that cannot be used, or one that an editor
    replaced meanwhile: it is left unchanged. Changing the keys that are wrong in it corrects it.
    """
    unknown = [key for key in changes if not is_setting(key)]
    if unknown:
        raise SettingsError(refuse_unknown(unknown[0]))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked_settings(path):
            seen, found = file_identity(path), _read(path)
            before = dict(last_good or {}) if found is None else found.values
            wrong = {} if found is None else _wrong_in(found)
            if left := {name: words for name, words in wrong.items() if name not in changes}:
                raise SettingsError(_describe_wrong(left))
            old = validate_settings({key: before[key] for key in before if key not in wrong}, "ssot/env.json")
            after = with_values(before, changes)
            new = validate_settings(after, "new settings")
            done = _changed(old, new, changes)
            with around(done) if around else nullcontext():
                if file_identity(path) != seen:
                    raise SettingsError(f"{path} was changed by somebody else at this moment. Try again")
                write_document(path, after, mode=0o600)
    except OSError as error:
        raise SettingsError(
            f"{error.filename or path}: cannot be written ({error.strerror}). Nothing was changed"
        ) from error
    return done


def _changed(old: Settings, new: Settings, named: Collection[str]) -> Changed:
    """Return what differs, of the keys named; of the object STRATEGIES each setting by itself."""
    inside = STRATEGIES in named or any(map(split_strategy_key, named))
    keys = dict.fromkeys(key for key in named if key in SETTING_KEYS and key != STRATEGIES)
    pairs = [(key, getattr(old, key), getattr(new, key)) for key in keys]
    if inside:
        before, after = (flattened({STRATEGIES: each.STRATEGIES}) for each in (old, new))
        pairs += [(key, before.get(key), after.get(key)) for key in dict.fromkeys((*before, *after))]
    return tuple(
        SettingChange(key, redact_value(key, was), redact_value(key, now)) for key, was, now in pairs if was != now
    )


def replace_unusable(path: Path, values: Mapping[str, Any]) -> Path | None:
    """Write a file that cannot be used again with these values; return where what was there is kept, None for nothing.

    Raises SettingsError if the file can be used, or the disk refuses it; then nothing was changed.
    """
    try:
        with locked_settings(path):
            with suppress(SettingsError):
                if _read_valid(path) is not None:
                    raise FileExistsError
            kept = _move_away(path)
            try:
                write_document(path, dict(values), mode=0o600)
            except OSError:
                if kept is not None:
                    os.replace(kept, path)
                raise
    except FileExistsError:
        raise SettingsError(f"{path} can be used: there is nothing to restore") from None
    except OSError as error:
        name = error.filename or path
        raise SettingsError(f"{name}: cannot be written ({error.strerror}). Nothing was changed") from error
    return kept


def _move_away(path: Path) -> Path | None:
    """Rename what is there, whatever it is, to a name that is free. Raises OSError."""
    if not os.path.lexists(path):
        return None
    names = (path.with_name(f"{path.name}.broken-{number}") for number in count(1))
    kept = next(name for name in names if not os.path.lexists(name))
    os.rename(path, kept)
    if kept.is_file() and not kept.is_symlink():
        # It may hold secrets; its folder is private in any case.
        with suppress(OSError):
            kept.chmod(0o600)
    return kept


def redacted_settings(path: Path, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values in the file, secrets only as ``set`` or ``unset``; in place of wrong ones, those of ``before``.

    Raises SettingsError if the whole file cannot be used.
    """
    if (found := _read(path)) is None:
        return {}
    held = _held_back(_wrong_in(found))
    good = redact_settings({key: value for key, value in found.values.items() if key not in held})
    kept = [key for key in before if key in held or (STRATEGIES in held and split_strategy_key(key))]
    return good | {key: before[key] for key in kept}


def redact_settings(in_file: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of a file, which are valid, with secrets only as ``set`` or ``unset``. Raises SettingsError.

    Those of the object STRATEGIES have dotted keys.
    """
    valid = validate_settings(in_file, "ssot/env.json")
    values = flattened({key: getattr(valid, key) for key in SETTING_KEYS if key in in_file})
    return {key: redact_value(key, value) for key, value in values.items()}


def redact_value(key: str, value: Any) -> Any:
    """Return a value that is safe to show, log and store: secrets become ``set`` or ``unset``."""
    if key in SECRET_KEYS or isinstance(value, SecretStr) or is_secret_parameter(key):
        return "unset" if value is None else "set"
    return _redacted_strategies(value) if key == STRATEGIES else value


def _redacted_strategies(strategies: Any) -> Any:
    values = {STRATEGIES: strategies}
    secret = {key: "set" for key in flattened(values) if is_secret_parameter(key)}
    return with_values(values, secret)[STRATEGIES]
