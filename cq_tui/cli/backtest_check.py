"""Checking a strategy by whole runs: ``backtest check``."""

from typing import Annotated

import typer

from cq_tui.cli.backtest import backtest
from cq_tui.cli.backtest_options import (
    KlinesOption,
    ParametersOption,
    SymbolsOption,
    symbol_names,
)
from cq_tui.cli.completion import complete_strategy
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import JsonOption
from cq_tui.cli.without_keys import leave_keys_behind
from cq_tui.contracts.exit_code import ExitCode, describe_results


@backtest.command(
    "check", short_help="Check a strategy by runs that must agree.", epilog=describe_results("backtest check")
)
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_strategy)],
    klines: KlinesOption,
    symbols: SymbolsOption = None,
    parameters: ParametersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a strategy in ways that must agree, and say what fails and where.

    First all that `strategies check` does, on the strategy alone; then whole runs with trades: again, ending earlier
    (look-ahead), starting later (warm-up), with every candle looked at, and as a scan where it can.
    """
    leave_keys_behind()
    import orjson

    from cq_tui.ops.backtest.check import prepare_check
    from cq_tui.ops.backtest.run import Asked, CannotRun
    from cq_tui.ops.characters import printable
    from cq_tui.ops.strategy_check import CannotCheck, exit_code, result_line, to_json
    from cq_tui.strategies.registry import StrategyParametersInvalid, StrategyUnknown

    try:
        with report_errors():
            prepared = prepare_check(name, Asked(klines, symbol_names(symbols), parameters=parameters or ()))
            results = []
            for result in prepared.results():
                results.append(result)
                if not as_json:
                    typer.echo(printable(result_line(result)))
    except (CannotRun, CannotCheck, StrategyUnknown, StrategyParametersInvalid) as error:
        fail(printable(str(error)), ExitCode.ERROR)
    if as_json:
        document = to_json(prepared.alone, results) | {"symbols": list(prepared.job.columns)}
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    raise typer.Exit(exit_code(results))
