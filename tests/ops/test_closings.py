"""What stays open without a trader, in words."""

from pathlib import Path

from cq_tui.contracts.account import AccountState, PositionState
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.closings import stays_open, what_stays_open
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
