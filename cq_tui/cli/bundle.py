"""The debug bundle: ``bundle``."""

import typer

from cq_tui.cli.application import app
from cq_tui.cli.ending import errors_told
from cq_tui.cli.options import DataOption, existing_data_directory


@app.command(short_help="Write a debug bundle.")
def bundle(context: typer.Context, data_dir: DataOption = None) -> None:
    """Write a debug bundle for whoever helps, and print its path; it holds no secret."""
    from cq_tui.ops.bundle import export_bundle

    data = existing_data_directory(context, data_dir)
    with errors_told():
        typer.echo(export_bundle(data))
