"""Which symbols the trader holds: read with care, remembered by mode."""

from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.held_symbols import HeldSymbols
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    return data


def position(symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "size": 1.0, "entry_price": 2.0, "unrealized_pnl": 0.0, "opened_ts": 1.0}


def order(symbol: str, status: str) -> dict[str, Any]:
    return {
        "client_order_id": f"cq-{symbol}", "symbol": symbol, "side": "BUY", "order_type": "MARKET", "leg": "entry",
        "status": status, "size": 1.0,
    }  # fmt: skip


def account(data: DataDir, *held: str, mode: str = "testnet", **more: object) -> None:
    """Write the document as of long ago: a trader that is dead still holds."""
    document = {
        "timestamp": 1.0, "mode": mode, "equity": 1.0, "available_balance": 1.0,
        "positions": {symbol: position(symbol) for symbol in held},
    }  # fmt: skip
    write_document(data.account, document | more)


def test_positions_and_open_orders_are_held(data: DataDir) -> None:
    assert HeldSymbols(data).read("testnet") == []
    orders = [order(f"{status.upper()}", status) for status in ("filled", "canceled", "expired", "rejected")]
    orders += [order("SENTUSDT", "sent"), order("NEWUSDT", "new"), order("PARTUSDT", "partially_filled")]
    account(data, "BTCUSDT", orders=[*orders, order("LOSTUSDT", "unknown")])
    assert HeldSymbols(data).read("testnet") == ["BTCUSDT", "LOSTUSDT", "NEWUSDT", "PARTUSDT", "SENTUSDT"]


def test_the_trader_may_name_them_itself(data: DataDir) -> None:
    account(data, "BTCUSDT", orders=[order("NEWUSDT", "new")], held_symbols=["RESTUSDT"])
    assert HeldSymbols(data).read("testnet") == ["BTCUSDT", "RESTUSDT"]


def test_what_is_closed_is_held_no_longer(data: DataDir) -> None:
    account(data, "BTCUSDT", "ETHUSDT")
    held = HeldSymbols(data)
    assert held.read("testnet") == ["BTCUSDT", "ETHUSDT"]
    account(data, "ETHUSDT")
    assert held.read("testnet") == ["ETHUSDT"]
    account(data)
    assert held.read("testnet") == []


def test_the_account_of_another_mode_changes_nothing(data: DataDir) -> None:
    account(data, "BTCUSDT")
    held = HeldSymbols(data, remembers=True)
    assert held.read("testnet") == ["BTCUSDT"]
    account(data, "ETHUSDT", mode="live")
    assert held.read("testnet") == ["BTCUSDT"]
    assert held.read("live") == ["ETHUSDT"]
    assert HeldSymbols(data).read("testnet") == ["BTCUSDT"], "also after a restart"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\x00" * 50, b'{"timestamp": 1, "mode": "testnet"}'])
def test_a_document_that_cannot_be_read_leaves_the_last_known(data: DataDir, content: bytes) -> None:
    account(data, "BTCUSDT")
    first = HeldSymbols(data, remembers=True)
    assert first.read("testnet") == ["BTCUSDT"]
    data.account.write_bytes(content)
    for held in (first, HeldSymbols(data)):
        assert held.read("testnet") == ["BTCUSDT"]
        assert (held.problem or "").startswith("state/account.json ")
    account(data, "ETHUSDT")
    assert first.read("testnet") == ["ETHUSDT"]
    assert first.problem is None


def test_a_document_that_is_gone_leaves_the_last_known(data: DataDir) -> None:
    account(data, "BTCUSDT")
    held = HeldSymbols(data, remembers=True)
    assert held.read("testnet") == ["BTCUSDT"]
    data.account.unlink()
    assert held.read("testnet") == ["BTCUSDT"]
    assert HeldSymbols(data).read("testnet") == ["BTCUSDT"]


def test_it_is_written_only_when_it_changes(data: DataDir) -> None:
    account(data, "BTCUSDT")
    held = HeldSymbols(data, remembers=True)
    held.read("testnet")
    written = data.state_of("feeder").stat()
    account(data, "BTCUSDT", equity=2.0)
    held.read("testnet")
    assert data.state_of("feeder").stat().st_ino == written.st_ino


def test_only_who_remembers_writes(data: DataDir) -> None:
    account(data, "BTCUSDT")
    assert HeldSymbols(data).read("testnet") == ["BTCUSDT"]
    assert not data.state_of("feeder").exists()


def test_a_memory_that_is_damaged_is_named_and_replaced(data: DataDir) -> None:
    data.state_of("feeder").write_bytes(b"{")
    held = HeldSymbols(data, remembers=True)
    assert (held.problem or "").startswith("state/feeder.json ")
    account(data, "BTCUSDT")
    assert held.read("testnet") == ["BTCUSDT"]
    assert HeldSymbols(data).problem is None


def test_a_memory_that_cannot_be_written_is_named(data: DataDir) -> None:
    data.state_of("feeder").mkdir()
    account(data, "BTCUSDT")
    held = HeldSymbols(data, remembers=True)
    assert held.read("testnet") == ["BTCUSDT"]
    assert "state/feeder.json cannot be written" in (held.problem or "")


def test_what_cannot_be_a_symbol_is_left_out(data: DataDir) -> None:
    account(data, "BTCUSDT", "../../etc", "a b", "", "X" * 60)
    assert HeldSymbols(data).read("testnet") == ["BTCUSDT"]


def trailing(symbol: str, frame: object) -> dict[str, Any]:
    return position(symbol) | {"trail_frame": frame}


def test_the_klines_by_which_stops_trail_are_remembered_like_the_symbols(data: DataDir) -> None:
    held = HeldSymbols(data, remembers=True)
    assert held.trail_frames("testnet") == []
    positions = {"BTCUSDT": trailing("BTCUSDT", "15m"), "ETHUSDT": trailing("ETHUSDT", None)}
    account(data, positions=positions | {"SOLUSDT": trailing("SOLUSDT", "1m"), "XUSDT": trailing("XUSDT", "25m")})
    assert held.trail_frames("testnet") == ["15m", "1m"], "the exchange has no klines of 25m"
    assert held.trail_frames("live") == []
    data.account.write_bytes(b"{")
    assert held.trail_frames("testnet") == ["15m", "1m"]
    assert HeldSymbols(data).trail_frames("testnet") == ["15m", "1m"], "also after a restart"
    account(data, "BTCUSDT")
    assert held.trail_frames("testnet") == []
    assert HeldSymbols(data).trail_frames("testnet") == []
