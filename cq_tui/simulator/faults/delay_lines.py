"""Delayed messages: none overtakes an earlier one from the same source."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable


class DelayLines:
    """One queue per source with delayed messages; times are those of the event loop."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[tuple[float, Callable[[], None]]]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no message is delayed."""
        return not self._lines

    def put(self, source: Hashable, seconds: float, deliver: Callable[[], None]) -> None:
        """Call ``deliver`` after ``seconds``, or later if an earlier message of the source is still delayed."""
        line = self._lines.get(source)
        if line is None and not seconds:
            deliver()
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if line is None:
            self._lines[source] = deque([(due, deliver)])
            loop.call_at(due, self._arrive, source)
        else:
            line.append((due, deliver))

    def _arrive(self, source: Hashable) -> None:
        line = self._lines[source]
        moment = line[0][0]
        while line and line[0][0] <= moment:
            line.popleft()[1]()
        if line:
            asyncio.get_running_loop().call_at(line[0][0], self._arrive, source)
        else:
            del self._lines[source]
