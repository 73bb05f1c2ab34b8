"""Manual control of the trader: ``flatten``, ``close``, ``release``, ``accept``, ``adopt``."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import (
    complete_doubt,
    complete_position,
    complete_quarantine,
    complete_strategy,
    complete_symbol,
)
from cq_tui.cli.end_options import ForOption, UntilOption, end_of
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, require_data_dir
from cq_tui.cli.service_command import require_services, send_command
from cq_tui.cli.trading_state import WhyOption, checked_reason
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.contracts.layout import DataDir
from cq_tui.standard_streams import print_error

DirectOption = Annotated[bool, typer.Option("--direct", help="End the trader, if one runs, and sell in its place.")]
if TYPE_CHECKING:
    from cq_tui.contracts.commands import Command
    from cq_tui.ops.closings import ClosingAnswer


class Asker(StrEnum):
    """Where a person asks: at a command line, or in a room that runs this command."""

    CLI = "cli"
    ROOM = "room"


AskedByOption = Annotated[Asker, typer.Option("--asked-by", hidden=True)]
Given = TypeVar("Given")
Checked = TypeVar("Checked")


@app.command(short_help="Sell everything and halt, or one symbol.", epilog=describe_results("flatten"))
def flatten(
    context: typer.Context,
    symbol: Annotated[
        str | None,
        typer.Argument(metavar="SYMBOL", help="Symbol to flatten (default: all).", autocompletion=complete_position),
    ] = None,
    why: WhyOption = None,
    direct: DirectOption = False,
    foreign: Annotated[
        bool, typer.Option("--all", help="Sell all that the account holds, also coins that are not the trader's.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: do not ask.")] = False,
    asked_by: AskedByOption = Asker.CLI,
    data_dir: DataOption = None,
) -> None:
    """Halt trading until `cq-tui resume`, and sell every position at market.

    With a symbol, only that one is sold, and nothing is opened in it until `cq-tui resume SYMBOL`. What cannot be sold
    now is named, and tried again also after a restart. With --all everything goes that the account holds now, and
    orders of others that lock coins are canceled. Where no trader answers, this command sells in its place, after
    10 seconds if one runs; with --direct it asks none, and ends the one that runs.
    """
    from cq_tui.ops.close_positions import halt_first

    data, reason = require_data_dir(context, data_dir), checked_reason(why)
    require_services(data)
    if foreign:
        _confirm_all(data, symbol, yes=yes)
    if symbol is None:
        halt_first(data, asked_by, reason, _say)
    _close(data, "flatten", symbol, asked_by, reason, direct=direct, foreign=foreign)


def _confirm_all(data: DataDir, symbol: str | None, *, yes: bool) -> None:
    """End the command unless the person means all that the account holds."""
    import sys

    from cq_tui.ops.foreign_coins import read_foreign_lines

    if symbol is not None:
        raise typer.BadParameter("it means all that the account holds: leave out SYMBOL", param_hint="--all")
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("it needs a terminal to ask on, or --yes", param_hint="--all")
    for line in read_foreign_lines(data) or ["the account holds nothing beside the trader's coins, as far as is known"]:
        _say(line)
    if not typer.confirm("Sell all of this too, at market?", default=False):
        fail("nothing was changed", ExitCode.FAILED)


@app.command(short_help="Close one position.", epilog=describe_results("close"))
def close(
    context: typer.Context,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", autocompletion=complete_position)],
    why: WhyOption = None,
    direct: DirectOption = False,
    asked_by: AskedByOption = Asker.CLI,
    data_dir: DataOption = None,
) -> None:
    """Sell one position at market. The next signal may open another one; see `flatten`."""
    data, reason = require_data_dir(context, data_dir), checked_reason(why)
    require_services(data)
    _close(data, "close", symbol, asked_by, reason, direct=direct)


def _say(line: str) -> None:
    from cq_tui.ops.characters import printable

    print_error(printable(line))


def _close(
    data: DataDir,
    kind: str,
    symbol: str | None,
    asked_by: str,
    why: str | None,
    *,
    direct: bool,
    foreign: bool = False,
) -> None:
    """Have positions closed, say what happens meanwhile, and print what became of each symbol."""
    import asyncio

    from cq_tui.contracts.trader_requests import check_symbol
    from cq_tui.ops.characters import printable
    from cq_tui.ops.close_positions import close_positions, progress_told
    from cq_tui.ops.trader_lock import TraderNotEnded

    if symbol is not None:
        _checked(check_symbol, symbol, "SYMBOL")

    async def carry_out() -> "ClosingAnswer":
        async with progress_told(data, _say):
            return await close_positions(
                data, kind, symbol, asked_by, why, _say, _directly, asks=not direct, foreign=foreign
            )

    with report_errors():
        try:
            answer = asyncio.run(carry_out())
        except TraderNotEnded as error:
            fail(printable(str(error)), ExitCode.FAILED)
    for line in answer.lines:
        typer.echo(printable(line))
    if not answer.is_done:
        fail(answer.message, ExitCode.FAILED)
    if not answer.lines:
        typer.echo(printable(answer.message))


async def _directly(data: DataDir, command: "Command", tell: Callable[[str], object]) -> "ClosingAnswer":
    """Sell in the trader's place. Its code takes half a second to import: a trader that answers is not kept waiting."""
    from cq_tui.ops.direct_closing import close_directly

    return await close_directly(data, command, tell)


@app.command(short_help="Keep a symbol or strategy from opening positions.")
def quarantine(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Symbol or strategy.", autocompletion=complete_symbol)],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; it is recorded.")],
    until: UntilOption = None,
    lasting: ForOption = None,
    data_dir: DataOption = None,
) -> None:
    """Keep a symbol or a strategy from opening positions: until a time, or until `release`.

    What is open stays protected and is closed as usual.
    """
    from cq_tui.contracts.trader_requests import check_name, check_reason

    data = require_data_dir(context, data_dir)
    _checked(check_name, name, "NAME")
    arguments = {"why": _checked(check_reason, why, "--why")}
    if (end := end_of(until, lasting)) is not None:
        arguments["until"] = f"{end:.3f}"
    send_command(data, "quarantine", "trader", name, arguments)


@app.command(short_help="Release a symbol or strategy from quarantine.")
def release(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Symbol or strategy.", autocompletion=complete_quarantine)
    ],
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="Why; it is recorded.")] = None,
    data_dir: DataOption = None,
) -> None:
    """Release a symbol or a strategy from quarantine, so that it can trade again.

    Quarantine follows repeated failures or stops and ends by itself. What cannot be explained does not: see `accept`.
    """
    from cq_tui.contracts.trader_requests import check_name, check_reason

    data = require_data_dir(context, data_dir)
    _checked(check_name, name, "NAME")
    arguments = {} if why is None else {"why": _checked(check_reason, why, "--why")}
    # A trader of an earlier version releases symbols, by this name.
    kind = "release_symbol" if name == name.upper() and why is None else "release"
    send_command(data, kind, "trader", name, arguments)


@app.command(short_help="Accept what the trader cannot explain.")
def accept(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="SYMBOL", help="Symbol in doubt, account, owner, or drawdown.", autocompletion=complete_doubt
        ),
    ],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why you accept it; it is recorded.")],
    data_dir: DataOption = None,
) -> None:
    """Accept what the trader cannot explain, as it is now, so that the symbol can trade again.

    What the account holds less than the trader's book is written off; nothing is bought or sold. `account` accepts
    doubts about the whole account. `owner` says that no other trader uses it, after a data directory was copied,
    restored or moved to another machine. `drawdown` counts the drawdown from the present equity on.
    """
    from cq_tui.contracts.trader_requests import ACCOUNT, DRAWDOWN, OWNER, check_reason, check_symbol

    data = require_data_dir(context, data_dir)
    if target not in (ACCOUNT, OWNER, DRAWDOWN):
        _checked(check_symbol, target, "SYMBOL")
    reason = _checked(check_reason, why, "--why")
    send_command(data, "accept", "trader", target, {"why": reason})


@app.command(short_help="Put coins that you hold under protection.")
def adopt(
    context: typer.Context,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", autocompletion=complete_symbol)],
    stop: Annotated[str, typer.Option("--stop", metavar="PRICE", help="Price at which they are sold.")],
    target: Annotated[
        str | None, typer.Option("--target", metavar="PRICE", help="Price at which profit is taken (default: none).")
    ] = None,
    quantity: Annotated[
        str | None, typer.Option("--quantity", metavar="NUMBER", help="How many (default: all that are free).")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            metavar="NAME",
            help="Strategy whose SELL signals close it, too (default: none).",
            autocompletion=complete_strategy,
        ),
    ] = None,
    data_dir: DataOption = None,
) -> None:
    """Put coins that the account already holds under protection: a stop, and a target if you name one.

    They become a position of the trader, at the price of this moment. It is yours: no strategy's SELL signal closes
    it, unless you name the strategy or set TRADER_EXIT_ANY_STRATEGY.
    """
    from cq_tui.contracts.trader_requests import check_levels, check_strategy, check_symbol

    data = require_data_dir(context, data_dir)
    _checked(check_symbol, symbol, "SYMBOL")
    given = {"stop": stop, "target": target, "quantity": quantity}
    numbers = _checked(check_levels, given, "--stop, --target, --quantity")
    arguments = {name: f"{number:f}" for name, number in numbers.items()}
    if strategy is not None:
        arguments["strategy"] = _checked(check_strategy, strategy, "--strategy")
    send_command(data, "adopt", "trader", symbol, arguments)


def _checked(check: Callable[[Given], Checked], given: Given, what: str) -> Checked:
    """Return a checked argument; wrong ones end the command as wrong usage."""
    try:
        return check(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=what) from None
