"""The debug bundle: ``bundle``."""

import typer

from cq_tui.cli.application import app
from cq_tui.cli.errors import report_errors
from cq_tui.cli.options import DataOption, require_data_dir


@app.command(short_help="Write a debug bundle.")
def bundle(context: typer.Context, data_dir: DataOption = None) -> None:
    """Write a debug bundle for support and print its path. It contains no secrets."""
    from cq_tui.ops.bundle import export_bundle
    from cq_tui.store.data_directory import require_usable_version

    data = require_data_dir(context, data_dir)
    with report_errors():
        require_usable_version(data)
        typer.echo(export_bundle(data))
