"""Any input to the order endpoints is answered, or rejected with an exchange error."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.simulator.errors import RequestRejected
from tests.simulator.api.conftest import Trader
from tests.simulator.api.requests import (
    BUY_OCO,
    DEPRECATED_OCO,
    LIMIT,
    OPO,
    OPOCO,
    OTO,
    OTOCO,
    SELL_OCO,
    STOP_LOSS_LIMIT,
)

PLACES = {
    "order": LIMIT | {"price": "99"},
    "order/test": STOP_LOSS_LIMIT | {"stopPrice": "90", "price": "89", "trailingDelta": "100", "icebergQty": "0.5"},
    "order/cancelReplace": LIMIT | {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "1"},
    "orderList/oco": SELL_OCO | BUY_OCO | {"side": "SELL"},
    "order/oco": DEPRECATED_OCO,
    "orderList/oto": OTO,
    "orderList/otoco": OTOCO,
    "orderList/opo": OPO,
    "orderList/opoco": OPOCO,
}
NAMES = sorted({name for values in PLACES.values() for name in values} | {"quoteOrderQty", "newOrderRespType"})
WORDS = sorted({value for values in PLACES.values() for value in values.values()})
VALUES = st.one_of(
    st.sampled_from([*WORDS, "", "0", "1e-5", "-1", "NaN", "FULL", "RESULT", "9" * 20, "9" * 20 + "." + "9" * 8]),
    st.decimals(min_value=0, max_value=10**12, places=8).map(lambda number: f"{number:f}"),
    st.text(max_size=8),
)


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(sorted(PLACES)),
    changes=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3),
    left_out=st.sets(st.sampled_from(NAMES), max_size=2),
)
def test_every_order_request_is_answered_or_rejected(path: str, changes: dict[str, str], left_out: set[str]) -> None:
    trader = Trader()
    values = {name: value for name, value in (PLACES[path] | changes).items() if name not in left_out}
    try:
        answer = trader.ask("POST", path, values)
    except RequestRejected as error:
        answer = error.to_json()
    assert orjson.loads(orjson.dumps(answer)) == answer
    balances = trader.exchange.state.balances
    assert all(balance.free >= 0 and balance.locked >= 0 for balance in balances.values())


ASKED = [
    ("GET", "order"), ("DELETE", "order"), ("GET", "openOrders"), ("DELETE", "openOrders"), ("GET", "allOrders"),
    ("GET", "myTrades"), ("GET", "myPreventedMatches"), ("GET", "myAllocations"), ("GET", "orderList"),
    ("DELETE", "orderList"), ("GET", "openOrderList"), ("GET", "allOrderList"), ("GET", "account"),
    ("GET", "account/commission"), ("GET", "rateLimit/order"), ("GET", "myFilters"), ("GET", "order/amendments"),
    ("PUT", "order/amend/keepPriority"), ("POST", "sor/order"),
]  # fmt: skip
ASKED_NAMES = (
    "symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions", "startTime", "endTime",
    "fromId", "limit", "preventedMatchId", "fromPreventedMatchId", "orderListId", "listClientOrderId",
    "omitZeroBalances", "newQty", "fromExecutionId",
)  # fmt: skip
ASKED_VALUES = st.one_of(
    st.sampled_from(["1", "2", "0", "0.4", "mine", "true", "ONLY_NEW", "", "-1", "1700000000000", "9" * 19, "9" * 20]),
    st.integers(min_value=0, max_value=2**63 - 1).map(str),
    st.text(max_size=8),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ASKED), st.dictionaries(st.sampled_from(ASKED_NAMES), ASKED_VALUES, max_size=4))
def test_every_query_is_answered_or_rejected(endpoint: tuple[str, str], values: dict[str, str]) -> None:
    trader = Trader()
    trader.ask("POST", "order", LIMIT | {"price": "99", "newClientOrderId": "mine"})
    trader.ask("POST", "orderList/oco", SELL_OCO)
    try:
        answer = trader.ask(*endpoint, values)
    except RequestRejected as error:
        answer = error.to_json()
    assert orjson.loads(orjson.dumps(answer)) == answer
