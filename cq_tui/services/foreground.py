"""``cq-tui service NAME``: parsed and run without the command line's libraries, since services start by fives."""

from collections.abc import Sequence
from pathlib import Path

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.services.runner import run_service
from cq_tui.standard_streams import print_error
from cq_tui.store.expected_errors import exit_code_of
from cq_tui.store.reserve import Reserve, describe_error


def parse_service_command(arguments: Sequence[str]) -> tuple[str, DataDir] | None:
    """Parse the command as a supervisor gives it; None leaves all else, and its errors, to the full command line."""
    match list(arguments):
        case ["service", name, "--data-dir", folder] if name in SERVICES and folder and not folder.startswith("-"):
            return name, DataDir.resolve(Path(folder))
    return None


def run_in_foreground(name: str, data: DataDir) -> int:
    """Run a service until it ends; return the exit code. Errors that a user can fix go to standard error."""
    if problem := Reserve(data).problem:
        print_error(problem)
    try:
        return run_service(name, data)
    except Exception as error:
        if (code := exit_code_of(error)) is None:
            raise
        print_error(describe_error(error))
        return code
