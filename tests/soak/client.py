"""A person's terminal: a pseudo-terminal with ssh, tmux or the room in it, read by a thread that can be frozen."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Sequence


class Client:
    """One terminal window. ``close`` ends it as a lost connection does."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], columns: int = 160, rows: int = 45) -> None:
        self._master, slave = pty.openpty()
        self.resize(columns, rows)

        def take_control() -> None:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
            preexec_fn=take_control,
        )  # fmt: skip
        os.close(slave)
        #: The end of what was painted, for the report of a failure.
        self.seen = b""
        self._may_read = threading.Event()
        self._may_read.set()
        self._is_open = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def is_alive(self) -> bool:
        """Whether the program in the window runs."""
        return self.process.poll() is None

    def type(self, keys: bytes) -> None:
        """Type what the terminal takes at once."""
        with contextlib.suppress(OSError):
            if select.select([], [self._master], [], 0)[1]:
                os.write(self._master, keys[:4096])

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def freeze(self) -> None:
        """Read nothing from now on."""
        self._may_read.clear()

    def go_on(self) -> None:
        """Read again."""
        self._may_read.set()

    def close(self) -> None:
        """Kill the program in the window and close it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._is_open = False
        self._may_read.set()
        self._reader.join()
        os.close(self._master)

    def _read(self) -> None:
        while self._is_open:
            self._may_read.wait()
            try:
                if select.select([self._master], [], [], 0.2)[0]:
                    self.seen = (self.seen + os.read(self._master, 65536))[-20_000:]
            except OSError:
                # The program has closed the terminal.
                return
