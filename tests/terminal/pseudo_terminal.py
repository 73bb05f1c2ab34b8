"""A program in a pseudo-terminal: every byte it writes, the modes it leaves, a terminal that is not read, or closed."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import psutil

from tests.terminal.screen_grid import ScreenGrid

#: Seconds to wait for anything; a busy machine is slow.
PATIENCE = 60.0


class PseudoTerminal:
    """One program in a terminal. Use as a context manager: the program is killed by its pid."""

    def __init__(
        self,
        command: Sequence[str],
        environment: dict[str, str],
        *,
        columns: int = 120,
        rows: int = 40,
        is_controlling: bool = True,
    ) -> None:
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        #: How the terminal was before the program began.
        self.modes = termios.tcgetattr(self._slave)
        slave = self._slave

        def take_control() -> None:
            if is_controlling:
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            # The workers of pytest-xdist have a size of their own there.
            env={name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")} | environment,
            start_new_session=True,
            preexec_fn=take_control,
        )
        self._seen = bytearray()
        self._grid, self._lock = ScreenGrid(columns, rows), threading.Lock()
        self._is_reading = threading.Event()
        self._is_reading.set()
        self._is_closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def seen(self) -> bytes:
        """Everything that was written to the terminal."""
        return bytes(self._seen)

    @property
    def text(self) -> str:
        """Every line that was written, as it could be read: most frames write only a few of its characters."""
        with self._lock:
            return self._grid.shown

    @property
    def screen(self) -> str:
        """What the terminal shows now."""
        with self._lock:
            return self._grid.text

    def forget(self) -> None:
        """Forget what was seen."""
        with self._lock:
            self._seen.clear()
            self._grid.forget()

    def send(self, data: bytes) -> None:
        """Type, or paste, or send what a terminal sends."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._master, left[:1024]) :]

    def wait_for(self, text: str) -> None:
        """Wait until a text was written."""
        self.wait_until(lambda: text in self.text, repr(text))

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition. Fails with what was written last."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            over = time.monotonic() > deadline
            assert not over, f"no {what}; last written: {self.text[-2000:]!r}"
            time.sleep(0.02)

    def wait_for_end(self) -> int:
        """Wait for the end of the program and its output; return its exit code."""
        code = self.process.wait(PATIENCE)
        if self._is_reading.is_set():
            self.wait_until_idle()
        return code

    def wait_until_idle(self) -> None:
        """Wait until everything that was written has been read."""
        deadline = time.monotonic() + PATIENCE
        while select.select([self._master], [], [], 0)[0]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        # The reader may hold the last of it.
        time.sleep(0.05)

    def state(self) -> str:
        """Return the state of the process, such as ``psutil.STATUS_STOPPED``."""
        return psutil.Process(self.process.pid).status()

    def stop_reading(self) -> None:
        """Be a terminal that nobody reads."""
        self._is_reading.clear()

    def go_on_reading(self) -> None:
        """Read again."""
        self._is_reading.set()

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        self._is_closed = True
        self._is_reading.set()
        self._reader.join()
        os.close(self._slave)
        os.close(self._master)

    def modes_now(self) -> list[object]:
        """Return the modes of the terminal."""
        return list(termios.tcgetattr(self._slave))

    def _read(self) -> None:
        while not self._is_closed:
            self._is_reading.wait()
            if select.select([self._master], [], [], 0.02)[0] and self._is_reading.is_set():
                data = os.read(self._master, 65536)
                with self._lock:
                    self._seen += data
                    self._grid.feed(data)

    def __enter__(self) -> "PseudoTerminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if not self._is_closed:
            self.hang_up()
