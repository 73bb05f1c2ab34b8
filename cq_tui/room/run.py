"""Running the room in this terminal, from the check of the terminal to the exit code."""

import errno
import os
import sys

from cq_tui.contracts.layout import DataDir
from cq_tui.output_encoding import is_unicode
from cq_tui.room.terminal.support import check_terminal


def run_room(data: DataDir, notice: str | None = None, view_only: str | None = None) -> int:
    """Open the room (see RoomApp) and return its exit code. Raises TerminalUnsupported."""
    encoding = None if sys.__stderr__ is None else sys.__stderr__.encoding
    check_terminal(
        os.environ,
        is_terminal=sys.stdin.isatty() and sys.__stderr__ is not None and sys.__stderr__.isatty(),
        encoding=encoding,
    )
    # Imported for a terminal that can show it only: Textual takes most of the time before the first paint.
    from cq_tui.room.app import RoomApp
    from cq_tui.room.preferences import preferences_path

    app = RoomApp(
        data,
        notice=notice,
        ascii_only=not is_unicode(encoding),
        preferences=preferences_path(),
        view_only=view_only,
    )
    app.end_without_terminal = os._exit
    try:
        code = app.run()
    except OSError as error:
        # The terminal is gone; everything was handed over already, only the final output failed.
        if error.errno != errno.EIO:
            raise
        return 0
    if line := app.room.checkpoint.summary_line:
        # The terminal's scrollback survives whatever is done to the files.
        sys.stdout.write(f"{line}\n")
    return app.return_code or code or 0
