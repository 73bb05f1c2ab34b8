"""The stack without the room: ``up``, ``down``, ``status``, ``service``."""

from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_service
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import (
    DataOption,
    JsonOption,
    ReplayOption,
    SeedOption,
    SpeedOption,
    require_data_dir,
    resolve_data_dir,
    tell_version,
)
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.contracts.layout import SERVICES, DataDir


@app.command(short_help="Run all services without the room.")
def up(
    context: typer.Context,
    data_dir: DataOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background.")] = False,
    replay: ReplayOption = None,
    seed: SeedOption = None,
    speed: SpeedOption = None,
    take_over: Annotated[bool, typer.Option("--take-over", hidden=True)] = False,
) -> None:
    """Run all services without the room, until Ctrl-C or `cq-tui down`."""
    _set_market_source(replay, seed, speed)
    data = resolve_data_dir(context, data_dir)
    if detach:
        _start_detached(data)
    else:
        from cq_tui.supervisor.foreground import supervise_in_foreground

        raise typer.Exit(supervise_in_foreground(data, follow=take_over))


def _start_detached(data: DataDir) -> None:
    from cq_tui.supervisor.foreground import is_supervised, prepare
    from cq_tui.supervisor.start import StartupFailed, start_detached

    with report_errors():
        prepare(data)
        if is_supervised(data):
            raise typer.Exit(ExitCode.ALREADY_RUNNING)
        try:
            typer.echo(f"supervisor started (process {start_detached(data)}); `cq-tui status` shows its progress")
        except StartupFailed as error:
            fail(f"the supervisor did not start: {error}", ExitCode.FAILED)


def _set_market_source(replay: Path | None, seed: int | None, speed: float | None) -> None:
    from cq_tui.ops.market_source import RecordingNotFound, set_market_source

    try:
        set_market_source(replay, seed, speed)
    except RecordingNotFound as error:
        fail(error, ExitCode.ERROR)


@app.command(short_help="Stop all services and the supervisor.")
def down(context: typer.Context, data_dir: DataOption = None) -> None:
    """Stop all services and the supervisor. An open room stays open and only watches."""
    import asyncio

    from cq_tui.ops.characters import printable
    from cq_tui.ops.closings import what_stays_open
    from cq_tui.ops.down import DownError, is_running, stop_stack

    data = resolve_data_dir(context, data_dir)
    if not is_running(data):
        # A deleted directory may still have processes.
        require_data_dir(context, data_dir)
    with report_errors():
        try:
            stopped = asyncio.run(stop_stack(data))
        except DownError as error:
            fail(error, ExitCode.FAILED)
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    for line in what_stays_open(data):
        typer.echo(printable(line))


@app.command(short_help="Show overall health.", epilog=describe_results("status"))
def status(context: typer.Context, data_dir: DataOption = None, as_json: JsonOption = False) -> None:
    """Show overall health and the state of each service."""
    import orjson

    from cq_tui.ops.render import status_lines
    from cq_tui.ops.status import read_status

    data = resolve_data_dir(context, data_dir)
    tell_version(data)
    with report_errors():
        found = read_status(data)
    # As bytes: JSON is UTF-8, whatever the terminal's encoding.
    typer.echo(orjson.dumps(found.to_json(), option=orjson.OPT_INDENT_2) if as_json else "\n".join(status_lines(found)))
    raise typer.Exit({"ok": ExitCode.OK, "degraded": ExitCode.FAILED, "error": ExitCode.ERROR}[found.overall])


@app.command()
def service(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help=f"One of {', '.join(SERVICES)}.", autocompletion=complete_service),
    ],
    data_dir: DataOption = None,
) -> None:
    """Run one service in the foreground."""
    from cq_tui.services.foreground import run_in_foreground

    if name not in SERVICES:
        fail(f"unknown service {name!r}. The services are {', '.join(SERVICES)}", ExitCode.ERROR)
    raise typer.Exit(run_in_foreground(name, resolve_data_dir(context, data_dir)))
