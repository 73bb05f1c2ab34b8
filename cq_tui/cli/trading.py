"""Manual control of the trader: ``flatten``, ``release``, ``accept``, ``adopt``."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_doubt, complete_position, complete_quarantine, complete_symbol
from cq_tui.cli.options import DataOption, require_data_dir
from cq_tui.cli.service_command import send_command

Given = TypeVar("Given")
Checked = TypeVar("Checked")


@app.command(short_help="Close one position, or all.")
def flatten(
    context: typer.Context,
    symbol: Annotated[
        str | None,
        typer.Argument(metavar="SYMBOL", help="Symbol to close (default: all).", autocompletion=complete_position),
    ] = None,
    data_dir: DataOption = None,
) -> None:
    """Close one position, or all, with market orders."""
    send_command(require_data_dir(context, data_dir), "flatten", "trader", symbol)


@app.command(short_help="Release a symbol from quarantine.")
def release(
    context: typer.Context,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", autocompletion=complete_quarantine)],
    data_dir: DataOption = None,
) -> None:
    """Release a symbol from quarantine, so that it can trade again.

    Quarantine follows repeated failures and ends by itself. What cannot be explained does not: see `accept`.
    """
    send_command(require_data_dir(context, data_dir), "release_symbol", "trader", symbol)


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
    data_dir: DataOption = None,
) -> None:
    """Put coins that the account already holds under protection: a stop, and a target if you name one.

    They become a position of the trader, at the price of this moment.
    """
    from cq_tui.contracts.trader_requests import check_levels, check_symbol

    data = require_data_dir(context, data_dir)
    _checked(check_symbol, symbol, "SYMBOL")
    given = {"stop": stop, "target": target, "quantity": quantity}
    numbers = _checked(check_levels, given, "--stop, --target, --quantity")
    send_command(data, "adopt", "trader", symbol, {name: f"{number:f}" for name, number in numbers.items()})


def _checked(check: Callable[[Given], Checked], given: Given, what: str) -> Checked:
    """Return a checked argument; wrong ones end the command as wrong usage."""
    try:
        return check(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=what) from None
