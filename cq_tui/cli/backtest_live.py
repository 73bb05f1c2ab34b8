"""Comparing what ran live with the same code run again: ``backtest live``."""

from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.backtest import backtest
from cq_tui.cli.errors import report_errors
from cq_tui.cli.options import DataOption, JsonOption, read_data_dir
from cq_tui.cli.progress import telling
from cq_tui.contracts.exit_code import ExitCode, describe_results


@backtest.command("live", short_help="Decide again what ran live.", epilog=describe_results("backtest live"))
def live(
    context: typer.Context,
    place: Annotated[
        Path | None, typer.Argument(metavar="[DATA_DIR]", help="A data directory (default: that of --data-dir).")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """Make the signals of the stored klines again, let the trader decide again what it was told, and compare.

    Every number of a signal and of an order must be as the history has it. What cannot be known is said, and is no
    difference. Reads only; the stack may run.
    """
    import orjson

    from cq_tui.ops.backtest.live import compare_live
    from cq_tui.ops.characters import printable

    data = read_data_dir(context, place or data_dir)
    with report_errors(), telling("looking back") as tell:
        found = compare_live(data, tell)
    if as_json:
        typer.echo(orjson.dumps(found.to_json(), option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(printable(line) for line in found.lines()))
    raise typer.Exit(ExitCode.OK if found.is_equal else ExitCode.FAILED)
