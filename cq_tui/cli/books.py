"""The books of the history: ``trades``, ``report``, ``reconcile``."""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, read_data_dir
from cq_tui.cli.progress import progress_bar
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.standard_streams import print_error

if TYPE_CHECKING:
    from cq_tui.ops.books.opening import OpenedBooks

AccountOption = Annotated[
    str | None,
    typer.Option("--account", metavar="NAME", help="The account, such as live:123, or how it begins, such as live."),
]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="Only from then on: 3d, 2026-11-22 or 2026-11-22T14:05Z.")
]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Only before then.")]


@app.command(short_help="List trades with lots and cost basis.", epilog=describe_results("trades"))
def trades(
    context: typer.Context,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: JsonOption = False,
    layout: Annotated[
        str, typer.Option("--layout", metavar="LAYOUT", help="Of the CSV: plain, koinly or cointracking.")
    ] = "plain",
    account: AccountOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    data_dir: DataOption = None,
) -> None:
    """List every trade, deposit and withdrawal of an account: exact amounts, fees, ids, and what was sold of which lot.

    Needs no running service and writes nothing. What is left out is named on standard error.
    """
    import orjson

    from cq_tui.books.layouts import LAYOUTS
    from cq_tui.ops.books.trades import statement_csv, statement_json, statement_lines

    if layout not in LAYOUTS:
        fail(f"unknown layout {layout}. Choose one of {', '.join(LAYOUTS)}", ExitCode.ERROR)
    if as_json and (as_csv or layout != "plain"):
        fail("--json has one layout: leave out --csv and --layout", ExitCode.ERROR)
    books = _open(context, data_dir, account, since, until)
    if as_json:
        typer.echo(orjson.dumps(statement_json(books), option=orjson.OPT_INDENT_2))
    elif as_csv or layout != "plain":
        typer.echo(statement_csv(books, layout), nl=False)
    else:
        typer.echo("\n".join(statement_lines(books)))
    raise typer.Exit(ExitCode.FAILED if books.is_incomplete else ExitCode.OK)


@app.command(short_help="Show what trading brought.", epilog=describe_results("report"))
def report(
    context: typer.Context,
    by_day: Annotated[bool, typer.Option("--day", help="Show every day (UTC), too.")] = False,
    by_month: Annotated[bool, typer.Option("--month", help="Show every month (UTC), not only twelve.")] = False,
    as_json: JsonOption = False,
    account: AccountOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    data_dir: DataOption = None,
) -> None:
    """Show profit, commissions and risk of an account: in all, by strategy, symbol and kind of exit.

    It is the report of a look back, so the two can be compared. Needs no running service and writes nothing.
    """
    from cq_tui.ops.books.report import live_report
    from cq_tui.ops.trading_reports.text import report_lines

    if by_day and by_month:
        fail("choose --day or --month", ExitCode.ERROR)
    books = _open(context, data_dir, account, since, until)
    made = live_report(books)
    if as_json:
        typer.echo(made.model_dump_json(indent=2))
    else:
        whole = "day" if by_day else "month" if by_month else ""
        typer.echo("\n".join(report_lines(made, shutil.get_terminal_size().columns, whole)))
    raise typer.Exit(ExitCode.FAILED if books.is_incomplete else ExitCode.OK)


@app.command(short_help="Compare trades with the exchange's own list.", epilog=describe_results("reconcile"))
def reconcile(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Trade history of the exchange: CSV, or JSON of myTrades.")
    ],
    as_json: JsonOption = False,
    account: AccountOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    data_dir: DataOption = None,
) -> None:
    """Compare the trades of an account with the exchange's own export, and name each difference.

    Without --since and --until the period is that of the file. Needs no running service and writes nothing.
    """
    import orjson

    from cq_tui.ops.books.exchange_file import ExchangeFileError, read_exchange_file
    from cq_tui.ops.books.reconcile import reconcile_books

    with report_errors():
        try:
            theirs = read_exchange_file(file)
        except ExchangeFileError as error:
            fail(error, ExitCode.UNUSABLE)
    books = _open(context, data_dir, account, since, until)
    found = reconcile_books(books, theirs, is_bounded=bool(since or until))
    if as_json:
        typer.echo(orjson.dumps(found.to_json(), option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(found.lines()))
    raise typer.Exit(ExitCode.FAILED if found.has_differences or books.is_incomplete else ExitCode.OK)


def _open(
    context: typer.Context, data_dir: Path | None, account: str | None, since: str | None, until: str | None
) -> "OpenedBooks":
    from cq_tui.ops.books.history import BooksError
    from cq_tui.ops.books.opening import open_books
    from cq_tui.ops.characters import printable
    from cq_tui.ops.verify import history_bytes

    data = read_data_dir(context, data_dir)
    try:
        with report_errors(), progress_bar(history_bytes(data), "verifying") as progress:
            books = open_books(data, account=account, since=since, until=until, now=time.time(), progress=progress)
    except BooksError as error:
        fail(printable(str(error)), ExitCode.ERROR)
    for remark in books.remarks:
        print_error(printable(remark))
    return books
