"""Making the data directory, and closing it to other users."""

import os
import stat
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import DataDirError, prepare_data_directory


def test_all_folders_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "new" / "data")
    prepare_data_directory(data)
    prepare_data_directory(data)
    assert {folder.stat().st_mode & 0o777 for folder in data.folders()} == {0o700}


def test_what_is_there_stays(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.health.mkdir(mode=0o755)
    (data.health / "feeder.json").write_text("{}")
    prepare_data_directory(data)
    assert (data.health / "feeder.json").read_text() == "{}"


@pytest.mark.parametrize("name", ["", "health", "memory", "control"])
def test_a_file_in_the_way_is_named_with_a_remedy(tmp_path: Path, name: str) -> None:
    data = DataDir(tmp_path / "data")
    if name:
        data.root.mkdir()
    (data.root / name).write_text("mine")
    with pytest.raises(DataDirError, match=f"{data.root / name}.*--data-dir"):
        prepare_data_directory(data)
    assert (data.root / name).read_text() == "mine"


def modes(data: DataDir) -> set[int]:
    return {stat.S_IMODE(folder.stat().st_mode) for folder in data.folders()}


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o770, 0o2775, 0o701, 0o710])
def test_a_root_that_others_can_enter_is_closed_with_a_word(tmp_path: Path, mode: int) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    data.root.chmod(mode)
    word = prepare_data_directory(data)
    assert word == f"{data.root} (mode {mode:04o}) was open to other users. It is closed to them now"
    assert modes(data) == {0o700}
    assert prepare_data_directory(data) is None, "once"


def test_what_is_in_it_is_closed_as_well(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    data.settings.write_text("{}")
    for path in (*data.folders(), data.settings):
        path.chmod(0o777)
    word = prepare_data_directory(data)
    assert word is not None
    assert f"(and {len(data.folders())} more in it)" in word
    assert modes(data) == {0o700}
    assert stat.S_IMODE(data.settings.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "control", "memory"])
def test_a_folder_of_another_owner_is_refused_with_owner_and_remedy(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    foreign, real, me = data.root / name, Path.stat, os.geteuid()

    def with_another_owner(path: Path, **options: bool) -> os.stat_result:
        found = real(path, **options)
        return os.stat_result((*found[:4], 54_321, *found[5:])) if path == foreign else found

    monkeypatch.setattr(Path, "stat", with_another_owner)
    foreign.chmod(0o777)
    with pytest.raises(DataDirError, match=f"{foreign} belongs to user 54321.*--data-dir.*chown -R {me}"):
        prepare_data_directory(data)
    assert stat.S_IMODE(real(foreign).st_mode) == 0o777


@pytest.mark.parametrize("fails", [True, False])
def test_a_folder_that_cannot_be_closed_is_refused(
    tmp_path: Path, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataDir(tmp_path / "data")
    data.root.mkdir(mode=0o755)

    def refuse(path: Path, mode: int) -> None:
        if fails:
            raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    why = "Operation not permitted" if fails else "no permissions"
    with pytest.raises(
        DataDirError, match=rf"{data.root} \(mode 0755\) is open to other.*{why}.*chmod 700.*--data-dir"
    ):
        prepare_data_directory(data)


def test_a_folder_that_all_users_share_is_left_open(tmp_path: Path) -> None:
    shared = DataDir(tmp_path / "tmp")
    shared.root.mkdir()
    shared.root.chmod(0o1777)
    for data in (shared, DataDir(Path("/"))):
        before = data.root.stat().st_mode
        with pytest.raises(DataDirError, match=r"not for one user alone.*--data-dir"):
            prepare_data_directory(data)
        assert data.root.stat().st_mode == before
        assert not data.memory.exists()
