"""Two reports side by side: ``backtest compare``."""

from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.backtest import backtest
from cq_tui.cli.errors import fail
from cq_tui.cli.options import JsonOption
from cq_tui.contracts.exit_code import ExitCode, describe_results


@backtest.command("compare", short_help="Compare two reports.", epilog=describe_results("backtest compare"))
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="report.json of a run, or its folder.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    as_json: JsonOption = False,
) -> None:
    """Show what went into two reports differently, what came out differently, and trades that only one has."""
    import orjson

    from cq_tui.ops.characters import printable
    from cq_tui.ops.trading_reports.compare import compare as compare_reports
    from cq_tui.ops.trading_reports.compare import comparison_lines
    from cq_tui.ops.trading_reports.reading import ReportUnreadable, read_report

    try:
        found = compare_reports(read_report(first), read_report(second))
    except ReportUnreadable as error:
        fail(printable(str(error)), ExitCode.ERROR)
    if as_json:
        document = {
            "same": found.is_same,
            "inputs": [one._asdict() for one in found.inputs],
            "results": [one._asdict() for one in found.results],
            "same_trades": found.same_trades,
            "only_first": found.only_first,
            "only_second": found.only_second,
        }
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(comparison_lines(found)))
    raise typer.Exit(ExitCode.OK if found.is_same else ExitCode.FAILED)
