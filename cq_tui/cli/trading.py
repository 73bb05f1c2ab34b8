"""Steering the trader by hand: ``flatten``, ``release``."""

from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.options import DataOption, existing_data_directory
from cq_tui.cli.request import request


@app.command(short_help="Sell what is held, at market.")
def flatten(
    context: typer.Context,
    symbol: Annotated[str | None, typer.Argument(metavar="[SYMBOL]")] = None,
    data_dir: DataOption = None,
) -> None:
    """Sell what is held of one symbol, or of all, at market."""
    request(existing_data_directory(context, data_dir), "flatten", "trader", symbol)


@app.command()
def release(
    context: typer.Context, symbol: Annotated[str, typer.Argument(metavar="SYMBOL")], data_dir: DataOption = None
) -> None:
    """Let a quarantined symbol trade again."""
    request(existing_data_directory(context, data_dir), "release_symbol", "trader", symbol)
