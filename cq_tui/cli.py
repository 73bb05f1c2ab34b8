"""The commands. Each reads its words, calls one function, prints, and turns errors into exit codes.

Exit codes: 0 done (``status``: ok), 1 failed or degraded, 2 wrong usage or error, 3 already running, 4 the data
directory or a setting cannot be used, 5 the terminal is not suited, 130 interrupted.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cq_tui import __version__
from cq_tui.contracts.layout import SERVICES, DataDir

if TYPE_CHECKING:
    from cq_tui.store.settings_file import LoadedSettings

HELP = """Coin Quant R11: a trading stack, and the room that runs it.

Without a command the room opens, in simulation mode until you choose otherwise: no key, no internet needed.

Exit codes: 0 done or ok, 1 failed or degraded, 2 wrong usage or error, 3 already running, 4 data directory or
settings cannot be used, 5 unsuited terminal, 130 interrupted.
"""


class Exit(IntEnum):
    """Exit codes."""

    OK = 0
    FAILED = 1
    ERROR = 2
    ALREADY_RUNNING = 3
    UNUSABLE = 4
    TERMINAL = 5
    INTERRUPTED = 130


app = typer.Typer(
    help=HELP, add_completion=False, no_args_is_help=False, rich_markup_mode=None, pretty_exceptions_enable=False
)
config = typer.Typer(help="Read and change settings (ssot/env.json).", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config, name="config")

DataOption = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Data directory; else CQ_DATA_DIR, else ./shared_data."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReplayOption = Annotated[
    Path | None, typer.Option("--replay", metavar="DIR", help="Play recorded klines or trades instead of made prices.")
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, metavar="NUMBER", help="Seed of the simulated market.")
]


def main() -> None:
    """Run the command line; no traceback ever reaches a person for bad input or a missing file."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away: not our error, and nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.FAILED)


def _fail(message: object, code: Exit) -> NoReturn:
    typer.echo(f"cq-tui: {message}", err=True)
    raise typer.Exit(code)


@contextmanager
def _errors_told() -> Iterator[None]:
    """Turn what a person can mend into one line and an exit code."""
    from cq_tui.store.folders import DataDirError
    from cq_tui.store.journal import JournalError
    from cq_tui.store.lock import LockHeld
    from cq_tui.store.settings_file import SettingsError

    try:
        yield
    except LockHeld as error:
        _fail(error, Exit.ALREADY_RUNNING)
    except (DataDirError, SettingsError, JournalError) as error:
        _fail(error, Exit.UNUSABLE)
    except BrokenPipeError:
        raise
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error, Exit.UNUSABLE)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cq-tui {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def room(
    context: typer.Context,
    data_dir: DataOption = None,
    replay: ReplayOption = None,
    seed: SeedOption = None,
    view: Annotated[bool, typer.Option("--view", help="Only watch: start and change nothing.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Version.")] = False,
) -> None:
    """Open the room."""
    if context.invoked_subcommand is not None:
        context.obj = data_dir
        return
    from cq_tui.room.opening import RoomOptions, open_room

    raise typer.Exit(open_room(RoomOptions(data_dir, replay, seed, view)))


def _choose_prices(replay: Path | None, seed: int | None) -> None:
    from cq_tui.ops.market_source import RecordingMissing, choose_prices

    try:
        choose_prices(replay, seed)
    except RecordingMissing as error:
        _fail(error, Exit.ERROR)


def _data(context: typer.Context, data_dir: Path | None) -> DataDir:
    return DataDir.resolve(data_dir or context.find_root().obj)


def _existing(context: typer.Context, data_dir: Path | None) -> DataDir:
    data = _data(context, data_dir)
    if not data.root.is_dir():
        what = "is no directory" if data.root.exists() else "is not there"
        _fail(f"data directory {data.root} {what}. Name another with --data-dir", Exit.UNUSABLE)
    return data


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
    data = _data(context, data_dir)
    with _errors_told():
        prepare(data)
        if detach:
            _refuse_second_supervisor(data)
            try:
                typer.echo(f"supervisor started, process {start_detached(data)}. `cq-tui status` shows how it goes")
            except NotStarted as error:
                _fail(f"the supervisor did not start: {error}", Exit.FAILED)
        elif not run_headless(data, take_over=take_over, say=typer.echo):
            _refuse_second_supervisor(data)


def _refuse_second_supervisor(data: DataDir) -> None:
    from cq_tui.store.lock import read_holder

    if holder := read_holder(data.lock_of("supervisor")):
        message = f"a supervisor is already at work here (process {holder.pid}). `cq-tui status` shows it"
        _fail(message, Exit.ALREADY_RUNNING)


@app.command(short_help="Stop all services and their supervisor.")
def down(context: typer.Context, data_dir: DataOption = None) -> None:
    """Stop all services and their supervisor; an open room stays, and only watches."""
    import asyncio

    from cq_tui.ops.down import DownError, bring_down

    data = _existing(context, data_dir)
    with _errors_told():
        try:
            stopped = asyncio.run(bring_down(data))
        except DownError as error:
            _fail(error, Exit.FAILED)
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command(short_help="Show how the stack is.")
def status(context: typer.Context, data_dir: DataOption = None, as_json: JsonOption = False) -> None:
    """Show how the stack is; exits 0 ok, 1 degraded, 2 error."""
    import orjson

    from cq_tui.ops.render import status_lines
    from cq_tui.ops.status import read_status

    with _errors_told():
        found = read_status(_data(context, data_dir))
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
        _fail(f"there is no service {name!r}. There are {', '.join(SERVICES)}", Exit.ERROR)
    with _errors_told():
        code = run_service(name, _data(context, data_dir))
    raise typer.Exit(code)


@app.command(short_help="Write a debug bundle.")
def bundle(context: typer.Context, data_dir: DataOption = None) -> None:
    """Write a debug bundle for whoever helps, and print its path; it holds no secret."""
    from cq_tui.ops.bundle import export_bundle

    data = _existing(context, data_dir)
    with _errors_told():
        typer.echo(export_bundle(data))


@app.command()
def exchange(
    context: typer.Context,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="NUMBER", help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 0,
    seed: SeedOption = None,
    symbols: Annotated[
        str | None, typer.Option("--symbols", metavar="NAMES", help="Names separated by commas.")
    ] = None,
    replay: ReplayOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print URLs, key and secret in one line when ready.")] = False,
    data_dir: DataOption = None,
) -> None:
    """Run the simulated exchange alone, for any Binance client."""
    from cq_tui.ops.exchange import ExchangeError, run_exchange

    # Only a directory that is named keeps the orders: alone, the exchange leaves nothing behind.
    named = data_dir or context.find_root().obj or os.environ.get("CQ_DATA_DIR")
    data = _data(context, data_dir) if named else None
    with _errors_told():
        try:
            run_exchange(port=port, seed=seed, symbols=symbols, replay=replay, data=data, as_json=as_json)
        except ExchangeError as error:
            _fail(error, Exit.FAILED)


@app.command(short_help="Sell what is held, at market.")
def flatten(
    context: typer.Context,
    symbol: Annotated[str | None, typer.Argument(metavar="[SYMBOL]")] = None,
    data_dir: DataOption = None,
) -> None:
    """Sell what is held of one symbol, or of all, at market."""
    _request(_existing(context, data_dir), "flatten", "trader", symbol)


@app.command()
def release(
    context: typer.Context, symbol: Annotated[str, typer.Argument(metavar="SYMBOL")], data_dir: DataOption = None
) -> None:
    """Let a quarantined symbol trade again."""
    _request(_existing(context, data_dir), "release_symbol", "trader", symbol)


@app.command(short_help="Accept the faults that memory names.")
def acknowledge(context: typer.Context, data_dir: DataOption = None) -> None:
    """Accept the faults that memory names, so that trading goes on; nothing is erased."""
    _request(_existing(context, data_dir), "acknowledge_faults", "memory", None)


def _request(data: DataDir, command: str, service: str, target: str | None) -> None:
    """Ask a running service for something and print its answer."""
    import asyncio

    from cq_tui.store.control import issue, wait_for_answer

    with _errors_told():
        answer = asyncio.run(wait_for_answer(data, issue(data, command, service, issued_by="cli", target=target)))
    if answer.outcome != "done":
        _fail(f"{answer.outcome}: {answer.message}", Exit.FAILED)
    typer.echo(answer.message or "done")


@config.command("get")
def config_get(
    context: typer.Context, key: Annotated[str, typer.Argument(metavar="KEY")], data_dir: DataOption = None
) -> None:
    """Print one setting that is in force."""
    from cq_tui.contracts.settings import SETTING_KEYS
    from cq_tui.ops.render import as_text, printable
    from cq_tui.store.settings_file import shown_value

    if key not in SETTING_KEYS:
        _fail(f"{key} is no setting. `cq-tui config show` lists them all", Exit.UNUSABLE)
    loaded = _settings(_data(context, data_dir))
    if loaded.problem:
        typer.echo(f"cq-tui: {printable(loaded.problem)}", err=True)
    typer.echo(as_text(shown_value(key, getattr(loaded.settings, key))))


@config.command("set")
def config_set(
    context: typer.Context,
    pairs: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="- as value reads it from the terminal.")],
    data_dir: DataOption = None,
) -> None:
    """Change settings; running services follow at once."""
    from cq_tui.ops.asking import ask
    from cq_tui.ops.render import as_text, parse_pairs
    from cq_tui.ops.settings import changes_mode, mode_change_obstacles, set_settings

    data = _data(context, data_dir)
    with _errors_told():
        changes = parse_pairs(pairs, ask)
        if changes_mode(data, changes) and (obstacles := mode_change_obstacles(data)):
            _fail("the mode cannot change while something is open:\n  " + "\n  ".join(obstacles), Exit.FAILED)
        done = set_settings(data, changes, "cli")
    for change in done:
        typer.echo(f"{change.key}: {as_text(change.old_value)} -> {as_text(change.new_value)}")
    if not done:
        typer.echo("nothing changed")


@config.command("show")
def config_show(context: typer.Context, data_dir: DataOption = None, as_json: JsonOption = False) -> None:
    """List all settings that are in force, and where each comes from."""
    import orjson

    from cq_tui.ops.render import setting_lines, setting_values

    loaded = _settings(_data(context, data_dir))
    if as_json:
        typer.echo(orjson.dumps(setting_values(loaded), option=orjson.OPT_INDENT_2).decode())
    else:
        typer.echo("\n".join(setting_lines(loaded)))


def _settings(data: DataDir) -> "LoadedSettings":
    from cq_tui.store.settings_file import SettingsError, load_settings

    # Without _errors_told: the room comes through here, and what that imports would delay its first paint.
    try:
        return load_settings(data.settings)
    except SettingsError as error:
        _fail(error, Exit.UNUSABLE)
