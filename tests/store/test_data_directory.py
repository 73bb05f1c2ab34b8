"""Making the data directory."""

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
