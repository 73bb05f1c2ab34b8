"""What a fault is: an action, whom it concerns, and how long it lasts."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Action = Literal[
    "drop", "delay", "duplicate", "error", "ban",
    "disconnect", "silence", "stale", "reorder", "repeat",
    "offset", "status", "delist", "filters",
]  # fmt: skip
REQUEST_ACTIONS = frozenset({"drop", "delay", "duplicate", "error", "ban"})
MESSAGE_ACTIONS = frozenset({"disconnect", "silence", "stale", "reorder", "repeat", "delay"})
#: What a fault of messages names instead of one market stream: all of them, the account's events, and all that a
#: WebSocket API connection sends.
MARKET, USER_DATA, WS_API = "market", "userData", "wsApi"
#: The HTTP status that goes with a code, unless another is asked for.
_STATUSES = {-1003: 429, -1006: 500, -1007: 504, -1008: 503}
_TEXTS = {
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
}
#: How the exchange writes the numbers of its filters; whole numbers are JSON numbers.
_is_decimal = re.compile(r"[0-9]{1,20}(\.[0-9]{1,8})?").fullmatch
_TEXTS_OF_FILTERS = frozenset({"filterType", "asset"})
_MOST = 2**63 - 1
FilterValue = Annotated[int, Field(strict=True, ge=0, le=_MOST)] | bool | Annotated[str, Field(max_length=100)]


class FaultSpec(BaseModel):
    """A fault as it is asked for. Whom it concerns: all that it names has to fit; naming nothing means everybody.

    ``count`` is how often it happens, ``seconds`` (of the exchange's clock) how long it may; neither means until it is
    cleared. ``before`` has it happen before a request is executed instead of after. Messages are those of the market
    streams unless ``stream`` names others; ``ws_method`` then names the request that a message answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action
    method: str | None = None
    path: str | None = None
    ws_method: str | None = None
    symbol: str | None = None
    stream: str | None = None
    count: int | None = Field(default=None, ge=1, le=1_000_000)
    seconds: float | None = Field(default=None, gt=0, le=10_000_000, allow_inf_nan=False)
    before: bool = False
    delay_ms: int = Field(default=1_000, ge=0, le=600_000)
    code: int = Field(default=-1007, ge=-_MOST, le=_MOST)
    http_status: int | None = Field(default=None, ge=400, le=599)
    msg: str | None = Field(default=None, max_length=500)
    offset_ms: int = Field(default=0, ge=-86_400_000, le=86_400_000)
    status: Literal["TRADING", "HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY"] = "HALT"
    filters: tuple[dict[str, FilterValue], ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "FaultSpec":
        if self.action in ("delist", "filters") and self.symbol is None:
            raise ValueError(f"action {self.action} needs a symbol")
        if self.action == "filters" and not all(isinstance(entry.get("filterType"), str) for entry in self.filters):
            raise ValueError("each of filters needs a filterType")
        for name, value in (field for entry in self.filters for field in entry.items()):
            if isinstance(value, str) and name not in _TEXTS_OF_FILTERS and _is_decimal(value) is None:
                raise ValueError(f"{name} is {value!r}; write a decimal as the exchange does, like 0.01000000")
        self._check_selectors()
        return self

    def _check_selectors(self) -> None:
        """Refuse names that the action would not heed."""
        on_messages = self.affects_messages
        if self.stream is not None and not on_messages:
            raise ValueError(
                f"action {self.action} has no stream: those of {', '.join(sorted(MESSAGE_ACTIONS))} have one"
            )
        if (self.method or self.path) and self.action not in REQUEST_ACTIONS - ({"delay"} if on_messages else set()):
            raise ValueError(f"action {self.action} concerns no REST requests: leave method and path out")
        if self.ws_method and self.stream != WS_API and (on_messages or self.action not in REQUEST_ACTIONS):
            raise ValueError(f"action {self.action} goes with ws_method only when stream is {WS_API}")

    @property
    def affects_messages(self) -> bool:
        """Whether it concerns messages instead of requests; a delay does when it names a stream."""
        return self.action in MESSAGE_ACTIONS and (self.action != "delay" or self.stream is not None)

    @property
    def error_status(self) -> int:
        """The HTTP status of an error that is answered."""
        return self.http_status or _STATUSES.get(self.code, 500)

    @property
    def error_message(self) -> str:
        """The text of an error that is answered."""
        return self.msg or _TEXTS.get(self.code, "An unknown error occurred while processing the request.")


@dataclass(slots=True)
class ActiveFault:
    """A fault that is on: ``left`` is how often it still happens, ``until`` (Unix ms) when it ends."""

    fault_id: int
    spec: FaultSpec
    remaining: int | None
    until: float | None

    def count_occurrence(self) -> None:
        """Count that it happened."""
        if self.remaining is not None:
            self.remaining -= 1

    def to_json(self) -> dict[str, Any]:
        """Return it as /admin/faults lists it."""
        asked = self.spec.model_dump(exclude_unset=True, mode="json")
        return {"id": self.fault_id, **asked, "left": self.remaining, "until": self.until}
