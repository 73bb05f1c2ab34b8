"""``cq-tui up``: run without the command line's libraries, since a dead supervisor should be replaced at once."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.garbage import resume_collection
from cq_tui.standard_streams import print_error
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.expected_errors import exit_code_of
from cq_tui.store.lock import find_holder
from cq_tui.store.regular_file import open_regular
from cq_tui.store.reserve import Reserve, describe_error


def parse_up_command(arguments: Sequence[str]) -> tuple[DataDir, bool] | None:
    """Parse the command as a room gives it; None leaves all else, and its errors, to the full command line."""
    match list(arguments):
        case ["up", "--data-dir", folder] if folder and not folder.startswith("-"):
            return DataDir.resolve(Path(folder)), False
        case ["up", "--take-over", "--data-dir", folder] if folder and not folder.startswith("-"):
            return DataDir.resolve(Path(folder)), True
    return None


def supervise_in_foreground(data: DataDir, follow: bool = False) -> int:
    """Supervise until asked to end; return the exit code. Errors that a user can fix go to standard error.

    ``follow`` continues what a supervisor began that died, see ``run_headless``.
    """
    try:
        prepare(data)
        _refuse_other_than_lock(data.lock_of("supervisor"))
        if not follow and is_supervised(data):
            return ExitCode.ALREADY_RUNNING
        return _supervise(data, follow=follow)
    except Exception as error:
        if (code := exit_code_of(error)) is None:
            raise
        print_error(describe_error(error))
        return code


def prepare(data: DataDir) -> None:
    """Prepare the data directory; what a user should know goes to standard error. Raises DataDirError."""
    for notice in filter(None, (prepare_data_directory(data), Reserve(data).problem)):
        print_error(notice)


def _refuse_other_than_lock(path: Path) -> None:
    """Raise OSError if something else than a file is in the lock's place: that is to be said, whoever runs here."""
    if os.path.lexists(path):
        os.close(open_regular(path, os.O_RDONLY))


def is_supervised(data: DataDir) -> bool:
    """Whether another supervisor runs, which is said then. Cheap: systemd asks again and again."""
    holder = find_holder(data.lock_of("supervisor"))
    if holder is not None:
        print_error(f"a supervisor is already running here (process {holder.pid}). Check it with `cq-tui status`")
    return holder is not None


def _supervise(data: DataDir, *, follow: bool) -> int:
    from cq_tui.supervisor.headless import run_headless
    from cq_tui.supervisor.progress import LinePrinter

    resume_collection()
    printer = LinePrinter(sys.stdout)
    try:
        if run_headless(data, follow=follow, echo=printer.print):
            return ExitCode.OK
    finally:
        printer.close()
    if not is_supervised(data):
        print_error("another supervisor is stopping the services")
    return ExitCode.ALREADY_RUNNING
