"""The pages in ``docs/reference`` are what the code says now."""

from pathlib import Path

import pytest

from cq_tui.contracts.file_kinds import CONFIGURATION_FOLDER, DATA_DIRECTORY
from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.anchors import anchor_path, write_anchor
from cq_tui.store.checkpoints.known_directories import record_directory
from cq_tui.store.checkpoints.signing_key import load_or_create_key
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.trading.limits.table import LIMITS
from docs.generate import files, limits
from docs.generate.pages import PAGES, write_pages
from docs.generate.where import QUESTIONS, find
from tests.store.checkpoints.signing import ID, KEY, note

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_current(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), f"{name} is outdated: run `make docs`"


def test_the_table_of_limits_is_current() -> None:
    page = (FOLDER.parent / "safety.md").read_text(encoding="utf-8")
    assert page == limits.with_table(page), "docs/safety.md is outdated: run `make docs`"
    assert all(limit.meaning in page for limit in LIMITS)


def test_no_page_is_written_by_hand() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES), "run `make docs`"


def test_writing_removes_pages_that_are_no_longer_generated(tmp_path: Path) -> None:
    (tmp_path / "old.md").touch()
    write_pages(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(PAGES)


@pytest.mark.parametrize("name", [name for questions in QUESTIONS.values() for _, name in questions])
def test_what_is_asked_for_is_there(name: str) -> None:
    assert find(name) is not None


def test_a_renamed_function_is_noticed() -> None:
    with pytest.raises(AttributeError):
        find("trading.sizing:size_of_entry")
    with pytest.raises(ImportError):
        find("trading.sizes:size_entry")


def test_every_path_of_the_data_directory_has_a_row() -> None:
    assert set(files.NAMED) == set(files.named_members())
    paths = [file.path for file in files.data_directory_files()]
    assert len(paths) == len(set(paths))
    assert all(file.meaning for file in files.data_directory_files())


def test_every_schema_of_a_file_is_linked() -> None:
    rows = [(file, DATA_DIRECTORY) for file in files.data_directory_files()]
    rows += [(file, CONFIGURATION_FOLDER) for file in files.configuration_files()]
    assert {
        kind for row in rows for kind in files.schemas_of(*row)
    } == DATA_DIRECTORY.keys() | CONFIGURATION_FOLDER.keys()


def test_every_file_of_the_configuration_folder_has_a_row(tmp_path: Path) -> None:
    load_or_create_key(tmp_path)
    write_anchor(anchor_path(tmp_path, ID), note(1), KEY, extends=bool, private=True)
    write_anchor(anchor_path(tmp_path, ID), note(2), KEY, extends=lambda _: False, private=True)
    record_directory(tmp_path, tmp_path / "data", ID)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 6
    assert files.find_unknown(tmp_path, files.configuration_files()) == []


def test_a_file_without_a_row_is_found(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    known = [data.klines_of("BTCUSDT", "1s"), data.health_of("ares"), data.spool / "room-1a.ndjson", data.bundle_at(1)]
    strange = [data.klines / "BTCUSDT", data.health / "ares.txt", data.root / "notes.txt"]
    for path in known + strange:
        path.touch()
    found = files.find_unknown(tmp_path, files.data_directory_files())
    assert found == sorted(path.relative_to(tmp_path).as_posix() for path in strange)
