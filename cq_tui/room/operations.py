"""What the room asks of the operations that it shares with the command line; imported when first needed."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from cq_tui.contracts.layout import DataDir


class Operations(Protocol):
    """Settings and bundle, as the room needs them."""

    def set_settings(self, changes: Mapping[str, Any]) -> None:
        """Write settings and have the change remembered. Raises SettingsError."""

    def mode_change_obstacles(self) -> list[str]:
        """Return what forbids a change of mode: open positions and orders."""

    def export_bundle(self) -> Path:
        """Write a debug bundle and return where it is. Raises OSError."""


class LocalOperations:
    """The operations on a data directory of this machine."""

    def __init__(self, data: DataDir) -> None:
        self._data = data

    def set_settings(self, changes: Mapping[str, Any]) -> None:
        """See Operations."""
        from cq_tui.ops.settings import set_settings

        set_settings(self._data, dict(changes), "room")

    def mode_change_obstacles(self) -> list[str]:
        """See Operations."""
        from cq_tui.ops.settings import mode_change_obstacles

        return mode_change_obstacles(self._data)

    def export_bundle(self) -> Path:
        """See Operations."""
        from cq_tui.ops.bundle import export_bundle

        return export_bundle(self._data, time.time())
