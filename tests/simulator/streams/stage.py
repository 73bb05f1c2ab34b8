"""An exchange without a network, with a clock set by tests and clients whose frames can be read."""

from decimal import Decimal
from typing import Any

import orjson

from cq_tui.simulator.access.keys import ApiKeys
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.connections.open_connections import Connections
from cq_tui.simulator.engine.orders import NewOrder
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.market.ticks import TICK_MS
from cq_tui.simulator.server import SimulatorConfig, open_exchange
from cq_tui.simulator.streams.stream_hub import StreamHub
from cq_tui.simulator.streams.subscriber import Subscriber
from tests.simulator.conftest import SHORT_HISTORY

START = 1_700_000_000_000 // 60_000 * 60_000


class FakeConnection:
    """Records what is written; tests set ``is_writable``."""

    def __init__(self) -> None:
        self.is_writable = True
        self.written = b""
        self.closed_with: tuple[int, str] | None = None

    def write_frames(self, frames: bytes) -> None:
        self.written += frames

    def close_with_reason(self, code: int, reason: str) -> None:
        self.closed_with = (code, reason)

    def read_messages(self) -> list[Any]:
        """Return the messages since the last call."""
        content, self.written = self.written, b""
        return [orjson.loads(payload) for payload in payloads(content)]


def payloads(content: bytes) -> list[bytes]:
    """Return the payloads of a server's frames."""
    found, at = [], 0
    while at < len(content):
        assert content[at] == 0x81
        size, at = content[at + 1], at + 2
        if size == 126:
            size, at = int.from_bytes(content[at : at + 2], "big"), at + 2
        elif size == 127:
            size, at = int.from_bytes(content[at : at + 8], "big"), at + 8
        found.append(content[at : at + size])
        at += size
    assert at == len(content)
    return found


class Stage:
    """An exchange, its hub and its clock."""

    def __init__(
        self,
        *symbols: str,
        seed: int = 3,
        start: int = START,
        history_ms: int = SHORT_HISTORY,
        config: SimulatorConfig | None = None,
    ) -> None:
        self.now = start
        account = ApiKeys("key", "secret")
        settings = config or SimulatorConfig(
            symbols=symbols or ("BTCUSDT",), seed=seed, history_ms=history_ms,
            balances={"USDT": Decimal(10**9), "BTC": Decimal(1_000), "ETH": Decimal(1_000)},
        )  # fmt: skip
        self.exchange = open_exchange(settings, account, lambda: self.now)
        self.connections = Connections()
        self.hub = StreamHub(self.exchange, self.connections)
        self._orders = 0

    def subscriber(self, *names: str, combined: bool = False, scale: int = 1) -> tuple[Subscriber, FakeConnection]:
        connection = FakeConnection()
        subscriber = Subscriber(connection, combined=combined, scale=scale, opened=self.now)
        self.hub.add_subscriber(subscriber)
        for name in names:
            self.hub.subscribe(subscriber, name)
        return subscriber, connection

    def tick(self, count: int = 1) -> None:
        """Advance by ``count`` ticks, as the server does."""
        for _ in range(count):
            self.now = (self.exchange.market.tick + 1) * TICK_MS
            self.exchange.on_tick(self.exchange.market.tick + 1)
            self.hub.on_tick()

    def jump(self, milliseconds: int) -> None:
        """Advance the market in one step, skipping ticks."""
        self.now += milliseconds
        self.exchange.on_tick(self.now // TICK_MS)
        self.hub.on_tick()

    def order(
        self, side: str, quantity: str, price: str | None = None, symbol: str = "BTCUSDT", **more: Any
    ) -> Outcome:
        """Place a limit order, or a market order if there is no price."""
        self._orders += 1
        new = NewOrder(
            symbol=symbol, side=side, type="LIMIT" if price else "MARKET", client_order_id=f"c{self._orders}",
            quantity=Decimal(quantity), price=Decimal(price) if price else None, **more,
        )  # fmt: skip
        return self.exchange.commit(self.exchange.engine.place(new, self.now), self.now)

    def cancel(self, outcome: Outcome) -> None:
        """Cancel a placed order."""
        order = self.exchange.state.find(outcome.orders[0].symbol, outcome.orders[0].order_id, None)
        assert order is not None
        self.exchange.commit(self.exchange.engine.cancel(order, "cancel", self.now), self.now)

    def get(self, handler: Any, **parameters: Any) -> Any:
        """Call a public endpoint."""
        texts = {name: str(value) for name, value in ({"symbol": "BTCUSDT"} | parameters).items() if value is not None}
        return handler(self.exchange, Parameters(texts))
