"""An event of the history that the trader itself wrote, as whoever reads facts from it needs it."""

from collections.abc import Mapping
from typing import Any, Protocol


class OwnEvent(Protocol):
    """An event that the trader wrote."""

    @property
    def event_type(self) -> str:
        """Its type."""

    @property
    def data(self) -> Mapping[str, Any]:
        """Its payload."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its context."""

    @property
    def seq(self) -> int:
        """Its number among the trader's events."""
