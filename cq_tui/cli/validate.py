"""Validating files against their schemas and the rules of the data contract: ``validate``."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, require_data_dir, resolve_data_dir
from cq_tui.cli.progress import progress_bar
from cq_tui.contracts.exit_code import ExitCode, describe_results


@app.command(short_help="Validate files against their schemas.", epilog=describe_results("validate"))
def validate(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Data directories or single files (default: the data directory)."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", metavar="KIND", help="What the files are, such as event, where name and content differ."
        ),
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """Check every file against its schema and the rules of the data contract.

    Without a PATH it checks the whole data directory, with its history. Needs no running service and writes nothing.
    """
    import orjson

    from cq_tui.ops.characters import printable
    from cq_tui.ops.validate.kinds import all_kinds
    from cq_tui.ops.validate.run import Validation

    if kind is not None and kind not in all_kinds():
        fail(f"unknown kind {kind}. Choose one of {', '.join(sorted(all_kinds()))}", ExitCode.UNUSABLE)
    for path in paths or ():
        if not os.path.lexists(path):
            fail(f"{printable(str(path))} does not exist", ExitCode.UNUSABLE)
    data = resolve_data_dir(context, data_dir) if paths else require_data_dir(context, data_dir)
    with report_errors():
        validation = Validation(paths or (), data, kind)
        with progress_bar(validation.total, "validating") as progress:
            report = validation.run(progress)
    if as_json:
        typer.echo(orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(printable(line) for line in report.lines()))
    raise typer.Exit(report.exit_code)
