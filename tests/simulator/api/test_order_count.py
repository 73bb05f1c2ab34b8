"""The order count: accepted orders, and attempted replacements."""

from typing import Any

import pytest

from cq_tui.simulator.access.rate_limits import RateLimits, RateLimitSettings
from cq_tui.simulator.api.dispatch import dispatch
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.routes import ROUTES
from cq_tui.simulator.errors import RequestRejected
from tests.simulator.api.conftest import Trader

OLD = {
    "symbol": "COINUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "90",
    "newClientOrderId": "old",
}  # fmt: skip
NEW = OLD | {"newClientOrderId": "new", "cancelOrigClientOrderId": "old", "cancelReplaceMode": "STOP_ON_FAILURE"}
ONLY_CANCEL = {"orderRateLimitExceededMode": "CANCEL_ONLY"}


def request(trader: Trader, path: str, values: dict[str, str]) -> Any:
    endpoint = next(entry for entry in ROUTES if (entry.method, entry.path) == ("POST", f"/api/v3/{path}"))
    return dispatch(trader.exchange, endpoint, Parameters(values), 1, trader.now)


@pytest.mark.parametrize(
    ("limit", "values", "code", "counts"),
    [
        (9, NEW, None, 2),
        (9, NEW | {"cancelOrigClientOrderId": "none"}, -2022, 2),
        (9, NEW | {"quantity": "5000"}, -2021, 2),
        (9, NEW | {"price": "0"}, -1013, 1),
        (1, NEW, -1015, 1),
        (1, NEW | ONLY_CANCEL, -2021, 1),
        (1, NEW | ONLY_CANCEL | {"cancelOrigClientOrderId": "none"}, -2022, 1),
    ],
)
def test_a_replacement_counts_unless_there_are_too_many(
    trader: Trader, limit: int, values: dict[str, str], code: int | None, counts: int
) -> None:
    trader.exchange.limits = RateLimits(RateLimitSettings(orders_10s=limit))
    request(trader, "order", OLD)
    if code is None:
        request(trader, "order/cancelReplace", values)
    else:
        with pytest.raises(RequestRejected) as caught:
            request(trader, "order/cancelReplace", values)
        assert caught.value.code == code
    shown = trader.exchange.limits.order_counts(trader.now)
    assert [entry["count"] for entry in shown] == [counts, counts]
