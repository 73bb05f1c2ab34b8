"""The command line: its help, its entry point, and the room as the default command."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cq_tui import __version__
from cq_tui.cli.options import DataOption, ReplayOption, SeedOption, SpeedOption
from cq_tui.contracts.exit_code import ExitCode
from cq_tui.interrupts import raise_on_interrupt
from cq_tui.standard_streams import flush_output, guard_output

HELP = f"""Coin Quant R11: a crypto trading stack for Binance Spot, and the terminal room that runs it.

Without a command, cq-tui opens the room. It starts in simulation mode, which needs no API key and no internet.

Exit codes: {", ".join(f"{code.value} {code.meaning}" for code in ExitCode)}.
"""

app = typer.Typer(help=HELP, no_args_is_help=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main() -> int:
    """Run a command and return its exit code. Bad input or a missing file never ends in a traceback."""
    raise_on_interrupt()
    guard_output()
    code: int = ExitCode.OK
    try:
        app(prog_name="cq-tui")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else ExitCode.OK
    failed = flush_output()
    return code if failed is None else failed


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cq-tui {__version__} (Python {sys.version.partition(' ')[0]})")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def room(
    context: typer.Context,
    data_dir: DataOption = None,
    replay: ReplayOption = None,
    seed: SeedOption = None,
    speed: SpeedOption = None,
    view: Annotated[bool, typer.Option("--view", help="Watch only; start and change nothing.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Plain lines without boxes and colors, for screen readers and pipes.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Open the room."""
    if context.invoked_subcommand is not None:
        context.obj = data_dir
        return
    if plain:
        raise typer.Exit(_open_plainly(data_dir, view=view))
    from cq_tui.room.launch import RoomOptions, open_room

    raise typer.Exit(open_room(RoomOptions(data_dir, replay, seed, view, speed)))


def _open_plainly(data_dir: Path | None, *, view: bool) -> int:
    """Print the room's state, then answer what is typed or piped in; it starts and changes nothing by itself."""
    from cq_tui.contracts.layout import DataDir
    from cq_tui.ops.characters import printable
    from cq_tui.room.controls import OPENED_TO_VIEW
    from cq_tui.room.plain import PlainRoom

    def say(line: str) -> None:
        typer.echo(printable(line))

    room = PlainRoom(DataDir.resolve(data_dir), say, view_only=OPENED_TO_VIEW if view else None)
    room.run(sys.stdin)
    return ExitCode.OK
