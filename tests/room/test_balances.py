"""The balances screen: what is ours, what is of others, and the exact amounts."""

from decimal import Decimal

import pytest

from cq_tui.contracts.account import AccountState, BalanceState, RemainderState
from cq_tui.contracts.tickers import Ticker
from cq_tui.room.balances import balance_rows
from cq_tui.store.document import read_document
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import Stage

_BALANCES = {
    "BTC": BalanceState(free="0.10000000", locked="0.00148000"),
    "USDT": BalanceState(free="9801.20000000", locked="0.00000000"),
    "BNB": BalanceState(free="0.00000001", locked="0"),
    "XYZ": BalanceState(free="7", locked="0"),
    "GONE": BalanceState(free="0", locked="0"),
    "ODD": BalanceState(free="much", locked="NaN"),
}


def test_ours_others_and_worth(stage: Stage) -> None:
    stage.account(balances=_BALANCES, foreign_coins={"BTC": "0.1"},
                  remainders={"BNBUSDT": RemainderState(quantity="0.00000001", cost=0.1)})  # fmt: skip
    account = read_document(stage.data.account, AccountState)
    tickers = {"BTCUSDT": Ticker(67412.1, 0.0, 67000.0, 67001.0, 1.0, stage.now, 2)}
    rows = {row.asset: row for row in balance_rows(account, tickers)}
    assert list(rows) == ["USDT", "BTC", "BNB", "XYZ"], "what is empty is left out"
    btc = rows["BTC"]
    assert (btc.free, btc.locked, btc.ours, btc.foreign) == tuple(map(Decimal, ("0.1", "0.00148", "0.00148", "0.1")))
    assert btc.worth == pytest.approx(0.10148 * 67000)
    assert rows["BNB"].ours == Decimal("1E-8")
    assert (rows["XYZ"].ours, rows["XYZ"].worth) == (Decimal(0), None)
    assert (rows["USDT"].ours, rows["USDT"].worth) == (Decimal("9801.2"), 9801.2)


async def test_a_key_opens_them_and_they_follow_the_account(stage: Stage, make_room: MakeRoom) -> None:
    stage.account(balances=_BALANCES)
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("m")
        await wait_for_text(pilot, "0.00000001")
        assert "9,801.20" in screen_text(pilot)
        stage.account(balances={"USDT": BalanceState(free="1.5", locked="2.25")})
        await wait_for_text(pilot, "2.25")
        await pilot.press("escape")
        await wait_for_text(pilot, "2 feeder")
