"""Searching for parameters: ``backtest search``."""

from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.backtest import backtest
from cq_tui.cli.backtest_options import (
    CashOption,
    FeeOption,
    IntervalOption,
    KlinesOption,
    ParametersOption,
    SlippageOption,
    SymbolsOption,
    symbol_names,
)
from cq_tui.cli.completion import complete_strategy
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import JsonOption
from cq_tui.cli.without_keys import leave_keys_behind
from cq_tui.contracts.exit_code import ExitCode, describe_results


@backtest.command("search", short_help="Search for parameters.", epilog=describe_results("backtest search"))
def search(
    klines: KlinesOption,
    over: Annotated[
        list[str],
        typer.Option(
            "--over",
            metavar="NAME.PARAMETER=FROM:TO:STEP",
            help="Values of a parameter, or =A,B,C; may be repeated.",
        ),
    ],
    symbols: SymbolsOption = None,
    interval: IntervalOption = None,
    strategies: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            metavar="NAME",
            help="May be repeated (default: those of --over).",
            autocompletion=complete_strategy,
        ),
    ] = None,
    parameters: ParametersOption = None,
    split: Annotated[
        str,
        typer.Option("--split", metavar="70/30", help="Which part chooses and which judges; walk:30d/7d goes on."),
    ] = "70/30",
    draws: Annotated[
        int | None,
        typer.Option("--random", metavar="COUNT", min=1, help="So many sets by chance (default: all of them)."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="NUMBER", min=0, help="Of --random: the same sets again.")] = 0,
    rank: Annotated[str, typer.Option("--rank", metavar="BY", help="return, sharpe or profit.")] = "return",
    jobs: Annotated[int, typer.Option("--jobs", metavar="COUNT", help="Processes.")] = 1,
    begin: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Not before, in UTC: 2023-03-16.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Klines from then on are left out.")] = None,
    cash: CashOption = "10000",
    fee: FeeOption = "0.001",
    slippage: SlippageOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Keep results there; the same search goes on where it was ended."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run many sets of parameters, and show what the best of one period brought in the next.

    The more sets are tried, the better the best one looks by luck: the table says how much.
    """
    leave_keys_behind()
    import orjson

    from cq_tui.cli.progress import counting_bar
    from cq_tui.ops.backtest.run import Asked, CannotRun
    from cq_tui.ops.backtest.search import SearchAsked, prepare_search, run_search
    from cq_tui.ops.backtest.search_table import search_json, search_lines
    from cq_tui.ops.characters import printable
    from cq_tui.store.document import write_document

    asked = Asked(
        klines, symbol_names(symbols), interval, strategies or (), parameters or (), begin, end, cash, fee, slippage
    )  # fmt: skip
    try:
        with report_errors():
            prepared = prepare_search(SearchAsked(asked, over, split, draws, seed, rank, jobs))
            with counting_bar("running sets") as progress:
                tried = run_search(prepared, out, progress)
            found = search_json(prepared, tried)
            if out is not None:
                write_document(out / "search.json", orjson.dumps(found, option=orjson.OPT_INDENT_2))
    except CannotRun as error:
        fail(printable(str(error)), ExitCode.ERROR)
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(search_lines(prepared, tried)))
