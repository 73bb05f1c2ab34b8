"""What the trader says of its account is shown alike by the room's details and ``cq-tui status``."""

import shutil
from pathlib import Path

from cq_tui.contracts.health import UnprotectedTimes
from cq_tui.ops.render import status_lines
from cq_tui.ops.status import read_status
from cq_tui.room.details import describe
from cq_tui.room.state import RoomState
from tests.room.stage import NOW, Stage, staged_holder

DOUBT = "the book has 2 BTC, the account holds 1"


def test_room_and_status_say_the_same(staged: Path, tmp_path: Path) -> None:
    stage = Stage(shutil.copytree(staged, tmp_path / "data"))
    times = {"entry_list": UnprotectedTimes(count=2, p50_ms=1, p99_ms=2, max_ms=2)}
    doubts = {"BTCUSDT": [DOUBT]}
    stage.health(stage.trader(account="testnet:7", owner="abcde", unprotected=times, doubts=doubts))
    stage.account(account="testnet:7", doubts=doubts, foreign_coins={"ETH": "1.50"})
    room = RoomState(stage.data, {}, staged_holder)
    room.poll_files()
    shown = [text for _, text in describe(room, "service", "trader", NOW).fields]
    said = "\n".join(status_lines(read_status(stage.data, NOW, staged_holder)))
    for text in (
        "testnet:7, owner abcde",
        "entry by list: 2 times, median 1 ms, p99 2 ms, longest 2 ms",
        f"BTCUSDT: {DOUBT} · look at the exchange, then cq-tui accept BTCUSDT --why TEXT",
        "1.5 ETH; left alone. cq-tui adopt SYMBOL --stop PRICE protects coins",
    ):
        assert text in shown
        assert text in said
    assert not any("{" in text for text in shown)
    assert any("cq-tui accept BTCUSDT" in text for _, text in describe(room, "symbol", "BTCUSDT", NOW).fields)
