"""Memory reports while it verifies a long history at its start: silence would look like a hang."""

import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from cq_tui.contracts.health import MemoryHealth
from cq_tui.ops.history_verdicts import judge_memory
from cq_tui.ops.verdict import ServiceFacts, judge
from cq_tui.services.memory import start_report
from cq_tui.services.memory.start_report import StartReports
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.document import read_document, write_document
from cq_tui.store.history.writer import HistoryWriter
from tests.services.memory_in_process import remember
from tests.services.processes import data_directory
from tests.store.history.histories import made


def test_the_verified_share_grows_to_the_whole(tmp_path: Path) -> None:
    data = made(tmp_path, 5_000, batch=500)
    shares: list[float] = []
    with closing(HistoryWriter(data, now=3.0, on_progress=shares.append)):
        assert shares == sorted(shares)
    assert len(shares) > 1
    assert shares[-1] == 1.0


@pytest.mark.parametrize("intact", [True, False])
async def test_it_repeats_the_last_findings_and_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intact: bool
) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(start_report, "_INTERVAL", 0.0)
    data = data_directory(tmp_path / "data")
    await remember(data)
    before = read_document(data.health_of("memory"), MemoryHealth)
    if not intact:
        fields = {
            "integrity_ok": False,
            "reason": "an event was changed",
            "fault_kinds": {"history": 1},
            "status": "error",
        }
        write_document(data.health_of("memory"), before.model_copy(update=fields))
    runtime = ServiceRuntime("memory", data)
    try:
        StartReports(runtime)(0.344)
    finally:
        runtime.close()
    found = read_document(data.health_of("memory"), MemoryHealth)
    assert (found.pid, found.ready, found.waiting_for) == (os.getpid(), False, "verifying the history, 34% done")
    assert (found.events_count, found.merkle_root) == (before.events_count, before.merkle_root)
    assert found.status == ("degraded" if intact else "error")
    now = time.time()
    verdict = judge(ServiceFacts("memory", found, holder=os.getpid()), now)
    assert verdict.word == ("starting" if intact else "error")
    history = judge_memory(found, verdict, 60.0, now)
    assert history is not None
    assert history.integrity.level == ("idle" if intact else "bad")


def test_it_reports_once_a_second_and_without_an_earlier_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = data_directory(tmp_path / "data")
    runtime = ServiceRuntime("memory", data)
    try:
        reports = StartReports(runtime)
        reports(0.1)
        assert not data.health_of("memory").exists()
        monkeypatch.setattr(start_report, "_INTERVAL", 0.0)
        reports(1.1)
    finally:
        runtime.close()
    found = read_document(data.health_of("memory"), MemoryHealth)
    assert (found.status, found.full_check_progress, found.events_count) == ("degraded", 1.0, 0)
