"""The drills of a room: one process runs them, and what it says is kept here, whichever screen is open."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import orjson

from cq_tui.room.child_process import let_go
from cq_tui.room.controls import Controls

if TYPE_CHECKING:
    from cq_tui.contracts.drills import DrillReport
    from cq_tui.contracts.layout import DataDir

DrillState = Literal["never", "waiting", "running", "passed", "failed"]


@dataclass(frozen=True, slots=True)
class DrillRow:
    """One drill, as far as it is known."""

    name: str
    description: str
    state: DrillState = "never"
    #: Seconds since it began, or that it took.
    seconds: float = 0.0
    #: Seconds from the start of the process to its beginning: few run at a time.
    waited: float = 0.0
    #: What happens now, or the result in words.
    text: str = ""
    steps: tuple[str, ...] = ()
    evidence: str = ""


class DrillRunner:
    """Runs drills in a process that ends with this room, and is ended by it. ``on_change`` is called for each line."""

    def __init__(self, data: "DataDir", controls: Controls) -> None:
        self._data = data
        self._controls = controls
        self.rows: dict[str, DrillRow] = {}
        self.is_running = False
        self.on_change: Callable[[], object] = lambda: None
        #: The process that runs drills now.
        self.process: asyncio.subprocess.Process | None = None

    async def load(self) -> None:
        """Read which drills there are, and their last results, in a thread: the drills import much."""
        if not self.rows:
            self.rows = await asyncio.to_thread(_known_rows, self._data)
            self.on_change()

    async def run(self, name: str) -> None:
        """Run a drill, or all, until it has ended. Raises RequestRefused or OSError."""
        asked = [each for each in self.rows if name in (each, "all")]
        self.is_running = True
        process: asyncio.subprocess.Process | None = None
        for each in asked:
            self._change(each, state="waiting", text="waits for its turn", steps=(), evidence="", seconds=0.0)
        try:
            process = self.process = await self._controls.start_drill(name)
            assert process.stdout is not None
            async for line in process.stdout:
                self._take(line)
        finally:
            self.is_running = False
            await self.stop()
            if process is not None:
                await let_go(process)
            for each in asked:
                if self.rows[each].state in ("waiting", "running"):
                    self._change(each, state="never", text="ended before it was over")

    async def stop(self) -> None:
        """End the process, if there is one; its warden ends and removes what it started."""
        process, self.process = self.process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    def _take(self, line: bytes) -> None:
        """Take one line of what the process says."""
        try:
            told: dict[str, Any] = orjson.loads(line)
            row = self.rows[told["drill"]]
        except (ValueError, KeyError, TypeError):
            return
        if "step" in told:
            text, told_at = str(told["step"]), float(told["seconds"])
            waited = row.waited if row.steps else told_at
            seconds = told_at - waited
            steps = (*row.steps, f"{seconds:6.1f} s  {text}")
            self._change(row.name, state="running", text=text, seconds=seconds, waited=waited, steps=steps)
        else:
            from cq_tui.contracts.drills import DrillReport

            report = DrillReport.model_validate(told["report"])
            self.rows[row.name] = replace(_with_report(row, report), evidence=str(told["evidence"]))
            self.on_change()

    def _change(self, name: str, **changes: Any) -> None:
        self.rows[name] = replace(self.rows[name], **changes)
        self.on_change()


def _known_rows(data: "DataDir") -> dict[str, DrillRow]:
    from cq_tui.ops.drills.catalog import DRILLS
    from cq_tui.ops.drills.evidence import last_reports

    reports = last_reports(data)
    rows = {drill.name: DrillRow(drill.name, drill.description) for drill in DRILLS}
    return {name: _with_report(row, reports[name]) if name in reports else row for name, row in rows.items()}


def _with_report(row: DrillRow, report: "DrillReport") -> DrillRow:
    """Return the row with a result."""
    from cq_tui.ops.drills.telling import describe_figures

    figures = describe_figures(report.figures) if report.figures is not None else ""
    steps = tuple(f"{step.at:6.1f} s  {step.text}" for step in report.steps) or row.steps
    text = report.problem or figures
    return replace(row, state="passed" if report.passed else "failed", seconds=report.seconds, text=text, steps=steps)
