"""The trader on a disk that is really full: protection and its record go on, nothing is bought."""

from decimal import Decimal
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.reserve import RESERVE_BYTES, Reserve
from tests.services.processes import spooled
from tests.services.trader.process import trader, world
from tests.services.trader.surroundings import buy
from tests.services.waiting import until
from tests.small_disk import small_disk

pytestmark = pytest.mark.stack
D = Decimal
#: What of the quote amount can be sold after the commission.
LOT = D("0.996")


async def test_it_protects_and_closes_but_buys_nothing_with_the_reserve(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "disk")
    with (
        small_disk(data.root, 48) as disk,
        # What others write goes on, or the trader would hold back because of them.
        small_disk(data.health, 4),
        small_disk(data.tickers.parent, 4),
    ):
        async with world(data.root) as around, trader(around) as process:
            reserve = Reserve(data)
            reserve.refill()
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            await until(lambda: around.position)
            disk.fill()
            for order in around.account.legs("stop") + around.account.legs("target"):
                order["status"] = "CANCELED"
                await around.account.report(order, "CANCELED")
            await until(lambda: around.covered == LOT)
            await until(lambda: data.reserve.stat().st_size < RESERVE_BYTES)
            await until(lambda: any("disk is full" in why for why in process.health.get("blocked_by") or ()))
            around.signal(buy(strategy="another", symbol="ETHUSDT"))
            # Room, but not ample: the reserve is not whole.
            disk.make_room(8 * 2**20)
            await until(lambda: around.rejections("disk_full"))
            around.signal(buy(strategy="a third", symbol="ETHUSDT"))
            await until(lambda: len(around.rejections("disk_full")) == 2)
            assert len(around.account.legs("entry")) == 1
            disk.fill()
            answer = await wait_for_answer(data, issue_command(data, "flatten", "trader", issued_by="cli"))
            assert (answer.outcome, answer.message) == ("done", "BTCUSDT closed")
            await until(lambda: not around.position)
            # Killed with a full disk, it starts on one.
            process.kill()
            async with trader(around) as again:
                assert again.health["active_positions"] == 0
                disk.make_room()
                reserve.refill()
                answer = await wait_for_answer(data, issue_command(data, "resume", "trader", issued_by="cli"))
                assert answer.message == "no longer halted after a flatten", "the lock outlived kill and full disk"
                await until(lambda: again.health["status"] == "ok")
                around.signal(buy(strategy="later"))
                await until(lambda: around.covered == LOT)
                assert await again.stop() == 0
            events = spooled(data, "trader")
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
            fills = [event["data"]["trade_id"] for event in events if event["event_type"] == "order_executed"]
            assert sorted(fills) == sorted(str(trade["id"]) for trade in around.account.trades)
            intents = {e["data"]["client_order_id"] for e in events if e["event_type"] == "order_submitted"}
            assert set(around.account.sent) <= intents
