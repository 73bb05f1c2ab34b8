"""SYMBOLS as people write them, with the simulated exchange: names twice, wrong, in Chinese, and the most traded."""

from pathlib import Path

import pytest

from cq_tui.store.journal import read_lines
from cq_tui.store.settings_file import change_settings
from tests.services.processes import data_directory, running
from tests.services.waiting import until

pytestmark = pytest.mark.stack


async def test_one_wrong_name_voids_no_others_and_a_name_twice_is_fed_once(tmp_path: Path) -> None:
    names = ["BTCUSDT", "币安人生USDT", "FOOBAR", "BTCUSDT", "top:3:USDT"]
    data = data_directory(tmp_path, SYMBOLS=names, FEEDER_HEARTBEAT_INTERVAL=0.2)
    async with running("exchange", data), running("feeder", data) as feeder:
        fed = {"BTCUSDT", "币安人生USDT", "ETHUSDT", "SOLUSDT"}
        await until(lambda: sorted(feeder.health.get("symbols", ())) == sorted(fed) and feeder.health["ready"], 30)
        assert feeder.health["rejected_symbols"] == {"FOOBAR": "is not listed here"}
        assert set(feeder.health["chosen_symbols"]["top:3:USDT"]) == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
        assert list(read_lines(data.klines_of("币安人生USDT", "1s")))
        change_settings(data.settings, {"SYMBOLS": ["top:4:USDT"]})
        await until(lambda: len(feeder.health["symbols"]) == 4 and "BNBUSDT" in feeder.health["symbols"], 30)
        assert times_started(data.log_of("exchange").read_text()) == 2


def times_started(log: str) -> int:
    """Without the names that it had listed, the exchange starts once again."""
    return log.count('"event":"listening"')
