"""Drills: ``drill``."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_drill
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, ParentOption, resolve_data_dir
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.standard_streams import print_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cq_tui.contracts.drills import DrillReport
    from cq_tui.contracts.layout import DataDir
    from cq_tui.ops.drills.drill import Drill


@app.command(short_help="Rehearse a failure on a private exchange.", epilog=describe_results("drill"))
def drill(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A drill, or all.", autocompletion=complete_drill),
    ] = None,
    list_drills: Annotated[bool, typer.Option("--list", help="List the drills.")] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Break the stack on purpose: each drill has to fail.")
    ] = False,
    with_parent: ParentOption = False,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """Rehearse a failure with real services, and judge how they answer it.

    Each drill has an exchange and a data directory of its own, which are gone afterwards; your settings, keys and
    account are never used. Its evidence is kept in drills/ of your data directory.
    """
    from cq_tui.ops.drills.catalog import DRILLS

    if list_drills:
        for each in DRILLS:
            typer.echo(f"{each.name}\n    {each.description}")
        return
    chosen = [each for each in DRILLS if name in (each.name, "all")]
    if not chosen:
        what = "name a drill" if name is None else f"unknown drill {name!r}. Name one"
        fail(f"{what}, or all: {', '.join(each.name for each in DRILLS)}", ExitCode.ERROR)
    if with_parent:
        from cq_tui.cli.with_parent import end_with_parent

        end_with_parent()
    with report_errors():
        reports = _run(chosen, resolve_data_dir(context, data_dir), as_json=as_json, self_test=self_test)
    as_wanted = [report.passed is not self_test for report in reports]
    if len(reports) > 1 and not as_json:
        typer.echo(f"{sum(as_wanted)} of {len(reports)} {'failed, as they have to' if self_test else 'passed'}")
    raise typer.Exit(ExitCode.OK if all(as_wanted) else ExitCode.FAILED)


def _run(drills: "Sequence[Drill]", data: "DataDir", *, as_json: bool, self_test: bool) -> "list[DrillReport]":
    import asyncio

    from cq_tui.ops.drills import telling
    from cq_tui.ops.drills.run import run_drills
    from cq_tui.store.data_directory import prepare_data_directory

    if notice := prepare_data_directory(data):
        print_error(notice)
    began = time.monotonic()

    def tell(name: str, text: str) -> None:
        seconds = time.monotonic() - began
        line = telling.step_json(name, seconds, text) if as_json else telling.step_line(name, seconds, text)
        typer.echo(line)

    def tell_result(report: "DrillReport", evidence: "Path") -> None:
        seconds = time.monotonic() - began
        lines = [telling.result_json(report, evidence)] if as_json else telling.result_lines(report, evidence, seconds)
        for line in lines:
            typer.echo(line)

    return asyncio.run(run_drills(drills, data, tell=tell, done=tell_result, sabotage=self_test))
