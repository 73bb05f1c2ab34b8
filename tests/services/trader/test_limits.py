"""Limits on how often is traded, over the trader's deaths."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.services.trader.process import trader, world
from tests.services.trader.surroundings import buy, sell
from tests.services.waiting import until

pytestmark = pytest.mark.stack


async def test_a_killed_trader_that_lost_its_file_knows_the_entries_of_the_day(tmp_path: Path) -> None:
    async with world(tmp_path, TRADER_MAX_ORDERS_DAY=1, TRADER_MAX_ORDER_NOTIONAL=50.0) as around:
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered > 0 and around.position)
            process.kill()
        assert around.covered <= Decimal("0.5"), "no more than 50 at a price of 100"
        around.data.state_of("trader").unlink(missing_ok=True)
        async with trader(around) as process:
            around.signal(sell())
            await until(lambda: around.covered == 0 and not around.position)
            around.signal(buy(strategy="again"))
            [denial] = await until(lambda: around.rejections("orders_a_day"))
            assert "1 of 1 today, UTC" in denial["reason"]
            await until(lambda: "The day's entries are used up" in (process.health.get("reason") or ""))
            assert await process.stop() == 0
        assert len(around.account.legs("entry")) == 1
