"""Topics and change sets, passed from the read model to the panes."""

from dataclasses import dataclass, field
from enum import Enum, auto


class Topic(Enum):
    """The subject of a file; each pane names the topics it shows."""

    SERVICES = auto()
    PRICES = auto()
    ACCOUNT = auto()
    EVENTS = auto()
    SETTINGS = auto()
    HISTORY = auto()
    #: Another symbol is in focus, or pinned, or lists are narrowed to it.
    FOCUS = auto()
    #: The prices before this room was opened were read.
    RECORDED = auto()
    #: A second has passed: ages moved.
    TIME = auto()


@dataclass(slots=True)
class Changes:
    """What changed since the last read. ``symbols`` are those whose ticker changed."""

    topics: set[Topic] = field(default_factory=set)
    symbols: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.topics)

    def add(self, other: "Changes") -> None:
        """Merge further changes into this set."""
        self.topics |= other.topics
        self.symbols |= other.symbols
