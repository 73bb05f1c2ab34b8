"""REST over a real port: reuse, truncated or trickling responses, redirects, proxies, certificates."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from cq_tui.binance import errors
from cq_tui.binance.fields import Param
from cq_tui.binance.orders import NewOrder
from cq_tui.binance.reconnect import ReconnectPolicy
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials, sign_hmac
from cq_tui.binance.sockets import open_socket
from tests.binance import samples
from tests.binance.scripted_server import within

ORDER = NewOrder("BTCUSDT", "BUY", "MARKET", "cq-1", quantity=Decimal("0.5"))
Answer = Callable[[asyncio.StreamWriter], Awaitable[bool]]
PLACED = orjson.dumps(samples.ORDER_PLACED)


class Host:
    """A scripted server that records request lines and counts connections."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.heads: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if not await answer(writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    @property
    def methods(self) -> list[bytes]:
        return [head.split()[0] for head in self.heads]


@asynccontextmanager
async def host(*answers: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    server = Host(*answers)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def says(body: bytes, status: str = "200 OK", *headers: str, more: int = 0, stays: bool = True) -> Answer:
    """Answer; ``more`` announced bytes never come."""

    async def answer(writer: asyncio.StreamWriter) -> bool:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) + more}", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        return stays

    return answer


async def hang_up(writer: asyncio.StreamWriter) -> bool:
    return False


async def drip(writer: asyncio.StreamWriter) -> bool:
    """Send a byte now and then, forever: no timeout between two bytes ends that."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


def rest(port: int, scheme: str = "http", **options: Any) -> SpotRest:
    return SpotRest(f"{scheme}://127.0.0.1:{port}", Credentials("the-key", "the-secret"), **options)


async def test_one_connection_serves_many_requests() -> None:
    async with host(says(PLACED)) as server, rest(server.port) as client:
        for _ in range(5):
            await client.new_order(ORDER)
        assert (server.connections, len(server.heads)) == (1, 5)


@pytest.mark.parametrize("prefix", ["", "/a/prefix"])
async def test_the_query_goes_out_byte_for_byte_as_it_was_signed(prefix: str) -> None:
    params: list[tuple[str, Param]] = [("symbol", "币安USDT"), ("note", "a b&c=d%41/~'")]
    async with host(says(PLACED)) as server:
        client = SpotRest(f"http://127.0.0.1:{server.port}{prefix}", Credentials("key", "secret"))
        await client.read("/api/v3/order", params, weight=1, signed=True)
        await client.read("/api/v3/time", [], weight=1)
        await client.close()
    method, target, _ = server.heads[0].split(b"\r\n")[0].split(b" ")
    path, _, query = target.partition(b"?")
    signed, _, signature = query.partition(b"&signature=")
    assert (method, path) == (b"GET", f"{prefix}/api/v3/order".encode())
    assert signed.startswith(b"symbol=%E5%B8%81%E5%AE%89USDT&note=a%20b%26c%3Dd%2541%2F~%27&")
    assert signature.decode() == sign_hmac("secret", signed)
    assert server.heads[1].startswith(
        f"GET {prefix}/api/v3/time HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n".encode()
    )


async def test_a_connection_closed_meanwhile_is_replaced_and_nothing_is_sent_twice() -> None:
    async with host(says(PLACED, stays=False), says(PLACED)) as server, rest(server.port) as client:
        await client.new_order(ORDER)
        await asyncio.sleep(0.05)  # until the client sees the connection end
        await client.new_order(ORDER)
        assert (server.connections, server.methods) == (2, [b"POST", b"POST"])


BROKEN = {
    "hung up": hang_up,
    "cut short": says(PLACED[:50], more=20, stays=False),
    "an empty 502": says(b"", "502 Bad Gateway"),
    "an HTML 500": says(b"<html>", "500 Internal Server Error", "Content-Type: text/html"),
    "not gzip": says(b"nothing", "200 OK", "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_after_a_truncated_response_the_outcome_is_unknown_and_nothing_is_resent(answer: Answer) -> None:
    async with host(answer) as server, rest(server.port) as client:
        with pytest.raises(errors.OutcomeUnknown) as unknown:
            await client.new_order(ORDER)
        assert server.methods == [b"POST"]
        with pytest.raises(errors.BinanceError) as lost:
            await client.query_order("BTCUSDT", "cq-1")
        assert not isinstance(lost.value, errors.OutcomeUnknown)
    for problem in (unknown.value, lost.value):
        assert "the-key" not in repr(problem)
        assert "signature" not in repr(problem)


async def test_a_refused_connection() -> None:
    with socket.socket() as taken:
        # The port is bound, so nobody else gets it, but nothing listens.
        taken.bind(("127.0.0.1", 0))
        async with rest(taken.getsockname()[1]) as client:
            with pytest.raises(errors.NotSent):
                await client.new_order(ORDER)


async def test_a_trickling_response_times_out() -> None:
    async with host(drip) as server, rest(server.port, deadline=0.3) as client:
        with pytest.raises(errors.OutcomeUnknown):
            await within(10, client.new_order(ORDER))
        with pytest.raises(errors.ConnectionLost):
            await within(10, client.account())


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_no_redirect_is_followed(status: str) -> None:
    async with host(says(PLACED)) as elsewhere:
        moved = says(b"", status, f"Location: http://127.0.0.1:{elsewhere.port}/api/v3/order")
        async with host(moved) as asked, rest(asked.port) as client:
            with pytest.raises(errors.OutcomeUnknown, match=status[:3]):
                await client.new_order(ORDER)
            with pytest.raises(errors.ServerError, match=status[:3]):
                await client.account()
        assert elsewhere.connections == 0


async def test_this_machine_is_reached_without_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(hang_up) as proxy, host(says(PLACED)) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        async with rest(server.port) as client:
            await client.new_order(ORDER)
        assert (proxy.connections, server.connections) == (0, 1)
        # Any other host goes through the proxy, which sees only its name.
        async with SpotRest("https://exchange.invalid", Credentials("the-key", "the-secret")) as client:
            with pytest.raises(errors.BinanceError):
                await client.account()
        assert proxy.methods == [b"CONNECT"]
        assert b"the-key" not in proxy.heads[0]


async def test_a_self_signed_certificate_is_refused(tmp_path: Path) -> None:
    async with host(says(PLACED), tls=own_certificate(tmp_path)) as server:
        async with rest(server.port, "https") as client:
            with pytest.raises(errors.NotSent, match="CERTIFICATE_VERIFY_FAILED"):
                await client.new_order(ORDER)
        with pytest.raises(ssl.SSLCertVerificationError):
            await within(10, open_socket(f"wss://127.0.0.1:{server.port}/ws-api/v3", ReconnectPolicy()))
        assert server.heads == []


def own_certificate(folder: Path) -> ssl.SSLContext:
    """Return a server's context with a self-signed certificate."""
    key, now = Ed25519PrivateKey.generate(), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    certificate = dated.add_extension(address, critical=False).sign(key, None)
    pem, secret = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return context
