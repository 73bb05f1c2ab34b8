"""External copies: replaced whole, and only by a checkpoint that extends them."""

import os
import stat
from pathlib import Path

import pytest

from cq_tui.store.checkpoints.anchors import (
    AnchorError,
    anchor_path,
    copy_path,
    read_anchor,
    read_key_beside,
    read_series,
    write_anchor,
)
from cq_tui.store.checkpoints.checkpoint import origin_of, sign_checkpoint
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey
from tests.store.checkpoints.signing import ID, KEY, OTHER_KEY, OTHER_PRIVATE, PRIVATE, checkpoint, note

FOREIGN = sign_checkpoint(type(checkpoint(1))(origin_of("f" * 32), 1, checkpoint(1).root, 1.0), PRIVATE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return anchor_path(tmp_path / "config", ID)


def write(path: Path, text: str, *extended: str, key: VerifierKey = KEY, private: bool = True) -> None:
    write_anchor(path, text, key, extends=extended.__contains__, private=private)


def texts(path: Path) -> list[str]:
    return [kept.text for kept in read_series(path)[0]]


def test_it_lies_privately_in_the_configuration_folder(tmp_path: Path, path: Path) -> None:
    assert path == tmp_path / "config" / "anchors" / f"{ID}.checkpoint"
    assert read_anchor(path) is None
    write(path, note(1))
    write(path, note(2), note(1))
    assert texts(path) == [note(2)]
    beside = path.with_name(f"{path.name}.vkey")
    assert beside.read_text() == f"{KEY.text}\n"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, beside, path.parent, path.parent.parent)] == [
        0o600,
        0o600,
        0o700,
        0o700,
    ]
    assert sorted(path.parent.iterdir()) == [path, beside]
    with pytest.raises(SignedNoteError):
        anchor_path(tmp_path, "../../etc")


def test_what_a_checkpoint_does_not_extend_is_kept_and_a_second_file_begins(path: Path) -> None:
    write(path, note(3))
    write(path, note(1, "other"))
    write(path, note(2, "other"), note(1, "other"))
    assert texts(path) == [note(3), note(2, "other")]
    write(path, note(1, private_key=OTHER_PRIVATE), key=OTHER_KEY)
    assert texts(path) == [note(3), note(2, "other"), note(1, private_key=OTHER_PRIVATE)]
    assert [kept.key for kept in read_series(path)[0]] == [KEY, KEY, OTHER_KEY]
    # A file that is missing in between hides none behind it.
    path.with_name(f"{path.name}.2").rename(path.with_name("aside"))
    assert texts(path) == [note(3), note(1, private_key=OTHER_PRIVATE)]
    path.with_name("aside").rename(path.with_name(f"{path.name}.2"))
    # Each history goes on where it was.
    write(path, note(4), note(3))
    assert texts(path)[0] == note(4)
    assert len(texts(path)) == 3


@pytest.mark.parametrize("content", [b"", b"shopping list\n", note(1).encode()[:-1], b"\xff" * 300, b"x" * 300_000])
@pytest.mark.parametrize("private", [True, False])
def test_what_is_no_checkpoint_is_named_and_not_overwritten(path: Path, content: bytes, *, private: bool) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(AnchorError, match=rf"{path}: .*Move it away"):
        read_anchor(path)
    write(path, note(2), private=private)
    assert path.read_bytes() == content
    notes, (problem,) = read_series(path)
    assert [kept.text for kept in notes] == [note(2)]
    assert str(path) in problem


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_named_and_left_alone(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True)
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    write(path, note(2))
    notes, problems = read_series(path)
    assert ([kept.path.name for kept in notes], len(problems)) == ([f"{path.name}.2"], 1)


def test_a_copy_of_another_data_directory_is_left_alone(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    write(copy, FOREIGN, private=False)
    with pytest.raises(AnchorError, match="another data directory"):
        write(copy, note(1), private=False)
    assert texts(copy) == [FOREIGN]


def test_a_copy_goes_where_a_link_points(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "copy")
    write(link, note(1), private=False)
    assert link.is_symlink()
    assert (tmp_path / "disk" / "copy").read_text() == note(1)
    assert read_key_beside(tmp_path / "disk" / "copy") == KEY


def test_a_loop_of_links_is_named(tmp_path: Path) -> None:
    kept = tmp_path / "kept.checkpoint"
    kept.symlink_to(kept)
    with pytest.raises(AnchorError, match=r"kept\.checkpoint: .*symbolic links"):
        write(kept, note(1), private=False)
    assert kept.is_symlink()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "unmounted" / "copy"
    with pytest.raises(AnchorError, match=f"{copy}: cannot be written"):
        write(copy, note(1), private=False)
    assert not copy.parent.exists()


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff", OTHER_KEY.text.encode()[:-3]])
def test_what_is_no_key_is_not_used_and_written_anew(path: Path, content: bytes) -> None:
    write(path, note(1))
    path.with_name(f"{path.name}.vkey").write_bytes(content)
    assert read_key_beside(path) is None
    write(path, note(2), note(1))
    assert read_key_beside(path) == KEY


def test_a_path_for_a_copy_must_be_absolute(tmp_path: Path) -> None:
    assert copy_path(None) is None
    assert copy_path("") is None
    assert copy_path(str(tmp_path)) == tmp_path
    for wrong in ("copy", f"{tmp_path}/a\0b"):
        with pytest.raises(AnchorError, match=r"MEMORY_CHECKPOINT_COPY: .* Use an absolute path"):
            copy_path(wrong)
