"""``state/account.json`` as the trader writes it and the room reads it."""

import time

import pytest

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.layout import DataDir
from cq_tui.room.trades import TradeBlotter
from cq_tui.services.trader.account import account_state
from cq_tui.store.document import read_document, write_document
from tests.services.scripted_account import ScriptedAccount
from tests.services.trader.stage import on_stage

pytestmark = pytest.mark.usefixtures("_quick")


async def test_the_room_groups_the_orders_of_a_signal_from_the_account_document_alone(data: DataDir) -> None:
    account = ScriptedAccount()
    async with on_stage(data, account) as stage:
        signal = await stage.enter()
        state = account_state(stage.session.desk, "simulation", stage.session.around.prices(), time.time())
    write_document(data.account, state)
    blotter = TradeBlotter()
    blotter.apply_account_orders(read_document(data.account, AccountState).orders)
    [group] = blotter.order_groups()
    assert [(order.leg, order.signal_key) for order in group] == [
        ("entry", signal.key),
        ("stop", signal.key),
        ("target", signal.key),
    ]
