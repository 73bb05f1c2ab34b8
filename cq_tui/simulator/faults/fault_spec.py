"""A fault: its action, what it applies to, and how long it lasts."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

OrderType = Literal[
    "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"
]
Action = Literal[
    "drop", "delay", "duplicate", "error", "ban",
    "disconnect", "silence", "stale", "reorder", "repeat",
    "offset", "status", "delist", "filters", "rules",
]  # fmt: skip
REQUEST_ACTIONS = frozenset({"drop", "delay", "duplicate", "error", "ban"})
MESSAGE_ACTIONS = frozenset({"disconnect", "silence", "stale", "reorder", "repeat", "delay"})
#: Values of ``stream`` other than the name of one market stream: all market streams, user data events, and everything
#: that WebSocket API connections send.
MARKET, USER_DATA, WS_API = "market", "userData", "wsApi"
#: HTTP status of an error code, unless ``http_status`` is given.
_STATUSES = {-1003: 429, -1006: 500, -1007: 504, -1008: 503}
_TEXTS = {
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
}
#: The exchange's decimal notation in filters; integers are JSON numbers.
_is_decimal = re.compile(r"[0-9]{1,20}(\.[0-9]{1,8})?").fullmatch
_TEXTS_OF_FILTERS = frozenset({"filterType", "asset"})
_MOST = 2**63 - 1
FilterValue = Annotated[int, Field(strict=True, ge=0, le=_MOST)] | bool | Annotated[str, Field(max_length=100)]


class RuleChanges(BaseModel):
    """Fields of a symbol in exchangeInfo that a fault changes, by their names there; those not given stay."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, alias_generator=to_camel)

    order_types: tuple[OrderType, ...] = ()
    permission_sets: tuple[tuple[str, ...], ...] = ()
    iceberg_allowed: bool = True
    oco_allowed: bool = True
    oto_allowed: bool = True
    opo_allowed: bool = True
    quote_order_qty_market_allowed: bool = True
    allow_trailing_stop: bool = True
    cancel_replace_allowed: bool = True
    amend_allowed: bool = True
    is_spot_trading_allowed: bool = True


class FaultSpec(BaseModel):
    """A fault as requested. It applies where all selectors given (method, path, ws_method, symbol, stream) match.

    ``count`` limits how often it occurs, ``seconds`` (of the exchange's clock) how long it lasts; without either it
    lasts until cleared. With ``before`` it occurs before a request is executed instead of after. Message faults apply
    to market streams unless ``stream`` is given; ``ws_method`` then selects responses by the request's method.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

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
    retry_after: int | None = Field(default=None, ge=0, le=86_400)
    offset_ms: int = Field(default=0, ge=-86_400_000, le=86_400_000)
    status: Literal["TRADING", "HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY"] = "HALT"
    filters: tuple[dict[str, FilterValue], ...] = ()
    rules: RuleChanges = Field(default_factory=RuleChanges)

    @model_validator(mode="after")
    def _check(self) -> "FaultSpec":
        if self.action in ("delist", "filters", "rules") and self.symbol is None:
            raise ValueError(f"action {self.action} requires a symbol")
        if self.action == "filters" and not all(isinstance(entry.get("filterType"), str) for entry in self.filters):
            raise ValueError("each entry of filters requires a filterType")
        for name, value in (field for entry in self.filters for field in entry.items()):
            if isinstance(value, str) and name not in _TEXTS_OF_FILTERS and _is_decimal(value) is None:
                raise ValueError(f"{name} is {value!r}; write a decimal in the exchange's notation, like 0.01000000")
        self._check_selectors()
        return self

    def _check_selectors(self) -> None:
        """Reject selectors that the action would ignore."""
        on_messages = self.affects_messages
        if self.stream is not None and not on_messages:
            raise ValueError(f"action {self.action} takes no stream; only {', '.join(sorted(MESSAGE_ACTIONS))} do")
        if (self.method or self.path) and self.action not in REQUEST_ACTIONS - ({"delay"} if on_messages else set()):
            raise ValueError(f"action {self.action} does not apply to REST requests: omit method and path")
        if self.ws_method and self.stream != WS_API and (on_messages or self.action not in REQUEST_ACTIONS):
            raise ValueError(f"action {self.action} takes ws_method only if stream is {WS_API}")

    @property
    def changed_rules(self) -> dict[str, Any]:
        """The fields of exchangeInfo that a fault of rules changes."""
        return self.rules.model_dump(exclude_unset=True, mode="json", by_alias=True)

    @property
    def affects_messages(self) -> bool:
        """Whether it applies to messages instead of requests; a delay does if it names a stream."""
        return self.action in MESSAGE_ACTIONS and (self.action != "delay" or self.stream is not None)

    @property
    def error_status(self) -> int:
        """The HTTP status of the error response."""
        return self.http_status or _STATUSES.get(self.code, 500)

    @property
    def error_message(self) -> str:
        """The message of the error response."""
        return self.msg or _TEXTS.get(self.code, "An unknown error occurred while processing the request.")


@dataclass(slots=True)
class ActiveFault:
    """An active fault: ``remaining`` occurrences (None: unlimited) and its end ``until`` (Unix ms; None: none)."""

    fault_id: int
    spec: FaultSpec
    remaining: int | None
    until: float | None

    def count_occurrence(self) -> None:
        """Count one occurrence."""
        if self.remaining is not None:
            self.remaining -= 1

    def to_json(self) -> dict[str, Any]:
        """Return its entry in GET /admin/faults."""
        requested = self.spec.model_dump(exclude_unset=True, mode="json", by_alias=True)
        return {"id": self.fault_id, **requested, "left": self.remaining, "until": self.until}
