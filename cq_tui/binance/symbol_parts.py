"""Requests for many symbols, in parts that the exchange takes; and which name of a part it refused.

The exchange takes up to 100 symbols in one ticker request and refuses a whole request for one name that it does not
list (-1121) or cannot read (-1100), and for a name that is there twice (-1151).
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from urllib.parse import quote

from cq_tui.binance.errors import ApiError, InvalidSymbol

T = TypeVar("T")

#: The most symbols in one request.
MAX_SYMBOLS = 100
#: The most characters of the symbols in one URL, percent-encoded: servers take lines of 8 KB, often not more.
MAX_ENCODED = 6_000
#: Refusals of a name: one that is not listed, one with characters that no symbol has.
REFUSED_NAME_CODES = frozenset({-1121, -1100})


def in_parts(symbols: Iterable[str]) -> list[list[str]]:
    """Return the symbols, each once and in order, in parts that fit one request."""
    parts: list[list[str]] = []
    length = 0
    for symbol in dict.fromkeys(symbols):
        # With its quotation marks and a comma.
        added = len(quote(f'"{symbol}",', safe=""))
        if not parts or len(parts[-1]) == MAX_SYMBOLS or length + added > MAX_ENCODED:
            parts.append([])
            length = 0
        parts[-1].append(symbol)
        length += added
    return parts


async def ask_in_parts(
    symbols: Iterable[str], ask: Callable[[list[str]], Awaitable[T]]
) -> tuple[list[T], tuple[str, ...]]:
    """Ask for all symbols; return the answers, and the names that the exchange refuses.

    A refused part is halved until the wrong names are alone. Raises InvalidSymbol if all are wrong; other errors are
    raised at once.
    """
    answers: list[T] = []
    refused: list[str] = []
    waiting = deque(in_parts(symbols))
    while waiting:
        part = waiting.popleft()
        try:
            answers.append(await ask(part))
        except ApiError as error:
            if error.code not in REFUSED_NAME_CODES:
                raise
            middle = len(part) // 2
            if middle:
                waiting += [part[:middle], part[middle:]]
            else:
                refused += part
    if refused and not answers:
        raise InvalidSymbol(400, -1121, f"none of the symbols is listed: {', '.join(refused)}")
    return answers, tuple(refused)
