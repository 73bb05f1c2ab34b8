"""Where a run's files are put: never in the place of anything but an earlier run, whatever the path is called."""

from pathlib import Path

import pytest

from cq_tui.ops.backtest.output import NAMES, CannotWrite, check_folder, put_in_place


def run_in(folder: Path, content: str) -> Path:
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(content)
    return folder


def test_a_path_that_leads_back_is_the_folder_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (tmp_path / "new" / "..", tmp_path / "link", tmp_path / "link" / "new" / "..", Path("/")):
        with pytest.raises(CannotWrite, match="which no run has written"):
            check_folder(path)
    assert check_folder(tmp_path / "link" / "new") == tmp_path / "new"


def test_a_folder_with_the_name_of_a_file_of_a_run_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out" / "report.json").mkdir(parents=True)
    with pytest.raises(CannotWrite, match=r"holds report\.json"):
        check_folder(tmp_path / "out")


def test_the_folder_one_is_in_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (Path(), Path("new/.."), tmp_path):
        with pytest.raises(CannotWrite, match="the folder that you are in"):
            check_folder(path)


def test_what_came_into_an_earlier_run_meanwhile_is_kept(tmp_path: Path) -> None:
    folder, unfinished = run_in(tmp_path / "out", "earlier"), run_in(tmp_path / ".unfinished", "new")
    (folder / "mine.txt").write_text("mine")
    put_in_place(unfinished, folder)
    assert {path.read_text() for path in folder.iterdir()} == {"new"}
    [kept] = tmp_path.glob(".out.*.earlier/*")
    assert kept.read_text() == "mine"
