"""Which plug-in runs right now: a page of memory that the host writes before each call, and ARES reads.

So a plug-in that hangs, or takes its process with it, is known by name, at the cost of a microsecond a call.
"""

import mmap
import os
import signal
import struct
from typing import NamedTuple

#: A number that each call increases; what is called; plug-in; symbol.
_LAYOUT = struct.Struct("<Q16s64s64s")
_SIZE = 4096
#: Seconds that each call may take. Libraries may load for long; a bar is decided in microseconds.
LIMITS = {"import": 30.0, "make": 30.0, "warm": 30.0, "bar": 5.0}
#: Has the host print where it is, to its standard error. ARES sends it before it kills one that hangs.
DUMP_SIGNAL = signal.SIGUSR2


class Call(NamedTuple):
    """A call of a plug-in."""

    number: int
    #: import, make, warm or bar; empty between calls.
    what: str
    plug_in: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.what} of {self.symbol}" if self.symbol else self.what


def new_page() -> int:
    """Return the descriptor of a new page. Raises OSError."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("cq-tui-plug-ins")
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, _SIZE)
    return descriptor


class RunningCall:
    """The page."""

    def __init__(self, descriptor: int) -> None:
        """Map the page; the descriptor may be closed then. Raises OSError."""
        self._page = mmap.mmap(descriptor, _SIZE)
        self._number = 0

    def enter(self, what: str, plug_in: str, symbol: str = "") -> None:
        """Note the call that begins now."""
        self._number += 1
        _LAYOUT.pack_into(self._page, 0, self._number, what.encode(), plug_in.encode()[:64], symbol.encode()[:64])

    def leave(self) -> None:
        """Note that no call runs."""
        self.enter("", "")

    def read(self) -> Call:
        """Return the call that runs, or ran when its process ended."""
        number, *texts = _LAYOUT.unpack_from(self._page, 0)
        return Call(number, *(text.rstrip(b"\0").decode(errors="replace") for text in texts))

    def close(self) -> None:
        """Unmap the page."""
        self._page.close()
