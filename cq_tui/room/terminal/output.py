"""Writing to the terminal in a thread of its own: an unread terminal blocks nobody, a closed one is reported once."""

import os
import select
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple, TextIO

from textual.drivers._writer_thread import WriterThread

#: Texts that wait for the terminal. Beyond that it is not read, and frames are left out.
_MAX_WAITING = 30
#: Bytes of one write, where writing may have to wait.
_CHUNK = 1024
#: Seconds after which a writer that waits looks whether it should end.
_POLL_INTERVAL = 0.1
#: Seconds that the last output has to reach the terminal, and that the thread has to end after that.
_LAST_OUTPUT = 0.3


class _Text(NamedTuple):
    content: str
    #: Whether it must reach the terminal. A frame need not: a whole one follows.
    always: bool


class TerminalWriter(WriterThread):
    """Takes the place of Textual's writer, which ends at the first error and makes the event loop wait for it."""

    def __init__(self, file: TextIO, on_lost: Callable[[], None], on_caught_up: Callable[[], None]) -> None:
        """``on_lost``: the terminal is gone; ``on_caught_up``: it is read again after frames were left out.

        Both are called in this thread.
        """
        super().__init__(file)
        self._descriptor = _open_without_waiting(file.fileno())
        self._encoding, self._errors = file.encoding, file.errors or "replace"
        self._on_lost = on_lost
        self._on_caught_up = on_caught_up
        # Unlike Queue, it may be used in a signal handler that interrupted it.
        self._waiting: SimpleQueue[_Text | None] = SimpleQueue()
        self._left_out = False
        #: Texts handed over, and those that the terminal has taken.
        self._handed_over = self._written = 0
        self._ended = False
        self._given_up = False

    def write(self, text: str, *, always: bool = False) -> None:
        """Hand over a text to write, and never wait. A frame may be left out, what is written ``always`` not."""
        if not always and self._waiting.qsize() >= _MAX_WAITING:
            self._left_out = True
        else:
            self._handed_over += 1
            self._waiting.put(_Text(text, always))

    def run(self) -> None:
        """Write until the end, or until the terminal is gone."""
        try:
            while not self._ended:
                self._write_texts([self._waiting.get(), *self._take_waiting()])
                if self._left_out:
                    # What waits is older than the repaint that follows. On a slow line there would always be some.
                    self._write_texts(self._take_waiting(), frames=False)
                    self._left_out = False
                    self._on_caught_up()
        except OSError:
            self._on_lost()
        finally:
            self._given_up = self._given_up or not self._ended

    def write_at_end(self, text: str) -> None:
        """Write from another thread what the terminal must still get, if it takes it at once."""
        if not self.is_alive():
            with suppress(OSError):
                os.write(self._descriptor, text.encode("ascii"))

    def close(self) -> None:
        """Close the terminal for this writer, which has ended."""
        os.close(self._descriptor)

    def stop(self) -> None:
        """Write what waits and end. Output that the terminal does not take in time is thrown away."""
        self._waiting.put(None)
        self.join(_LAST_OUTPUT)
        if self.is_alive():
            self.give_up()

    def give_up(self) -> None:
        """Throw away what the terminal has not read, and end."""
        self._given_up = True
        self._waiting.put(None)
        with suppress(termios.error):
            termios.tcflush(self._descriptor, termios.TCOFLUSH)
            # It may have been held with Ctrl+S before the room opened.
            termios.tcflow(self._descriptor, termios.TCOON)
        self.join(_LAST_OUTPUT)

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has not taken all output yet."""
        return self._left_out or self._written < self._handed_over

    @property
    def is_given_up(self) -> bool:
        """Whether some output never reached the terminal."""
        return self._given_up

    def _take_waiting(self) -> list[_Text | None]:
        texts: list[_Text | None] = []
        with suppress(Empty):
            while True:
                texts.append(self._waiting.get_nowait())
        return texts

    def _write_texts(self, texts: Sequence[_Text | None], *, frames: bool = True) -> None:
        """Write texts, with or without those that are frames; None is the end."""
        self._ended = self._ended or None in texts
        known = [text for text in texts if text is not None]
        output = "".join(text.content for text in known if frames or text.always)
        self._write(output.encode(self._encoding, self._errors))
        self._written += len(known)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left and not self._given_up:
            try:
                left = left[os.write(self._descriptor, left[:_CHUNK]) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [], _POLL_INTERVAL)


def _open_without_waiting(descriptor: int) -> int:
    """Open the terminal once more, so that writes do not wait; other programs that share it are not affected.

    A user who became another one may not open it by its name. Where nothing works, writes may wait.
    """
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with suppress(OSError):
        return os.open(os.ttyname(descriptor), flags)
    with suppress(OSError):
        # Only for a controlling terminal.
        os.tcgetpgrp(descriptor)
        return os.open("/dev/tty", flags)
    return os.dup(descriptor)
