"""Accepting the faults of the history: ``acknowledge``."""

import typer

from cq_tui.cli.application import app
from cq_tui.cli.options import DataOption, existing_data_directory
from cq_tui.cli.request import request


@app.command(short_help="Accept the faults that memory names.")
def acknowledge(context: typer.Context, data_dir: DataOption = None) -> None:
    """Accept the faults that memory names, so that trading goes on; nothing is erased."""
    request(existing_data_directory(context, data_dir), "acknowledge_faults", "memory")
