"""A plain client of the WebSocket API and the market streams: responses, events and the close code."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

from cq_tui.binance.signing import sign_hmac
from cq_tui.simulator.server import ExchangeEndpoint

PATIENCE = 20.0
Sign = Callable[[bytes], str]


class Ended(Exception):
    """The exchange closed the connection."""


class WsClient:
    """One connection; ``key`` and ``sign`` are used by ``signed``."""

    def __init__(self, socket: ClientConnection, key: str, sign: Sign) -> None:
        self.socket = socket
        self._key = key
        self._sign = sign
        self._number = 0
        self.events: list[Any] = []

    async def receive(self) -> Any:
        """Return the next frame."""
        try:
            return json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))
        except websockets.ConnectionClosed:
            raise Ended from None

    async def ask(self, method: str, **params: Any) -> int:
        """Send a request and return its id."""
        self._number += 1
        await self.socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        return self._number

    async def call(self, method: str, **params: Any) -> Any:
        """Return the response to a request; events received before it are queued."""
        number = await self.ask(method, **params)
        while (message := await self.receive()).get("id") != number:
            self.events.append(message["event"])
        return message

    def signature_of(self, **params: Any) -> dict[str, str]:
        """Return the parameters as text, with timestamp, key and signature."""
        texts = {name: str(value) for name, value in params.items()}
        texts = {"timestamp": str(int(time.time() * 1_000)), "apiKey": self._key} | texts
        payload = "&".join(f"{name}={texts[name]}" for name in sorted(texts))
        return texts | {"signature": self._sign(payload.encode())}

    async def signed(self, method: str, **params: Any) -> Any:
        """Return the response to a signed request."""
        return await self.call(method, **self.signature_of(**params))

    async def subscribe(self) -> None:
        """Subscribe to user data events."""
        assert (await self.signed("userDataStream.subscribe.signature"))["status"] == 200

    async def next_event(self) -> Any:
        """Return the next event."""
        return self.events.pop(0) if self.events else (await self.receive())["event"]

    async def code_of_the_end(self) -> int | None:
        """Wait until the exchange closes the connection, leaving messages unread, and return the close code."""
        await asyncio.wait_for(self.socket.wait_closed(), PATIENCE)
        return self.socket.close_code


@asynccontextmanager
async def ws_client(
    endpoint: ExchangeEndpoint, path: str = "/ws-api/v3", sign: Sign | None = None
) -> AsyncIterator[WsClient]:
    """Connect to any path; requests are signed with the exchange's HMAC key by default."""
    secret = endpoint.api_secret
    # No queue limit: a client with many unread messages would not see the close.
    async with connect(f"{endpoint.stream_url}{path}", max_queue=None) as socket:
        yield WsClient(socket, endpoint.api_key, sign or (lambda payload: sign_hmac(secret, payload)))


async def refusal_of_handshake(url: str) -> Any:
    """Return the response to a rejected handshake."""
    try:
        async with connect(url):
            raise AssertionError("the handshake was accepted")
    except websockets.InvalidStatus as refused:
        return refused.response
