"""Every drill passes, and fails as soon as the stack's answer is broken; services start quickly here."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from cq_tui.contracts.drills import DrillReport
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.drills.catalog import DRILLS
from cq_tui.ops.drills.drill import Drill
from cq_tui.ops.drills.evidence import last_reports
from cq_tui.ops.drills.names import DRILL_NAMES
from cq_tui.ops.drills.run import run_drills
from cq_tui.ops.drills.services import RunService
from tests.services.processes import RunningService, running

#: They mostly wait.
_SIDE_BY_SIDE = 5
#: Broken in every run: each way of breaking an answer once. ``make torture`` breaks all.
_BROKEN = ("lost-stream", "second-instance", "kill-everything")


def test_names_are_those_of_the_catalog() -> None:
    assert tuple(drill.name for drill in DRILLS) == DRILL_NAMES


def _services(environment: Mapping[str, str]) -> RunService:
    """Run services as other tests do, each drill with its own configuration folder."""

    def run(name: str, data: DataDir, **variables: str) -> AbstractAsyncContextManager[RunningService]:
        return running(name, data, **({"CQ_CONFIG_DIR": environment["CQ_CONFIG_DIR"]} | variables))

    return run


async def _run(drills: Sequence[Drill], root: Path, *, sabotage: bool) -> list[DrillReport]:
    began = time.monotonic()
    reports = await run_drills(
        drills, DataDir(root), sabotage=sabotage, side_by_side=_SIDE_BY_SIDE, services=_services,
        tell=lambda drill, text: print(f"{time.monotonic() - began:6.1f} {drill}: {text}"),
    )  # fmt: skip
    for report in reports:
        print(f"{report.drill}: {report.seconds} s {report.problem} {report.figures}")
    return reports


async def test_a_drill_whose_evidence_cannot_be_kept_says_so(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    data.root.mkdir()
    data.drills.write_text("a file")
    told: list[DrillReport] = []
    unlisted = replace(DRILLS[0], symbols=("NONE",))
    reports = await run_drills([unlisted], data, done=lambda report, _: told.append(report))
    assert reports == told
    [report] = reports
    assert not report.passed
    assert "its evidence cannot be kept" in (report.problem or "")


@pytest.mark.stack
@pytest.mark.timeout(400)
async def test_every_drill_passes(tmp_path: Path) -> None:
    reports = await _run(DRILLS, tmp_path, sabotage=False)
    assert [report.drill for report in reports if not report.passed] == []
    assert last_reports(DataDir(tmp_path)).keys() == set(DRILL_NAMES)
    secrets = [path for path in tmp_path.rglob("*") if path.is_file() and b"BINANCE_API_SECRET" in path.read_bytes()]
    assert secrets == []


@pytest.mark.stack
@pytest.mark.timeout(400)
async def test_every_drill_fails_when_the_answer_is_broken(tmp_path: Path) -> None:
    drills = [drill for drill in DRILLS if "CQ_HEAVY_TESTS" in os.environ or drill.name in _BROKEN]
    assert len(drills) >= len(_BROKEN)
    reports = await _run(drills, tmp_path, sabotage=True)
    assert [report.drill for report in reports if report.passed] == []
    # The failure was there: it is no drill that does not begin.
    assert [report.drill for report in reports if "not so within 3 s" not in str(report.problem)] == []
