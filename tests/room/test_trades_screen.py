"""``T``: the trades of a day as the books have them, two digits in the list, exact in the details."""

from typing import Any

import orjson
import pytest

from cq_tui.room.controls import Controls
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import NOW, Stage

ROWS = [
    {"ms": int(NOW * 1000) - 9_000, "kind": "buy", "symbol": "NEARUSDT", "quantity": "13.4", "price": "7.4212"},
    {"ms": int(NOW * 1000) - 1_000, "kind": "sell", "symbol": "NEARUSDT", "quantity": "13.3", "price": "7.4004",
     "realized": "-0.473866129", "exit_reason": "stop", "client_order_id": "cq-near"},
]  # fmt: skip


class Books:
    """A process that prints the books of one day."""

    def __init__(self, words: tuple[str, ...]) -> None:
        is_today = words[words.index("--since") + 1] == "2026-08-01T00:00:00Z"
        self._output = orjson.dumps({"rows": ROWS if is_today else [], "quote": "USDT"})
        self.returncode = 0

    def terminate(self) -> None:
        raise ProcessLookupError

    async def wait(self) -> int:
        return 0

    async def communicate(self) -> tuple[bytes, bytes]:
        return self._output, b""


async def test_a_day_is_summed_and_each_row_is_exact_in_its_details(
    stage: Stage, make_room: MakeRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start_reading(self: Controls, *words: str) -> Any:
        return Books(words)

    monkeypatch.setattr(Controls, "start_reading", start_reading)
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("T")
        await wait_for_text(pilot, "realized −0.47 USDT · 1 sale, 0 with profit")
        [sold] = [line for line in screen_text(pilot).splitlines() if "sell" in line]
        assert "−0.47 " in sold
        assert "stop" in sold
        assert "…" not in sold
        await pilot.press("enter")
        await wait_for_text(pilot, "-0.473866129")
        await pilot.press("y")
        await wait_until(pilot, lambda: app.clipboard == "cq-near")
        await pilot.press("escape", "left")
        await wait_for_text(pilot, "Nothing was traded or moved on this day.")
        await pilot.press("right", "right")
        await wait_for_text(pilot, "2026-08-01 UTC, today")
