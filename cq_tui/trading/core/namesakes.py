"""Orders with one client order id: which of them is ours. Another is named: a copy of this directory trades, too."""

from cq_tui.binance.types import Order
from cq_tui.binance.user_events import ExecutionReport
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.situation import Situation


def is_another(s: Situation, known: OrderRecord, told: Order | ExecutionReport) -> bool:
    """Whether an order has the id of one of the book and is another, which is named: a copy of this directory sent it.

    Of those with one id, a query finds the newest. One whose number at the exchange is not known, or was lost with the
    power, is told from the copy's by what was recorded before it was sent. Only the ids of entries can be the same.
    """
    if has_another_number(s, known, told):
        return True
    if known.order_id is not None or known.leg is not Leg.ENTRY or told.order_id < 0 or _is_as_intended(known, told):
        return False
    s.activity += 1
    if not _is_on_its_way(s, known):
        # Else the answer is about to tell the number of ours.
        what = f"the order {told.order_id} has the client order id {known.client_order_id}"
        _name_another(s, known, told, f"{what}, and is not as it was sent from here")
    return True


def has_another_number(s: Situation, known: OrderRecord, told: Order | ExecutionReport) -> bool:
    """Whether an order has the id of one of the book that has another number at the exchange; then it is named."""
    if told.order_id < 0 or known.order_id in (None, told.order_id):
        return False
    ids = f"{known.order_id} and {told.order_id}"
    _name_another(s, known, told, f"two orders have the client order id {known.client_order_id}: {ids}")
    return True


def _name_another(s: Situation, known: OrderRecord, told: Order | ExecutionReport, text: str) -> None:
    s.activity += 1
    s.touch(known.symbol)
    s.lane(known.symbol).foreign_order_ids.add(told.order_id)
    s.doubt("", "same_id_twice", f"{text}; somebody else trades this account with a copy of this directory")


def _is_on_its_way(s: Situation, order: OrderRecord) -> bool:
    """Whether the answer to an order's placement is awaited."""
    return any(order.client_order_id in flight.ids for flight in s.changes(order.symbol))


def _is_as_intended(known: OrderRecord, told: Order | ExecutionReport) -> bool:
    sent = known.side, known.order_type, known.quantity
    return sent == (told.side, told.type, told.quantity) and known.price in (None, told.price)
