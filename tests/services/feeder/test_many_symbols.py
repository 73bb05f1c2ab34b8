"""SYMBOLS as people write them, with the simulated exchange: names twice, wrong, in Chinese, and the most traded."""

from pathlib import Path

import httpx
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import ExchangeAddress
from cq_tui.store.document import read_document
from cq_tui.store.journal import read_lines
from cq_tui.store.settings_file import change_settings
from tests.services.processes import data_directory, running
from tests.services.waiting import until

pytestmark = pytest.mark.stack


async def test_one_wrong_name_voids_no_others_and_a_name_twice_is_fed_once(tmp_path: Path) -> None:
    names = ["BTCUSDT", "币安人生USDT", "FOOBAR", "BTCUSDT", "top:3:USDT"]
    data = data_directory(tmp_path, SYMBOLS=names, FEEDER_HEARTBEAT_INTERVAL=0.2)
    async with running("exchange", data), running("feeder", data) as feeder:

        def chosen(name: str) -> list[str]:
            found: list[str] = (feeder.health.get("chosen_symbols") or {}).get(name, [])
            return found

        def feeds(expected: set[str]) -> bool:
            return sorted(feeder.health.get("symbols", ())) == sorted(expected) and bool(feeder.health["ready"])

        await until(lambda: chosen("top:3:USDT") and feeds({*names[:2], *chosen("top:3:USDT")}))
        assert feeder.health["rejected_symbols"] == {"FOOBAR": "is not listed here"}
        assert_most_traded(data, chosen("top:3:USDT"), 3)
        assert list(read_lines(data.klines_of("币安人生USDT", "1s")))
        change_settings(data.settings, {"SYMBOLS": ["top:4:USDT"]})
        await until(lambda: chosen("top:4:USDT") and feeds(set(chosen("top:4:USDT"))))
        assert_most_traded(data, chosen("top:4:USDT"), 4)
        assert times_started(data.log_of("exchange").read_text()) == 2


def assert_most_traded(data: DataDir, chosen: list[str], count: int) -> None:
    """Compare with the volumes of now, which move: which symbols they are depends on the day's prices."""
    url = read_document(data.exchange_address, ExchangeAddress).rest_url
    rows = httpx.get(f"{url}/api/v3/ticker/24hr", trust_env=False).json()
    volumes = {row["symbol"]: float(row["quoteVolume"]) for row in rows if row["symbol"].endswith("USDT")}
    others = [volume for symbol, volume in volumes.items() if symbol not in chosen]
    assert len(chosen) == count
    assert min(volumes[symbol] for symbol in chosen) >= 0.9 * max(others)


def times_started(log: str) -> int:
    """Without the names that it had listed, the exchange starts once again."""
    return log.count('"event":"listening"')
