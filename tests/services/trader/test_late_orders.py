"""Orders that reach the exchange after they were given up, and refusals that say nothing about the order."""

from decimal import Decimal

import pytest
from starlette.responses import JSONResponse, Response

from cq_tui.binance.errors import OutcomeUnknown
from cq_tui.binance.types import Order
from cq_tui.contracts.layout import DataDir
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.lifecycle import OrderRecord, OrderStatus
from tests.services.scripted_account import Execute, Script, ScriptedAccount, refuse
from tests.services.trader.stage import buy, on_stage
from tests.services.waiting import until

pytestmark = pytest.mark.usefixtures("_quick")
D = Decimal


@pytest.fixture
def account() -> ScriptedAccount:
    return ScriptedAccount()


class Late:
    """Fails at once; carries the request out when the test says so."""

    def __init__(self) -> None:
        self.execute: Execute

    async def __call__(self, execute: Execute) -> Response:
        self.execute = execute
        return Response("<html>upstream</html>", 503)


async def throttled(_: Execute) -> Response:
    return JSONResponse({"code": -1003, "msg": "Too many requests."}, 429, {"Retry-After": "1"})


@pytest.mark.parametrize(
    "script",
    [
        refuse(-1021, "outside of the recvWindow"),
        refuse(-2015, status=401),
        throttled,
        refuse(-1015, status=429),
        refuse(-1008, "Server is currently overloaded with other requests."),
    ],
)
async def test_protection_refused_for_another_reason_does_not_cause_a_sale(
    data: DataDir, account: ScriptedAccount, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cq_tui.binance.errors._ORDER_WINDOW", 0.5)
    account.next["oco"].append(script)
    async with on_stage(data, account) as stage:
        await stage.enter()
        assert account.legs("exit") == []
        assert not any(name.startswith("cq-exit-") for name in account.sent)


@pytest.mark.parametrize("silent", [False, True])
async def test_an_entry_that_arrives_after_it_was_given_up_is_booked_and_protected(
    data: DataDir, account: ScriptedAccount, silent: bool
) -> None:
    late = Late()
    account.next["entry"].append(late)
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy()) is None
        await until(lambda: [order.status for order in stage.book.orders.values()] == [OrderStatus.REJECTED])
        account.silent = silent
        await late.execute()
        await stage.protected()
        assert stage.book.positions["BTCUSDT"].quantity == D("0.998001")
        assert "BTCUSDT" in stage.book.quarantine, "what we believed was wrong: no new risk until somebody looked"
        assert len(account.legs("entry")) == 1


@pytest.mark.parametrize("silent", [False, True])
async def test_protection_that_arrives_beside_its_successor_is_canceled(
    data: DataDir, account: ScriptedAccount, silent: bool
) -> None:
    late = Late()
    account.next["oco"].append(late)
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy()) is None
        await stage.protected()
        account.silent = silent
        await late.execute()
        assert len(account.legs("stop")) == 2
        await until(lambda: stage.is_covered)
        assert account.legs("exit") == []


async def test_an_order_given_up_long_ago_is_no_longer_queried(
    data: DataDir, account: ScriptedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def count(execute: Execute) -> Response:
        nonlocal asked
        asked += 1
        return JSONResponse({"code": -2013, "msg": "Order does not exist."}, 400)

    account.next["entry"].append(Late())
    account.next["query"] += [count] * 1_000
    monkeypatch.setattr("cq_tui.services.trader.stray.WATCHED_SECONDS", 1.0)
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy()) is None
        order = await until(lambda: next(iter(stage.book.orders.values())))
        await until(lambda: stage.session.now() > order.sent_at + 1.0)
        # A cycle that began before is over.
        await stage.cycles(2)
        before = asked
        assert before >= 3
        await stage.cycles(10)
        assert asked == before


async def test_not_found_seconds_count_from_sending(data: DataDir, account: ScriptedAccount) -> None:
    """Not from the beginning of a round in which other orders took their time."""
    async with on_stage(data, account) as stage:
        began = stage.session.now()
        order = OrderRecord("cq-entry-x", "BTCUSDT", "BUY", "MARKET", Leg.ENTRY, "x", began - 60, D(1))

        async def send() -> list[Order]:
            raise OutcomeUnknown("timeout")

        async with stage.turn:
            await stage.session.desk.orders.place([order], send)
            assert stage.book.orders["cq-entry-x"].sent_at >= began
