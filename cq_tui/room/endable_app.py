"""An app that may be asked to end from anywhere, and that reports its defects."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from textual.app import App

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.room.defects import Defects
from cq_tui.room.terminal.ending import Ending


class EndableApp(App[int]):
    """Signals, a lost terminal and defects end it, each with its exit code."""

    def __init__(self, data: DataDir) -> None:
        super().__init__()
        self.defects = Defects(data)
        #: Replaced where the process may be ended by force.
        self.ending = Ending(self.leave, self.restore_terminal, terminate=lambda _: None)
        self._event_loop: asyncio.AbstractEventLoop | None = None

    def on_load(self) -> None:
        """Be ready to end before the terminal is touched."""
        self._event_loop = asyncio.get_running_loop()
        self._event_loop.set_exception_handler(self._handle_loop_error)

    def leave(self, code: int) -> None:
        """End with an exit code; may be called in any thread. Supervision and services go on."""
        self._call_in_loop(partial(self.exit, code, return_code=code))

    def lose_terminal(self) -> None:
        """End because the terminal is gone; may be called in any thread."""
        self.ending.begin(ExitCode.OK)

    @property
    def is_ending(self) -> bool:
        """Whether something has asked for the end."""
        return self.ending.code is not None

    def restore_terminal(self) -> None:
        """Give the terminal back at once, from any thread."""
        from cq_tui.room.terminal.driver import RoomDriver

        if isinstance(self._driver, RoomDriver):
            self._driver.restore()

    def fail(self, error: Exception) -> None:
        """End because of a defect."""
        self._handle_exception(error)

    def fail_in_thread(self, error: BaseException | None) -> None:
        """End because of a defect in another thread."""
        if isinstance(error, Exception):
            self.defects.report(error, threading.current_thread().name, fatal=True)
            self._call_in_loop(partial(self.fail, error))

    def _call_in_loop(self, call: Callable[[], object]) -> None:
        if self._event_loop is not None:
            # A loop that has ended has nothing left to end.
            with suppress(RuntimeError):
                self._event_loop.call_soon_threadsafe(call)

    def _handle_exception(self, error: Exception) -> None:
        # What fails while the room closes, as it was asked to, changes neither that nor the exit code.
        is_closing, code = self._exit or self.is_ending, self._return_code
        self.defects.report(error, "the app, closing" if is_closing else "the app", fatal=not is_closing)
        super()._handle_exception(error)
        if is_closing:
            self._return_code = code
        else:
            self.ending.begin(ExitCode.DEFECT)

    def _fatal_error(self) -> None:
        # Textual prints the traceback with all local variables, which may be secrets: the report has what is needed.
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        self._exit_renderables.clear()

    def _handle_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self.fail(error)
        else:
            loop.default_exception_handler(context)
