"""Valid requests for tests to modify; prices are around 10, or around 100 for order lists."""

from cq_tui.binance.filters import SymbolRules
from tests.simulator.conftest import COIN

RULES = {COIN.symbol: SymbolRules.from_exchange_info(COIN.exchange_info())}

MARKET = {"symbol": COIN.symbol, "side": "BUY", "type": "MARKET", "quantity": "1"}
LIMIT = MARKET | {"type": "LIMIT", "timeInForce": "GTC", "price": "10"}
LIMIT_MAKER = MARKET | {"type": "LIMIT_MAKER", "price": "10"}
STOP_LOSS = MARKET | {"type": "STOP_LOSS", "side": "SELL", "stopPrice": "9"}
STOP_LOSS_LIMIT = STOP_LOSS | {"type": "STOP_LOSS_LIMIT", "price": "8", "timeInForce": "GTC"}

SELL_OCO = {
    "symbol": COIN.symbol,
    "side": "SELL",
    "quantity": "1",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "110",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "90",
    "belowPrice": "89",
    "belowTimeInForce": "GTC",
}
BUY_OCO = {
    "symbol": COIN.symbol,
    "side": "BUY",
    "quantity": "1",
    "aboveType": "STOP_LOSS",
    "aboveStopPrice": "110",
    "belowType": "TAKE_PROFIT",
    "belowStopPrice": "90",
}
DEPRECATED_OCO = {
    "symbol": COIN.symbol,
    "side": "SELL",
    "quantity": "1",
    "price": "110",
    "stopPrice": "90",
    "stopLimitPrice": "89",
    "stopLimitTimeInForce": "GTC",
}
_WORKING = {
    "symbol": COIN.symbol,
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingQuantity": "1",
    "workingPrice": "95",
    "workingTimeInForce": "GTC",
    "pendingSide": "SELL",
}
OPO = _WORKING | {"pendingType": "LIMIT", "pendingPrice": "105", "pendingTimeInForce": "GTC"}
OTO = OPO | {"pendingQuantity": "0.5"}
OPOCO = _WORKING | {
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "110",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "90",
}
OTOCO = OPOCO | {"pendingQuantity": "0.5"}


def changed(values: dict[str, str], **changes: str | None) -> dict[str, str]:
    """Return the request with other values; None removes a parameter."""
    return {name: value for name, value in (values | changes).items() if value is not None}


def made() -> str:
    """Generate the client order id of a request without one."""
    return "made"
