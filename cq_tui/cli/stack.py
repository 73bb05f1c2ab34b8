"""Running the stack without the room: ``up``, ``down``, ``status``, ``service``."""

from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.ending import Exit, errors_told, fail
from cq_tui.cli.options import (
    DataOption,
    JsonOption,
    ReplayOption,
    SeedOption,
    data_directory,
    existing_data_directory,
)
from cq_tui.contracts.layout import SERVICES, DataDir


@app.command(short_help="Run all services without the room.")
def up(
    context: typer.Context,
    data_dir: DataOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background.")] = False,
    replay: ReplayOption = None,
    seed: SeedOption = None,
    take_over: Annotated[bool, typer.Option("--take-over", hidden=True)] = False,
) -> None:
    """Run all services without the room, until Ctrl-C or `cq-tui down`."""
    from cq_tui.store.folders import prepare
    from cq_tui.supervisor.headless import NotStarted, run_headless, start_detached

    _choose_prices(replay, seed)
    data = data_directory(context, data_dir)
    with errors_told():
        prepare(data)
        if detach:
            _refuse_second_supervisor(data)
            try:
                typer.echo(f"supervisor started, process {start_detached(data)}. `cq-tui status` shows how it goes")
            except NotStarted as error:
                fail(f"the supervisor did not start: {error}", Exit.FAILED)
        elif not run_headless(data, take_over=take_over, say=typer.echo):
            _refuse_second_supervisor(data)


def _choose_prices(replay: Path | None, seed: int | None) -> None:
    from cq_tui.ops.market_source import RecordingMissing, choose_prices

    try:
        choose_prices(replay, seed)
    except RecordingMissing as error:
        fail(error, Exit.ERROR)


def _refuse_second_supervisor(data: DataDir) -> None:
    from cq_tui.store.lock import read_holder

    if holder := read_holder(data.lock_of("supervisor")):
        message = f"a supervisor is already at work here (process {holder.pid}). `cq-tui status` shows it"
        fail(message, Exit.ALREADY_RUNNING)


@app.command(short_help="Stop all services and their supervisor.")
def down(context: typer.Context, data_dir: DataOption = None) -> None:
    """Stop all services and their supervisor; an open room stays, and only watches."""
    import asyncio

    from cq_tui.ops.down import DownError, bring_down

    data = existing_data_directory(context, data_dir)
    with errors_told():
        try:
            stopped = asyncio.run(bring_down(data))
        except DownError as error:
            fail(error, Exit.FAILED)
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command(short_help="Show how the stack is.")
def status(context: typer.Context, data_dir: DataOption = None, as_json: JsonOption = False) -> None:
    """Show how the stack is; exits 0 ok, 1 degraded, 2 error."""
    import orjson

    from cq_tui.ops.render import status_lines
    from cq_tui.ops.status import read_status

    with errors_told():
        found = read_status(data_directory(context, data_dir))
    told = orjson.dumps(found.to_json(), option=orjson.OPT_INDENT_2).decode() if as_json else None
    typer.echo(told or "\n".join(status_lines(found)))
    raise typer.Exit({"ok": Exit.OK, "degraded": Exit.FAILED, "error": Exit.ERROR}[found.overall])


@app.command()
def service(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(SERVICES)}.")],
    data_dir: DataOption = None,
) -> None:
    """Run one service in the foreground."""
    from cq_tui.services.runner import run_service

    if name not in SERVICES:
        fail(f"there is no service {name!r}. There are {', '.join(SERVICES)}", Exit.ERROR)
    with errors_told():
        code = run_service(name, data_directory(context, data_dir))
    raise typer.Exit(code)
