"""cancelReplace: every result is typed, and a doubtful one stays unknown."""

from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest

from cq_tui.binance import errors
from cq_tui.binance.cancel_replace import CancelReplaceResult, parse_cancel_replace
from cq_tui.binance.orders import CancelReplace, NewOrder
from cq_tui.binance.types import Order, OrderList
from tests.binance import samples
from tests.binance.test_rest import Answer, Exchange, client, ok

REQUEST = CancelReplace("cq-stop-1", NewOrder("BTCUSDT", "SELL", "MARKET", "cq-exit-1", quantity=Decimal("0.5")))
GONE_LIST = samples.ORDER_LIST | {"listOrderStatus": "ALL_DONE", "orderReports": [samples.ORDER_CANCELED]}
WOULD_TAKE = {"code": -2010, "msg": "Order would immediately match and take."}
UNKNOWN_ORDER = {"code": -2011, "msg": "Unknown order sent."}


def results(cancel: str, new: str, canceled: object = None, placed: object = None) -> dict[str, Any]:
    return {"cancelResult": cancel, "newOrderResult": new, "cancelResponse": canceled, "newOrderResponse": placed}


BOTH = results("SUCCESS", "SUCCESS", GONE_LIST, samples.ORDER_PLACED)
NAKED = results("SUCCESS", "FAILURE", samples.ORDER_CANCELED, WOULD_TAKE)
NOTHING = results("FAILURE", "NOT_ATTEMPTED", UNKNOWN_ORDER)


def failed(status: int, code: int, data: object, **headers: str) -> httpx.Response:
    body = {"code": code, "msg": "Order cancel-replace failed."} | ({} if data is None else {"data": data})
    return httpx.Response(status, content=orjson.dumps(body), headers=headers)


async def result_of(answer: Answer) -> CancelReplaceResult:
    exchange = Exchange(answer)
    async with client(exchange) as rest:
        try:
            return await rest.cancel_replace(REQUEST)
        finally:
            assert [request.method for request in exchange.requests] == ["POST"], "sent once"
            assert exchange.requests[0].url.path == "/api/v3/order/cancelReplace"
            assert exchange.query["cancelOrigClientOrderId"] == "cq-stop-1"


async def test_both_halves_done() -> None:
    done = await result_of(ok(BOTH))
    assert (done.cancel, done.new, done.code, done.message) == ("SUCCESS", "SUCCESS", None, "")
    assert isinstance(done.canceled, OrderList)
    assert not done.canceled.is_open
    assert done.placed is not None
    assert done.placed.client_order_id == "cq-entry-1"
    assert (done.is_done, done.nothing_changed, done.only_canceled) == (True, False, False)


async def test_a_failed_cancel_changed_nothing() -> None:
    left = await result_of(failed(400, -2022, NOTHING))
    assert left == CancelReplaceResult("FAILURE", "NOT_ATTEMPTED", None, None, -2011, "Unknown order sent.")
    assert (left.is_done, left.nothing_changed, left.only_canceled) == (False, True, False)


@pytest.mark.parametrize("status", [409, 429])
async def test_a_refused_new_order_leaves_nothing_in_place_of_the_old_one(status: int) -> None:
    naked = await result_of(failed(status, -2021, NAKED))
    assert (naked.cancel, naked.new, naked.code) == ("SUCCESS", "FAILURE", -2010)
    assert isinstance(naked.canceled, Order)
    assert (naked.placed, naked.message) == (None, "Order would immediately match and take.")
    assert (naked.is_done, naked.nothing_changed, naked.only_canceled) == (False, False, True)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failed(400, -1013, None), errors.FilterRejected),
        (failed(429, -1015, None), errors.RateLimited),
        (failed(400, -2015, None), errors.AuthenticationFailed),
    ],
)
async def test_an_error_without_results_is_an_error(answer: Answer, kind: type[errors.ApiError]) -> None:
    with pytest.raises(kind):
        await result_of(answer)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("slow"),
        httpx.Response(503),
        failed(500, -2021, NAKED),
        failed(400, -1007, None),
        failed(409, -2021, None),
        failed(409, -2021, {}),
        failed(409, -2021, results("SUCCESS", "FAILURE", samples.ORDER_CANCELED, {"code": -1007, "msg": ""})),
        failed(400, -2022, results("FAILURE", "NOT_ATTEMPTED", {"code": -1006, "msg": ""})),
        failed(409, -2021, results("FAILURE", "SUCCESS", UNKNOWN_ORDER, samples.ORDER_PLACED)),
        ok(results("SUCCESS", "SUCCESS", {}, samples.ORDER_PLACED)),
        ok({}),
    ],
    ids=repr,
)
async def test_what_is_not_sure_is_unknown(answer: Answer) -> None:
    with pytest.raises(errors.OutcomeUnknown) as unknown:
        await result_of(answer)
    assert unknown.value.client_order_id == "cq-exit-1"


def test_a_combination_that_stop_on_failure_does_not_allow() -> None:
    with pytest.raises(errors.MalformedMessage, match="are 'FAILURE', 'FAILURE'"):
        parse_cancel_replace(results("FAILURE", "FAILURE", UNKNOWN_ORDER, WOULD_TAKE))
