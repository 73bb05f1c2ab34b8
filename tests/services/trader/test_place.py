"""Where a data directory is: the machine as a digest, the directory by path and number."""

from pathlib import Path

import pytest

from cq_tui.services.trader.place import id_of_mac, machine_digest, place_of

ID = "0123456789abcdef0123456789abcdef"


def test_a_machine_is_named_by_its_id_which_is_never_shown(tmp_path: Path) -> None:
    first, second = tmp_path / "machine-id", tmp_path / "dbus"
    nameless = machine_digest([first, second], ["/nonexistent"])
    first.write_text(ID + "\n")
    named = machine_digest([first, second], ["/nonexistent"])
    assert named != nameless
    assert ID not in named
    assert len(named) == 32
    second.write_text("f" * 32)
    assert machine_digest([first, second], ["/nonexistent"]) == named
    first.write_text("e" * 32)
    assert machine_digest([first, second], ["/nonexistent"]) != named


@pytest.mark.parametrize("content", [b"", b"uninitialized\n", b"0" * 32, ID[:-1].encode(), b"\xff" * 32])
def test_an_id_that_names_no_machine_does_not_count(tmp_path: Path, content: bytes) -> None:
    first, second = tmp_path / "machine-id", tmp_path / "dbus"
    first.write_bytes(content)
    assert machine_digest([first, second]) == machine_digest([second])
    second.write_text(ID)
    assert machine_digest([first, second]) == machine_digest([second])


def test_a_mac_tells_the_id_of_its_hardware() -> None:
    said = '  "IOPlatformSerialNumber" = "C02"\n  "IOPlatformUUID" = "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"\n'
    assert id_of_mac(["printf", said]) == "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
    for silent in (["printf", "nothing"], ["false"], ["/nonexistent"]):
        assert id_of_mac(silent) is None


def test_a_moved_directory_has_another_path_and_its_own_number(tmp_path: Path) -> None:
    one = tmp_path / "one"
    one.mkdir()
    before = place_of(one)
    assert before.directory == str(one)
    moved = one.rename(tmp_path / "two")
    (tmp_path / "link").symlink_to(moved)
    assert place_of(tmp_path / "link") == before._replace(directory=str(moved))
    one.mkdir()
    assert place_of(one).inode != before.inode
