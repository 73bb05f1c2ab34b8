"""``cq-tui exchange`` with public keys: Ed25519 and RSA, over the port of a real process, and files that hold none."""

import base64
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from websockets.asyncio.client import connect

from cq_tui.binance.signing import encode_query
from tests.cli.conftest import CommandResult
from tests.simulator.ws_client import WsClient

ED25519 = Ed25519PrivateKey.generate()
RSA = generate_private_key(65_537, 2_048)
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "20"}


def sign_ed25519(payload: bytes) -> str:
    return base64.b64encode(ED25519.sign(payload)).decode()


def sign_rsa(payload: bytes) -> str:
    return base64.b64encode(RSA.sign(payload, PKCS1v15(), SHA256())).decode()


def pem_of(public: Any) -> bytes:
    content: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return content


async def trade_without_signing(client: WsClient) -> None:
    """Log on, and then sign nothing more."""
    stamp = client.signature_of()["timestamp"]
    assert (await client.call("userDataStream.subscribe"))["status"] == 401
    assert (await client.call("order.place", **BUY, timestamp=stamp))["status"] == 401
    assert (await client.signed("session.logon"))["status"] == 200
    assert (await client.call("session.status"))["result"]["authorizedSince"] is not None
    assert (await client.call("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
    placed = await client.call("order.place", **BUY, timestamp=client.signature_of()["timestamp"])
    assert placed["result"]["status"] == "FILLED"
    events = [await client.next_event() for _ in range(3)]
    assert [event.get("x", event["e"]) for event in events] == ["NEW", "TRADE", "outboundAccountPosition"]
    assert events[0]["i"] == placed["result"]["orderId"]


async def test_both_key_types_sign_requests_and_ed25519_logs_on(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    files = {kind: tmp_path / f"{kind}.pem" for kind in ("ed25519", "rsa")}
    files["ed25519"].write_bytes(pem_of(ED25519.public_key()))
    files["rsa"].write_bytes(pem_of(RSA.public_key()))
    named = [word for file in files.values() for word in ("--ed25519-key", str(file))]
    process = start("exchange", "--json", "--symbols", "BTCUSDT", *named)
    assert process.stdout is not None
    told = orjson.loads(process.stdout.readline())
    keys = {kind: told["public_keys"][str(file)] for kind, file in files.items()}
    async with connect(told["ws_api_url"]) as socket:
        await trade_without_signing(WsClient(socket, keys["ed25519"], sign_ed25519))
    async with connect(told["ws_api_url"]) as socket:
        client = WsClient(socket, keys["rsa"], sign_rsa)
        refused = await client.signed("session.logon")
        assert (refused["status"], refused["error"]["code"]) == (401, -2015)
        await client.subscribe()
        assert (await client.signed("order.place", **BUY))["result"]["status"] == "FILLED"
        assert (await client.next_event())["x"] == "NEW"
    async with httpx.AsyncClient(base_url=f"{told['rest_url']}/api/v3/") as http:
        signs = {"ed25519": sign_ed25519, "rsa": sign_rsa}
        for kind, key in keys.items():
            for signer, sign in signs.items():
                payload = encode_query([("timestamp", int(time.time() * 1_000)), ("omitZeroBalances", True)])
                query = f"{payload}&{encode_query([('signature', sign(payload.encode()))])}"
                answer = await http.get(f"account?{query}", headers={"X-MBX-APIKEY": key})
                # A signature of the one key does not fit the other.
                assert (answer.status_code, answer.json().get("code")) == (
                    (200, None) if kind == signer else (400, -1022)
                )
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")


SMALL = generate_private_key(65_537, 1_024)
PRIVATE = ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no PEM public key, which begins with -----BEGIN PUBLIC KEY-----: extract it with openssl pkey"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "contains no PEM public key"),
        (PRIVATE, "a private key; the exchange needs the public key: extract it with openssl pkey"),
        (pem_of(SMALL.public_key()), "an unsupported key: use Ed25519 or RSA of 2048 to 4096 bits"),
        (pem_of(generate_ec(SECP256R1()).public_key()), "openssl genpkey -algorithm ed25519"),
        (None, "cannot be read: No such file or directory. Pass a public key file in PEM format"),
    ],
)
def test_an_unusable_key_file_is_named_with_a_remedy(
    cq: Callable[..., CommandResult], tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
    told = cq("exchange", "--ed25519-key", str(file), code=1).err
    text = " ".join(told.split())
    assert str(file) in text
    assert said in text
