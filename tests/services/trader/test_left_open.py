"""What was traded last: an entry that waited for its price does not come back after another mode or account."""

from pathlib import Path

import pytest

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import Mode
from cq_tui.services.trader.left_open import was_elsewhere
from cq_tui.store.document import write_document


@pytest.mark.parametrize(
    ("mode", "account", "is_elsewhere"),
    [("simulation", "simulated:1", False), ("paper", "simulated:1", True), ("simulation", "simulated:2", True)],
)
def test_another_mode_or_account_is_elsewhere(tmp_path: Path, mode: Mode, account: str, is_elsewhere: bool) -> None:
    data = DataDir(tmp_path)
    assert not was_elsewhere(data, mode, account), "nothing was"
    data.account.parent.mkdir(parents=True)
    last = AccountState(timestamp=1.0, mode="simulation", equity=0.0, available_balance=0.0, account="simulated:1")
    write_document(data.account, last)
    assert was_elsewhere(data, mode, account) is is_elsewhere
    data.account.write_text("{")
    assert not was_elsewhere(data, mode, account), "nobody knows"
