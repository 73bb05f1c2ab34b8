"""Pages in a local browser are recognized by their headers and use no limits, not even by DNS rebinding."""

import json
from dataclasses import replace
from typing import Any

import pytest
import websockets

from cq_tui.simulator.connections.cross_site import check_site, is_cross_site, is_from_browser
from cq_tui.simulator.errors import RequestRejected
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


LOOPBACK_HOSTS = ["127.0.0.1", "127.0.0.1:8080", "127.1.2.3:1", "LocalHost:8080", "[::1]:8080", "[::1]"]
OTHER_HOSTS = [
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example:8080",
    "evil.example#127.0.0.1",
    "user@127.0.0.1",
    "127.0.0.1:8080, evil.example",
    "192.168.1.7:8080",
    "0.0.0.0:8080",
    "[::1].evil.example",
    "",
]


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_a_loopback_host_is_served(host: str) -> None:
    check_site(as_sent({"host": host}))
    check_site([])


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_a_host_that_is_not_loopback_is_rejected_with_a_remedy(host: str) -> None:
    with pytest.raises(RequestRejected, match=r"Host is not loopback. Use 127.0.0.1 or localhost"):
        check_site(as_sent({"host": host}))
    with pytest.raises(RequestRejected):
        check_site([(b"host", b"127.0.0.1"), (b"host", host.encode())])


def test_browsers_are_told_from_programs() -> None:
    assert not is_from_browser(as_sent({"host": "127.0.0.1:80"}))
    assert is_from_browser(as_sent({"origin": "http://127.0.0.1:80"}))
    assert is_from_browser(as_sent({"sec-fetch-site": "same-origin"}))


async def weight(client: AsyncClient) -> int:
    return int((await client.http.get(f"{client.endpoint.rest_url}/api/v3/ping")).headers["x-mbx-used-weight-1m"])


@pytest.mark.parametrize("admin", [False, True])
@pytest.mark.parametrize("headers", [*EVIL, {"host": "evil.example", "sec-fetch-site": "same-origin"}])
async def test_a_page_of_another_site_uses_no_limits(headers: dict[str, str], admin: bool) -> None:
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
async def test_a_page_of_another_site_gets_no_websocket(path: str) -> None:
    async with exchange() as client:
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(
                f"{client.endpoint.stream_url}{path}", origin=websockets.Origin("https://evil.example")
            )
        assert caught.value.response.status_code == 403
        rebound = "ws://evil.example:" + client.endpoint.stream_url.rpartition(":")[2]
        port = int(rebound.rpartition(":")[2])
        with pytest.raises(websockets.InvalidStatus, match="403"):
            await websockets.connect(f"{rebound}{path}", host="127.0.0.1", port=port, proxy=None)
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
