"""Messages are intercepted only while an active fault may affect them, or a message is held."""

from typing import Any

import orjson
import pytest

from cq_tui.simulator.api.ws_connection import WsApi
from cq_tui.simulator.clock import Clock
from cq_tui.simulator.faults.admin import Admin
from cq_tui.simulator.faults.plan import RequestTarget
from cq_tui.simulator.tick_loop import TickLoop
from tests.simulator.streams.stage import START, Stage


class Ways:
    """An exchange without a network, with /admin."""

    def __init__(self) -> None:
        self.stage = stage = Stage()
        self.ws_api = WsApi(stage.exchange, stage.connections)
        clock = Clock(START)
        driver = TickLoop(stage.exchange, stage.hub, clock, stage.connections)
        self.admin = Admin(stage.exchange, stage.hub, self.ws_api, stage.connections, clock, driver)

    async def begin(self, **fault: Any) -> None:
        await self.admin.handle("POST", "/admin/faults", orjson.dumps(fault))

    @property
    def taken(self) -> list[str]:
        """Which messages are intercepted."""
        ways = {
            "market": self.stage.hub.interceptor,
            "userData": self.ws_api.user_data.interceptor,
            "wsApi": self.ws_api.frame_interceptor,
        }
        return [name for name, tamper in ways.items() if tamper is not None]


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        ({"action": "silence"}, ["market"]),
        ({"action": "silence", "stream": "btcusdt@trade"}, ["market"]),
        ({"action": "delay", "stream": "market"}, ["market"]),
        ({"action": "delay", "symbol": "BTCUSDT"}, []),
        ({"action": "repeat", "stream": "userData"}, ["userData"]),
        ({"action": "disconnect", "stream": "wsApi"}, ["wsApi"]),
        ({"action": "ban"}, []),
    ],
)
async def test_only_messages_that_a_fault_may_affect_are_intercepted(fault: dict[str, Any], taken: list[str]) -> None:
    ways = Ways()
    assert ways.taken == []
    await ways.begin(**fault)
    assert ways.taken == taken
    await ways.admin.handle("DELETE", "/admin/faults", b"")
    assert ways.taken == []


async def test_a_held_message_is_sent_after_its_fault_ended() -> None:
    ways = Ways()
    await ways.begin(action="reorder", stream="btcusdt@bookTicker", count=1)
    _, connection = ways.stage.subscriber("btcusdt@bookTicker")
    while ways.admin.plan.active(START):
        ways.stage.tick()
    assert connection.read_messages() == []
    ways.admin.match_request(RequestTarget())
    assert ways.taken == ["market"]
    while len(seen := connection.read_messages()) < 2:
        assert seen == []
        ways.stage.tick()
    assert seen[0]["u"] > seen[1]["u"]
    ways.admin.match_request(RequestTarget())
    assert ways.taken == []
