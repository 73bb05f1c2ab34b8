"""Ctrl+C at any moment: exit code 130, and never a traceback."""

import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from cq_tui.contracts.exit_code import ExitCode

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


def end_on_interrupt() -> None:
    """Have SIGINT end the process at once: while libraries load there is nothing to finish.

    A process that ignores it, such as a shell's background command, goes on ignoring it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_on_interrupt() -> None:
    """Have SIGINT raise KeyboardInterrupt, so that a command finishes what it holds."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = _end_if_interrupted


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is KeyboardInterrupt, or was raised because of one."""
    seen = 0
    while error is not None and seen < 20:
        if isinstance(error, KeyboardInterrupt):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


def _end(_: int, __: FrameType | None) -> None:
    os._exit(ExitCode.INTERRUPTED)


def _end_if_interrupted(unraisable: "UnraisableHookArgs", /) -> None:
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        # Raised where Python cannot pass it on, such as in a destructor.
        os._exit(ExitCode.INTERRUPTED)
    sys.__unraisablehook__(unraisable)
