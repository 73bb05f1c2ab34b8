"""The power fails at any moment: whatever the disk kept of what was not synced, the history goes on."""

import random
from collections.abc import Iterator
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from tests.store.history.histories import assert_consistent, data_dir, event, event_lines, seqs
from tests.store.history.torture import HEAVY
from tests.store.history.torture.file_layer import Operation, file_layer
from tests.store.history.torture.keeper import Keeper, opened
from tests.store.history.torture.power import Disk


def logged(data: DataDir, chance: random.Random) -> list[Operation]:
    """What a few starts with all sorts of acts ask of the disk."""
    with file_layer(data.root) as layer:
        keeper = Keeper(
            data,
            end_process=layer.end_process,
            acknowledge=lambda seq: layer.log.append(Operation("acknowledged", offset=seq)),
        )
        keeper.save()
        for _ in range(30):
            match chance.choice(["append"] * 4 + ["flush"] * 3 + ["snapshot", "close"]):
                case "append":
                    keeper.append(chance.randrange(1, 5), fill="x" * chance.choice([0, 40, 3000]))
                case "flush":
                    keeper.flush()
                case "snapshot":
                    keeper.snapshot()
                case _:
                    keeper.close()
        assert keeper.refused == []
        return layer.log


def losses(folder: Path) -> Iterator[tuple[DataDir, int, str]]:
    """Directories as power losses left them, the number of events acknowledged before, and which loss it was."""
    chance = random.Random(7)
    for life in range(250 if HEAVY else 8):
        data = data_dir(folder / f"{life}")
        log = logged(data, chance)
        for loss in range(40 if HEAVY else 12):
            disk = Disk()
            for operation in log[: chance.randrange(len(log)) + 1]:
                disk.follow(operation)
            left = data_dir(folder / f"{life}-{loss}")
            disk.lose_power(chance, str(data.root), left.root)
            yield left, disk.acknowledged, f"life {life}, loss {loss}"


def test_after_a_power_loss_every_acknowledged_event_is_there_once(tmp_path: Path) -> None:
    for data, acknowledged, where in losses(tmp_path):
        with file_layer(data.root):
            history = opened(data)
            assert history.faults == [], where
            there = len(event_lines(data))
            assert there >= acknowledged, where
            history.append([event(there + 1)], 5000.0)
            history.close()
        assert seqs(data) == list(range(1, there + 2)), where
        assert_consistent(data)
