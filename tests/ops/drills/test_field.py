"""What a drill makes of the trader's answers; the trader is played."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from unittest.mock import Mock

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.drills.field import Field
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.store.spools.spool import EventSpool


async def test_an_entry_that_bought_nothing_is_followed_by_the_next_signal(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    trader = EventSpool(data.spool, "trader", quarantine=data.quarantine)
    async with AsyncExitStack() as stack:
        field = Field(data, Mock(), asynccontextmanager(Mock()), stack)
        stack.callback(field.ares.close)
        stack.callback(trader.close)
        entering = asyncio.create_task(field.enter("BTCUSDT"))
        [first] = await field.until(lambda: _signals(field), "a signal")
        # The price ran away: it expires, which is no refusal.
        for before, after in (("closed", "opening"), ("opening", "closed")):
            moved = {"symbol": "BTCUSDT", "signal_key": f"{first}:BTCUSDT:1s:1:BUY", "before": before, "after": after}
            trader.emit("position_changed", moved)
        field.patience = 10.0
        await field.until(lambda: _signals(field)[1:2] or entering.done(), "another signal")
        write_document(data.account, {"positions": {"BTCUSDT": {}}})
        await entering
        assert len(_signals(field)) == 2
        assert field.in_vain(first)
        assert not field.in_vain(_signals(field)[1])


def _signals(field: Field) -> list[str]:
    """The strategies of the signals that were given."""
    return [str(event["data"]["strategy"]) for event in field.spooled("ares", "signal_generated")]
