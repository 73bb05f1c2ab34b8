"""Running drills side by side, each on surroundings of its own."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

import httpx

from cq_tui import __version__
from cq_tui.contracts.drills import DrillFigures, DrillReport
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.drills.drill import DRILLED_SERVICES, Drill, Scene
from cq_tui.ops.drills.evidence import evidence_folder, keep_evidence
from cq_tui.ops.drills.field import field_on
from cq_tui.ops.drills.judging import judge
from cq_tui.ops.drills.private_exchange import ExchangeProcess
from cq_tui.ops.drills.services import RunService, services_in
from cq_tui.ops.drills.small_disk import SmallDisk, small_disk
from cq_tui.ops.drills.surroundings import private_environment, private_folder
from cq_tui.ops.drills.waiting import DrillFailed
from cq_tui.ops.drills.warden import end_processes
from cq_tui.store.reserve import describe_error

#: Drills side by side: each has five processes, which mostly wait.
SIDE_BY_SIDE = 4
_DISK_MEBIBYTES, _SMALL_MEBIBYTES = 64, 4

#: Takes a drill's name and what happens in it now.
Tell = Callable[[str, str], object]


async def run_drills(
    drills: Sequence[Drill],
    data: DataDir,
    *,
    tell: Tell = lambda *_: None,
    done: Callable[[DrillReport, Path], object] = lambda *_: None,
    sabotage: bool = False,
    side_by_side: int = SIDE_BY_SIDE,
    services: Callable[[Mapping[str, str]], RunService] = services_in,
) -> list[DrillReport]:
    """Run drills, keep their evidence in the user's data directory, and return their reports. Raises OSError.

    With ``sabotage`` the product's answer is broken on purpose, and each should fail. ``services`` returns what runs
    services in an environment.
    """
    places = asyncio.Semaphore(side_by_side)

    async def run_one(drill: Drill, folder: Path) -> DrillReport:
        async with places:
            started = time.time()
            kept: list[Path] = []

            def keep(report: DrillReport) -> None:
                kept.append(evidence_folder(data, drill.name, started))
                keep_evidence(kept[0], folder, report)

            report = await _run(drill, folder, lambda text: tell(drill.name, text), sabotage, services, keep)
            done(report, kept[0] if kept else data.drills)
            return report

    with private_folder() as root:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run_one(drill, root / drill.name)) for drill in drills]
    return [task.result() for task in tasks]


async def _run(
    drill: Drill,
    folder: Path,
    tell: Callable[[str], object],
    sabotage: bool,
    services: Callable[[Mapping[str, str]], RunService],
    keep: Callable[[DrillReport], object],
) -> DrillReport:
    """Run one drill, have its evidence kept and return its report, whatever happens in it."""
    started, began = time.time(), time.monotonic()
    folder.mkdir(mode=0o700)
    environment = private_environment(folder / "config")
    figures: DrillFigures | None = None
    problems: list[str] = []
    scene: Scene | None = None
    with _disk(drill, folder / "data") as disk:
        try:
            async with AsyncExitStack() as stack:
                tell("starts an exchange and services")
                exchange = await asyncio.to_thread(
                    ExchangeProcess, *drill.symbols, environment=environment, folder=folder / "exchange"
                )
                stack.callback(exchange.close)
                runs = services(environment)
                field = await stack.enter_async_context(
                    field_on(DataDir(folder / "data"), exchange, runs, *drill.symbols, **drill.settings)
                )
                broken = drill.sabotage if sabotage else None
                scene = Scene(field, folder, runs, environment, tell, broken, disk, began)
                await _start(drill, scene)
                await drill.play(scene)
                figures, problems = await judge(drill, scene)
        except (DrillFailed, httpx.HTTPError, OSError) as error:
            problems = [str(error) or type(error).__name__]
        finally:
            await asyncio.to_thread(end_processes, folder)
            if scene is not None:
                scene.forget_processes()
        report = DrillReport(
            drill=drill.name,
            description=drill.description,
            version=__version__,
            started_ts=started,
            seconds=round(time.monotonic() - began, 2),
            passed=not problems,
            problem="; ".join(problems) or None,
            sabotaged=sabotage,
            steps=scene.steps if scene else [],
            figures=figures,
        )
        return await _with_evidence(report, keep)


async def _with_evidence(report: DrillReport, keep: Callable[[DrillReport], object]) -> DrillReport:
    """Have a drill's evidence kept, and return its report: one without evidence shows nothing."""
    try:
        await asyncio.to_thread(keep, report)
    except OSError as error:
        problem = f"its evidence cannot be kept: {describe_error(error)}"
        problems = "; ".join(filter(None, (report.problem, problem)))
        return report.model_copy(update={"passed": False, "problem": problems})
    return report


async def _start(drill: Drill, scene: Scene) -> None:
    """Start the services, and wait until they trade."""
    if drill.is_supervised:
        await scene.supervise()
    else:
        await scene.field.start(*DRILLED_SERVICES)
    await scene.field.begin()


@contextmanager
def _disk(drill: Drill, folder: Path) -> Iterator[SmallDisk | None]:
    """Mount a small file system for the data directory; reports and prices have their own, or they would block."""
    if not drill.needs_small_disk:
        yield None
        return
    with ExitStack() as mounts:
        disk = mounts.enter_context(small_disk(folder, _DISK_MEBIBYTES))
        if disk is not None:
            for name in (DataDir(folder).health, DataDir(folder).tickers.parent):
                mounts.enter_context(small_disk(name, _SMALL_MEBIBYTES))
        yield disk
