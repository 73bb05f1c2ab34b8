"""The pane of prices: why a symbol is excluded, or fed without being wanted, stands below it."""

from itertools import pairwise

import orjson

from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import Stage


async def test_a_note_stands_below_its_symbol(stage: Stage, make_room: MakeRoom) -> None:
    path = stage.data.health_of("feeder")
    notes = {
        "rejected_symbols": {"ETHUSDT": "trading is halted (HALT) since \x1b[31mnoon"},
        "held_symbols": ["BTCUSDT"],
    }
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | notes))
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "excluded: trading is halted")
        lines = screen_text(pilot).splitlines()
    below = dict[str, str]()
    for above, line in pairwise(lines):
        for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT"):
            if f" {symbol} " in above:
                below.setdefault(symbol, line)
    assert "held: fed until it is closed, not in SYMBOLS" in below["BTCUSDT"]
    assert "excluded: trading is halted (HALT) since" in below["ETHUSDT"]
    assert "\x1b" not in below["ETHUSDT"]
    assert "excluded" not in below["BNBUSDT"]
