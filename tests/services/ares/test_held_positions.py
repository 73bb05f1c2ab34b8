"""What strategies hold, by the trader's account: read with care, of the mode in force."""

from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.ares.held_positions import HeldPositions
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.strategies.protocol import HeldPosition

POSITION = {
    "symbol": "BTCUSDT", "size": 0.5, "entry_price": 100.0, "unrealized_pnl": 3.0, "opened_ts": 1_700_000_000.25,
    "stop_loss": 90.0, "take_profit": 120.0, "strategy": "mine",
}  # fmt: skip
HELD = HeldPosition("mine", 0.5, 100.0, 1_700_000_000_250, 90.0, 120.0)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    return data


def write_account(data: DataDir, **positions: dict[str, Any]) -> None:
    account = {"timestamp": 1.0, "mode": "testnet", "equity": 1.0, "available_balance": 1.0}
    write_document(data.account, account | {"positions": positions})


def test_positions_are_those_of_strategies_in_the_mode_in_force(data: DataDir) -> None:
    mode = "testnet"
    held = HeldPositions(data, lambda: mode)
    assert held.read() == {}
    write_account(data, BTCUSDT=POSITION, ETHUSDT=POSITION | {"symbol": "ETHUSDT", "strategy": None})
    assert held.read() == {"BTCUSDT": HELD}
    mode = "live"
    assert held.read() == {}, "nothing is known of that account"
    mode = "testnet"
    assert held.read() == {"BTCUSDT": HELD}
    write_account(data, BTCUSDT=POSITION | {"stop_loss": None, "take_profit": None})
    assert held.read()["BTCUSDT"] == HeldPosition("mine", 0.5, 100.0, 1_700_000_000_250)


def test_an_account_that_cannot_be_read_leaves_what_was_known(data: DataDir) -> None:
    held = HeldPositions(data, lambda: "testnet")
    write_account(data, BTCUSDT=POSITION)
    assert held.read()
    data.account.write_bytes(b"{")
    assert held.read() == {"BTCUSDT": HELD}
    data.account.unlink()
    assert held.read() == {}
