"""Commands of a person, carried out by the core and answered at once; those that sell are followed to their end."""

from typing import Final

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.trader_requests import OWNER, read_request
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.trading.core import inputs
from cq_tui.trading.core.core import Core

_KINDS: Final = ("release_symbol", "release", "quarantine", "accept", "adopt")


def carry_out(session: AccountSession, core: Core, command: Command) -> tuple[Outcome, str] | None:
    """Carry out a command and return its answer; None for one that the trader does not know."""
    if command.command not in _KINDS:
        return None
    try:
        request = read_request(command)
    except ValueError as error:
        return "refused", str(error)
    if (request.kind, request.symbol) == ("accept", OWNER):
        return _confirm_owner(session, request.person, request.why)
    session.feed(inputs.Command(*request))
    answer = core.command_answer
    return "done" if answer.is_done else "refused", answer.text


def _confirm_owner(session: AccountSession, person: str, why: str) -> tuple[Outcome, str]:
    assert session.owner is not None  # there is a core
    answer = session.owner.confirm(person, why)
    session.take_settings()
    return answer
