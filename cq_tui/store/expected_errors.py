"""The errors that a user can fix, and the exit code that each ends a command with."""

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.store.data_directory import DataDirError
from cq_tui.store.journal import JournalError
from cq_tui.store.lock import LockHeld
from cq_tui.store.settings_file import SettingsError


def exit_code_of(error: Exception) -> ExitCode | None:
    """Return the exit code of an error that a user can fix; None for a defect, and for a closed pipe."""
    if isinstance(error, LockHeld):
        return ExitCode.ALREADY_RUNNING
    is_expected = isinstance(error, (DataDirError, SettingsError, JournalError, OSError))
    return ExitCode.UNUSABLE if is_expected and not isinstance(error, BrokenPipeError) else None
