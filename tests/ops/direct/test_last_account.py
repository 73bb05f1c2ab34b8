"""What a trader tells of its account when it ends: nobody else tells it until the next one runs."""

from pathlib import Path

import pytest

from cq_tui.ops.direct_closing import close_directly
from cq_tui.services.trader import service
from cq_tui.store.control import make_command
from cq_tui.store.document import read_json
from tests.ops.direct.commands import hold_position
from tests.services.trader.process import trader, world

pytestmark = pytest.mark.stack


async def test_it_ends_with_the_account_as_it_is_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        assert "BTCUSDT" in read_json(around.data.account)["positions"]
        # As if all were sold within one interval.
        monkeypatch.setattr(service, "_PUBLISH_INTERVAL", 3_600.0)
        command = make_command("close", "trader", issued_by="cli", target="BTCUSDT")
        answer = await close_directly(around.data, command, lambda _: None)
        assert answer.is_done
        assert read_json(around.data.account)["positions"] == {}
