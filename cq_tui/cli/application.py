"""The command line as a whole: its help, its entry point, and the room when no command is named."""

import os
import sys
from typing import Annotated

import typer

from cq_tui import __version__
from cq_tui.cli.errors import ExitCode
from cq_tui.cli.options import DataOption, ReplayOption, SeedOption

HELP = """Coin Quant R11: a trading stack, and the room that runs it.

Without a command the room opens, in simulation mode until you choose otherwise: no key, no internet needed.

Exit codes: 0 done or ok, 1 failed or degraded, 2 wrong usage or error, 3 already running, 4 data directory or
settings cannot be used, 5 unsuited terminal, 70 defect, 130 interrupted.
"""

app = typer.Typer(
    help=HELP, add_completion=False, no_args_is_help=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def main() -> None:
    """Run the command line; no traceback ever reaches a person for bad input or a missing file."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away: not our error, and nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.FAILED)
    except Exception as defect:  # noqa: BLE001 - the outermost frame; the system's own code for it would mean "failed"
        import traceback

        traceback.print_exception(defect)
        sys.exit(ExitCode.DEFECT)


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
    view: Annotated[bool, typer.Option("--view", help="Only watch: start and change nothing.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Open the room."""
    if context.invoked_subcommand is not None:
        context.obj = data_dir
        return
    from cq_tui.room.launch import RoomOptions, open_room

    raise typer.Exit(open_room(RoomOptions(data_dir, replay, seed, view)))
