"""What the room remembers of its user: ``room.json`` in the configuration folder, for all rooms and data directories.

It is read before the first paint, so nothing heavy is imported, and a room opens whatever is in it.
"""

import os
from pathlib import Path
from typing import Any

from cq_tui.store.regular_file import open_regular

_NAME = "room.json"
_MOST_BYTES = 64 * 1024


class PreferencesError(Exception):
    """The preferences cannot be read or written; the message names the file, the problem and the remedy."""


def preferences_path() -> Path | None:
    """Return the file's path, which may not exist; None for a user without a home directory."""
    from cq_tui.store.checkpoints.config_folder import config_folder

    try:
        return config_folder() / _NAME
    except RuntimeError:
        return None


def read_theme(path: Path) -> str | None:
    """Return the remembered theme, or None if there is none. Raises PreferencesError."""
    theme = _read(path).get("theme")
    if theme is None or isinstance(theme, str):
        return theme
    raise PreferencesError(f"{path}: theme is not text. Choose a theme to correct it")


def read_pins(path: Path) -> tuple[str, ...]:
    """Return the symbols that were pinned, or none. Raises PreferencesError."""
    pins = _read(path).get("pins", [])
    return tuple(pin for pin in pins if isinstance(pin, str)) if isinstance(pins, list) else ()


def remember(path: Path, name: str, value: object) -> None:
    """Remember a value and keep everything else in the file. Raises PreferencesError.

    A file that is no JSON object is kept beside it, as ``room.json.unreadable``.
    """
    from cq_tui.store.checkpoints.config_folder import make_private, replace_file

    try:
        make_private(path.parent)
        try:
            kept = _read(path)
        except PreferencesError:
            kept = {}
            os.replace(path, path.with_name(f"{_NAME}.unreadable"))
        import orjson

        replace_file(path, orjson.dumps(kept | {name: value}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        raise PreferencesError(f"{error.filename or path}: {error.strerror}. The {name} is not remembered") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PreferencesError(f"{path}: {error.strerror}") from None
    import orjson

    try:
        found = orjson.loads(os.read(descriptor, _MOST_BYTES))
    except (OSError, orjson.JSONDecodeError):
        found = None
    finally:
        os.close(descriptor)
    if not isinstance(found, dict):
        raise PreferencesError(f"{path}: is no JSON object. Choose a theme to write a new one")
    return found
