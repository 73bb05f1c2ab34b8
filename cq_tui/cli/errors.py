"""How a command ends: exit codes, and errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

import typer


class ExitCode(IntEnum):
    """Exit codes; ``status`` ends with 0 ok, 1 degraded, 2 error."""

    OK = 0
    #: Failed or degraded.
    FAILED = 1
    #: Wrong usage or error.
    ERROR = 2
    ALREADY_RUNNING = 3
    #: Unusable data directory or settings.
    UNUSABLE = 4
    #: Unsupported terminal.
    TERMINAL = 5
    #: A defect of this program; distinct from every result of a command.
    DEFECT = 70
    INTERRUPTED = 130


def print_error(message: object) -> None:
    """Print a message on standard error."""
    typer.echo(f"cq-tui: {message}", err=True)


def fail(message: object, code: ExitCode) -> NoReturn:
    """End the command with a message on standard error."""
    print_error(message)
    raise typer.Exit(code)


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn errors that a user can fix into one line and an exit code."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error, ExitCode.UNUSABLE)
    except _expected_errors() as error:
        from cq_tui.store.lock import LockHeld

        fail(error, ExitCode.ALREADY_RUNNING if isinstance(error, LockHeld) else ExitCode.UNUSABLE)


def _expected_errors() -> tuple[type[Exception], ...]:
    """Return the errors that a user can fix; imported only once one is raised, since it would slow every command."""
    from cq_tui.store.data_directory import DataDirError
    from cq_tui.store.journal import JournalError
    from cq_tui.store.lock import LockHeld
    from cq_tui.store.settings_file import SettingsError

    return LockHeld, DataDirError, SettingsError, JournalError
