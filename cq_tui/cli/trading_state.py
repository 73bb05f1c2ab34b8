"""Stopping and resuming trading: ``halt``, ``reduce``, ``resume``."""

from typing import TYPE_CHECKING, Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_symbol
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, require_data_dir
from cq_tui.cli.service_command import require_services
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.standard_streams import print_error

if TYPE_CHECKING:
    from cq_tui.ops.trading_state import StateChange

WhyOption = Annotated[str | None, typer.Option("--why", metavar="TEXT", help="Your reason; it is recorded.")]


@app.command(short_help="Halt trading: nothing is opened.", epilog=describe_results("halt"))
def halt(context: typer.Context, why: WhyOption = None, data_dir: DataOption = None) -> None:
    """Halt trading until `cq-tui resume`: no new order, except to protect and close what is open.

    Works without a running trader, on a full disk and with broken settings.
    """
    _stop(context, "halt", why, data_dir)


@app.command(short_help="Reduce only: positions may be closed.", epilog=describe_results("reduce"))
def reduce(context: typer.Context, why: WhyOption = None, data_dir: DataOption = None) -> None:
    """Let positions only be closed until `cq-tui resume`."""
    _stop(context, "reduce", why, data_dir)


@app.command(short_help="Resume trading.", epilog=describe_results("resume"))
def resume(
    context: typer.Context,
    symbol: Annotated[
        str | None,
        typer.Argument(
            metavar="SYMBOL", help="Symbol to unlock (default: all trading).", autocompletion=complete_symbol
        ),
    ] = None,
    why: WhyOption = None,
    data_dir: DataOption = None,
) -> None:
    """Resume trading after `halt` or `reduce`, and name what still keeps positions from being opened.

    TRADING_STATE in the settings becomes active as well. With a symbol, only that symbol is unlocked.
    """
    data, reason = require_data_dir(context, data_dir), checked_reason(why)
    if symbol is not None:
        from cq_tui.ops.trading_state import resume_symbol

        require_services(data)
        with report_errors():
            change = resume_symbol(data, _checked_symbol(symbol), "cli", reason)
        _tell(change)
        return
    from cq_tui.ops.trading_state import resume

    with report_errors():
        change = resume(data, "cli", reason)
    _tell(change)


def _stop(context: typer.Context, verb: str, why: str | None, data_dir: DataOption) -> None:
    from cq_tui.ops.trading_state import StopFailed, stop

    data = require_data_dir(context, data_dir)
    try:
        change = stop(data, verb, "cli", checked_reason(why))
    except StopFailed as error:
        fail(error, ExitCode.UNUSABLE)
    _tell(change)


def _tell(change: "StateChange") -> None:
    from cq_tui.ops.characters import printable

    typer.echo(printable(change.done))
    for problem in change.problems:
        print_error(printable(problem))
    if change.problems:
        raise typer.Exit(ExitCode.FAILED)


def checked_reason(why: str | None) -> str | None:
    """Return a reason; a wrong one ends the command as wrong usage."""
    from cq_tui.contracts.trader_requests import check_reason

    try:
        return None if why is None else check_reason(why)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--why") from None


def _checked_symbol(symbol: str) -> str:
    from cq_tui.contracts.trader_requests import check_symbol

    try:
        return check_symbol(symbol)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="SYMBOL") from None
