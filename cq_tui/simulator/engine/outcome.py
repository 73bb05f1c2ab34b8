"""The outcome of a command or tick: ledger events, reports for the user, and data for the response."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from cq_tui.simulator.engine.ledger_events import LedgerEvent
from cq_tui.simulator.engine.orders import ZERO, Amendment, EngineOrder, EngineOrderList, PreventedMatch, Trade


class OrderReport(NamedTuple):
    """What happened to an order, with a copy of the order right after.

    ``cancel_id`` is the client id of a cancel, ``original_client_id`` the one before an amendment (REPLACED),
    ``unexecuted`` the quantity that self-trade prevention kept from trading (TRADE_PREVENTION), and ``refusal`` the
    reason for a rejection (REJECTED).
    """

    order: EngineOrder
    execution_type: str
    execution_id: int
    time: int
    trade: Trade | None = None
    cancel_id: str = ""
    original_client_id: str = ""
    prevented: PreventedMatch | None = None
    unexecuted: Decimal = ZERO
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class OrderListReport:
    """What happened to an order list: EXEC_STARTED, UPDATED or ALL_DONE."""

    order_list: EngineOrderList
    status_type: str
    list_status: str
    time: int


class FirstFill(NamedTuple):
    """The first fill of an order, which no longer counts as unfilled."""

    symbol: str
    order_id: int
    is_maker: bool


@dataclass(slots=True)
class Outcome:
    """Everything one command or tick did, with the assets it changed.

    ``orders`` are copies of the command's orders after it, those of a list by ascending id. ``user_events`` holds
    reports and list reports in the order they happened, and rejected orders. ``balance_changes`` are deposits and
    withdrawals.
    """

    ledger_events: list[LedgerEvent] = field(default_factory=list)
    reports: list[OrderReport] = field(default_factory=list)
    assets: set[str] = field(default_factory=set)
    orders: list[EngineOrder] = field(default_factory=list)
    order_list: EngineOrderList | None = None
    user_events: list[OrderReport | OrderListReport] = field(default_factory=list)
    first_fills: list[FirstFill] = field(default_factory=list)
    prevented: list[PreventedMatch] = field(default_factory=list)
    amendment: Amendment | None = None
    balance_changes: list[tuple[str, Decimal]] = field(default_factory=list)
