"""Whoever reads the history takes an imported event for what it is: another installation's, and none of ours."""

from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.bundle import export_bundle
from cq_tui.ops.event_summary import summarize_event
from cq_tui.ops.migrate.run import migrate
from cq_tui.ops.status import read_status
from cq_tui.ops.verify import verify_history
from cq_tui.services.trader.signal_lines import read_signal
from cq_tui.services.trader.trader_state import TraderState, restore_state
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.history.noted import NotedEvents
from cq_tui.store.reading.event import parse_event
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.events_file import open_events
from cq_tui.store.spools.own_events import read_own_events
from tests.ops.migrate.installations import EVENTS, r11

OF_OURS = {
    "event_id": "evt_1761299390_001",
    "timestamp": 1761299390.5,
    "event_type": "integrity_fault",
    "source": "memory",
    "data": {"symbol": "BTCUSDT", "reason": "made up"},
    "metadata": {"writer": "trader", "seq": 2, "occurred_at": 1.0},
}


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(r11(tmp_path / "old", events=[*EVENTS, OF_OURS]))
    migrate(data)
    prepare_data_directory(data)
    return data


def test_the_trader_finds_no_event_and_no_signal_of_its_own(data: DataDir) -> None:
    own = read_own_events(data, "trader")
    assert list(own) == []
    assert (own.missing, own.problems) == ([], [])
    assert restore_state(data).to_plain() == TraderState().to_plain()
    log = CapturingLogger()
    assert [read_signal(line, log) for line in data.events.read_bytes().splitlines()] == [None] * 5
    assert log.calls == []


def test_no_filter_takes_one_for_an_event_of_ours(data: DataDir) -> None:
    with open_events(data.events) as events:
        assert list(events.all_entries(EventFilter(["order_executed", "signal_generated"]))) == []
        assert list(events.all_entries(EventFilter(symbol="BTCUSDT"))) == []
        assert len(list(events.all_entries(EventFilter(["imported_event"])))) == 4


def test_no_fault_of_theirs_is_one_of_ours(data: DataDir) -> None:
    report = verify_history(data)
    assert (report.faults, report.result.noted, report.acceptances) == ([], NotedEvents(), [])


def test_each_is_summarized_as_anothers(data: DataDir) -> None:
    events = [parse_event(line) for line in data.events.read_bytes().splitlines()]
    words = [summarize_event(event) for event in events if event is not None]
    assert words[0].startswith(f"4 events of R11 taken over from {data.root}; their chain: hashes and links of 1 block")
    assert words[2] == "order_executed of trader, another installation: BTCUSDT BUY 2 @ 60,000 filled"


def test_status_and_bundle_cope(data: DataDir) -> None:
    assert read_status(data).to_json()["data_version"] == "1.3"
    assert export_bundle(data).exists()
