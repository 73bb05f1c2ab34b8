"""ccxt signing with a private key whose public key the exchange knows."""

from pathlib import Path
from typing import Any

import ccxt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cq_tui.simulator.server import SimulatorConfig
from tests.simulator.clients.conftest import exchange_in_a_thread
from tests.simulator.clients.test_ccxt import SPOT, SYMBOL, point_at
from tests.simulator.conftest import SHORT_HISTORY


def ed25519() -> Any:
    return Ed25519PrivateKey.generate()


def rsa() -> Any:
    return generate_private_key(65_537, 2_048)


@pytest.mark.parametrize("generate", [ed25519, rsa])
def test_an_order_is_signed_with_it(generate: Any, tmp_path: Path) -> None:
    key, stranger = generate(), generate()
    public = tmp_path / "public.pem"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    config = SimulatorConfig(symbols=("BTCUSDT",), public_keys=(public,), history_ms=SHORT_HISTORY)
    with exchange_in_a_thread(config) as endpoint:
        (api_key,) = endpoint.public_keys.values()

        def client_of(private: Any) -> Any:
            pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
            return point_at(ccxt.binance({"apiKey": api_key, "secret": pem, "options": SPOT}), endpoint)

        client = client_of(key)
        assert client.create_order(SYMBOL, "market", "buy", 0.01)["status"] == "closed"
        client.close()
        forger = client_of(stranger)
        with pytest.raises(ccxt.AuthenticationError):
            forger.create_order(SYMBOL, "market", "buy", 0.01)
        forger.close()
