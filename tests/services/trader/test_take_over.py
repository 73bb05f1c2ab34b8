"""A data directory that 0.1.0 left with an open position: the new trader goes on with it, and nothing is doubled.

The folder ``first_version`` was written by that release: a position protected by its OCO, at the simulated exchange.
"""

import shutil
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_json
from tests.services.processes import spooled
from tests.services.trader.real_stack import real_stack
from tests.services.waiting import until

pytestmark = pytest.mark.stack
D = Decimal
FOLDER = Path(__file__).parent / "first_version"
ENTRY, STOP, TARGET = (
    "cq-entry-iei3rpbtz3anikmqfxx6flbegt", "cq-stop-3yk6a7pqtqbghwn27mxqjytvli", "cq-target-id4anhlljbgn2yuvxlxdibw2n4",
)  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    shutil.copytree(FOLDER, tmp_path / "data")
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    return data


async def test_a_position_and_its_oco_are_taken_over_and_sold_by_a_signal(data: DataDir) -> None:
    before = orjson.loads((FOLDER / "state" / "trader.json").read_bytes())["books"]["simulation"]
    async with real_stack(data, "exchange", "memory") as stack, stack.rest() as rest:
        opened = {order.client_order_id for order in await rest.open_orders()}
        assert opened == {STOP, TARGET}
        await stack.start("trader")
        await until(lambda: stack.position.get("state") == "protected")
        assert D(str(stack.position["size"])) == D(before["positions"][0]["quantity"])
        assert (stack.position["stop_loss"], stack.position["strategy"]) == (40886.7, "sample")
        assert {order.client_order_id for order in await rest.open_orders()} == opened, "the old OCO protects it"
        # Killed before it stored anything but its events, it knows the same.
        stack.kill("trader")
        data.state_of("trader").unlink(missing_ok=True)
        process = await stack.start("trader")
        assert process.health["active_positions"] == 1
        await until(lambda: process.health["status"] == "ok")
        stack.signal("SELL", float((await rest.book_tickers(["BTCUSDT"]))[0].bid_price))
        await until(lambda: not stack.position)
        assert await rest.open_orders() == []
        assert [trade.is_buyer for trade in await rest.my_trades("BTCUSDT")] == [True, False]
        assert await process.stop() == 0
        balances = (await rest.account()).balances
    state = read_json(data.state_of("trader"))
    assert (state["format"], state["books"]) == (2, {})
    [book] = state["accounts"].values()
    money = {name: D(book["money"][name]) for name in ("quote", "start", "realized")}
    left = sum((D(held["cost"]) for held in book["holdings"]), D(0))
    assert money["quote"] == balances["USDT"].total
    assert money["quote"] + left - money["start"] == money["realized"]
    assert money["start"] == D(before["equity_start"])
    assert {order["client_order_id"] for order in book["orders"]} >= {ENTRY, STOP, TARGET}
    taken = spooled(data, "trader", "book_taken_over")
    assert len(taken) <= 1
    fills = spooled(data, "trader", "order_executed")
    assert len({event["data"]["trade_id"] for event in fills}) == len(fills)


async def test_a_book_of_another_account_is_kept_and_opens_nothing_of_its_own(data: DataDir) -> None:
    """The ledger is gone: the exchange is another account, and knows none of the orders."""
    data.ledger.unlink()
    books = read_json(data.state_of("trader"))["books"]
    async with real_stack(data, "exchange", "memory", "trader") as stack:
        process = stack.processes["trader"]
        assert process.health["active_positions"] == 0
        assert "belongs to another account" in process.health["notices"][0]
        assert await process.stop() == 0
        process = await stack.start("trader")
        [notice] = process.health["notices"]
        assert notice.endswith("stays unused: its account is another one"), "also of a later start"
        assert await process.stop() == 0
    state = read_json(data.state_of("trader"))
    assert state["books"] == books
    [book] = state["accounts"].values()
    assert book["positions"] == []
