"""Open the room from the command line, importing as little as possible before the first paint."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.standard_streams import print_error


class RoomOptions(NamedTuple):
    """Options of ``cq-tui`` without a command."""

    data_dir: Path | None = None
    replay: Path | None = None
    seed: int | None = None
    view: bool = False
    speed: float | None = None


def parse_room_options(arguments: Sequence[str]) -> RoomOptions | None:
    """Parse the arguments if they only open the room; None leaves them, and their errors, to the full command line."""
    values: dict[str, str] = {}
    view = False
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if name == "--view" and not equals:
            view = True
        elif name in ("--data-dir", "--replay", "--seed"):
            values[name] = value if equals else next(remaining, "")
            if not values[name] or values[name].startswith("-"):
                return None
        else:
            return None
    seed = values.get("--seed")
    if seed is not None and not (seed.isascii() and seed.isdigit()):
        return None
    return RoomOptions(
        data_dir=Path(values["--data-dir"]) if "--data-dir" in values else None,
        replay=Path(values["--replay"]) if "--replay" in values else None,
        seed=None if seed is None else int(seed),
        view=view,
    )


def open_room(options: RoomOptions) -> int:
    """Open the room and return the exit code; errors go to standard error."""
    data = DataDir.resolve(options.data_dir)
    try:
        return _open(data, options)
    except Exception as error:  # noqa: BLE001 - the room's outermost frame before there is an app
        from cq_tui.room.defects import Defects

        defects = Defects(data)
        defects.report(error, "before the app", fatal=True)
        defects.print_fatal()
        return ExitCode.DEFECT


def _open(data: DataDir, options: RoomOptions) -> int:
    from cq_tui.ops.market_source import RecordingNotFound, set_market_source
    from cq_tui.store.data_directory import DataDirError, DataVersionError, prepare_data_directory

    try:
        set_market_source(options.replay, options.seed, options.speed)
    except RecordingNotFound as error:
        return _fail(str(error), ExitCode.ERROR)
    closed, view_only = None, None
    if options.view:
        from cq_tui.room.controls import OPENED_TO_VIEW
        from cq_tui.store.data_version import find_version

        view_only, closed = OPENED_TO_VIEW, find_version(data).refusal(data)
    else:
        try:
            closed = prepare_data_directory(data)
        except DataVersionError as error:
            return _fail(str(error), ExitCode.UNUSABLE)
        except DataDirError as error:
            if not data.root.is_dir():
                return _fail(str(error), ExitCode.UNUSABLE)
            print_error(f"{error}. Opening in view-only mode")
            view_only = str(error)
    # Settings are read after the first paint: the room itself shows what is wrong with them.
    from cq_tui.room.run import run_room
    from cq_tui.room.terminal.support import TerminalUnsupported

    try:
        return run_room(data, notice=closed, view_only=view_only)
    except TerminalUnsupported as error:
        return _fail(str(error), ExitCode.TERMINAL)


def _fail(message: str, code: ExitCode) -> int:
    print_error(message)
    return code
