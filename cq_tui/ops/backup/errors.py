"""Why a backup cannot be made or restored."""

from cq_tui.contracts.exit_code import ExitCode


class BackupError(Exception):
    """The message names the file and the remedy; nothing was put in place."""

    exit_code = ExitCode.UNUSABLE


class BackupDamaged(BackupError):
    """The backup is not what was written, or its history does not verify."""

    exit_code = ExitCode.ERROR


class RestoreRefused(BackupError):
    """What is there now stands in the way."""

    exit_code = ExitCode.FAILED
