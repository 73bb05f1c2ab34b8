"""HTTP requests: signing, request budget, server clock, and what a failure in transit means."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Self, TypeVar

import httpx
import orjson
from socksio import SOCKSError

from cq_tui.binance.clock import ServerClock
from cq_tui.binance.errors import (
    TOO_MANY_ORDERS,
    BinanceError,
    BudgetExhausted,
    ConnectionLost,
    MalformedMessage,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    RealMoneyRefused,
    TimestampRejected,
    error_from_response,
)
from cq_tui.binance.hosts import is_loopback, is_play_money
from cq_tui.binance.orders import Params
from cq_tui.binance.proxies import proxy_for
from cq_tui.binance.request_budget import usage_from_headers
from cq_tui.binance.shared_budget import LocalBudget, RequestBudget
from cq_tui.binance.signing import Credentials, CredentialsError, encode_query, signed_query
from cq_tui.binance.types import parse_server_time

T = TypeVar("T")

#: The exchange waits 10 s for its engine before it answers -1007; we wait a little longer.
TIMEOUT = httpx.Timeout(connect=5.0, read=15.0, write=5.0, pool=5.0)

#: An order should not wait for a new connection; but the exchange may be closing one that has been idle for long.
_LIMITS = httpx.Limits(max_connections=20, keepalive_expiry=20.0)

#: Raised before a byte of the request is sent.
_NOT_SENT_ERRORS = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    SOCKSError,
)

#: If wall clock and monotonic clock drift apart by more (ms), the wall clock was set or the machine slept.
_CLOCK_JUMP_MS = 500.0
#: Seconds for a whole request: a server that trickles bytes must not block an exit forever.
_DEADLINE = 60.0


def local_ms() -> float:
    """Return this machine's Unix time in milliseconds."""
    return time.time() * 1000


def monotonic_ms() -> float:
    """Return the monotonic clock in milliseconds."""
    return time.monotonic() * 1000


class RestConnection:
    """A kept-alive connection to the REST API; use as an async context manager or call ``close``.

    ``budget`` may be shared with other processes. ``now_ms``, ``monotonic_ms``, ``sleep`` and ``transport`` replace the
    wall clock, the monotonic clock, waiting and the network. ``deadline`` (seconds) covers a whole request. Without
    ``real_money`` state-changing requests go only to this machine and to test exchanges.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials | None = None,
        *,
        budget: RequestBudget | None = None,
        clock: ServerClock | None = None,
        real_money: bool = False,
        recv_window: int = 5000,
        max_wait: float = 65.0,
        timeout: httpx.Timeout = TIMEOUT,
        deadline: float = _DEADLINE,
        transport: httpx.AsyncBaseTransport | None = None,
        now_ms: Callable[[], float] = local_ms,
        monotonic_ms: Callable[[], float] = monotonic_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.credentials = credentials
        self.budget = budget or LocalBudget()
        self.clock = clock or ServerClock()
        # Absolute URLs: httpx parses a relative one twice.
        self._base_url = str(httpx.URL(base_url)).rstrip("/")
        self._may_change_state = real_money or is_play_money(base_url)
        self._recv_window = recv_window
        self._max_wait = max_wait
        self._deadline = deadline
        self._now_ms = now_ms
        self._monotonic_ms = monotonic_ms
        #: Wall clock minus monotonic clock when the server's time was last measured.
        self._clock_difference: float | None = None
        self._sleep = sleep
        headers = {"Accept": "application/json"}
        if credentials is not None:
            headers["X-MBX-APIKEY"] = credentials.key
        #: Whether requests reach the exchange's own server as they are made here; a proxy changes their target.
        self._is_direct = transport is None and proxy_for(base_url) is None
        self._urls: dict[str, httpx.URL] = {}
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=timeout,
            transport=transport or _transport(base_url),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the kept-alive connections."""
        await self._client.aclose()

    def server_now_ms(self) -> int:
        """Return the server's time as last measured; setting this machine's clock does not move it."""
        difference = self._clock_difference
        return self.clock.now_ms(self._now_ms() if difference is None else self._monotonic_ms() + difference)

    async def sync_clock(self, samples: int = 3) -> float:
        """Measure the server's time and return its offset in ms."""
        for _ in range(samples):
            await self._wait_for_budget(1, essential=True)
            sent = self._monotonic_ms()
            raw = await self._read_once("/api/v3/time", [], weight=1, signed=False)
            # Both by the clock as it is now: it may have been set meanwhile.
            received, difference = self._monotonic_ms(), self._now_ms() - self._monotonic_ms()
            self.clock.add_sample(sent + difference, parse_server_time(raw), received + difference)
            self._clock_difference = difference
        return self.clock.offset_ms

    async def resync_changed_clock(self) -> None:
        """Measure the server's time again if this machine's clock was set, or stood still during sleep.

        A failed measurement is ignored: the request that follows reports the failure.
        """
        difference = self._now_ms() - self._monotonic_ms()
        if self._clock_difference is None or abs(difference - self._clock_difference) <= _CLOCK_JUMP_MS:
            return
        self.clock.discard_samples()
        with contextlib.suppress(BinanceError):
            await self.sync_clock()

    async def read(
        self, path: str, params: Params, *, weight: int, signed: bool = False, essential: bool = False
    ) -> Any:
        """GET and return the JSON. Waits for the budget up to ``max_wait`` seconds.

        After a rejected timestamp it measures the clock again and retries once. Raises NotSent,
        ConnectionLost, MalformedMessage, or an ApiError.
        """
        if signed:
            await self.resync_changed_clock()
        await self._wait_for_budget(weight, essential=essential or signed)
        try:
            return await self._read_once(path, params, weight=weight, signed=signed)
        except TimestampRejected:
            self.clock.discard_samples()
            await self.sync_clock()
            await self._wait_for_budget(weight, essential=True)
            return await self._read_once(path, params, weight=weight, signed=signed)

    async def send_once(
        self,
        method: str,
        path: str,
        params: Params,
        parse: Callable[[object], T],
        *,
        client_order_id: str,
        orders: int = 0,
    ) -> T:
        """Send a signed, state-changing request exactly once. ``orders`` is how many it places.

        Raises NotSent (including BudgetExhausted), ApiError when it was refused, and OutcomeUnknown, with the client
        order id to query, whenever the exchange may have executed it, also when its response cannot be parsed. After
        a rejected timestamp it measures the clock again before raising.
        """
        if not self._may_change_state:
            raise RealMoneyRefused(f"{method} {path}: not sent, the host may hold real money, the mode is not live")
        await self.resync_changed_clock()
        wait_ms = self.budget.reserve(1, self.server_now_ms(), orders=orders, essential=True)
        if wait_ms:
            raise BudgetExhausted(f"{method} {path}: held back by the request budget", wait_ms / 1000)
        try:
            body = await self._send(method, path, params, weight=1, orders=orders, signed=True, changes_state=True)
            return _parse_response(f"{method} {path}", body, parse)
        except OutcomeUnknown as error:
            error.client_order_id = client_order_id
            raise
        except TimestampRejected:
            self.clock.discard_samples()
            with contextlib.suppress(BinanceError):  # the rejection is what the caller needs
                await self.sync_clock()
            raise

    async def _read_once(self, path: str, params: Params, *, weight: int, signed: bool) -> Any:
        body = await self._send("GET", path, params, weight=weight, signed=signed)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise MalformedMessage(path, "(whole)", f"is not JSON: {error}") from None

    async def _wait_for_budget(self, weight: int, *, essential: bool) -> None:
        total = 0.0
        while wait_ms := self.budget.reserve(weight, self.server_now_ms(), essential=essential):
            seconds = wait_ms / 1000
            if total + seconds > self._max_wait:
                raise BudgetExhausted(f"the request budget is exhausted for {seconds:.0f} s", seconds)
            await self._sleep(seconds)
            total += seconds

    async def _send(
        self,
        method: str,
        path: str,
        params: Params,
        *,
        weight: int,
        orders: int = 0,
        signed: bool,
        changes_state: bool = False,
    ) -> bytes:
        query = self._query(params, signed=signed)
        request = f"{method} {path}"
        sent_ms = self.server_now_ms()
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._request(method, path, query)
        except _NOT_SENT_ERRORS as error:
            raise NotSent(f"{request}: not sent, {_describe_error(error)}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            if changes_state:
                raise OutcomeUnknown(
                    f"{request}: {_describe_error(error)} after sending; query it by client order id"
                ) from error
            raise ConnectionLost(f"{request}: {_describe_error(error)}") from error
        self.budget.record_response(weight, orders, usage_from_headers(response.headers), sent_ms, self.server_now_ms())
        if response.is_success:
            return response.content
        failure = error_from_response(
            response.status_code, response.headers, response.content, changes_state=changes_state
        )
        if isinstance(failure, RateLimited):
            orders_only = failure.code == TOO_MANY_ORDERS
            self.budget.block(failure.retry_after, self.server_now_ms(), orders_only=orders_only)
        raise failure

    def _request(self, method: str, path: str, query: str) -> Awaitable[httpx.Response]:
        if not self._is_direct:
            return self._client.request(method, self._base_url + (f"{path}?{query}" if query else path))
        # The query is encoded and signed as it is: httpx would look at each of its characters several times.
        url = self._urls.get(path) or self._urls.setdefault(path, httpx.URL(self._base_url + path))
        target = b"%b?%b" % (url.raw_path, query.encode()) if query else url.raw_path
        return self._client.request(method, url, extensions={"target": target})

    def _query(self, params: Params, *, signed: bool) -> str:
        if not signed:
            return encode_query(params)
        if self.credentials is None:
            raise CredentialsError("this request must be signed, but there is no API key")
        timed = [*params, ("recvWindow", self._recv_window), ("timestamp", self.server_now_ms())]
        return signed_query(timed, self.credentials)


def _transport(base_url: str) -> httpx.AsyncBaseTransport:
    """Return the transport to an exchange. Extra certificates (SSL_CERT_FILE) apply only to other machines."""
    # Without TLS no certificates are needed, and loading them takes longer than many requests.
    is_encrypted = base_url.startswith("https:")
    trusted = _ssl_context(not is_loopback(base_url)) if is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncHTTPTransport(verify=trusted, limits=_LIMITS, proxy=proxy_for(base_url))


@cache
def _ssl_context(with_environment: bool) -> ssl.SSLContext:
    """Return the TLS context, cached."""
    return httpx.create_ssl_context(trust_env=with_environment)


def _parse_response(request: str, body: bytes, parse: Callable[[object], T]) -> T:
    """Parse the response to a change; the outcome of an unreadable one is unknown."""
    try:
        return parse(orjson.loads(body))
    except (orjson.JSONDecodeError, MalformedMessage) as error:
        raise OutcomeUnknown(
            f"{request}: accepted, but the response cannot be parsed ({error}); query it by client order id"
        ) from error


def _describe_error(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()
