"""The user data stream with a scripted WebSocket API: subscription, events, refusals, endings."""

import asyncio
from typing import Any, TypeVar

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from cq_tui.binance.errors import AuthenticationFailed, RateLimited, TimestampRejected
from cq_tui.binance.reconnect import Disconnected, MalformedFrame, ReconnectPolicy, Renewing
from cq_tui.binance.shared_budget import LocalBudget
from cq_tui.binance.signing import Credentials, sign_hmac
from cq_tui.binance.user_data import (
    REFUSED_KEY_DELAY,
    ExecutionDeduplicator,
    Subscribed,
    SubscriptionFailed,
    UserDataStream,
)
from cq_tui.binance.user_events import (
    AccountPosition,
    ExecutionReport,
    ServerShutdown,
    StreamTerminated,
    parse_execution_report,
)
from tests.binance import samples
from tests.binance.scripted_server import Play, scripted, within

T = TypeVar("T")
NOW = 1_700_000_000_000
#: Far more than the queue holds here, and less than the system buffers for a reader that never reads.
COUNT = 100


class Clock:
    """The exchange's clock, which moves only during a sleep."""

    def __init__(self) -> None:
        self.ms = NOW

    async def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)
        await asyncio.sleep(min(seconds, 0.01))

    def now_ms(self) -> int:
        return self.ms


def user_data(
    url: str, policy: ReconnectPolicy | None = None, *, clock: Clock | None = None, **options: Any
) -> UserDataStream:
    clock = clock or Clock()
    policy = policy or ReconnectPolicy(delay=lambda attempt: 0.01, close_timeout=0.2, sleep=clock.sleep)
    return UserDataStream(f"{url}/ws-api/v3", Credentials("key", "secret"), clock.now_ms, policy=policy, **options)


async def until(stream: UserDataStream, kind: type[T]) -> tuple[T, list[object]]:
    before: list[object] = []
    async with asyncio.timeout(10):
        async for event in stream:
            if isinstance(event, kind):
                return event, before
            before.append(event)
    raise AssertionError("the stream ended")


def wrapped(event: object) -> dict[str, Any]:
    return {"subscriptionId": 0, "event": event}


async def accept(play: Play) -> Any:
    request = await play.receive()
    await play.send({"id": request["id"], "status": 200, "result": {"subscriptionId": 0}, "rateLimits": []})
    return request


async def deliver(play: Play) -> None:
    await accept(play)
    await play.send(wrapped(samples.EXECUTION_REPORT), wrapped(samples.ACCOUNT_POSITION))
    await play.hold()


async def test_a_signed_subscription_and_its_events() -> None:
    asked: list[Any] = []

    async def script(play: Play) -> None:
        asked.append(await accept(play))
        await play.send(wrapped(samples.EXECUTION_REPORT), wrapped(samples.ACCOUNT_POSITION))
        await play.hold()

    async with scripted(script) as server, user_data(server.url) as stream:
        _, before = await until(stream, AccountPosition)
        assert [type(event) for event in before] == [Subscribed, ExecutionReport]
        assert server.plays[0].path == "/ws-api/v3"
    params = asked[0]["params"]
    assert asked[0]["method"] == "userDataStream.subscribe.signature"
    payload = f"apiKey=key&recvWindow=5000&timestamp={NOW}".encode()
    assert params == {
        "apiKey": "key",
        "recvWindow": 5000,
        "timestamp": NOW,
        "signature": sign_hmac("secret", payload),
    }


async def test_an_event_before_the_reply_is_not_lost() -> None:
    async def script(play: Play) -> None:
        await play.receive()
        await play.send(wrapped(samples.EXECUTION_REPORT), {"id": 1, "status": 200, "result": {}})
        await play.hold()

    async with scripted(script) as server, user_data(server.url) as stream:
        _, before = await until(stream, Subscribed)
        assert [type(event) for event in before] == [ExecutionReport]


async def test_a_stream_that_ends_is_subscribed_again() -> None:
    async def end(play: Play) -> None:
        await accept(play)
        await play.send({"event": {"e": "eventStreamTerminated", "E": 1}})
        await play.hold()

    async with scripted(end, deliver) as server, user_data(server.url) as stream:
        _, before = await until(stream, Disconnected)
        assert isinstance(before[-1], StreamTerminated)
        _, before = await until(stream, ExecutionReport)
        assert isinstance(before[-1], Subscribed)


async def test_a_shutdown_is_survived_on_a_second_connection_without_duplicate_executions() -> None:
    subscribed = asyncio.Event()

    async def shut_down(play: Play) -> None:
        await accept(play)
        await play.send({"event": {"e": "serverShutdown", "E": 1}})
        await subscribed.wait()
        await play.send(*(wrapped(samples.EXECUTION_REPORT | {"I": number}) for number in (1, 2)))
        await play.hold()

    async def serve_on(play: Play) -> None:
        await accept(play)
        subscribed.set()
        await play.send(*(wrapped(samples.EXECUTION_REPORT | {"I": number}) for number in (1, 2)))
        await server.plays[0].socket.wait_closed()
        await play.send(wrapped(samples.EXECUTION_REPORT | {"I": 3}))
        await play.hold()

    policy = ReconnectPolicy(delay=lambda attempt: 0.01, overlap=0.1, close_timeout=0.2)
    async with scripted(shut_down, serve_on) as server, user_data(server.url, policy) as stream:
        renewing, before = await until(stream, Renewing)
        assert "shutting down" in renewing.reason
        assert isinstance(before[-1], ServerShutdown)
        seen: list[int] = []
        while len(seen) < 3:
            report, before = await until(stream, ExecutionReport)
            assert not any(isinstance(event, Disconnected) for event in before)
            seen.append(report.execution_id)
    assert seen == [1, 2, 3]


def test_executions_are_forgotten_in_time() -> None:
    executions = ExecutionDeduplicator(capacity=2)
    reports = [parse_execution_report(samples.EXECUTION_REPORT | {"I": number}) for number in range(3)]
    assert [executions.is_first(report) for report in reports] == [True] * 3
    assert not executions.is_first(reports[2])
    assert executions.is_first(reports[0])


async def test_a_lost_connection() -> None:
    async def lose(play: Play) -> None:
        await accept(play)
        play.socket.transport.abort()

    async with scripted(lose, deliver) as server, user_data(server.url) as stream:
        await until(stream, Disconnected)
        await until(stream, ExecutionReport)


async def test_no_reply_to_the_subscription() -> None:
    async def ignore(play: Play) -> None:
        await play.hold()

    async with scripted(ignore, deliver) as server, user_data(server.url, reply_timeout=0.1) as stream:
        down, _ = await until(stream, Disconnected)
        assert "no reply" in down.reason
        await until(stream, ExecutionReport)


REFUSALS = [
    (400, {"code": -1021, "msg": "outside of the recvWindow"}, TimestampRejected, 0.01),
    (401, {"code": -2015, "msg": "Invalid API-key"}, AuthenticationFailed, REFUSED_KEY_DELAY),
    (429, {"code": -1003, "msg": "x", "data": {"retryAfter": NOW + 5000}}, RateLimited, 5.0),
    (429, None, RateLimited, 60.0),
]


@pytest.mark.parametrize(("status", "error", "kind", "pause"), REFUSALS)
async def test_refusals(status: int, error: object, kind: type[Exception], pause: float) -> None:
    async def refuse(play: Play) -> None:
        request = await play.receive()
        await play.send({"id": request["id"], "status": status, "error": error})
        await play.hold()

    async with scripted(refuse, deliver) as server, user_data(server.url) as stream:
        failed, _ = await until(stream, SubscriptionFailed)
        assert isinstance(failed.error, kind)
        down, _ = await until(stream, Disconnected)
        assert down.retry_in == pause
        await until(stream, Subscribed)


async def test_the_budget_is_shared_with_all_requests() -> None:
    async def refuse(play: Play) -> None:
        request = await play.receive()
        error = {"code": -1003, "msg": "x", "data": {"retryAfter": NOW + 5000}}
        await play.send({"id": request["id"], "status": 429, "error": error})
        await play.hold()

    clock, budget = Clock(), LocalBudget()
    budget.block(3, NOW)
    async with scripted(refuse, deliver) as server, user_data(server.url, clock=clock, budget=budget) as stream:
        await until(stream, SubscriptionFailed)
        assert clock.ms == NOW + 3000
        assert budget.reserve(1, clock.ms, essential=True) == 2000
        await until(stream, Subscribed)
        assert clock.ms >= NOW + 5000
    assert budget.state().weight.in_flight >= 4


async def test_a_ban_at_the_handshake_blocks_all_requests() -> None:
    def banned(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(418, "banned")
        response.headers["Retry-After"] = "600"
        return response

    async def never(connection: ServerConnection) -> None:
        raise AssertionError("nobody is let in")

    clock, budget = Clock(), LocalBudget()
    async with serve(never, "127.0.0.1", 0, process_request=banned) as serving:
        port = next(iter(serving.sockets)).getsockname()[1]
        async with user_data(f"ws://127.0.0.1:{port}", clock=clock, budget=budget) as stream:
            down, _ = await until(stream, Disconnected)
            assert (down.reason, down.retry_in) == ("refused with HTTP 418", 600)
    assert budget.state().blocked_until_ms >= NOW + 600_000


async def test_a_key_revoked_later_ends_the_session() -> None:
    async def revoke(play: Play) -> None:
        await accept(play)
        await play.send({"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}})
        await play.hold()

    async with scripted(revoke, deliver) as server, user_data(server.url) as stream:
        down, before = await until(stream, Disconnected)
        assert isinstance(before[0], Subscribed)
        assert "-2015" in down.reason
        assert down.retry_in == REFUSED_KEY_DELAY


async def test_malformed_frames_are_reported_and_skipped() -> None:
    async def script(play: Play) -> None:
        await accept(play)
        await play.send("{", "[]", wrapped({"e": "executionReport"}), wrapped(5), {"id": 9, "status": "odd"})
        await play.send(wrapped(samples.EXECUTION_REPORT))
        await play.hold()

    async with scripted(script) as server, user_data(server.url) as stream:
        _, before = await until(stream, ExecutionReport)
    assert [type(event) for event in before] == [Subscribed] + [MalformedFrame] * 4


async def test_a_subscription_is_renewed_before_its_lifetime_ends() -> None:
    policy = ReconnectPolicy(delay=lambda attempt: 0.01, lifetime=0.1, close_timeout=0.2)
    async with scripted(deliver) as server, user_data(server.url, policy) as stream:
        await until(stream, Subscribed)
        renewing, _ = await until(stream, Renewing)
        assert "renewed" in renewing.reason
        _, before = await until(stream, Subscribed)
        assert before == []


async def test_a_subscription_is_renewed_when_it_is_asked_for_once_a_connection() -> None:
    async with scripted(deliver) as server, user_data(server.url) as stream:
        stream.renew("there is no connection yet")
        await until(stream, Subscribed)
        for _ in range(3):
            stream.renew("it is silent")
        renewing, _ = await until(stream, Renewing)
        assert renewing.reason == "it is silent"
        _, before = await until(stream, Subscribed)
        assert not any(isinstance(event, Renewing | Disconnected) for event in before)
        stream.renew("it is silent again")
        renewing, _ = await until(stream, Renewing)
        assert renewing.reason == "it is silent again"


async def test_no_event_is_dropped_for_a_slow_reader() -> None:
    sent = asyncio.Event()

    async def flood(play: Play) -> None:
        await accept(play)
        for number in range(COUNT):
            await play.send(wrapped(samples.EXECUTION_REPORT | {"I": number}))
        sent.set()
        await play.hold()

    async with scripted(flood) as server, user_data(server.url, queue_limit=10) as stream:
        await until(stream, Subscribed)
        async with asyncio.timeout(10):
            await sent.wait()
        # Enough loop iterations to read them all, if it did not wait for the reader.
        for _ in range(10 * COUNT):
            await asyncio.sleep(0)
        assert 10 <= stream.pending_count <= 11
        seen: list[int] = []
        while len(seen) < COUNT:
            event = await within(10, anext(stream))
            assert isinstance(event, ExecutionReport)
            seen.append(event.execution_id)
    assert seen == list(range(COUNT))
