"""What an account holds beside our coins, before it is sold."""

from pathlib import Path

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.foreign_coins import foreign_lines, read_foreign_lines
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document


def account(**changes: object) -> AccountState:
    plain: dict[str, object] = {"timestamp": 0.0, "mode": "live", "equity": 0.0, "available_balance": 0.0}
    return AccountState.model_validate(plain | changes)


def test_what_is_worth_most_comes_first_and_what_has_no_price_is_said() -> None:
    held = account(foreign_coins={"LDBTC": "0.50", "COIN": "3", "GOLD": "0.250", "USDT": "7"})
    assert foreign_lines(held, {"COINUSDT": 100.0, "GOLDUSDT": 2000.0}) == [
        "GOLD 0.25, worth 500.00 USDT",
        "COIN 3, worth 300.00 USDT",
        "LDBTC 0.5, price not known here",
    ]
    assert foreign_lines(account(), {}) == []


def test_orders_of_others_and_many_coins_are_named_in_few_lines() -> None:
    many = {f"C{number:02}": "1" for number in range(40)}
    lines = foreign_lines(account(foreign_coins=many, foreign_orders=["COINUSDT SELL web_1"]), {})
    assert len(lines) == 32
    assert lines[-2:] == ["and 10 more", "open orders of others that lock such coins are canceled: COINUSDT SELL web_1"]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    assert read_foreign_lines(data)[0].startswith("what the account holds is not known here: ")
    prepare_data_directory(data)
    write_document(data.account, account(foreign_coins={"COIN": "3"}))
    assert read_foreign_lines(data) == ["COIN 3, price not known here"]
