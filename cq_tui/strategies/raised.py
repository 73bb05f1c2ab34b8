"""What a strategy raised, as text: safe also where the error is a class of the strategy's own."""

import traceback

from cq_tui.strategies.checking import WrongSignal, writable

_MAX_TEXT = 500
_MAX_TRACEBACK = 8_000


def describe_error(error: BaseException) -> str:
    """Return what a strategy raised in one line, whatever its text does."""
    try:
        text = writable(str(error))
    except BaseException:  # noqa: BLE001 - the class of the error may be the plug-in's own
        text = ""
    if isinstance(error, WrongSignal):
        return f"wrong signal: {text}"[:_MAX_TEXT]
    return f"{type(error).__name__}: {text}"[:_MAX_TEXT]


def format_traceback(error: BaseException) -> str:
    """Return the traceback of what a strategy raised, its end if it is long."""
    try:
        return writable("".join(traceback.format_exception(error))[-_MAX_TRACEBACK:])
    except BaseException:  # noqa: BLE001 - as above
        return ""
