"""Random damage under a running room: whatever stands in the files, it stays open, and shows them again when mended."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.room.conftest import MakeRoom, screen_text, state_of, wait_for_text, wait_until_idle, wait_until_loaded
from tests.room.stage import Stage

#: Damages of each run, and how many runs.
DAMAGES = 100 if os.environ.get("CQ_HEAVY_TESTS") else 25
RUNS = 20 if os.environ.get("CQ_HEAVY_TESTS") else 1
#: Keys between damages; none leaves the room.
KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "enter", "escape", "down", "end", "home", "o", "O", "z", "w", "m", "e",
        "v", "equals_sign", "space", "plus", "minus", "comma", "full_stop", "l", "0", "S", "question_mark"]  # fmt: skip
#: Values of another type or size than any field expects.
ODD: list[object] = [None, True, -1, 1e308, -1e308, 2**63, "", "x" * 5_000, "\x1b[2J", [], {}, [None], {"a": {}}, "NaN"]


def truncated(path: Path, dice: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: dice.randrange(len(content) + 1)])


def scattered(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(dice.randrange(1, 20)):
        if content:
            content[dice.randrange(len(content))] = dice.randrange(256)
    path.write_bytes(bytes(content))


def odd_value(path: Path, dice: random.Random) -> None:
    try:
        document = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return
    place, depth = document, dice.randrange(1, 4)
    for _ in range(depth):
        keys = list(place) if isinstance(place, dict) else list(range(len(place))) if isinstance(place, list) else []
        if not keys:
            break
        key = dice.choice(keys)
        if depth == 1 or not isinstance(place[key], (dict, list)):
            place[key] = dice.choice(ODD)
            break
        place = place[key]
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS, default=str))


def removed(path: Path, dice: random.Random) -> None:
    path.unlink()


def made_a_folder(path: Path, dice: random.Random) -> None:
    path.unlink()
    path.mkdir()


def replaced_by_noise(path: Path, dice: random.Random) -> None:
    other = path.with_name("noise")
    other.write_bytes(dice.randbytes(dice.randrange(3_000)))
    other.replace(path)


DAMAGE: list[Callable[[Path, random.Random], None]] = [
    truncated, scattered, odd_value, odd_value, removed, made_a_folder, replaced_by_noise,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(RUNS))
async def test_a_room_survives_whatever_is_in_its_files(stage: Stage, make_room: MakeRoom, seed: int) -> None:
    dice, root = random.Random(seed), stage.data.root
    whole = shutil.copytree(root, root.parent / "whole", symlinks=True)
    targets = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
    app = make_room(stage.data)
    async with app.run_test(size=dice.choice([(80, 24), (120, 35), (160, 45)])) as pilot:
        await wait_until_loaded(pilot)
        for _ in range(DAMAGES):
            target = root / dice.choice(targets)
            if target.is_file():
                dice.choice(DAMAGE)(target, dice)
            state_of(app).read_changed_files([target])
            app.room.take_changes(state_of(app).poll_files())
            await pilot.press(dice.choice(KEYS))
            assert not app._exit, f"seed {seed}"
            failed = [alert.text for alert in app.room.alert_bar.room_alerts.values() if " failed: " in alert.text]
            assert not failed, f"seed {seed}: {failed}"
        for target in targets:
            path = root / target
            if path.is_dir():
                path.rmdir()
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(whole / target, path)
        while len(app.screen_stack) > 1:
            await pilot.press("escape")
        app.room.remove_class("-zoomed")
        if app.room.symbol_focus.is_narrowed:
            await pilot.press("equals_sign")
        await pilot.press("2", "home")
        await wait_for_text(pilot, "67,412.10")
        await wait_until_idle(pilot)
        assert "Traceback" not in screen_text(pilot)
    assert list(root.glob("logs/room-*.crash")) == []
