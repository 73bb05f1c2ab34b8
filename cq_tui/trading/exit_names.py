"""What an exit is called, by the reason for which a position was to be closed."""

from typing import Final

#: Begins of the reasons that go on with figures or names.
_NAMES: Final = {
    "SELL signal": "signal",
    "time stop": "time stop",
    "drawdown": "drawdown",
    "price": "price gap",
    "flatten": "flatten",
    "close": "close",
    "its protection": "lost protection",
}


def exit_name(reason: str) -> str | None:
    """Return the name of an exit in a word or two; None if the reason has none of its own."""
    return next((name for begin, name in _NAMES.items() if reason.startswith(begin)), None)
