"""Looking back: ``backtest`` runs strategies over recorded klines; its commands compare, check and search."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.backtest_options import (
    CashOption,
    FeeOption,
    IntervalOption,
    ParametersOption,
    SlippageOption,
    SymbolsOption,
    symbol_names,
)
from cq_tui.cli.completion import complete_strategy
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, ParentOption, data_dir_option
from cq_tui.cli.without_keys import leave_keys_behind
from cq_tui.contracts.exit_code import ExitCode, describe_results

if TYPE_CHECKING:
    from cq_tui.ops.backtest.run import Asked

backtest = typer.Typer(
    help="Look back: what the live code does on recorded bars.",
    invoke_without_command=True,
    no_args_is_help=False,
    rich_markup_mode=None,
)
app.add_typer(
    backtest, name="backtest", short_help="Run the live code over recorded bars.", epilog=describe_results("backtest")
)


@backtest.callback()
def look_back(
    context: typer.Context,
    klines: Annotated[
        Path | None,
        typer.Option("--klines", metavar="DIR", help="Recorded klines: a file, a folder, or a data directory."),
    ] = None,
    symbols: SymbolsOption = None,
    interval: IntervalOption = None,
    strategies: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            metavar="NAME",
            help="May be repeated; all for every one (default: those that are on).",
            autocompletion=complete_strategy,
        ),
    ] = None,
    parameters: ParametersOption = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Signals count from then on, in UTC: 2023-03-16.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Klines that open from then on are left out.")
    ] = None,
    cash: CashOption = "10000",
    fee: FeeOption = "0.001",
    slippage: SlippageOption = None,
    detail: Annotated[
        Path | None,
        typer.Option(
            "--detail", metavar="DIR", help="Finer klines, or trades: they tell whether stop or target came first."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write report, trades, equity and signals there.")
    ] = None,
    with_parent: ParentOption = False,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """Run strategies over recorded klines as they run live: the same engine, guardrails, orders, money.

    With --data-dir, its settings of strategies and trader are taken; without, the defaults. Nothing is traded.
    """
    if context.invoked_subcommand is not None:
        return
    if klines is None:
        fail(
            "--klines DIR is needed: a folder with recorded klines, or the data directory that has them", ExitCode.ERROR
        )
    leave_keys_behind()
    if with_parent:
        from cq_tui.cli.with_parent import end_with_parent

        end_with_parent()
    from cq_tui.contracts.layout import DataDir
    from cq_tui.ops.backtest.run import Asked

    named = data_dir_option(context, data_dir)
    asked = Asked(
        klines=klines,
        symbols=symbol_names(symbols),
        interval=interval,
        strategies=strategies or (),
        parameters=parameters or (),
        begin=begin,
        end=end,
        cash=cash,
        fee=fee,
        slippage=slippage,
        detail=detail,
        data=None if named is None else DataDir.resolve(named),
    )
    _run(asked, out, as_json=as_json, is_told=with_parent)


def _run(asked: "Asked", out: Path | None, *, as_json: bool, is_told: bool) -> None:
    import orjson

    from cq_tui.cli.progress import counting_bar, told_progress
    from cq_tui.ops.backtest.output import CannotWrite, check_folder, write_files
    from cq_tui.ops.backtest.run import CannotRun, prepare, report_of
    from cq_tui.ops.characters import printable
    from cq_tui.ops.trading_reports.text import report_lines

    try:
        with report_errors():
            if out is not None:
                check_folder(out)
            job = prepare(asked)
            with told_progress() if is_told else counting_bar("playing klines") as progress:
                result = job.run(progress)
            report = report_of(job, result)
            if out is not None:
                write_files(out, job, result, report)
    except (CannotRun, CannotWrite) as error:
        fail(printable(str(error)), ExitCode.UNUSABLE if isinstance(error, CannotWrite) else ExitCode.ERROR)
    if as_json:
        typer.echo(orjson.dumps(report.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(printable(line) for line in report_lines(report)))
    raise typer.Exit(ExitCode.FAILED if report.stopped else ExitCode.OK)
