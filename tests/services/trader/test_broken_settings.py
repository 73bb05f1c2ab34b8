"""Settings that cannot be used, a trader that is killed, and a position: it stays where it is and is protected."""

from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from cq_tui.store.document import write_document
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
