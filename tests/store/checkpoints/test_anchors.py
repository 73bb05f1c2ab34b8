"""Anchors: replaced whole, and never at the cost of what somebody else put there."""

import stat
from pathlib import Path

import pytest

from cq_tui.store.checkpoints.anchors import AnchorError, Anchors, anchor_path, read_anchor, write_anchor, write_copy
from cq_tui.store.checkpoints.checkpoint import origin_of, sign_checkpoint
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey
from tests.store.checkpoints.signing import ID, KEY, OTHER_PRIVATE, PRIVATE, checkpoint, note


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return anchor_path(tmp_path / "config", ID)


def test_it_lies_privately_in_the_configuration_folder(tmp_path: Path, path: Path) -> None:
    assert path == tmp_path / "config" / "anchors" / f"{ID}.checkpoint"
    assert read_anchor(path) is None
    for size in (1, 2):
        write_anchor(path, note(size))
        assert read_anchor(path) == note(size)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(SignedNoteError):
        anchor_path(tmp_path, "../../etc")


@pytest.mark.parametrize("content", [b"", b"shopping list\n", note(1).encode()[:-1], b"\xff" * 300, b"x" * 300_000])
def test_what_is_no_checkpoint_is_named_and_not_overwritten(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(AnchorError, match=str(path)):
        read_anchor(path)
    with pytest.raises(AnchorError, match=r"Move it away"):
        write_copy(path, note(2))
    assert path.read_bytes() == content


def test_a_copy_of_another_data_directory_is_left_alone(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    theirs = checkpoint(1)
    foreign = sign_checkpoint(type(theirs)(origin_of("f" * 32), 1, theirs.root, 1.0), PRIVATE)
    write_copy(copy, foreign)
    with pytest.raises(AnchorError, match="another data directory"):
        write_copy(copy, note(1))
    assert copy.read_text() == foreign


def test_a_copy_goes_where_a_link_points(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "copy")
    write_copy(link, note(1))
    assert link.is_symlink()
    assert (tmp_path / "disk" / "copy").read_text() == note(1)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "unmounted" / "copy"
    with pytest.raises(AnchorError, match=f"{copy}: cannot be written"):
        write_copy(copy, note(1))
    assert not copy.parent.exists()


def test_both_are_written_and_read(tmp_path: Path, path: Path) -> None:
    copy = tmp_path / "copy"
    anchors = Anchors(tmp_path / "config", KEY, str(copy))
    assert anchors.read() == {}
    anchors.write(note(1))
    copy.write_text(note(7))
    assert anchors.read() == {note(1): checkpoint(1), note(7): checkpoint(7)}
    anchors.write(note(8))
    assert read_anchor(path) == copy.read_text() == note(8)
    assert anchors.problems == {}


def test_a_broken_copy_is_a_problem_until_it_is_mended(tmp_path: Path, path: Path) -> None:
    copy = tmp_path / "disk" / "copy"
    anchors = Anchors(tmp_path / "config", KEY, str(copy))
    anchors.write(note(1))
    assert list(anchors.problems) == ["copy"]
    assert read_anchor(path) == note(1)
    copy.parent.mkdir()
    anchors.write(note(2))
    assert anchors.problems == {}
    assert copy.read_text() == note(2)


def test_a_copy_needs_a_whole_path(tmp_path: Path) -> None:
    anchors = Anchors(tmp_path, KEY, "copy")
    assert "Use an absolute path" in anchors.problems["copy"]
    anchors.write(note(1))
    assert not Path("copy").exists()
    assert list(anchors.problems) == ["copy"]


def test_another_writer_is_noticed(tmp_path: Path, path: Path) -> None:
    write_anchor(path, note(1))
    anchors = Anchors(tmp_path / "config", KEY, None)
    assert anchors.other_writer() is None
    anchors.write(note(2))
    assert anchors.other_writer() is None
    write_anchor(path, note(1))
    assert anchors.other_writer() == checkpoint(1)
    anchors.allow_overwrite()
    assert anchors.other_writer() is None
    path.unlink()
    assert anchors.other_writer() is None


def test_an_anchor_of_another_key_is_ignored(tmp_path: Path, path: Path) -> None:
    anchors = Anchors(tmp_path / "config", KEY, None)
    write_anchor(path, note(1, private_key=OTHER_PRIVATE))
    with pytest.raises(AnchorError, match="Bring back the key"):
        anchors.other_writer()
    assert anchors.read() == {}
    assert "not signed by" in anchors.problems["anchor"]


def test_a_write_that_fails_is_no_other_writer(tmp_path: Path, path: Path) -> None:
    anchors = Anchors(tmp_path / "config", VerifierKey(KEY.name, KEY.raw), None)
    anchors.write(note(1))
    path.parent.rename(path.parent.with_name("aside"))
    path.parent.touch()
    anchors.write(note(2))
    assert list(anchors.problems) == ["anchor"]
    path.parent.unlink()
    path.parent.with_name("aside").rename(path.parent)
    assert anchors.other_writer() is None
    # As if only the sync of the last write had failed.
    write_anchor(path, note(2))
    assert anchors.other_writer() is None


def test_a_copy_cannot_have_a_name_that_no_file_has(tmp_path: Path) -> None:
    anchors = Anchors(tmp_path / "config", KEY, f"{tmp_path}/a\0b")
    assert "MEMORY_CHECKPOINT_COPY" in anchors.problems["copy"]
    anchors.write(note(5))
    assert read_anchor(anchor_path(tmp_path / "config", ID)) == note(5)
