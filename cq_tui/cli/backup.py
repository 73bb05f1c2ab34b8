"""Backups: ``backup`` and ``restore``."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, require_data_dir, resolve_data_dir
from cq_tui.cli.progress import progress_bar
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.standard_streams import print_error

#: The services go first.
_NICENESS = 10


@app.command(short_help="Write everything to one file.", epilog=describe_results("backup"))
def backup(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="File to write, or a folder (default: the working directory)."),
    ] = None,
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Include API keys and the key that signs checkpoints.")
    ] = False,
    data_dir: DataOption = None,
) -> None:
    """Write history, state, settings and the simulated account to one file, while everything runs."""
    from cq_tui.ops.backup.errors import BackupError
    from cq_tui.ops.backup.make import bytes_to_back_up, make_backup
    from cq_tui.ops.backup.words import backup_lines, backup_notes
    from cq_tui.ops.characters import printable

    data = require_data_dir(context, data_dir)
    _give_way()
    try:
        with report_errors(), progress_bar(bytes_to_back_up(data), "backing up") as progress:
            made = make_backup(data, file, with_keys=with_keys, progress=progress)
    except BackupError as error:
        fail(printable(str(error)), error.exit_code)
    typer.echo("\n".join(map(printable, backup_lines(made))))
    for note in backup_notes(made):
        print_error(printable(note))
    raise typer.Exit(ExitCode.OK if made.fault is None else ExitCode.FAILED)


@app.command(short_help="Put a backup in the place of a data directory.", epilog=describe_results("restore"))
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `cq-tui backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Rename the data directory that is there, and keep it.")
    ] = False,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Restore a history that does not verify all the same.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check the backup; put nothing in place.")] = False,
    data_dir: DataOption = None,
) -> None:
    """Check every file and the whole history of a backup, then put it in place. No service may run there."""
    from cq_tui.ops.backup.errors import BackupError
    from cq_tui.ops.backup.restore import restore_backup
    from cq_tui.ops.backup.unpack import bytes_to_restore
    from cq_tui.ops.backup.words import restore_lines
    from cq_tui.ops.characters import printable

    data = resolve_data_dir(context, data_dir)
    _give_way()
    try:
        with report_errors(), progress_bar(bytes_to_restore(file), "restoring") as progress:
            done = restore_backup(
                data,
                file,
                replace=replace,
                damaged=damaged,
                check=check,
                tell=lambda words: print_error(printable(words)),
                progress=progress,
            )
    except BackupError as error:
        fail(printable(str(error)), error.exit_code)
    typer.echo("\n".join(map(printable, restore_lines(data, done))))
    raise typer.Exit(ExitCode.OK)


def _give_way() -> None:
    with suppress(OSError):
        os.nice(_NICENESS)
