"""Flatten and close for a user: halted first, asked of the trader, or carried out here in its place."""

from collections.abc import Callable

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.closings import ClosingAnswer, ask_to_close, closing_arguments
from cq_tui.store.control import make_command, withdraw_commands
from cq_tui.store.reserve import describe_error

Tell = Callable[[str], object]


async def close_positions(
    data: DataDir,
    kind: str,
    symbol: str | None,
    asked_by: str,
    why: str | None,
    tell: Tell,
    *,
    direct: bool = False,
    foreign: bool = False,
) -> ClosingAnswer:
    """Flatten (halting first, without a symbol) or close; with ``direct`` without asking a trader.

    ``foreign``: coins that are not ours, too. ``tell`` hears what happens meanwhile.

    Raises OSError, SettingsError, DataDirError or TraderNotEnded.
    """
    if kind == "flatten":
        # One that waits for a trader that is dead must not undo this.
        _withdraw(data, symbol, tell)
    if not direct:
        return await ask_to_close(data, kind, symbol, asked_by, why, tell, foreign=foreign)
    from cq_tui.ops.direct_closing import close_directly

    arguments = closing_arguments(why, foreign=foreign)
    command = make_command(kind, "trader", issued_by=asked_by, target=symbol, arguments=arguments)
    return await close_directly(data, command, tell)


def halt_first(data: DataDir, asked_by: str, why: str | None, tell: Tell) -> None:
    """Halt trading before everything is sold. What fails is told: who sells opens nothing in any case."""
    from cq_tui.ops.trading_state import StopFailed, stop

    try:
        change = stop(data, "halt", asked_by, why, confirms=False)
    except StopFailed as error:
        tell(str(error))
    else:
        for line in (change.done, *change.problems):
            tell(line)


def _withdraw(data: DataDir, symbol: str | None, tell: Tell) -> None:
    try:
        withdraw_commands(data, "resume", "trader", symbol)
    except OSError as error:
        tell(f"a `cq-tui resume` that waits for a trader cannot be withdrawn: {describe_error(error)}")
