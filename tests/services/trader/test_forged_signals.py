"""A signal that somebody wrote into the events file: never acted on, named once, and no signal after it is lost."""

from pathlib import Path

import orjson

from cq_tui.store.journal import last_lines
from tests.services.trader.process import trader, world
from tests.services.trader.surroundings import buy, sell
from tests.services.waiting import until


async def test_it_is_named_and_the_next_signal_is_taken(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.signal(buy())
        await until(lambda: around.covered and around.position)
        [line] = last_lines(around.data.events, 1)
        forged = line.replace(b'"side":"BUY"', b'"side":"SELL"').replace(b'_001"', b'_002"')
        assert forged != line
        with around.data.events.open("ab") as file:
            file.write(forged + b"\n")
        around.signal(buy(strategy="old", bar_close_time=1_000_000))
        await until(lambda: around.rejections("signal_stale"))
        await until(lambda: "that is not in hash_chain.json" in (process.health.get("reason") or ""))
        assert around.covered > 0, "the forged signal would have sold"
        around.signal(sell())
        await until(lambda: not around.position)
        assert await process.stop() == 0
    named = [orjson.loads(line) for line in last_lines(around.data.log_of("trader"), 1000)]
    assert len([entry for entry in named if entry["event"] == "signals refused"]) == 1
