"""Ending the room once, whoever asks: a signal, a vanished terminal, a defect. Normally if it can, by force if not."""

import _thread
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from cq_tui.contracts.exit_code import ExitCode

#: Signals that end the room, and the exit code of each. Supervision and services go on without it.
SIGNALS = {signal.SIGTERM: ExitCode.OK, signal.SIGHUP: ExitCode.OK, signal.SIGINT: ExitCode.INTERRUPTED}
#: Seconds that the room has to end normally.
LIMIT = 0.7
#: Seconds that giving back the terminal may take then.
_RESTORE_LIMIT = 0.4


class Ending:
    """The end of one room."""

    def __init__(
        self,
        leave: Callable[[int], None],
        restore_terminal: Callable[[], None],
        *,
        terminate: Callable[[int], object] = os._exit,
        limit: float = LIMIT,
    ) -> None:
        """``leave`` asks the event loop to end the room; ``terminate`` ends the process after ``limit`` seconds."""
        self._leave = leave
        self._restore_terminal = restore_terminal
        self._terminate = terminate
        self._limit = limit
        #: The exit code; None while the room goes on.
        self.code: int | None = None

    def begin(self, code: int) -> None:
        """End the room. May be called in any thread, in a signal handler, and again."""
        if self.code is not None:
            return
        self.code = code
        # threading.Thread takes locks, which an interrupted thread may hold.
        _thread.start_new_thread(self._end_by_force, (code,))
        self._leave(code)

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """End the room at SIGTERM, SIGHUP and SIGINT, while the context lasts."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        listening = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
        for number in listening:
            signal.signal(number, self._handle_signal)
        try:
            yield
        finally:
            for number in listening:
                signal.signal(number, before[number])

    def _handle_signal(self, number: int, _: FrameType | None) -> None:
        # A background job that touches its terminal would be stopped instead of ended.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        self.begin(SIGNALS[signal.Signals(number)])

    def _end_by_force(self, code: int) -> None:
        time.sleep(self._limit)
        # It may hang as well.
        _thread.start_new_thread(self._restore_terminal, ())
        time.sleep(_RESTORE_LIMIT)
        self._terminate(code)
