"""How a command ends when it fails: one line, and an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import typer

from cq_tui.contracts.exit_code import ExitCode


def print_error(message: object) -> None:
    """Print a message on standard error."""
    with suppress(OSError):
        # The disk of its file may be full, the reader of its pipe gone.
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
    except _expected_errors() as error:
        from cq_tui.store.lock import LockHeld
        from cq_tui.store.reserve import describe_error

        fail(describe_error(error), ExitCode.ALREADY_RUNNING if isinstance(error, LockHeld) else ExitCode.UNUSABLE)


def _expected_errors() -> tuple[type[Exception], ...]:
    """Return the errors that a user can fix; imported only once one is raised, since it would slow every command."""
    from cq_tui.store.data_directory import DataDirError
    from cq_tui.store.journal import JournalError
    from cq_tui.store.lock import LockHeld
    from cq_tui.store.settings_file import SettingsError

    return LockHeld, DataDirError, SettingsError, JournalError, OSError
