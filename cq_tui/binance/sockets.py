"""Opening WebSocket connections: without redirects, and not while the exchange blocks us."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from cq_tui.binance.errors import retry_after_seconds
from cq_tui.binance.message_connection import MessageConnection
from cq_tui.binance.proxies import proxy_for
from cq_tui.binance.reconnect import ReconnectPolicy
from cq_tui.binance.shared_budget import RequestBudget

S = TypeVar("S", bound=ClientConnection)


class _ConnectWithoutRedirects(connect):
    """Connects only to the given address: a signed request must not follow a redirect."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Follow no redirect."""
        return exc


async def open_socket(url: str, policy: ReconnectPolicy) -> ClientConnection:
    """Connect; the library answers the server's pings and sends its own to find dead connections."""
    return await _open(url, policy, ClientConnection)


async def open_message_socket(url: str, policy: ReconnectPolicy) -> MessageConnection:
    """Connect; messages are delivered to a handler as they arrive."""
    socket = await _open(url, policy, MessageConnection)
    assert isinstance(socket, MessageConnection)
    return socket


async def _open(url: str, policy: ReconnectPolicy, kind: type[ClientConnection]) -> ClientConnection:
    return await _ConnectWithoutRedirects(
        url,
        compression=None,
        open_timeout=policy.open_timeout,
        close_timeout=policy.close_timeout,
        proxy=proxy_for(url),
        create_connection=kind,
    )


async def open_within_budget(
    open_socket: Callable[[], Awaitable[S]],
    budget: RequestBudget,
    weight: int,
    server_now_ms: Callable[[], int],
    policy: ReconnectPolicy,
) -> S:
    """Connect once the request budget allows it; a refusal with 418 or 429 blocks it for all who share it."""
    while wait_ms := budget.reserve(weight, server_now_ms(), essential=True):
        await policy.sleep(wait_ms / 1000)
    try:
        return await open_socket()
    except InvalidStatus as error:
        status = error.response.status_code
        if status in (418, 429):
            budget.block(retry_after_seconds(error.response.headers, status), server_now_ms())
        raise
