"""Migrating a data directory: ``migrate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, resolve_data_dir
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.standard_streams import print_error

if TYPE_CHECKING:
    from cq_tui.contracts.layout import DataDir


@app.command(short_help="Bring older files to this version.", epilog=describe_results("migrate"))
def migrate(
    context: typer.Context,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Folder of another installation to take over.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Bring back what was there, if no service has run since.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --undo: also if settings were changed since.")] = False,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """Bring the files of an older version, or of an R11 installation, to the version that this cq-tui uses.

    The files are copied first, and the originals of another installation are kept unchanged in memory/imported/.
    Chained lines are never rewritten. No service may run. If it is interrupted, run it again.
    """
    if undo and (source is not None or dry_run):
        raise typer.BadParameter("it stands alone", param_hint="--undo")
    data = resolve_data_dir(context, data_dir)
    if undo:
        _undo(data, yes=yes, as_json=as_json)
    else:
        _migrate(data, source, dry_run=dry_run, as_json=as_json)


def _migrate(data: "DataDir", source: Path | None, *, dry_run: bool, as_json: bool) -> None:
    import sys

    from cq_tui.ops.characters import printable
    from cq_tui.ops.migrate.exclusive import MigrationRefused
    from cq_tui.ops.migrate.importing import ImportRefused
    from cq_tui.ops.migrate.originals import OriginalChanged
    from cq_tui.ops.migrate.render import json_report, report_lines
    from cq_tui.ops.migrate.run import migrate
    from cq_tui.store.document import DocumentError

    if source is None and not data.root.is_dir():
        fail(f"data directory {data.root} does not exist. Choose another with --data-dir", ExitCode.UNUSABLE)
    is_shown = sys.stderr.isatty()
    try:
        with report_errors():
            report = migrate(
                data, source, dry_run=dry_run, tell=lambda line: print_error(printable(line)) if is_shown else None
            )
    except (MigrationRefused, ImportRefused, OriginalChanged, DocumentError) as error:
        fail(printable(str(error)), ExitCode.UNUSABLE)
    if as_json:
        typer.echo(json_report(report, dry_run=dry_run))
    else:
        typer.echo("\n".join(map(printable, report_lines(data, report, dry_run=dry_run))))


def _undo(data: "DataDir", *, yes: bool, as_json: bool) -> None:
    import orjson

    from cq_tui.ops.characters import plain, printable
    from cq_tui.ops.migrate.exclusive import MigrationRefused
    from cq_tui.ops.migrate.undoing import undo
    from cq_tui.store.document import DocumentError

    try:
        with report_errors():
            lost = undo(data, even_if_changed=yes)
    except (MigrationRefused, DocumentError) as error:
        fail(printable(str(error)), ExitCode.UNUSABLE)
    if as_json:
        typer.echo(orjson.dumps({"undone": True, "lost": list(map(plain, lost))}, option=orjson.OPT_INDENT_2))
        return
    typer.echo(f"undone: {data.root} has the files from before the migration again")
    for name in lost:
        typer.echo(printable(f"  {name} had changed since; that change is gone"))
