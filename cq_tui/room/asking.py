"""The time between a key that asks and its question: what is typed meanwhile goes nowhere, and is named."""

from collections.abc import Callable
from dataclasses import dataclass, field

from textual import events

from cq_tui.room.key_queue import key_name

#: Keys that take back a request whose question has not opened yet; the last two also quit.
_TAKE_BACK = ("escape", "ctrl+c", "ctrl+q")


@dataclass(eq=False)
class Request:
    """A question on its way."""

    #: Ends it without a question.
    take_back: Callable[[], None] = lambda: None
    #: Names of the keys typed since.
    early: list[str] = field(default_factory=list)


class Asking:
    """At most one question is on its way: finding out what it has to say may take a while."""

    def __init__(self) -> None:
        self._request: Request | None = None

    def begin(self) -> Request | None:
        """Return the new request, or None while another one is on its way."""
        if self._request is not None:
            return None
        self._request = Request()
        return self._request

    def end(self, request: Request) -> None:
        """The question is open, or will not open."""
        if self._request is request:
            self._request = None

    def swallows(self, event: events.Event) -> bool:
        """Whether an input goes nowhere."""
        request = self._request
        if request is None:
            return False
        if isinstance(event, events.Key) and event.key in _TAKE_BACK:
            self._request = None
            request.take_back()
            return event.key == "escape"
        if isinstance(event, (events.Key, events.MouseDown)):
            request.early.append(key_name(event))
        return True
