"""How a command ends when it fails: one line, and an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.standard_streams import print_error


def fail(message: object, code: ExitCode) -> NoReturn:
    """End the command with a message on standard error."""
    print_error(message)
    raise typer.Exit(code)


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn errors that a user can fix into one line and an exit code."""
    try:
        yield
    except Exception as error:
        # Imported only once there is an error: it would slow every command.
        from cq_tui.store.expected_errors import exit_code_of
        from cq_tui.store.reserve import describe_error

        if (code := exit_code_of(error)) is None:
            raise
        fail(describe_error(error), code)
