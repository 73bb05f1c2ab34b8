"""Steering the trader by hand: ``flatten``, ``release``."""

from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.options import DataOption, require_data_dir
from cq_tui.cli.service_command import send_command


@app.command(short_help="Sell what is held, at market.")
def flatten(
    context: typer.Context,
    symbol: Annotated[str | None, typer.Argument(metavar="[SYMBOL]")] = None,
    data_dir: DataOption = None,
) -> None:
    """Sell what is held of one symbol, or of all, at market."""
    send_command(require_data_dir(context, data_dir), "flatten", "trader", symbol)


@app.command()
def release(
    context: typer.Context, symbol: Annotated[str, typer.Argument(metavar="SYMBOL")], data_dir: DataOption = None
) -> None:
    """Let a quarantined symbol trade again."""
    send_command(require_data_dir(context, data_dir), "release_symbol", "trader", symbol)
