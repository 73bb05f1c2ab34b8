"""What became of closing, and what stays open without a trader, in words."""

from pathlib import Path

import pytest

from cq_tui.contracts.account import AccountState, PositionState
from cq_tui.contracts.commands import SymbolClosing
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.closings import closing_lines, stays_open, what_stays_open
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document


def account(**more: object) -> AccountState:
    plain: dict[str, object] = {
        "symbol": "BTCUSDT", "size": 0.1, "entry_price": 1.0, "unrealized_pnl": 0.0, "opened_ts": 1.0, "stop_loss": 0.9,
        "protection": "working", "state": "protected",
    }  # fmt: skip
    position = PositionState(**(plain | more))
    return AccountState(
        timestamp=1.0, mode="simulation", equity=1.0, available_balance=1.0, positions={"BTCUSDT": position}
    )


@pytest.mark.parametrize(
    ("left", "reason", "told"),
    [
        (
            "0.00010000",
            "0.0001 BTC, worth 4 USDT: less than a lot",
            "left: 0.0001 BTC, worth 4.00 USDT: less than a lot",
        ),
        ("0.0001", "0.0001 BTC: less than a lot", "left: 0.0001 BTC, worth 4.00 USDT: less than a lot"),
        ("0.0005", "0.0001 BTC: less than a lot", "left: 0.0005 BTC, worth 4.00 USDT: 0.0001 BTC: less than a lot"),
        ("0.0001", "the exchange is down", "left: 0.0001 BTC, worth 4.00 USDT: the exchange is down"),
        ("0.0001", None, "left: 0.0001 BTC, worth 4.00 USDT"),
    ],
)
def test_what_is_left_is_told_once(left: str, reason: str | None, told: str) -> None:
    row = SymbolClosing(
        symbol="BTCUSDT", result="unsellable", sold="0", proceeds="0", parts=0, left=left, worth=4.0, dust=False,
        reason=reason, base_asset="BTC", quote_asset="USDT",
    )  # fmt: skip
    assert closing_lines([row]) == [f"BTCUSDT  cannot be sold now    {told}"]


def test_it_says_whether_the_stop_stands_at_the_exchange() -> None:
    assert stays_open(account(), 10.0) == ["BTCUSDT 0.1: its stop at 0.9 stands at the exchange"]
    bare = account(protection="missing", state="exposed", unprotected_since_ts=7.0)
    assert stays_open(bare, 10.0) == ["BTCUSDT 0.1: NO STOP (no stop for 3.0 s)"]


def test_positions_without_a_stop_come_first() -> None:
    both = account()
    bare = account(symbol="ETHUSDT", protection="pending").positions["BTCUSDT"]
    both.positions["ETHUSDT"] = bare
    assert [line.split()[0] for line in stays_open(both, 10.0)] == ["ETHUSDT", "BTCUSDT"]


def test_the_last_record_has_an_age_or_is_named_as_unreadable(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    assert what_stays_open(data) == []
    book = {"positions": [{"symbol": "A", "state": "protected"}]}
    write_document(data.state_of("trader"), {"seq": 1, "books": {}, "accounts": {"simulated:7": book}})
    assert what_stays_open(data)[1:] == ["stays open: A: protected on simulated:7, as recorded last"]
    write_document(data.account, account())
    assert what_stays_open(data)[0].startswith("stays open, as of ")
    data.account.write_text("{")
    assert what_stays_open(data)[0].startswith("what stays open is not known: ")
