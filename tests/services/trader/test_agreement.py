"""Agreement with the exchange: orders and balances that the book does not expect."""

import time
from decimal import Decimal

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader import session
from cq_tui.trading.client_order_id import Leg, first_version_id
from tests.services.scripted_account import ScriptedAccount
from tests.services.trader.stage import on_stage
from tests.services.waiting import until

pytestmark = pytest.mark.usefixtures("_quick")
D = Decimal


@pytest.fixture
def account() -> ScriptedAccount:
    return ScriptedAccount()


async def test_an_orphaned_entry_is_canceled_and_others_orders_are_left_alone(
    data: DataDir, account: ScriptedAccount
) -> None:
    ours = account.rest_order(first_version_id("lost", Leg.ENTRY), "BUY")
    theirs = account.rest_order("by-hand", "BUY")
    async with on_stage(data, account) as stage:
        await until(lambda: ours["status"] == "CANCELED")
        assert theirs["status"] == "NEW"
        assert "BTCUSDT" not in stage.book.quarantine


async def test_orphaned_protection_is_kept_and_its_symbol_quarantined_once(
    data: DataDir, account: ScriptedAccount
) -> None:
    orphan = account.rest_order(first_version_id("lost", Leg.STOP), "SELL")
    async with on_stage(data, account) as stage:
        await until(lambda: "BTCUSDT" in stage.book.quarantine)
        again = stage.session.desk.agreement.reconcile
        for _ in range(3):
            async with stage.session.turn:
                await again(stage.session.now())
        assert stage.session.desk.orders.quarantined == ["BTCUSDT"]
        assert stage.session.desk.agreement.orphans == {orphan["clientOrderId"]: "BTCUSDT"}
        assert orphan["status"] == "NEW"


async def test_a_balance_below_the_position_counts_when_seen_twice(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        async with stage.session.turn:
            await stage.session.desk.reconcile(stage.session.now())
            account.free["BTC"] -= D("0.5")
            await stage.session.desk.reconcile(stage.session.now())
            assert stage.book.positions["BTCUSDT"].quantity == D("0.998001"), "it may be a fill on its way"
            assert stage.session.desk.agreement.in_doubt
        await until(lambda: stage.book.positions["BTCUSDT"].quantity < D("0.5"))
        await stage.protected()
        assert "BTCUSDT" in stage.book.quarantine


async def test_a_position_whose_asset_is_gone_is_closed_in_the_book(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        account.free["BTC"] = D(0)
        await until(lambda: not stage.book.positions)
        assert account.legs("exit") == []


async def test_a_fill_that_the_stream_lost_is_found_by_the_poll(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        account.silent = True
        await account.fill(account.legs("stop")[0], price=D(98))
        await until(lambda: not stage.book.positions)
        assert ("order_executed", "stop") in stage.events()


async def test_what_a_lost_stream_missed_is_queried_when_it_is_back(
    data: DataDir, account: ScriptedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        # Nothing but the new subscription makes it compare, once what has begun is done.
        for pause in ("_RECONCILE_SOON", "_RECONCILE_INTERVAL"):
            monkeypatch.setattr(session, pause, 3_600.0)
        await stage.cycles(3)
        account.silent = True
        await account.fill(account.legs("stop")[0], price=D(98))
        await stage.cycles(3)
        assert "BTCUSDT" in stage.book.positions
        for socket in list(account.sockets):
            account.sockets.discard(socket)
            await socket.close(1001)
        await until(lambda: not stage.book.positions)


async def test_a_lost_account_stream_is_reported_until_it_is_back(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        for socket in list(account.sockets):
            account.sockets.discard(socket)
            await socket.close(1001)
        await until(lambda: stage.session.stream_problem)
        await until(lambda: account.sockets and stage.session.stream_problem is None)


async def test_older_balances_do_not_replace_newer_ones(
    data: DataDir, account: ScriptedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(data, account) as stage:
        for pause in ("_RECONCILE_SOON", "_RECONCILE_INTERVAL"):
            monkeypatch.setattr(session, pause, 3_600.0)
        await stage.cycles(3)
        now = int(time.time() * 1_000) + 10_000
        balances = stage.session.desk.balances
        for asset, amount, changed in (("USDT", "1", now), ("USDT", "2", now - 1), ("ADA", "3", now)):
            await account.position(asset, amount, changed)
        await until(lambda: "ADA" in balances)
        assert (balances["USDT"].free, balances["ADA"].free) == (D(1), D(3))
