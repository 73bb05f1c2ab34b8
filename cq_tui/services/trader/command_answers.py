"""Commands of a person, carried out by the core; the answer waits until positions are closed."""

import asyncio
from typing import Final

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.trader_requests import OWNER, read_request
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.trading.core import inputs
from cq_tui.trading.core.core import Core

_KINDS: Final = ("release_symbol", "flatten", "accept", "adopt")
#: Seconds for which the answer to ``flatten`` waits for the sales.
FLATTEN_WAIT = 8.0
_LOOK_INTERVAL = 0.05


async def carry_out(session: AccountSession, core: Core, command: Command) -> tuple[Outcome, str] | None:
    """Carry out a command and return its answer; None for one that the trader does not know."""
    if command.command not in _KINDS:
        return None
    try:
        request = read_request(command)
    except ValueError as error:
        return "refused", str(error)
    if (request.kind, request.symbol) == ("accept", OWNER):
        return _confirm_owner(session, request.person, request.why)
    held = [one for one in core.book.positions if request.symbol in ("", one)]
    session.feed(inputs.Command(*request))
    answer = core.command_answer
    if command.command != "flatten" or not held:
        return "done" if answer.is_done else "refused", answer.text
    return await _wait_until_closed(core, held)


def _confirm_owner(session: AccountSession, person: str, why: str) -> tuple[Outcome, str]:
    assert session.owner is not None  # there is a core
    answer = session.owner.confirm(person, why)
    session.take_settings()
    return answer


async def _wait_until_closed(core: Core, held: list[str]) -> tuple[Outcome, str]:
    try:
        async with asyncio.timeout(FLATTEN_WAIT):
            while any(symbol in core.book.positions for symbol in held):
                await asyncio.sleep(_LOOK_INTERVAL)
    except TimeoutError:
        left = [symbol for symbol in held if symbol in core.book.positions]
        return "failed", f"still held, and tried again: {', '.join(left)}"
    return "done", ", ".join(f"{symbol} closed" for symbol in held)
