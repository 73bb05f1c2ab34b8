"""REST within its limits: what counts, what is held back, and for how long."""

import httpx
import pytest

from cq_tui.binance import errors
from cq_tui.binance.request_budget import BudgetState
from cq_tui.binance.shared_budget import LocalBudget
from tests.binance import samples
from tests.binance.test_rest import NOW, ORDER, Clock, Exchange, client, ok


async def test_a_firewall_block_delays_every_request() -> None:
    async with client(Exchange(httpx.Response(403, content=b"<html>"))) as rest:
        with pytest.raises(errors.BlockedByWaf) as refused:
            await rest.new_order(ORDER)
        assert (refused.value.status, refused.value.code, refused.value.message) == (403, None, "<html>")
        with pytest.raises(errors.BudgetExhausted):
            await rest.new_order(ORDER)


async def test_orders_are_counted_by_the_headers() -> None:
    budget = LocalBudget(BudgetState().with_limits(6000, [(10, 2)]))
    exchange = Exchange(ok(samples.ORDER_PLACED, **{"X-MBX-ORDER-COUNT-10S": "2", "X-MBX-USED-WEIGHT-1M": "1"}))
    clock = Clock()
    async with client(exchange, clock, budget=budget) as rest:
        await rest.new_order(ORDER)
        clock.ms += 1000
        with pytest.raises(errors.BudgetExhausted) as held:
            await rest.new_order(ORDER)
        assert held.value.retry_after == 9
        exchange.answers = [ok(samples.ORDER_CANCELED)]
        await rest.cancel_order("BTCUSDT", "cq-1")
        clock.ms += 9000
        exchange.answers = [ok(samples.ORDER_PLACED)]
        await rest.new_order(ORDER)
    assert budget.state().orders[0].used == 1


async def test_used_weight_is_respected() -> None:
    clock, exchange = Clock(), Exchange(ok({}, **{"X-MBX-USED-WEIGHT-1M": "5999"}))
    async with client(exchange, clock) as rest:
        await rest.ping()
        clock.ms += 1000
        await rest.ping()
    assert clock.slept == [59.0]


async def test_retry_after_delays_reads_and_orders() -> None:
    clock = Clock()
    exchange = Exchange(httpx.Response(429, headers={"Retry-After": "30"}), ok({}))
    async with client(exchange, clock) as rest:
        with pytest.raises(errors.RateLimited):
            await rest.ping()
        with pytest.raises(errors.BudgetExhausted) as held:
            await rest.new_order(ORDER)
        assert held.value.retry_after == 30
        assert len(exchange.requests) == 1
        await rest.ping()
    assert clock.slept == [30.0]


async def test_a_ban_is_not_waited_for() -> None:
    clock = Clock()
    exchange = Exchange(httpx.Response(418, headers={"Retry-After": "7200"}), ok({}))
    async with client(exchange, clock) as rest:
        with pytest.raises(errors.Banned):
            await rest.ping()
        with pytest.raises(errors.BudgetExhausted, match="7200 s"):
            await rest.ping()
    assert clock.slept == []
    assert len(exchange.requests) == 1


async def test_too_many_orders_do_not_hold_back_cancels() -> None:
    too_many = httpx.Response(429, content=b'{"code":-1015,"msg":"x"}', headers={"Retry-After": "9"})
    async with client(Exchange(too_many, ok(samples.ORDER_CANCELED))) as rest:
        with pytest.raises(errors.RateLimited):
            await rest.new_order(ORDER)
        with pytest.raises(errors.BudgetExhausted) as held:
            await rest.new_order(ORDER)
        assert held.value.retry_after == 9
        await rest.cancel_order("BTCUSDT", "cq-limit-1")


async def test_orders_may_use_what_ordinary_requests_may_not() -> None:
    budget = LocalBudget(BudgetState().with_limits(100, []).with_reservation(90, NOW))
    clock = Clock()
    async with client(Exchange(ok(samples.ORDER_PLACED)), clock, budget=budget) as rest:
        await rest.new_order(ORDER)
        await rest.query_order("BTCUSDT", "cq-1")
    assert clock.slept == []
