"""The health of others as the core is told of it: what cannot be read is missing, never well."""

import pytest

from cq_tui.binance.request_budget import BudgetState, RateWindow
from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.health_inputs import limits_problem_of, read_health
from cq_tui.store.reserve import Reserve
from cq_tui.trading.entry_context import HealthReport
from tests.services.processes import report


def test_nothing_there_is_no_report(data: DataDir) -> None:
    seen = read_health(data)
    assert (seen.ares, seen.feeder, seen.market) == (HealthReport(), HealthReport(), None)
    assert not seen.memory.intact


def test_reports_are_told_with_their_time_and_reason(data: DataDir) -> None:
    report(data, "ares", last_update_ts=5.0, status="degraded", reason="warming")
    report(data, "feeder", mode="testnet")
    report(data, "memory", integrity_ok=False)
    seen = read_health(data)
    assert seen.ares == HealthReport("degraded", 5.0, True, "warming")
    assert (seen.market, seen.feeder.status, seen.memory.intact) == ("testnet", "ok", False)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"service": "ares"}'])
def test_a_damaged_report_is_none(data: DataDir, content: bytes) -> None:
    data.health_of("ares").write_bytes(content)
    assert read_health(data).ares == HealthReport()


def test_a_full_disk_is_told(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_health(data).disk_problem is None
    monkeypatch.setattr(Reserve, "problem", "the disk is full")
    assert read_health(data).disk_problem == "the disk is full"


def test_limits_that_leave_no_room_for_an_entry_are_told_with_their_end() -> None:
    now_ms = 1_000_000_000_000
    free = BudgetState(RateWindow(60, 6000), (RateWindow(10, 100),))
    assert limits_problem_of(free, now_ms) is None
    assert limits_problem_of(free.with_block(52.0, now_ms), now_ms) == "for 52 s"
    assert limits_problem_of(free.with_block(52.0, now_ms), now_ms + 51_500) == "for 1 s"
    assert limits_problem_of(free.with_block(52.0, now_ms), now_ms + 52_000) is None
    almost_full = free.with_reservation(1, now_ms, orders=98)
    assert limits_problem_of(almost_full, now_ms) == "for 10 s", "an entry is three orders"
