"""Flatten and close for a user: halted first, asked of the trader, and carried out without it if it does not answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.commands import Command
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import DIRECT
from cq_tui.ops.asking_to_close import NoAnswer, ask_to_close
from cq_tui.ops.closings import ClosingAnswer, closing_arguments
from cq_tui.ops.formatting import plain_amount, sanitize
from cq_tui.store.control import make_command, withdraw_commands
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.lock import find_holder
from cq_tui.store.reserve import describe_error

Tell = Callable[[str], object]
#: Carries out a closing without the trader.
Directly = Callable[[DataDir, Command, Tell], Awaitable[ClosingAnswer]]


async def close_positions(
    data: DataDir,
    kind: str,
    symbol: str | None,
    asked_by: str,
    why: str | None,
    tell: Tell,
    directly: Directly,
    *,
    asks: bool = True,
    foreign: bool = False,
) -> ClosingAnswer:
    """Flatten or close: through the trader if it answers, else ``directly``; without ``asks`` directly at once.

    ``foreign``: coins that are not ours, too. ``tell`` hears what happens meanwhile. Raises what ``directly`` raises.
    """
    if kind == "flatten":
        # One that waits for a trader that is dead must not undo this.
        _withdraw(data, symbol, tell)
    arguments = closing_arguments(why, foreign=foreign)
    if asks or _sells_directly(data):
        try:
            return await ask_to_close(data, kind, symbol, asked_by, arguments)
        except NoAnswer as reason:
            tell(f"{reason}: selling directly")
    command = make_command(kind, "trader", issued_by=asked_by, target=symbol, arguments=arguments)
    return await directly(data, command, tell)


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


def _sells_directly(data: DataDir) -> bool:
    """Whether another command is selling in the trader's place: it is not to be ended for this one."""
    holder = find_holder(data.lock_of("trader"))
    return holder is not None and holder.kind == DIRECT


def _withdraw(data: DataDir, symbol: str | None, tell: Tell) -> None:
    try:
        withdraw_commands(data, "resume", "trader", symbol)
    except OSError as error:
        tell(f"a `cq-tui resume` that waits for a trader cannot be withdrawn: {describe_error(error)}")


@asynccontextmanager
async def progress_told(data: DataDir, tell: Tell) -> AsyncIterator[None]:
    """Tell what is held whenever that changes, while the block runs."""
    telling = asyncio.create_task(_tell_progress(data, tell))
    try:
        yield
    finally:
        telling.cancel()


async def _tell_progress(data: DataDir, tell: Tell) -> None:
    """Tell what is held whenever that changes."""
    told = None
    while True:
        await asyncio.sleep(1.0)
        try:
            held = _held_line(read_document(data.account, AccountState))
        except DocumentError:
            continue
        if held != told:
            tell(held)
            told = held


def _held_line(account: AccountState) -> str:
    held = [f"{sanitize(one.symbol)} {plain_amount(f'{one.size:.8f}')}" for one in account.positions.values()]
    return f"still held: {', '.join(held)}" if held else "nothing is held any more"
