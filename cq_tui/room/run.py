"""Running the room in this terminal, from the check of the terminal to the exit code."""

import errno
import os
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.garbage import pause_collection
from cq_tui.output_encoding import is_unicode
from cq_tui.room.defects import Defects
from cq_tui.room.terminal.ending import Ending
from cq_tui.room.terminal.support import check_terminal
from cq_tui.standard_streams import print_line

if TYPE_CHECKING:
    from cq_tui.room.app import RoomApp


def run_room(data: DataDir, notice: str | None = None, view_only: str | None = None) -> int:
    """Open the room (see RoomApp) and return its exit code. Raises TerminalUnsupported."""
    encoding = None if sys.__stderr__ is None else sys.__stderr__.encoding
    check_terminal(
        os.environ,
        is_terminal=sys.__stdin__ is not None
        and sys.__stdin__.isatty()
        and sys.__stderr__ is not None
        and sys.__stderr__.isatty(),
        encoding=encoding,
    )
    # Resumed after the first paint.
    pause_collection()
    # Imported for a terminal that can show it only: Textual takes most of the time before the first paint.
    from cq_tui.room.app import RoomApp
    from cq_tui.room.preferences import PreferencesError, preferences_path, read_pins
    from cq_tui.room.ui_settings import NAME, read_ui_settings

    ascii_only = not is_unicode(encoding)
    if ascii_only:
        from cq_tui.room.ascii_filter import use_plain_scroll_bars

        use_plain_scroll_bars()
    preferences = preferences_path()
    ui = read_ui_settings(preferences and preferences.with_name(NAME))
    if preferences is not None and not ui.pins:
        with suppress(PreferencesError):
            # What is wrong with that file is told with the theme.
            ui = replace(ui, pins=read_pins(preferences))
    app = RoomApp(
        data,
        notice=notice,
        ascii_only=ascii_only,
        preferences=preferences,
        ui=ui,
        view_only=view_only,
    )
    return run_to_the_end(app)


def run_to_the_end(app: "RoomApp") -> int:
    """Run the app until it ends, whatever ends it; return the exit code."""
    ending = app.ending = Ending(app.leave, app.restore_terminal, terminate=partial(_terminate, app.defects))
    threading.excepthook = lambda failed: app.fail_in_thread(failed.exc_value)
    code: int | None = None
    with ending.on_signals():
        try:
            code = app.run()
        except OSError as error:
            if error.errno != errno.EIO:
                app.defects.report(error, "the app", fatal=True)
            # Otherwise the terminal is gone, and a driver that is not ours has not noticed.
        except Exception as error:  # noqa: BLE001 - the room's outermost frame: whatever it was, it is reported
            app.defects.report(error, "the app", fatal=True)
        if app.defects.is_fatal:
            app.defects.print_fatal()
            return ExitCode.DEFECT
        if ending.code is not None:
            return ending.code
        _print_last_checkpoint(app)
        return app.return_code or code or ExitCode.OK


def _terminate(defects: Defects, code: int) -> None:
    if defects.is_fatal:
        defects.print_fatal()
    os._exit(ExitCode.DEFECT if defects.is_fatal else code)


def _print_last_checkpoint(app: "RoomApp") -> None:
    """Leave the last checkpoint in the terminal's scrollback, which survives whatever is done to the files."""
    if line := app.room.checkpoint.summary_line:
        # Standard output may be redirected to a full disk.
        _ = print_line(sys.stdout, line) or print_line(sys.stderr, line)
