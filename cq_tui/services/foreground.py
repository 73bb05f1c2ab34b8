"""``cq-tui service NAME``: parsed and run without the command line's libraries, since services start by fives."""

import contextlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.services.runner import run_service
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
        _print_error(problem)
    try:
        return run_service(name, data)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost handler; Python's own exit code would mean "failed"
        code = exit_code_of(error)
        if code is None:
            traceback.print_exception(error)
            return ExitCode.DEFECT
        _print_error(describe_error(error))
        return code


def _print_error(message: str) -> None:
    with contextlib.suppress(OSError):
        # The disk of its file may be full, the reader of its pipe gone.
        sys.stderr.write(f"cq-tui: {message}\n")
