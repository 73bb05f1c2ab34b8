"""``control/<id>.json``: a command to a running process, and its outcome."""

from typing import Annotated, Any, Literal

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Count, QuoteAmount, Timestamp
from cq_tui.contracts.events import CommandExecuted
from cq_tui.contracts.units import BASE, QUOTE

#: Seconds after which an unclaimed command expires.
COMMAND_EXPIRY = 30.0

#: Commands that only stop or reduce: they are taken from any user who can write into ``control/``.
REDUCING_COMMANDS = frozenset({"stop_service", "shut_down", "flatten", "close"})

Outcome = Literal["done", "refused", "failed", "expired", "interrupted"]


class Command(ContractModel):
    """``control/<command_id>.json``: a pending command. ``service`` names the process that executes it."""

    command_id: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    command: str
    """start_service, stop_service, restart_service, shut_down (supervisor); release_symbol, release, quarantine,
    resume, flatten, close, accept, adopt (trader); acknowledge_faults, sign_checkpoint (memory)."""
    service: str
    """The process that executes it: supervisor, trader, memory …"""
    target: str | None = None
    """What it acts on: a service, a symbol, a strategy (quarantine, release) or a fault; of accept also "account",
    "owner" or "drawdown"."""
    arguments: dict[str, Any] = {}
    """``why`` of accept, quarantine, release, flatten, close and resume; ``all`` of flatten ("true": coins that are not
    ours, too); ``stop``, ``target`` and ``quantity`` of adopt and ``until`` of quarantine (Unix seconds), as decimal
    strings; ``strategy`` of adopt; ``who`` and ``comment`` of acknowledge_faults."""
    issued_by: str
    person: str | None = None
    """Who gave it: login name, and the address it came from."""
    issued_ts: Timestamp
    """When it was given."""
    expires_ts: Timestamp
    """When it expires, if nobody has taken it by then."""

    @property
    def only_reduces(self) -> bool:
        """Whether it only stops, or sells what is the trader's own."""
        return self.command in REDUCING_COMMANDS and "all" not in self.arguments


def command_executed_event(command: Command, outcome: Outcome, message: str) -> CommandExecuted:
    """Return the event that records a command."""
    why = command.arguments.get("why")
    return CommandExecuted(
        command_id=command.command_id,
        command=command.command,
        target=command.target,
        outcome=outcome,
        message=message or None,
        issued_by=command.issued_by,
        person=command.person,
        why=why if isinstance(why, str) else None,
    )


class SymbolClosing(ContractModel):
    """What became of one symbol that a person had flattened or closed. Amounts as exact decimal text."""

    symbol: str
    """Or an asset, of which there is no market."""
    result: str
    """sold, selling (it goes on), unsellable (kept, and tried again when rules change), not_held, or left: coins that
    are not ours, and that no order can have."""
    sold: Annotated[str, BASE] = "0"
    """How much was sold."""
    proceeds: Annotated[str, QUOTE] = "0"
    """What the sales brought, before commissions."""
    parts: Count = 0
    """How many orders sold it."""
    left: Annotated[str, BASE] = "0"
    """How much is left."""
    worth: QuoteAmount | None = None
    """Of what is left, at the last known bid; null if no price is known."""
    dust: bool = False
    """Whether what is left is too little to be sold by itself."""
    reason: str | None = None
    """Why it is still held."""
    base_asset: str | None = None
    quote_asset: str | None = None


class CommandOutcome(Command):
    """``control/done/<id>.json``: the command with its outcome."""

    outcome: Outcome
    """What became of it."""
    message: str = ""
    """The same in words."""
    finished_ts: Timestamp
    """When it was answered."""
    closings: list[SymbolClosing] | None = None
    """Of flatten and close: what became of each symbol."""
