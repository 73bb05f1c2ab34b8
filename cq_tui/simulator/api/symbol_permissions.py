"""Checks of a symbol's permissions beyond order types: self-trade prevention and cancel-replace."""

from cq_tui.binance.filters import SymbolRules
from cq_tui.simulator.engine.orders import NewOrder, NewOrderList
from cq_tui.simulator.errors import RequestRejected

_STP_MODE_REJECTED = "This symbol does not allow the specified self-trade prevention mode."
_CANCEL_REPLACE_REJECTED = "Order cancel-replace is not supported for this symbol."


def check_stp_mode(new: NewOrder | NewOrderList, rules: SymbolRules) -> None:
    """Raise RequestRejected -1013 if the symbol does not allow the order's self-trade prevention mode."""
    mode = new.stp_mode if isinstance(new, NewOrder) else new.orders[0].stp_mode
    if mode not in rules.stp_modes:
        raise RequestRejected(-1013, _STP_MODE_REJECTED)


def check_cancel_replace(rules: SymbolRules) -> None:
    """Raise RequestRejected -1013 if the symbol does not allow cancelReplace."""
    if not rules.cancel_replace_allowed:
        raise RequestRejected(-1013, _CANCEL_REPLACE_REJECTED)
