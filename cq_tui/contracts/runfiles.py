"""``run/``: lock holders, desired service states, the simulated exchange's address."""

from typing import Final, Literal

from pydantic import Field, SecretStr

from cq_tui.contracts.base import ContractModel, Timestamp

#: The kind of a command that acts as the trader while it sells: no service that crashes or is started again.
DIRECT: Final = "direct"


class LockHolder(ContractModel):
    """``run/<name>.lock``: the process that holds the lock. Pids are reused, so its start time counts too."""

    pid: int = Field(ge=1)
    process_started: float
    """Creation time of the process, from the system (Unix seconds)."""
    start_ticks: int | None = None
    """The same in clock ticks since boot, unaffected by clock changes (Linux)."""
    name: str
    kind: str | None = None
    """"room" or "headless" for the supervisor; "direct" for a command that sells in the trader's place."""
    directory: str | None = None
    """Data directory of the process, where the lock is outside of it."""


class DesiredState(ContractModel):
    """``run/<service>.wanted.json``: whether a service, or the supervisor, should run."""

    wanted: Literal["running", "stopped"]
    changed_by: str
    changed_ts: Timestamp


class ExchangeAddress(ContractModel):
    """``run/exchange.json`` (0600): address and key of the simulated exchange, never the user's key."""

    rest_url: str
    stream_url: str
    ws_api_url: str
    api_key: SecretStr
    api_secret: SecretStr
    pid: int
    started_ts: Timestamp
