"""Heavy imports of each module: the hot processes have a memory budget."""

import subprocess
import sys

import pytest

HEAVY = ("httpx", "websockets", "cryptography", "pydantic", "asyncio")


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("signing", set()),
        ("types", set()),
        ("exchange_info", set()),
        ("market_events", set()),
        ("user_events", set()),
        ("orders", set()),
        ("shared_budget", set()),
        ("clock", set()),
        ("hosts", set()),
        ("watchdog", set()),
        ("rest", {"httpx", "asyncio"}),
        ("streams", {"websockets", "asyncio"}),
        ("user_data", {"websockets", "asyncio"}),
    ],
)
def test_heavy_imports(module: str, allowed: set[str]) -> None:
    code = f"import sys, cq_tui.binance.{module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) <= allowed
