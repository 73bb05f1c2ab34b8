"""Events: one line of the history, and the payload that each type carries.

``event_id`` and ``timestamp`` are assigned when memory merges the spools; the producer's own time is
``metadata.occurred_at`` and its place in the producer's spool ``metadata.writer`` and ``metadata.seq``.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Count, Finite, Positive, Ratio, Side, Status, Timestamp


class SignalGenerated(ContractModel):
    """ARES found a trade worth taking."""

    symbol: str
    side: Side
    entry_price: Positive
    stop_loss: Positive
    take_profit: Positive
    confidence: Ratio
    strategy: str
    #: Frame of the decision, such as ``1s``; with ``bar_close_time`` (ms) part of the natural key.
    frame: str | None = None
    bar_close_time: int | None = None
    #: Exit after this many trigger bars when neither stop nor target was reached.
    max_bars: Count | None = None
    #: Distance of a trailing stop in quote units; none means a fixed stop.
    trail: Finite | None = None
    #: Trigger bars without a new entry after a stop.
    cooldown_bars: Count | None = None
    reason: str | None = None


class OrderSubmitted(ContractModel):
    """The intent to place an order, synced before it is sent."""

    symbol: str
    side: Side
    order_type: str
    client_order_id: str
    size: Finite | None = None
    price: Finite | None = None
    stop_price: Finite | None = None
    #: entry, stop, target, oco, exit …
    leg: str | None = None
    #: Natural key of the signal that asked for it.
    signal_key: str | None = None


class OrderExecuted(ContractModel):
    """An order was filled, wholly or in part."""

    symbol: str
    side: Side
    size: Positive
    price: Positive
    order_id: str
    status: str
    commission: Finite | None = None
    commission_asset: str | None = None
    client_order_id: str | None = None
    leg: str | None = None
    #: Realised profit of a closing fill, in the quote asset, commissions included.
    realized_pnl: Finite | None = None
    signal_key: str | None = None


class OrderRejected(ContractModel):
    """An order or a signal was refused, by a guardrail or by the exchange."""

    symbol: str
    side: Side
    reason: str
    #: guardrail or exchange.
    refused_by: str | None = None
    #: The exchange's error code, such as -2010, or the guardrail's name.
    code: str | None = None
    client_order_id: str | None = None
    leg: str | None = None
    signal_key: str | None = None


class OrderCanceled(ContractModel):
    """An order ended without (further) fills."""

    symbol: str
    side: Side
    order_id: str | None = None
    client_order_id: str | None = None
    status: str | None = None
    reason: str | None = None
    leg: str | None = None


class HealthStatusChanged(ContractModel):
    """A service's status changed."""

    service: str
    old_status: Status
    new_status: Status
    reason: str | None = None


class SymbolQuarantined(ContractModel):
    """Trading of one symbol is suspended."""

    symbol: str
    reason: str
    failures: Count | None = None
    #: When it is tried again (Unix seconds).
    until: Timestamp | None = None


class SymbolReleased(ContractModel):
    """A quarantined symbol may trade again."""

    symbol: str
    reason: str | None = None


class ConfigChanged(ContractModel):
    """One setting changed. Secrets show as ``set`` or ``unset``, never as values."""

    key: str
    old_value: Any = None
    new_value: Any = None
    changed_by: str | None = None


class ServiceStarted(ContractModel):
    """A service process is at work."""

    service: str
    pid: int | None = None
    version: str | None = None


class ServiceStopped(ContractModel):
    """A service process ended."""

    service: str
    pid: int | None = None
    #: "requested", "crashed", "killed by signal 9" …
    reason: str | None = None
    exit_code: int | None = None


class CommandExecuted(ContractModel):
    """A command document was carried out or refused."""

    command_id: str
    command: str
    outcome: str
    target: str | None = None
    message: str | None = None
    issued_by: str | None = None


class IntegrityFault(ContractModel):
    """The history failed a check."""

    reason: str
    #: File the fault was found in, relative to the data directory.
    file: str | None = None
    #: Exact block or event indexes.
    indexes: list[int] | None = None


class IntegrityAcknowledged(ContractModel):
    """A person accepted a fault. The fault is not mended by it, and nothing is erased."""

    #: Short name of the fault, as ``cq-tui acknowledge`` lists it.
    fault_id: str
    fault: str
    acknowledged_by: str | None = None
    comment: str | None = None
    #: The signed note that says so (C2SP signed note).
    note: str | None = None


PAYLOADS: Final[dict[str, type[ContractModel]]] = {
    "signal_generated": SignalGenerated,
    "order_submitted": OrderSubmitted,
    "order_executed": OrderExecuted,
    "order_rejected": OrderRejected,
    "order_canceled": OrderCanceled,
    "health_status_changed": HealthStatusChanged,
    "symbol_quarantined": SymbolQuarantined,
    "symbol_released": SymbolReleased,
    "config_changed": ConfigChanged,
    "service_started": ServiceStarted,
    "service_stopped": ServiceStopped,
    "command_executed": CommandExecuted,
    "integrity_fault": IntegrityFault,
    "integrity_acknowledged": IntegrityAcknowledged,
}


def signal_key(data: Mapping[str, Any]) -> str:
    """Return the natural key of a signal's payload: the same after any restart or repeated merge."""
    return ":".join(str(data.get(field)) for field in ("strategy", "symbol", "frame", "bar_close_time", "side"))


class EventMetadata(ContractModel):
    """Optional context of an event (contract version 1.1)."""

    strategy: str | None = None
    confidence: float | None = None
    risk_score: float | None = None
    #: Producer's spool and place in it; (writer, seq) is unique for ever.
    writer: str | None = None
    seq: Count | None = None
    #: Producer's own clock, Unix seconds.
    occurred_at: Timestamp | None = None


class Event(ContractModel):
    """One line of ``memory/event_chain.ndjson``."""

    event_id: str = Field(min_length=1)
    timestamp: Timestamp
    event_type: str = Field(min_length=1)
    source: str
    data: dict[str, Any] = {}
    metadata: EventMetadata | None = None

    def payload(self) -> ContractModel | None:
        """Return ``data`` as its typed payload, or None for an unknown type.

        Raises pydantic.ValidationError when the data does not fit its type.
        """
        model = PAYLOADS.get(self.event_type)
        return None if model is None else model.model_validate(self.data)


class SpooledEvent(ContractModel):
    """One line of ``memory/spool/<writer>.ndjson``: an event before it has its id and time."""

    seq: int = Field(ge=1, lt=2**53)
    occurred_at: Timestamp
    event_type: str = Field(min_length=1, pattern=r"^[a-z0-9_.]+$")
    source: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_.:-]+$")
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
