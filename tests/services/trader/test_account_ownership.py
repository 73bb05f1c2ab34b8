"""Whose account it is, with real processes: one trader at a time, and a copied directory opens nothing unconfirmed."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from cq_tui.binance.hosts import Endpoints
from cq_tui.contracts.commands import CommandOutcome
from cq_tui.contracts.runfiles import ExchangeAddress
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.document import read_document
from cq_tui.trading.client_order_id import parse_client_order_id
from tests.services.processes import RunningService, running, spooled
from tests.services.trader.process import World, trader, world
from tests.services.trader.surroundings import all_is_well, buy, sell
from tests.services.waiting import until

pytestmark = pytest.mark.stack
#: What of a position can be sold.
LOT = Decimal("0.996")


@asynccontextmanager
async def beside(around: World, root: Path) -> AsyncIterator[World]:
    """Another data directory with the same exchange and account."""
    other = World(root)
    other.account = around.account
    address = read_document(around.data.exchange_address, ExchangeAddress)
    other.exchange.at(Endpoints(address.rest_url, address.stream_url, address.ws_api_url))

    async def stay_well() -> None:
        while True:
            all_is_well(other.data, memory=other.memory)
            await asyncio.sleep(0.3)

    well = asyncio.create_task(stay_well())
    try:
        yield other
    finally:
        well.cancel()
        other.exchange.gone()
        other.history.close()


async def accept_owner(around: World) -> CommandOutcome:
    why = {"why": "the first directory is gone"}
    return await wait_for_answer(
        around.data, issue_command(around.data, "accept", "trader", issued_by="cli", target="owner", arguments=why)
    )


def owners(around: World, leg: str) -> list[str | None]:
    """The owner that each order of a leg names, in the order in which they were sent."""
    parts = [parse_client_order_id(order) for order in around.account.sent]
    return [each.owner for each in parts if each is not None and each.leg == leg]


def is_told(around: World, holder: RunningService, waiting: RunningService) -> bool:
    told = f", which process {holder.pid} from {around.data.root} trades; stop that process, or use another account"
    return told in (waiting.health.get("waiting_for") or "") and waiting.health["status"] == "degraded"


async def test_the_second_waits_and_takes_over_when_the_first_stops(tmp_path: Path) -> None:
    async with (
        world(tmp_path / "first") as first,
        beside(first, tmp_path / "second") as second,
        trader(first) as holder,
        running("trader", second.data) as waiting,
    ):
        await until(lambda: is_told(first, holder, waiting))
        second.signal(buy())
        assert await holder.stop() == 0
        await until(lambda: waiting.health.get("ready"))
        await until(lambda: second.covered)
        assert second.rejections() == [], "the signal waited too"
    assert len(owners(first, "entry")) == 1
    assert owners(first, "stop") == owners(first, "entry")


async def test_a_copy_opens_nothing_until_a_person_has_confirmed_but_protects_and_closes(tmp_path: Path) -> None:
    async with world(tmp_path / "first") as first, trader(first) as holder:
        first.signal(buy())
        await until(lambda: first.covered == LOT)
        await until(lambda: first.position)
        shutil.copytree(first.data.root, tmp_path / "copy")
        async with beside(first, tmp_path / "copy") as copy, running("trader", copy.data) as second:
            await until(lambda: is_told(first, holder, second))
            sent = list(first.account.sent)
            holder.kill()
            await until(lambda: second.health.get("ready"))
            copy.signal(buy(symbol="ETHUSDT"))
            await until(lambda: copy.rejections("account_in_doubt"))
            assert second.health["active_positions"] == 1
            assert any("cq-tui accept owner" in line for line in second.health["blocked_by"])
            assert (copy.covered, first.account.sent) == (LOT, sent)
            copy.signal(sell())
            await until(lambda: second.health["active_positions"] == 0)
            assert first.covered == 0
            assert (await accept_owner(copy)).outcome == "done"
            await until(lambda: not second.health.get("blocked_by"))
            copy.signal(buy(strategy="confirmed"))
            await until(lambda: first.covered)
            assert (await accept_owner(copy)).outcome == "refused"
    assert len(set(owners(first, "entry"))) == 2, "the copy's orders name another owner"


async def test_an_exchange_that_does_not_say_whose_account_it_is_is_waited_for(tmp_path: Path) -> None:
    async with world(tmp_path) as around:
        # As the simulated exchange of cq-tui 0.1, which may still run beside this trader.
        uid, around.account.uid = around.account.uid, 1
        async with running("trader", around.data) as process:
            await until(lambda: "does not say whose account" in (process.health.get("waiting_for") or ""))
            assert process.health["status"] == "degraded"
            assert spooled(around.data, "trader", "owner_established") == []
            around.account.uid = uid
            await until(lambda: process.health.get("ready"))
            [event] = spooled(around.data, "trader", "owner_established")
            assert event["data"]["account"] == f"simulated:{uid}"


async def test_a_book_is_never_used_for_an_account_that_took_the_place_of_its_own(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.signal(buy())
        await until(lambda: around.covered == LOT)
        before, around.account.uid = around.account.uid, around.account.uid + 1
        around.account.trades.clear()
        around.account.orders.clear()
        for socket in list(around.account.sockets):
            await socket.close()
        await until(lambda: process.health.get("account") == f"simulated:{before + 1}")
        await until(lambda: process.health.get("ready"))
        assert process.health["active_positions"] == 0
        assert not spooled(around.data, "trader", "doubt_raised")
