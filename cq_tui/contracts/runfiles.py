"""``run/``: who holds a lock, what is wanted of a service, where the simulated exchange listens."""

from typing import Literal

from pydantic import Field, SecretStr

from cq_tui.contracts.base import ContractModel, Timestamp


class LockHolder(ContractModel):
    """``run/<name>.lock``: pid alone is not enough, since pids are reused."""

    pid: int = Field(ge=1)
    #: Creation time of the process as the system gives it (Unix seconds).
    process_started: float
    #: The same in clock ticks since the machine started, which setting the clock does not move (Linux).
    start_ticks: int | None = None
    name: str
    #: "room" or "headless" for the supervisor.
    kind: str | None = None


class DesiredState(ContractModel):
    """``run/<service>.wanted.json``."""

    wanted: Literal["running", "stopped"]
    changed_by: str
    changed_ts: Timestamp


class ExchangeAddress(ContractModel):
    """``run/exchange.json`` (0600): the simulator's own key, never the user's."""

    rest_url: str
    stream_url: str
    ws_api_url: str
    api_key: SecretStr
    api_secret: SecretStr
    pid: int
    started_ts: Timestamp
