"""Cross-site pages in a local browser are recognized by their headers and use no limits."""

import json
from dataclasses import replace
from typing import Any

import pytest
import websockets

from cq_tui.simulator.connections.cross_site import is_cross_site, is_local_program
from tests.simulator.test_server import CONFIG, AsyncClient, exchange

EVIL: list[dict[str, str]] = [
    {"origin": "https://evil.example"},
    {"origin": "http://127.0.0.1.evil.example"},
    {"origin": "http://localhost@evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
]
GOOD: list[dict[str, str]] = [
    {},
    {"origin": "http://127.0.0.1:8080"},
    {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"},
    {"origin": "http://[::1]"},
    {"origin": "*"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-mode": "cors"},
]


def as_sent(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


@pytest.mark.parametrize("headers", EVIL)
def test_a_cross_site_page_is_recognized(headers: dict[str, str]) -> None:
    assert is_cross_site(as_sent(headers))


@pytest.mark.parametrize("headers", GOOD)
def test_local_programs_and_pages_are_allowed(headers: dict[str, str]) -> None:
    assert not is_cross_site(as_sent(headers))


@pytest.mark.parametrize(
    ("headers", "is_program"),
    [
        ({"host": "127.0.0.1:8080"}, True),
        ({"host": "LocalHost:8080"}, True),
        ({}, True),
        ({"host": "evil.example:8080"}, False),
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"host": "127.0.0.1:80", "origin": "http://127.0.0.1:80"}, False),
        ({"host": "127.0.0.1:80", "sec-fetch-site": "same-origin"}, False),
    ],
)
def test_only_a_program_with_a_loopback_host_is_local(headers: dict[str, str], is_program: bool) -> None:
    assert is_local_program(as_sent(headers)) is is_program


async def weight(client: AsyncClient) -> int:
    return int((await client.http.get(f"{client.endpoint.rest_url}/api/v3/ping")).headers["x-mbx-used-weight-1m"])


@pytest.mark.parametrize("admin", [False, True])
@pytest.mark.parametrize("headers", EVIL)
async def test_a_cross_site_page_uses_no_limits(headers: dict[str, str], admin: bool) -> None:
    # No new minute, which would restart the count, begins in between.
    async with exchange(replace(CONFIG, admin=admin, frozen_at=1_700_000_000_000)) as client:
        before = await weight(client)
        for _ in range(30):
            response = await client.http.get(
                f"{client.endpoint.rest_url}/api/v3/depth?symbol=BTCUSDT&limit=5000", headers=headers
            )
            assert (response.status_code, response.json()["code"]) == (403, -1002)
        assert await weight(client) == before + 1


@pytest.mark.parametrize("path", ["/ws-api/v3", "/ws/btcusdt@trade"])
async def test_a_cross_site_page_gets_no_websocket(path: str) -> None:
    async with exchange() as client:
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(
                f"{client.endpoint.stream_url}{path}", origin=websockets.Origin("https://evil.example")
            )
        assert caught.value.response.status_code == 403
        here = websockets.Origin(client.endpoint.rest_url)
        async with websockets.connect(client.endpoint.ws_api_url, origin=here) as socket:
            await socket.send(json.dumps({"id": 1, "method": "ping"}))
            answer: dict[str, Any] = json.loads(await socket.recv())
            assert answer["status"] == 200


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"sec-fetch-site": "same-origin"}])
async def test_admin_is_not_for_pages(headers: dict[str, str]) -> None:
    async with exchange(replace(CONFIG, admin=True)) as client:
        url = f"{client.endpoint.rest_url}/admin/faults"
        assert (await client.http.get(url, headers=headers)).status_code == 403
        assert (await client.http.get(url)).status_code == 200
