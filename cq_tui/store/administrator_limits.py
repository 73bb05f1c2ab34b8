"""Limits of an administrator, which settings can only tighten.

They are in ``/etc/cq-tui/limits.toml`` and in the file that CQ_LIMITS_FILE names; both count if both are there.
While one of them cannot be used, or is gone although it had limits, nothing is opened, and what it said last holds,
over restarts too. What it said is kept where the limited user may change it: it only tightens the settings of somebody
who cannot open anything, so changing it wins nothing.
"""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cq_tui.contracts.limits import AMOUNTS, LIMIT_KEYS, AdministratorLimit, limit_settings, stricter_value
from cq_tui.contracts.settings import Settings
from cq_tui.store.document import DocumentError, DocumentMissing, read_with_owner
from cq_tui.store.owner import user_name
from cq_tui.store.settings_file import LoadedSettings, SettingsError, safer_state, validate_settings, wrong_values

SYSTEM_LIMITS = Path("/etc/cq-tui/limits.toml")
LIMITS_VARIABLE = "CQ_LIMITS_FILE"

_MAX_BYTES = 64 * 1024
_HOW_TO_END = "a file with only a comment ends the limits"


class _WrongLimits(SettingsError):
    """Some of a file cannot be used; ``good`` are the other limits in it."""

    def __init__(self, message: str, good: dict[str, Any]) -> None:
        super().__init__(message)
        self.good = good


#: What each limits file said last, by its path; only of files with limits.
LastLimits = Mapping[str, Mapping[str, Any]]

#: What changes whenever a limits file does; None where there is none.
SeenLimits = tuple[tuple[int, int, int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class AdministratorLimits:
    """What the limits files say."""

    #: By setting, the strictest of all files.
    limits: Mapping[str, AdministratorLimit] = field(default_factory=dict)
    #: Why a file cannot be used, and what to do; None if all can.
    problem: str | None = None
    #: Files that whoever runs this could change himself, in words.
    weak: tuple[str, ...] = ()
    #: By path: what each file says or, if it cannot be used, said last; empty for one that is there without limits.
    said: LastLimits = field(default_factory=dict)

    def tighten(self, loaded: LoadedSettings) -> LoadedSettings:
        """Return these settings within the limits; with a file that cannot be used, they open nothing."""
        changes = limit_settings(loaded.settings, dict(self.limits))
        sources = dict(loaded.sources) | dict.fromkeys(changes, "limits")
        problem = loaded.problem
        if self.problem is not None:
            changes["TRADING_STATE"] = safer_state("reducing", loaded.settings.TRADING_STATE)
            problem = "; ".join(filter(None, (problem, self.problem)))
        return replace(
            loaded,
            settings=loaded.settings.model_copy(update=changes),
            sources=sources,
            problem=problem,
            limits=self.limits,
            weak_limits=self.weak,
        )


def limit_files(environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Return the files that count if they are there; one that the environment names must be there."""
    named = (os.environ if environment is None else environment).get(LIMITS_VARIABLE)
    return (SYSTEM_LIMITS, Path(named)) if named else (SYSTEM_LIMITS,)


def seen_limits(environment: Mapping[str, str] | None = None) -> SeenLimits:
    """Return what tells the limits files from earlier versions of them."""
    return tuple(map(_look, limit_files(environment)))


def _look(path: Path) -> tuple[int, int, int, int, int] | None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # It may be there.
        return 0, 0, 0, 0, 0
    return status.st_ino, status.st_uid, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_limits(environment: Mapping[str, str] | None = None, last: LastLimits | None = None) -> AdministratorLimits:
    """Return what the files say; of one that cannot be used, or is gone, what it said ``last``."""
    found, said = dict[str, AdministratorLimit](), dict[str, Mapping[str, Any]]()
    problems, weak = [], []
    for path in limit_files(environment):
        known = (last or {}).get(str(path), {})
        try:
            values, weakness = _read(path, is_optional=path == SYSTEM_LIMITS and not known)
        except SettingsError as error:
            problems.append(f"{error}. Nothing is opened until then")
            values, weakness = _usable(known), None
            if isinstance(error, _WrongLimits):
                values |= error.good
        _add(found, {key: AdministratorLimit(value, path) for key, value in values.items()})
        said[str(path)] = values
        weak += [weakness] if weakness else []
    return AdministratorLimits(found, "; ".join(problems) or None, tuple(weak), said)


def _usable(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the valid limits among values; those kept may be of another version."""
    values = {key: value for key, value in known.items() if key in LIMIT_KEYS}
    wrong = wrong_values(values)
    valid = Settings.model_validate({key: value for key, value in values.items() if key not in wrong})
    return {key: getattr(valid, key) for key in values if key not in wrong}


def _add(found: dict[str, AdministratorLimit], more: Mapping[str, AdministratorLimit]) -> None:
    for key, limit in more.items():
        known = found.get(key)
        if known is None or stricter_value(key, limit.value, known.value) != known.value:
            found[key] = limit


def _read(path: Path, *, is_optional: bool) -> tuple[dict[str, Any], str | None]:
    """Return a file's limits, and why it is no defense. Raises SettingsError."""
    try:
        content, owner = read_with_owner(path, _MAX_BYTES)
    except DocumentMissing:
        if is_optional:
            return {}, None
        if path == SYSTEM_LIMITS:
            raise SettingsError(f"{path} is gone, which had limits. Restore it; {_HOW_TO_END}") from None
        raise SettingsError(f"{path} is gone, which {LIMITS_VARIABLE} names. Restore it, or unset that") from None
    except DocumentError as error:
        raise SettingsError(f"{path}: {error.problem}. Have its owner correct it; {_HOW_TO_END}") from None
    return _parse(path, content), _weakness(path, owner)


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    # Few have such a file.
    import tomllib

    try:
        values = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not valid TOML ({error}). Have its owner correct it") from None
    good = _usable(values)
    for key in values:
        if key not in LIMIT_KEYS:
            problem = f"{path}: {key[:80]!r} is no limit. It may have {', '.join(sorted(LIMIT_KEYS))}"
            raise _WrongLimits(problem, good)
    amounts = [key for key in AMOUNTS if key in values]
    if amounts and "TRADER_QUOTE" not in values:
        remedy = 'Add it, such as TRADER_QUOTE = "USDT"'
        problem = f"{path}: {amounts[0]} is an amount of TRADER_QUOTE. {remedy}"
        raise _WrongLimits(problem, {key: value for key, value in good.items() if key not in AMOUNTS})
    try:
        validate_settings(values, str(path))
    except SettingsError as error:
        raise _WrongLimits(str(error), good) from None
    return good


def _weakness(path: Path, owner: int) -> str | None:
    """Return why the user who runs this could change the file; None if he cannot."""
    me, path = os.geteuid(), path.absolute()
    if owner == me:
        return f"{path} belongs to {user_name(me)}, who runs this: it does not hold against that user"
    try:
        is_weak = _may_write(path) or any(map(_may_replace, (path, *path.parents)))
    except OSError:
        is_weak = False
    return (
        f"{path} can be changed by {user_name(me)}, who runs this: it does not hold against that user"
        if is_weak
        else None
    )


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _may_replace(path: Path) -> bool:
    """Whether this user may put another file in the place of this one. Raises OSError."""
    folder = path.parent.stat()
    is_sticky = bool(folder.st_mode & stat.S_ISVTX)
    owns_one = os.geteuid() in (0, folder.st_uid, path.lstat().st_uid)
    return _may_write(path.parent) and (owns_one or not is_sticky)


class LimitsInForce:
    """Reads the limits files when they change."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        self._seen: SeenLimits | None = None
        self._found = AdministratorLimits()

    def read(self, remembered: Callable[[], LastLimits]) -> AdministratorLimits:
        """Return the limits now: the same object as long as nothing changes. ``remembered``: over restarts."""
        seen = seen_limits(self._environment)
        if seen != self._seen or self._found.problem is not None:
            here = {path: values for path, values in self._found.said.items() if values}
            found = read_limits(self._environment, {**remembered(), **here})
            self._seen = seen
            self._found = self._found if found == self._found else found
        return self._found
