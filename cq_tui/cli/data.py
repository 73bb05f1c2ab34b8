"""Recorded klines for looking back: ``data list``, ``check``, ``import`` and ``fetch``."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_symbol
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, require_data_dir, resolve_data_dir
from cq_tui.cli.progress import progress_bar
from cq_tui.contracts.exit_code import ExitCode, describe_results

data_commands = typer.Typer(
    help="Recorded klines for looking back: list, check, import and fetch them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(data_commands, name="data", short_help="List, check, import and fetch recorded klines.")

SymbolsOption = Annotated[
    str | None, typer.Option("--symbols", metavar="A,B", help="Only these symbols, separated by commas.")
]
IntervalOption = Annotated[
    str | None, typer.Option("--interval", metavar="INTERVAL", help="Only klines of this interval, such as 1m.")
]


@data_commands.command("list")
def list_(context: typer.Context, as_json: JsonOption = False, data_dir: DataOption = None) -> None:
    """List the klines that the data directory has: symbol, interval, times, holes and size."""
    from cq_tui.ops.market_data.listing import list_klines
    from cq_tui.ops.market_data.words import list_lines, to_json

    data = require_data_dir(context, data_dir)
    with _errors():
        listed = list(list_klines(data))
    if as_json:
        _print_json([to_json(each) for each in listed])
    elif listed:
        _print(list_lines(listed))
    else:
        _print(["No klines are kept. Add some with `cq-tui data fetch` or `cq-tui data import`."])


@data_commands.command(epilog=describe_results("data check"))
def check(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Files or folders of klines (default: those that are kept)."),
    ] = None,
    symbols: SymbolsOption = None,
    interval: IntervalOption = None,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """Look for holes, duplicates, reversed or mixed klines, outliers, and prices that cannot be.

    It names file and line of each, and what to do. Nothing is changed.
    """
    from cq_tui.ops.market_data.checking import check_klines
    from cq_tui.ops.market_data.errors import MarketDataError
    from cq_tui.ops.market_data.words import check_lines, to_json

    results = []
    with _errors():
        for path in paths or [require_data_dir(context, data_dir).root]:
            for result in check_klines(path, _listed(symbols), interval):
                results.append(result)
                if not as_json:
                    _print(check_lines(result))
    if as_json:
        _print_json([to_json(each) for each in results])
    if any(isinstance(each, MarketDataError) or each.has_errors for each in results):
        raise typer.Exit(ExitCode.ERROR)
    if any(not isinstance(each, MarketDataError) and each.findings for each in results):
        raise typer.Exit(ExitCode.FAILED)


@data_commands.command("import", epilog=describe_results("data import"))
def import_(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Files or folders: Binance's dumps, freqtrade's .json and .feather, our journals."
        ),
    ],
    symbols: SymbolsOption = None,
    interval: IntervalOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Where a kept kline differs, take the imported one.")
    ] = False,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """Put klines of files to those that the data directory keeps. Files are not changed.

    Faulty lines are left out, and each is told. Imported again, nothing changes.
    """
    from cq_tui.ops.market_data.errors import MarketDataError
    from cq_tui.ops.market_data.importing import import_klines
    from cq_tui.ops.market_data.words import added_lines, to_json

    data = resolve_data_dir(context, data_dir)
    results = []
    with _errors():
        for result in import_klines(data, paths, _listed(symbols), interval, replace=replace):
            results.append(result)
            if not as_json:
                _print(added_lines(result, "new"))
    if as_json:
        _print_json([to_json(each) for each in results])
    if any(isinstance(each, MarketDataError) for each in results):
        raise typer.Exit(ExitCode.ERROR)
    if any(not isinstance(each, MarketDataError) and each.findings for each in results):
        raise typer.Exit(ExitCode.FAILED)


@data_commands.command(epilog=describe_results("data fetch"))
def fetch(
    context: typer.Context,
    symbols: Annotated[
        list[str], typer.Argument(metavar="SYMBOL...", help="Such as BTCUSDT.", autocompletion=complete_symbol)
    ],
    interval: Annotated[str, typer.Option("--interval", metavar="INTERVAL", help="Such as 1m or 1h.")] = "1m",
    from_time: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="The first time, in UTC (default: where the kept klines end)."),
    ] = None,
    to_time: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="The time to end before, in UTC (default: now).")
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="From Binance's public market data, whatever the mode. Needs no key.")
    ] = False,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """Fetch closed klines from the exchange of the settings; only what is not kept yet.

    It uses at most half of the request weight, and may be ended at any time: the same command goes on from there.
    Times are such as 2024-08-01, 2024-08-01T12:30 or 30d.
    """
    import asyncio

    from cq_tui.ops.market_data.errors import MarketDataError
    from cq_tui.ops.market_data.exchange import Wanted, fetch_klines
    from cq_tui.ops.market_data.words import added_lines, to_json

    data = resolve_data_dir(context, data_dir)
    wanted = Wanted([symbol.upper() for symbol in symbols], interval, _time(from_time), _time(to_time), public)
    with _errors():
        fetched = asyncio.run(fetch_klines(data, wanted, _percent_bar))
    if as_json:
        _print_json([to_json(each) for each in fetched.added])
    else:
        for each in fetched.added:
            _print(added_lines(each, "fetched"))
    if fetched.problem:
        fail(fetched.problem, ExitCode.FAILED)
    if any(isinstance(each, MarketDataError) for each in fetched.added):
        raise typer.Exit(ExitCode.ERROR)


@contextmanager
def _errors() -> Iterator[None]:
    """Turn what a user can mend into one line and an exit code."""
    from cq_tui.ops.characters import printable
    from cq_tui.ops.market_data.errors import MarketDataBusy, MarketDataError

    try:
        with report_errors():
            yield
    except MarketDataError as error:
        busy = isinstance(error, MarketDataBusy)
        fail(printable(str(error)), ExitCode.ALREADY_RUNNING if busy else ExitCode.ERROR)


def _percent_bar(total: int, word: str) -> AbstractContextManager[Callable[[int], object]]:
    return progress_bar(total, word, in_bytes=False)


def _listed(symbols: str | None) -> list[str] | None:
    return None if symbols is None else [symbol.strip().upper() for symbol in symbols.split(",") if symbol.strip()]


def _time(argument: str | None) -> int | None:
    """Return a time argument as Unix ms: in UTC, or a duration before now."""
    import time

    from cq_tui.ops.backtest.utc_times import UtcTimeError, utc_ms
    from cq_tui.ops.time_arguments import TimeArgumentError, parse_duration

    if argument is None:
        return None
    with suppress(TimeArgumentError):
        return round((time.time() - parse_duration(argument)) * 1000)
    try:
        return utc_ms(argument)
    except UtcTimeError as error:
        fail(f"{error}, or such as 30d for that long ago", ExitCode.ERROR)


def _print(lines: Iterable[str]) -> None:
    from cq_tui.ops.characters import printable

    for line in lines:
        typer.echo(printable(line))


def _print_json(value: list[dict[str, Any]]) -> None:
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))
