"""What is open at the exchange, by the trader's account document."""

from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.account import OrderState
from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.store.what_is_open import what_is_open, what_is_open_elsewhere
from cq_tui.trading.order_life import HEARD_FROM_EXCHANGE, OrderStatus, may_be_open

ORDER: dict[str, Any] = {
    "client_order_id": "c", "symbol": "B", "side": "SELL", "order_type": "LIMIT", "leg": "stop", "size": 1.0,
}  # fmt: skip
ACCOUNT: dict[str, Any] = {
    "timestamp": 1.0, "mode": "simulation", "equity": 1.0, "available_balance": 1.0,
    "positions": {"A": {"symbol": "A", "size": 2.0, "entry_price": 3.5, "unrealized_pnl": 0.0, "opened_ts": 1.0}},
    "orders": [ORDER | {"status": "NEW"}, ORDER | {"status": "FILLED"}, ORDER | {"status": "canceled"}],
}  # fmt: skip


def test_positions_and_orders_are_named(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    assert what_is_open(data) == []
    write_document(data.account, ACCOUNT)
    assert what_is_open(data) == ["A: 2 held, entry price 3.5", "B: SELL stop order new"]
    assert len(what_is_open(data, unless_in="paper")) == 2
    assert what_is_open(data, unless_in="simulation") == [], "back to where it is"
    write_document(data.account, ACCOUNT | {"positions": {}, "orders": []})
    assert what_is_open(data) == []
    data.account.write_bytes(b"\x00")
    (obstacle,) = what_is_open(data, unless_in="simulation")
    assert "cannot read what is open" in obstacle


def recorded(data: DataDir, account: str) -> None:
    """Have the trader's snapshot name an open position."""
    book = {"positions": [{"symbol": "A", "state": "protected"}]}
    write_document(data.state_of("trader"), {"format": 2, "seq": 1, "books": {}, "accounts": {account: book}})


@pytest.mark.parametrize(
    ("account", "mode", "elsewhere"),
    [("simulated:7", "simulation", "live"), ("testnet:7", "testnet", "simulation"), ("production:7", "live", "paper")],
)
def test_an_account_document_that_is_gone_is_no_proof_that_nothing_is_open(
    tmp_path: Path, account: str, mode: str, elsewhere: str
) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    recorded(data, account)
    told = what_is_open(data)
    assert told[0].startswith("account.json is missing: start the services with `cq-tui up`")
    assert told[1:] == [f"A: protected on {account}, as recorded last"]
    assert what_is_open(data, unless_in=mode) == [], "back to where it is"
    assert what_is_open(data, unless_in=elsewhere) == told
    write_document(data.account, ACCOUNT | {"mode": mode, "account": account, "positions": {}, "orders": []})
    assert what_is_open(data) == [], "the trader knows better"


def test_with_the_account_document_gone_only_other_accounts_of_the_mode_are_elsewhere(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    recorded(data, "testnet:7")
    assert what_is_open_elsewhere(data, "testnet", "testnet:7") == []
    assert what_is_open_elsewhere(data, "live", "production:7") == []
    for here in ("testnet:8", None):
        assert what_is_open_elsewhere(data, "testnet", here)[1:] == ["A: protected on testnet:7, as recorded last"]
    recorded(data, "simulated:7")
    assert what_is_open_elsewhere(data, "testnet", "testnet:8")[1:], "an address may have led there"
    data.state_of("trader").write_bytes(b"{")
    (obstacle,) = what_is_open_elsewhere(data, "testnet", "testnet:8")
    assert "cannot read what is open" in obstacle


def test_on_the_same_account_nothing_is_open_elsewhere(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    assert what_is_open_elsewhere(data, "testnet", None) == []
    cases = [
        ("testnet:1", "testnet:1", False),
        ("testnet:1", "testnet:2", True),
        ("testnet:1", None, True),
        (None, "testnet:1", False),
        (None, None, True),
    ]
    for named, account, is_elsewhere in cases:
        write_document(data.account, ACCOUNT | {"mode": "testnet", "account": named})
        assert bool(what_is_open_elsewhere(data, "testnet", account)) is is_elsewhere
        assert what_is_open_elsewhere(data, "live", account) == [], "another mode is another question"
    data.account.write_bytes(b"\x00")
    (obstacle,) = what_is_open_elsewhere(data, "testnet", "testnet:1")
    assert "cannot read what is open" in obstacle


@pytest.mark.parametrize("word", [*OrderStatus, *HEARD_FROM_EXCHANGE, "of a later version"])
def test_a_document_and_the_trader_agree_on_what_may_be_open(word: str) -> None:
    order = OrderState.model_validate(ORDER | {"status": word})
    assert order.may_be_open is may_be_open(word)
