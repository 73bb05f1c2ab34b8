"""How a command ends: exit codes, and errors told in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

import typer


class Exit(IntEnum):
    """Exit codes; ``status`` ends with 0 ok, 1 degraded, 2 error."""

    OK = 0
    #: Failed or degraded.
    FAILED = 1
    #: Wrong usage or error.
    ERROR = 2
    ALREADY_RUNNING = 3
    #: The data directory or a setting cannot be used.
    UNUSABLE = 4
    #: The terminal is not suited.
    TERMINAL = 5
    INTERRUPTED = 130


def tell(message: object) -> None:
    """Say something on standard error."""
    typer.echo(f"cq-tui: {message}", err=True)


def fail(message: object, code: Exit) -> NoReturn:
    """End the command with one line on standard error."""
    tell(message)
    raise typer.Exit(code)


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn what a person can mend into one line and an exit code."""
    from cq_tui.store.folders import DataDirError
    from cq_tui.store.journal import JournalError
    from cq_tui.store.lock import LockHeld
    from cq_tui.store.settings_file import SettingsError

    try:
        yield
    except LockHeld as error:
        fail(error, Exit.ALREADY_RUNNING)
    except (DataDirError, SettingsError, JournalError) as error:
        fail(error, Exit.UNUSABLE)
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error, Exit.UNUSABLE)
