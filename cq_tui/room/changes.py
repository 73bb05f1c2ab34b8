"""What may change in shared_data, and what did: the words between the read model and the panes."""

from dataclasses import dataclass, field
from enum import Enum, auto


class Topic(Enum):
    """What a file speaks of; panes name the parts that they show."""

    SERVICES = auto()
    PRICES = auto()
    ACCOUNT = auto()
    EVENTS = auto()
    SETTINGS = auto()
    HISTORY = auto()
    #: A second went by: ages moved.
    TIME = auto()


@dataclass(slots=True)
class Changes:
    """What differs since the last look. ``symbols`` are those whose ticker changed."""

    topics: set[Topic] = field(default_factory=set)
    symbols: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.topics)

    def add(self, other: "Changes") -> None:
        """Take in further changes."""
        self.topics |= other.topics
        self.symbols |= other.symbols
