"""``run/``: lock holders, desired service states, the simulated exchange's address."""

from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr

from cq_tui.contracts.base import ContractModel, Timestamp
from cq_tui.contracts.units import NO_UNIT, UNIX_SECONDS

#: The kind of a command that acts as the trader while it sells: no service that crashes or is started again.
DIRECT: Final = "direct"


class LockHolder(ContractModel):
    """``run/<name>.lock``: the process that holds the lock. Pids are reused, so its start time counts too."""

    pid: Annotated[int, Field(ge=1), NO_UNIT] = Field(ge=1)
    process_started: Annotated[float, UNIX_SECONDS]
    """Creation time of the process, from the system."""
    start_ticks: Annotated[int, NO_UNIT] | None = None
    """The same in clock ticks since boot, unaffected by clock changes (Linux)."""
    name: str
    """Name of the lock: a service, supervisor, or an account."""
    kind: str | None = None
    """"room" or "headless" for the supervisor; "direct" for a command that sells in the trader's place."""
    directory: str | None = None
    """Data directory of the process, where the lock is outside of it."""


class DesiredState(ContractModel):
    """``run/<service>.wanted.json``: whether a service, or the supervisor, should run."""

    wanted: Literal["running", "stopped"]
    """Whether it should be running."""
    changed_by: str
    """Who decided it."""
    changed_ts: Timestamp
    """When."""


class ExchangeAddress(ContractModel):
    """``run/exchange.json`` (0600): address and key of the simulated exchange, never the user's key."""

    rest_url: str
    """Address of the REST API."""
    stream_url: str
    """Address of the market streams."""
    ws_api_url: str
    """Address of the WebSocket API."""
    api_key: SecretStr
    """API key of the simulated account."""
    api_secret: SecretStr
    """Its secret."""
    pid: Annotated[int, NO_UNIT]
    started_ts: Timestamp
