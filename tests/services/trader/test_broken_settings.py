"""Settings that cannot be used, a trader that is killed, and a position: it stays where it is and is protected."""

from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.mode import effective_mode
from cq_tui.store.document import read_json, write_document
from cq_tui.store.settings_in_force import SettingsInForce
from tests.services.trader.process import trade_on_the_testnet, trader, world
from tests.services.trader.surroundings import buy, sell
from tests.services.waiting import until

pytestmark = pytest.mark.stack
#: What of the quote amount can be sold after the commission.
LOT = Decimal("0.996")


@pytest.mark.parametrize("kind", ["comma", "gone", "live"])
async def test_a_killed_trader_protects_and_closes_but_opens_nothing(tmp_path: Path, kind: str) -> None:
    async with world(tmp_path) as around:
        trade_on_the_testnet(around)
        path = around.data.settings
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            await until(around.data.settings_in_force.exists)
            if kind == "comma":
                path.write_bytes(path.read_bytes().rstrip()[:-1] + b",}")
            elif kind == "gone":
                path.unlink()
            else:
                write_document(path, {"SIMULATION_MODE": False, "TRADING_MODE": "live", "BINANCE_USE_TESTNET": False})
            await until(lambda: process.health["status"] == "degraded")
            process.kill()
        for order in around.account.legs("stop") + around.account.legs("target"):
            order["status"] = "CANCELED"
        async with trader(around) as process:
            assert process.health["mode"] == "testnet"
            await until(lambda: around.covered == LOT)
            around.signal(buy(strategy="another", symbol="ETHUSDT"))
            await until(lambda: around.rejections("trading_reducing"))
            (blocked,) = process.health["blocked_by"]
            assert ("LIVE_TRADING_ENABLED" if kind == "live" else "ssot/env.json") in blocked
            around.signal(sell())
            await until(lambda: around.held < LOT)
            await until(lambda: process.health["active_positions"] == 0)
        assert orjson.loads(around.data.settings_in_force.read_bytes())["account"]["BINANCE_API_SECRET"]


async def test_the_trader_knows_what_is_open_before_any_file_does(tmp_path: Path) -> None:
    """Another service has left the mode already, by a document from before the entry."""
    async with world(tmp_path) as around:
        trade_on_the_testnet(around)
        data = around.data
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            await until(data.account.exists)
            write_document(data.account, read_json(data.account) | {"positions": {}, "orders": []})
            settings = read_json(data.settings) | {"SIMULATION_MODE": True}
            write_document(data.settings, settings)
            other = SettingsInForce(data, {}, writes=True)
            other.load()
            await until(lambda: process.health["trading_state"] == "reducing")
            assert process.health["mode"] == "testnet"
            await until(lambda: effective_mode(other.load().settings).mode == "testnet")
            around.signal(sell())
            await until(lambda: process.health["mode"] == "simulation")
