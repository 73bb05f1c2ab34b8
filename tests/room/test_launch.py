"""The arguments that only open the room, and those left to the command line."""

import gc
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.room.launch import RoomOptions, open_room, parse_room_options
from tests.room.conftest import MakeRoom, wait_until_loaded
from tests.room.stage import Stage


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], RoomOptions()),
        (["--view"], RoomOptions(view=True)),
        (["--data-dir", "d", "--seed=7"], RoomOptions(data_dir=Path("d"), seed=7)),
        (["--replay=r", "--view"], RoomOptions(replay=Path("r"), view=True)),
    ],
)
def test_simple_arguments_open_the_room(words: list[str], options: RoomOptions) -> None:
    assert parse_room_options(words) == options


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["--help"],
        ["--version"],
        ["--data-dir"],
        ["--data-dir", "--view"],
        ["--data-dir="],
        ["--seed", "x"],
        ["--seed", "-1"],
        ["--view=yes"],
        ["--data-dir", "d", "up"],
        ["--unknown"],
    ],
)
def test_everything_else_is_left_to_the_command_line(words: list[str]) -> None:
    assert parse_room_options(words) is None


def test_a_missing_recording_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert open_room(RoomOptions(data_dir=tmp_path, replay=tmp_path / "none")) == 2
    assert f"--replay {tmp_path / 'none'}: no such file or folder" in capsys.readouterr().err


def test_a_file_in_the_place_of_the_data_directory_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert open_room(RoomOptions(data_dir=tmp_path / "file")) == 4
    assert "--data-dir" in capsys.readouterr().err


def test_a_data_directory_that_was_open_to_others_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notices: list[str | None] = []

    def run_room(_: DataDir, notice: str | None, view_only: str | None) -> int:
        assert view_only is None
        notices.append(notice)
        return 0

    monkeypatch.setattr("cq_tui.room.run.run_room", run_room)
    (tmp_path / "data").mkdir(mode=0o755)
    for _ in range(2):
        open_room(RoomOptions(data_dir=tmp_path / "data"))
    first, second = notices
    assert first is not None
    assert first.startswith(f"{tmp_path / 'data'} (mode 0755) was open to other users")
    assert second is None


async def test_garbage_is_collected_once_the_room_is_painted(stage: Stage, make_room: MakeRoom) -> None:
    gc.disable()
    try:
        app = make_room(stage.data)
        async with app.run_test() as pilot:
            await wait_until_loaded(pilot)
            assert gc.isenabled()
            assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
        gc.enable()


def test_files_of_another_version_are_only_viewed_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[tuple[str | None, str | None]] = []

    def run_room(_: DataDir, notice: str | None, view_only: str | None) -> int:
        opened.append((notice, view_only))
        return 0

    monkeypatch.setattr("cq_tui.room.run.run_room", run_room)
    (tmp_path / "version.json").write_text('{"data_version": "2.0"}')
    assert open_room(RoomOptions(data_dir=tmp_path)) == 4
    assert "data version 2.0" in capsys.readouterr().err
    assert opened == []
    assert open_room(RoomOptions(data_dir=tmp_path, view=True)) == 0
    [(notice, view_only)] = opened
    assert notice is not None
    assert "data version 2.0" in notice
    assert view_only is not None
    assert [path.name for path in tmp_path.iterdir()] == ["version.json"]
