"""Other keys or another address while something is open: followed only where they lead to the same account."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from cq_tui.binance.hosts import Endpoints
from cq_tui.store.document import read_json, write_document
from cq_tui.store.settings_in_force import SettingsInForce
from tests.services.processes import KEY, RunningService, running
from tests.services.scripted_account import ScriptedAccount
from tests.services.serving import serving
from tests.services.trader.process import World, trade_on_the_testnet, trader, world
from tests.services.trader.surroundings import buy, sell
from tests.services.waiting import until

pytestmark = pytest.mark.stack
#: What of the quote amount can be sold after the commission.
LOT = Decimal("0.996")
NEW = {"BINANCE_API_KEY": "new-key", "BINANCE_API_SECRET": "new-secret"}


@asynccontextmanager
async def holding(root: Path) -> AsyncIterator[tuple[World, RunningService]]:
    """A trader on the testnet with a protected position."""
    async with world(root) as around:
        trade_on_the_testnet(around)
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            await until(lambda: process.health["active_positions"] == 1)
            yield around, process


@asynccontextmanager
async def another_account() -> AsyncIterator[tuple[ScriptedAccount, Endpoints]]:
    other = ScriptedAccount()
    async with serving(other.application) as at:
        yield other, at


def why(process: RunningService) -> str:
    return str(process.health.get("reason"))


async def lose_protection(around: World) -> None:
    """Have somebody cancel stop and target at the exchange."""
    for order in around.account.legs("stop", "NEW") + around.account.legs("target", "NEW"):
        order["status"] = "CANCELED"
        await around.account.report(order, "CANCELED")


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_key_of_the_same_account_is_followed_although_the_old_one_is_revoked(
    tmp_path: Path, restarted: bool
) -> None:
    async with holding(tmp_path) as (around, process):
        around.account.revoked.add(KEY)
        await lose_protection(around)
        await until(lambda: process.health["status"] == "error" and "Invalid API-key" in why(process))
        if restarted:
            process.kill()
        trade_on_the_testnet(around, None, **NEW)
        async with trader(around) if restarted else _same(process) as now:
            await until(lambda: "new-key" in around.account.subscribed)
            await until(lambda: now.health["status"] == "ok" and now.health["trading_state"] == "active")
            await until(lambda: around.covered == LOT)
            assert not around.account.legs("exit"), "protected again, not sold"
            around.signal(sell())
            await until(lambda: now.health["active_positions"] == 0)
            around.signal(buy(strategy="another"))
            await until(lambda: around.covered == LOT)
    around.told_once()


@asynccontextmanager
async def _same(process: RunningService) -> AsyncIterator[RunningService]:
    yield process


async def test_another_account_waits_and_the_old_one_is_protected_until_it_is_closed(tmp_path: Path) -> None:
    async with holding(tmp_path) as (around, process), another_account() as (other, at):
        here, there = (f"simulated:{each.uid}" for each in (around.account, other))
        trade_on_the_testnet(around, at, **NEW)
        await until(lambda: f"leads to {there}" in why(process))
        assert "waits until nothing is open here (BTCUSDT: 0.996003 held" in why(process)
        assert (process.health["account"], process.health["trading_state"]) == (here, "reducing")
        process.kill()
        async with trader(around) as restarted:
            await until(lambda: f"leads to {there}" in why(restarted))
            around.signal(buy(strategy="another", symbol="ETHUSDT"))
            await until(lambda: around.rejections("trading_reducing"))
            await lose_protection(around)
            await until(lambda: around.covered == LOT)
            assert (restarted.health["account"], other.sent) == (here, [])
            around.signal(sell())
            await until(lambda: restarted.health.get("account") == there)
            await until(lambda: restarted.health["status"] == "ok")
            around.signal(buy(strategy="elsewhere"))
            await until(lambda: other.legs("stop", "NEW"))
        assert around.covered == 0


async def test_the_trader_has_everybody_come_back_who_left_before_its_entry_was_written(tmp_path: Path) -> None:
    async with holding(tmp_path) as (around, process), another_account() as (other, at):
        os.kill(process.pid, signal.SIGSTOP)
        # As it was before the entry.
        write_document(around.data.account, read_json(around.data.account) | {"positions": {}, "orders": []})
        trade_on_the_testnet(around, at, **NEW)
        feeder = SettingsInForce(around.data, {}, writes=True)
        assert feeder.load().problem is None, "it has left"
        os.kill(process.pid, signal.SIGCONT)
        await until(lambda: f"leads to simulated:{other.uid}" in why(process))
        await until(lambda: "waits until nothing is open here" in (feeder.load().problem or ""))
        assert (process.health["active_positions"], other.sent) == (1, [])


async def test_where_the_old_key_is_gone_too_both_are_named_and_nothing_is_opened(tmp_path: Path) -> None:
    async with holding(tmp_path) as (around, process), another_account() as (other, at):
        around.account.revoked.add(KEY)
        trade_on_the_testnet(around, at, **NEW)
        await until(lambda: f"leads to simulated:{other.uid}" in why(process))
        process.kill()
        async with running("trader", around.data) as restarted:
            await until(lambda: "Invalid API-key" in why(restarted))
            await until(lambda: f"leads to simulated:{other.uid}" in why(restarted))
            around.signal(buy(strategy="another"))
            await restarted.next_health()
            assert (other.sent, restarted.health["status"]) == ([], "degraded")
            other.revoked.add("new-key")
            trade_on_the_testnet(around, at, **NEW, LOG_LEVEL="DEBUG")
            around.account.revoked.clear()
            trade_on_the_testnet(around)
            await until(lambda: restarted.health.get("ready") and restarted.health["status"] == "ok")
            assert restarted.health["active_positions"] == 1


async def test_a_new_key_that_does_not_work_is_named_and_the_old_one_goes_on(tmp_path: Path) -> None:
    async with holding(tmp_path) as (around, process):
        around.account.revoked.add("new-key")
        trade_on_the_testnet(around, None, **NEW)
        await until(lambda: "which it does not: HTTP 401, code -2015: Invalid" in why(process))
        await lose_protection(around)
        await until(lambda: around.covered == LOT)
        around.account.revoked.clear()
        await until(lambda: process.health["status"] == "ok")


async def test_keys_of_the_environment_that_lead_elsewhere_open_nothing(tmp_path: Path) -> None:
    one, other = ScriptedAccount(), ScriptedAccount()

    async def by_key(scope: Scope, receive: Receive, send: Send) -> None:
        """One address, and an account for each key."""
        is_other = scope["type"] == "http" and Request(scope).headers.get("X-MBX-APIKEY") == "new-key"
        await (other if is_other else one).application(scope, receive, send)

    old = {"BINANCE_API_KEY": KEY, "BINANCE_API_SECRET": "secret"}
    async with world(tmp_path) as around, serving(by_key) as at:
        around.account = one
        trade_on_the_testnet(around, at, BINANCE_API_KEY=None, BINANCE_API_SECRET=None)
        async with running("trader", around.data, **old) as process:
            await until(lambda: process.health.get("ready"))
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            await until(lambda: process.health["active_positions"] == 1)
        async with running("trader", around.data, **NEW) as process:
            await until(lambda: f"waiting for the key of simulated:{one.uid}" in why(process))
            assert " BTCUSDT held" in why(process)
            assert f"the settings lead to simulated:{other.uid}. Put that key back" in why(process)
            around.signal(buy(strategy="another"))
            await process.next_health()
            assert other.sent == []
        around.data.account.unlink()
        async with running("trader", around.data, **NEW) as process:
            await until(lambda: f"waiting for the key of simulated:{one.uid}" in why(process))
        async with running("trader", around.data, **old) as process:
            await until(lambda: process.health.get("ready"))
            assert process.health["active_positions"] == 1
