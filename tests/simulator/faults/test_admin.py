"""Faults over the port: responses, the exchange's state and its clock; and access to /admin."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.simulator.test_server import CONFIG, AsyncClient, exchange, refused

ADMIN = replace(CONFIG, admin=True)
BUY = {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "20"}


async def ask(client: AsyncClient, method: str, path: str, /, **fields: Any) -> Any:
    response = await client.http.request(method, f"{client.endpoint.rest_url}/admin/{path}", json=fields or None)
    return response.status_code, response.json()


async def test_admin_is_off_by_default() -> None:
    async with exchange() as client:
        assert (await ask(client, "GET", "faults"))[0] == 404


async def test_an_error_after_executing_leaves_an_order() -> None:
    async with exchange(ADMIN) as client:
        status, fault = await ask(client, "POST", "faults", action="error", code=-1007, path="/api/v3/order", count=1)
        assert (status, fault["left"]) == (200, 1)
        assert await refused(client.signed("POST", "order", **BUY, newClientOrderId="lost")) == (504, -1007)
        assert (await client.signed("GET", "order", symbol="ETHUSDT", origClientOrderId="lost"))["status"] == "FILLED"
        assert await ask(client, "GET", "faults") == (200, [])


async def test_an_error_before_executing_leaves_none() -> None:
    async with exchange(ADMIN) as client:
        await ask(client, "POST", "faults", action="error", code=-1008, before=True, method="POST", count=1)
        assert await refused(client.signed("POST", "order", **BUY, newClientOrderId="lost")) == (503, -1008)
        order = client.signed("GET", "order", symbol="ETHUSDT", origClientOrderId="lost")
        assert await refused(order) == (400, -2013)


async def test_a_dropped_response_closes_the_connection_after_executing() -> None:
    async with exchange(ADMIN) as client:
        await ask(client, "POST", "faults", action="drop", path="/api/v3/order", count=1)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.signed("POST", "order", **BUY, newClientOrderId="lost")
        assert (await client.signed("GET", "order", symbol="ETHUSDT", origClientOrderId="lost"))["status"] == "FILLED"


async def test_a_ban_and_its_end() -> None:
    async with exchange(ADMIN) as client:
        await ask(client, "POST", "faults", action="ban", seconds=60, count=1)
        response = await client.http.get("ping")
        assert (response.status_code, response.json()["code"]) == (418, -1003)
        assert 50 < int(response.headers["retry-after"]) <= 60
        await ask(client, "DELETE", "faults")
        assert await client.get("ping") == {}


async def test_status_delisting_and_filters_are_undone_when_cleared() -> None:
    async with exchange(ADMIN) as client:
        _, halt = await ask(client, "POST", "faults", action="status", status="HALT", symbol="ETHUSDT")
        info = (await client.get("exchangeInfo", symbol="ETHUSDT"))["symbols"][0]
        assert info["status"] == "HALT"
        assert (await refused(client.signed("POST", "order", **BUY)))[0] == 400
        assert (await ask(client, "DELETE", f"faults/{halt['id']}"))[0] == 200
        assert (await client.signed("POST", "order", **BUY))["status"] == "FILLED"
        notional = {"filterType": "NOTIONAL", "minNotional": "100.00000000"}
        await ask(client, "POST", "faults", action="filters", symbol="ETHUSDT", filters=[notional])
        assert await refused(client.signed("POST", "order", **BUY)) == (400, -1013)
        shown = (await client.get("exchangeInfo", symbol="ETHUSDT"))["symbols"][0]["filters"]
        assert [entry["minNotional"] for entry in shown if entry["filterType"] == "NOTIONAL"] == ["100.00000000"]
        await ask(client, "DELETE", "faults")
        assert (await client.signed("POST", "order", **BUY))["status"] == "FILLED"


async def test_timestamps_are_checked_against_the_offset_clock() -> None:
    async with exchange(ADMIN) as client:
        await ask(client, "POST", "faults", action="offset", offset_ms=20_000)
        assert (await client.get("time"))["serverTime"] > time.time() * 1_000 + 15_000
        assert await refused(client.signed("GET", "account")) == (400, -1021)


async def test_a_frozen_clock_moves_only_on_request() -> None:
    start = 1_700_000_000_000
    async with exchange(replace(ADMIN, frozen_at=start)) as client:
        before = await client.get("ticker/price")
        await asyncio.sleep(0.3)
        assert (await client.get("time"))["serverTime"] == start
        assert await client.get("ticker/price") == before
        assert (await ask(client, "POST", "clock", advance_ms=60_000))[1]["time"] == start + 60_000
        assert await client.get("ticker/price") != before


async def test_invalid_requests_and_browser_pages_are_rejected() -> None:
    async with exchange(ADMIN) as client:
        assert (await ask(client, "POST", "faults", action="delist"))[0] == 400
        assert (await ask(client, "POST", "faults", action="halt"))[0] == 400
        assert (await ask(client, "POST", "faults", action="delist", symbol="NOPE"))[0] == 400
        assert (await ask(client, "DELETE", "faults/9"))[0] == 400
        assert (await ask(client, "GET", "nothing"))[0] == 400
        page = await client.http.get(f"{client.endpoint.rest_url}/admin/faults", headers={"Origin": "http://x"})
        assert page.status_code == 403
