"""Which driver the room uses, and what it does when its threads fail."""

from pathlib import Path

import pytest
from textual.drivers.linux_driver import LinuxDriver

from cq_tui.contracts.layout import DataDir
from cq_tui.room.app import RoomApp
from cq_tui.room.terminal.driver import RoomDriver


def test_the_room_has_its_own_driver_unless_another_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    assert RoomApp(DataDir(tmp_path)).driver_class is RoomDriver
    monkeypatch.setenv("TEXTUAL_DRIVER", "textual.drivers.linux_driver:LinuxDriver")
    # Textual itself reads the variable when it is imported, and takes this one by default.
    assert RoomApp(DataDir(tmp_path)).driver_class is LinuxDriver
