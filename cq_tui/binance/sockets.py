"""Opening WebSocket connections: where we asked for and nowhere else, and not while the exchange keeps us out."""

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
    """Connects to the address given: a signed request must not go to where a redirect sends it."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Follow none."""
        return exc


async def open_socket(url: str, policy: ReconnectPolicy) -> ClientConnection:
    """Connect; the library answers the server's pings and sends its own to find dead connections."""
    return await _open(url, policy, ClientConnection)


async def open_message_socket(url: str, policy: ReconnectPolicy) -> MessageConnection:
    """Connect for messages that are handed over as they come."""
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
    opened: Callable[[], Awaitable[S]],
    budget: RequestBudget,
    weight: int,
    server_now_ms: Callable[[], int],
    policy: ReconnectPolicy,
) -> S:
    """Connect once the request budget lets us, which a refusal at the door uses up for all who share it."""
    while wait_ms := budget.reserve(weight, server_now_ms(), essential=True):
        await policy.sleep(wait_ms / 1000)
    try:
        return await opened()
    except InvalidStatus as error:
        status = error.response.status_code
        if status in (418, 429):
            budget.block(retry_after_seconds(error.response.headers, status), server_now_ms())
        raise
