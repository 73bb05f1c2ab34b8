"""The room's driver: Textual's for Linux and macOS, with input that is filtered and a terminal that may vanish."""

import os
import select
import shutil
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol, TextIO, cast

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from cq_tui.room.terminal import background
from cq_tui.room.terminal.input_filter import InputFilter
from cq_tui.room.terminal.inputs import AltKey, Background, EscapeKey, EscapeSequence, Input, PastedText, TypedText
from cq_tui.room.terminal.output import TerminalWriter
from cq_tui.room.terminal.voice import KEEP_TITLE, RESTORE_TITLE

#: Bytes of one read.
_READ = 16 * 1024
#: Seconds after which the input thread looks whether it should end.
_POLL_INTERVAL = 0.1
#: Brings Textual's parser back from a sequence that it waits for more of.
_RESET = "\x1b\x1b[I"
#: Ends every mode that the room sets: synchronized output, mouse, paste, sizes, focus, keys, wrapping, screen, cursor.
_RESTORE = (
    "\x1b[?2026l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2004l\x1b[?2048l\x1b[?1004l"
    "\x1b[?2031l\x1b[23;2t\x1b[<u\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"
)


class TerminalUser(Protocol):
    """What the driver asks of its app."""

    @property
    def is_ending(self) -> bool:
        """Whether the app is about to end."""

    def lose_terminal(self) -> None:
        """The terminal is gone. Called in any thread."""

    def fail(self, error: Exception) -> None:
        """A thread of the driver has failed."""

    def repaint(self) -> None:
        """Paint everything: the terminal has missed some of it."""

    @property
    def follows_background(self) -> bool:
        """Whether the theme follows the terminal's background."""

    def note_background(self, is_dark: bool) -> None:
        """The terminal said whether its background is dark."""


class RoomDriver(LinuxDriver):
    """Reads keys from any bytes, never waits for the terminal, and reports its end to the app."""

    _writer: TerminalWriter | None = None

    def __init__(
        self, app: Any, *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._user = cast("TerminalUser", app)
        assert sys.__stderr__ is not None
        self._output: TextIO = sys.__stderr__
        #: While the terminal's modes are switched, nothing may be left out.
        self._switching = False
        self._is_suspended = False

    # -- output

    @property
    def _writer_thread(self) -> WriterThread | None:
        """Our writer, wherever Textual's driver means its own."""
        return self._writer

    @_writer_thread.setter
    def _writer_thread(self, created: WriterThread | None) -> None:
        if self._writer is not None and not self._writer.is_alive():
            self._writer.close()
        self._writer = None
        if created is not None:
            self._writer = TerminalWriter(
                self._output, self._user.lose_terminal, lambda: self._tell(self._user.repaint)
            )

    def write(self, data: str) -> None:
        """Write, or leave a frame out if the terminal is not read."""
        if self._writer is not None:
            self._writer.write(data, always=self._switching)

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has not taken all output yet: it is not read, or slow."""
        return self._writer is not None and self._writer.is_behind

    def start_application_mode(self) -> None:
        """Set up the terminal for the app."""
        self._switching = True
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.write(KEEP_TITLE)
        if self._user.follows_background and background.may_be_asked(os.environ.get("TERM", "")):
            self.write(background.ASK)
        self._switching = False
        if self._writer is None:
            self._user.lose_terminal()

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self._switching = True
        super().stop_application_mode()
        self.write(f"\x1b[?1016l{background.FORGET}{RESTORE_TITLE}")

    def close(self) -> None:
        """Wait a moment for the last output. What the terminal did not take then, it gets in short."""
        super().close()
        if self._writer is not None and self._writer.is_given_up:
            self._writer.write_at_end(_RESTORE)

    def restore(self) -> None:
        """Give the terminal back at once, from any thread, while the app itself cannot."""
        if self._is_suspended or self._writer is None:
            return
        if self.attrs_before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        self._writer.give_up()
        self._writer.write_at_end(_RESTORE)

    # -- suspending

    def _sigtstp_application(self, *_: object) -> None:
        self._tell(self._suspend)

    def _sigcont_application(self, *_: object) -> None:
        self._tell(self._resume)

    def _suspend(self) -> None:
        """Give the terminal back, and stop: what SIGTSTP asks for."""
        if self._auto_restart and not self._is_suspended:
            self.suspend_application_mode()
            self._is_suspended = self._must_signal_resume = True
            # Given back: another program may have changed them since.
            self.attrs_before = None
        os.kill(os.getpid(), signal.SIGSTOP)

    def _resume(self) -> None:
        """Set the terminal up again, whether SIGTSTP or SIGSTOP has stopped the process."""
        if not self._auto_restart or self._user.is_ending:
            return
        if not self._is_suspended:
            self.suspend_application_mode()
        self._is_suspended = False
        self.resume_application_mode()
        self._user.repaint()

    def _get_terminal_size(self) -> tuple[int, int]:
        # Standard output may be redirected: the size is that of the terminal that is drawn on.
        try:
            actual = os.get_terminal_size(self._output.fileno())
        except OSError:
            return super()._get_terminal_size()
        columns, rows = shutil.get_terminal_size(actual)
        return columns or 80, rows or 25

    # -- input

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except Exception as error:  # noqa: BLE001 - a thread's outermost frame: the app reports it
            self._tell(self._user.fail, error)

    def run_input_thread(self) -> None:
        """Read keys until the app ends or the terminal is gone."""
        keys, parser = InputFilter(constants.ESCAPE_DELAY), KeyParser(self._debug)
        while not self.exit_event.is_set():
            wait = _POLL_INTERVAL if keys.deadline is None else keys.deadline - time.monotonic()
            readable, _, _ = select.select([self.fileno], [], [], max(0.0, min(wait, _POLL_INTERVAL)))
            inputs: list[Input] = []
            if readable:
                data = self._read()
                if data is None:
                    continue
                if not data:
                    self._user.lose_terminal()
                    return
                inputs = keys.feed(data, time.monotonic())
            inputs += keys.expire(time.monotonic())
            for each in inputs:
                if isinstance(each, Background):
                    self._tell(self._user.note_background, each.is_dark)
            for message in parser.messages(inputs):
                self.process_message(message)

    def _read(self) -> bytes | None:
        """Return what can be read: nothing when the terminal is gone, None if there is nothing yet."""
        try:
            return os.read(self.fileno, _READ)
        except BlockingIOError:
            # Another program that shares the terminal has made it so.
            return None
        except OSError:
            return b""

    def _tell(self, tell: Callable[..., object], *words: object) -> None:
        """Call the app from a thread; if its event loop has ended, it has no more interest."""
        try:
            self._loop.call_soon_threadsafe(tell, *words)
        except RuntimeError:
            if not self._loop.is_closed():
                raise


class KeyParser:
    """Textual's parser of escape sequences; gets them whole, and one at a time."""

    def __init__(self, debug: bool = False) -> None:
        self._debug = debug
        self._parser = XTermParser(debug)

    def messages(self, inputs: Iterable[Input]) -> Iterable[Message]:
        """Return what the inputs mean to Textual."""
        for each in inputs:
            match each:
                case TypedText(text):
                    yield from self._parser.feed(text)
                case EscapeSequence(text):
                    yield from self._parse_sequence(text)
                case AltKey(text):
                    yield from self._parse_sequence(text) or self._parse_at_end(text)
                case EscapeKey():
                    yield events.Key("escape", "\x1b")
                case PastedText(text):
                    yield events.Paste(text)

    def _parse_sequence(self, sequence: str) -> list[Message]:
        try:
            found = list(self._parser.feed(sequence))
            if not found:
                list(self._parser.feed(_RESET))
        except (ValueError, ArithmeticError, LookupError):
            # Numbers that it does not expect; it cannot go on after that.
            self._parser = XTermParser(self._debug)
            return []
        return found

    def _parse_at_end(self, text: str) -> list[Message]:
        """Return what ESC and a character are if nothing follows them."""
        parser = XTermParser(self._debug)
        return [*parser.feed(text), *parser.feed("")]
