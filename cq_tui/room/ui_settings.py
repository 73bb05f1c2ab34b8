"""``ui.toml`` in the configuration folder: what a person wants of every room. The room reads it and never changes it.

It is read before the first paint, so nothing heavy is imported, and a room opens whatever is in it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from cq_tui.store.regular_file import open_regular

NAME = "ui.toml"
_MOST_BYTES = 256 * 1024
#: Panes that have columns.
PANES = ("services", "feeder", "signals", "orders", "quarantine", "memory", "positions")

#: What the palette writes where there is none yet.
TEMPLATE = """\
# What you want of every room. Delete a line to get the default back; the room reads this file when it opens.

# theme = "auto"            # auto follows the terminal; room-dark, room-light, room-contrast, room-ansi, or any other
# timezone = "UTC"          # UTC, local, or a name such as "Europe/Berlin"
# flash = true              # whether a price that moved takes a color for a second
# start = "feeder"          # the pane that a room opens with
# zoomed = false            # whether it opens with that pane alone
# pins = ["BTCUSDT"]        # symbols at the top of the feeder

[keys]                      # by the ids that docs/reference/keys.md lists
# "room.halt" = "f9"

[columns]                   # what a pane shows, from left to right
# feeder = ["symbol", "price", "24 h"]
"""


@dataclass(frozen=True, slots=True)
class UiSettings:
    """What the file says, as far as it can be used."""

    #: A theme's name; None follows the terminal, or what was chosen in a room.
    theme: str | None = None
    timezone: tzinfo = UTC
    flash: bool = True
    start: str | None = None
    zoomed: bool = False
    pins: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: What cannot be used, each with file, field and remedy.
    problems: tuple[str, ...] = ()


def read_ui_settings(path: Path | None) -> UiSettings:
    """Return the settings of a file that may not exist."""
    if path is None:
        return UiSettings()
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        return UiSettings()
    except OSError as error:
        return UiSettings(problems=(f"{path}: {error.strerror}",))
    try:
        content = os.read(descriptor, _MOST_BYTES)
    except OSError as error:
        return UiSettings(problems=(f"{path}: {error.strerror}",))
    finally:
        os.close(descriptor)
    # Imported only where there is a file.
    import tomllib

    try:
        found = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        return UiSettings(problems=(f"{path} is no TOML, so none of it is used: {error}. Correct that line",))
    return _Reader(path, found).read()


class _Reader:
    """Takes what can be used, and notes the rest."""

    def __init__(self, path: Path, found: dict[str, Any]) -> None:
        self._path, self._found = path, found
        self._problems: list[str] = []

    def read(self) -> UiSettings:
        """Return the settings."""
        known = {"theme", "timezone", "flash", "start", "zoomed", "pins", "keys", "columns"}
        for name in self._found.keys() - known:
            self._refuse(name, f"is not known. Known are {', '.join(sorted(known))}")
        theme = self._text("theme")
        return UiSettings(
            None if theme == "auto" else theme,
            self._timezone(),
            self._switch("flash", default=True),
            self._start(),
            self._switch("zoomed", default=False),
            self._names("pins", self._found.get("pins", [])),
            self._keys(),
            self._columns(),
            tuple(self._problems),
        )

    def _refuse(self, name: str, why: str) -> None:
        self._problems.append(f"{self._path}: {name} {why}")

    def _text(self, name: str) -> str | None:
        value = self._found.get(name)
        if value is None or (isinstance(value, str) and value):
            return value
        self._refuse(name, 'must be text in quotes, such as "auto"')
        return None

    def _switch(self, name: str, *, default: bool) -> bool:
        value = self._found.get(name, default)
        if isinstance(value, bool):
            return value
        self._refuse(name, "must be true or false")
        return default

    def _timezone(self) -> tzinfo:
        name = self._text("timezone")
        if name is None or name == "UTC":
            return UTC
        if name == "local":
            return LOCAL
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._refuse("timezone", f'{name!r} is none: use "UTC", "local" or a name such as "Europe/Berlin"')
            return UTC

    def _start(self) -> str | None:
        name = self._text("start")
        if name is None or name in (*PANES, "chart"):
            return name
        self._refuse("start", f"{name!r} is no pane: use {', '.join((*PANES, 'chart'))}")
        return None

    def _names(self, name: str, value: object) -> tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
        self._refuse(name, 'must be a list of names, such as ["BTCUSDT"]')
        return ()

    def _table(self, name: str) -> Mapping[str, Any]:
        value = self._found.get(name, {})
        if isinstance(value, dict):
            return value
        self._refuse(name, f"must be a table: write [{name}] and its lines below it")
        return {}

    def _keys(self) -> dict[str, str]:
        keys = {}
        for name, value in self._table("keys").items():
            if isinstance(value, str) and value:
                keys[name] = value
            else:
                self._refuse(f"keys.{name}", 'must be a key in quotes, such as "f9"')
        return keys

    def _columns(self) -> dict[str, tuple[str, ...]]:
        columns = {}
        for pane, value in self._table("columns").items():
            if pane not in PANES:
                self._refuse(f"columns.{pane}", f"is no pane with columns: use {', '.join(PANES)}")
            elif names := self._names(f"columns.{pane}", value):
                columns[pane] = names
        return columns


class _Local(tzinfo):
    """The zone of this computer, at each moment's own offset."""

    def utcoffset(self, moment: Any) -> Any:
        return _local(moment).utcoffset()

    def dst(self, moment: Any) -> Any:
        return None

    def tzname(self, moment: Any) -> str | None:
        name: str | None = _local(moment).tzname()
        return name

    def fromutc(self, moment: Any) -> Any:
        local = moment.replace(tzinfo=UTC).astimezone()
        return local.replace(tzinfo=self)


def _local(moment: Any) -> Any:
    return moment.replace(tzinfo=None).astimezone()


#: ``timezone = "local"``.
LOCAL: tzinfo = _Local()


def write_template(path: Path) -> bool:
    """Write a file with every default as a comment; return False if there is a file already. Raises OSError."""
    from cq_tui.store.checkpoints.config_folder import create_file, make_private

    make_private(path.parent)
    if path.exists():
        return False
    create_file(path, TEMPLATE.encode())
    return True
