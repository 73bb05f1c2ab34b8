"""Manual control of the trader: ``flatten``, ``release``."""

from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_position, complete_quarantine
from cq_tui.cli.options import DataOption, require_data_dir
from cq_tui.cli.service_command import send_command


@app.command(short_help="Close one position, or all.")
def flatten(
    context: typer.Context,
    symbol: Annotated[
        str | None,
        typer.Argument(metavar="SYMBOL", help="Symbol to close (default: all).", autocompletion=complete_position),
    ] = None,
    data_dir: DataOption = None,
) -> None:
    """Close one position, or all, with market orders."""
    send_command(require_data_dir(context, data_dir), "flatten", "trader", symbol)


@app.command()
def release(
    context: typer.Context,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", autocompletion=complete_quarantine)],
    data_dir: DataOption = None,
) -> None:
    """Release a symbol from quarantine, so that it can trade again."""
    send_command(require_data_dir(context, data_dir), "release_symbol", "trader", symbol)
