"""An older backup is restored while the exchange went on: nothing is done twice, sales are found, doubts are named.

The exchange is no part of the directory: it knows what happened after the backup.
"""

import asyncio
import os
import time
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.make import make_backup
from cq_tui.ops.backup.restore import restore_backup
from tests.stack.cases.field import Exchange, Field, field, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
#: Seconds in which a trader that means to do something has done it: it compares orders and balances at its start.
_LOOKED_AT = 6.0


async def stop_all(around: Field) -> None:
    for name in ("trader", "feeder", "memory"):
        await around.services[name].stop()


def orders(exchange: Exchange) -> dict[str, list[tuple[str, str]]]:
    """Every order by symbol: its client order id, and its side."""
    return {
        symbol: [(str(order["clientOrderId"]), str(order["side"])) for order in exchange.orders(symbol)]
        for symbol in _SYMBOLS
    }


@pytest.mark.parametrize("with_keys", [True, False] if "CQ_HEAVY_TESTS" in os.environ else [False])
async def test_an_older_backup_risks_nothing(tmp_path: Path, with_keys: bool) -> None:
    root = tmp_path / "data"
    exchange = Exchange(*_SYMBOLS)
    try:
        async with field(root, *_SYMBOLS, on=exchange, TRADER_MAX_POSITIONS=9) as around:
            await around.begin()
            await around.enter("BTCUSDT", "SOLUSDT")
            made = await asyncio.to_thread(make_backup, around.data, tmp_path / "b.tar.gz", with_keys=with_keys)
            assert made.fault is None
            await around.leave("BTCUSDT")
            await around.enter("ETHUSDT")
            around.nothing_twice(*_SYMBOLS)
            await stop_all(around)
        held = {asset: exchange.balance(asset) for asset in ("BTC", "ETH", "SOL")}
        covered = {symbol: exchange.covered(symbol) for symbol in _SYMBOLS}
        known = orders(exchange)
        done = await asyncio.to_thread(restore_backup, DataDir(root), made.path, replace=True)
        assert done.history.rolled_back > 0
        async with field(root, *_SYMBOLS, on=exchange, TRADER_MAX_POSITIONS=9) as around:
            await around.start("memory", "feeder", "trader")
            await around.ready("feeder", "trader")
            await until(lambda: around.memory.get("integrity_ok") is False)
            blocked = await around.blocked("accept owner")
            assert "older" in blocked or "copy" in blocked or "restored" in blocked or "another place" in blocked, (
                blocked
            )
            ended = time.monotonic() + _LOOKED_AT
            while time.monotonic() < ended:
                assert await around.refused("SOLUSDT")
                assert await around.refused("ETHUSDT")
                await asyncio.sleep(0.5)
            assert {asset: exchange.balance(asset) for asset in held} == held, "nothing was bought or sold"
            assert exchange.covered("SOLUSDT") == covered["SOLUSDT"], "what is still held stays protected"
            assert exchange.covered("ETHUSDT") == covered["ETHUSDT"], "what the book does not know stays alone"
            after = orders(exchange)
            for symbol in _SYMBOLS:
                fresh = after[symbol][len(known[symbol]) :]
                assert after[symbol][: len(known[symbol])] == known[symbol]
                assert all(side == "SELL" for _, side in fresh), "nothing is bought"
                ids = [name for name, _ in after[symbol]]
                assert len(set(ids)) == len(ids), "no order twice"
            # An order that the book does not know is named; the sale of a gone position is found, and told once.
            await until(lambda: "ETHUSDT" in str(around.trader["doubts"].get("account")))
            await around.closed("BTCUSDT")
            around.nothing_twice("BTCUSDT", "SOLUSDT")
            assert "BTCUSDT" not in around.trader["doubts"]
            # What is still there can be closed, and what was sold is not sold again.
            await around.command("flatten")
            await until(lambda: exchange.balance("SOL") < held["SOL"] / 100)
            assert exchange.balance("BTC") == held["BTC"]
            assert exchange.balance("ETH") == held["ETH"]
    finally:
        exchange.close()
