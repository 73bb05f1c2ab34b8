"""Depth streams: diffs applied to any snapshot by the documented rules yield the order book."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.simulator.api import market_data
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.errors import RequestRejected
from tests.simulator.streams.stage import FakeConnection, Stage

Sides = dict[str, dict[str, str]]


class Gap(Exception):
    """A client would have to resynchronize."""


class ClientBook:
    """A local order book, maintained as the exchange's documentation tells clients to."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.update_id: int = snapshot["lastUpdateId"]
        self.sides: Sides = {side: dict(snapshot[side]) for side in ("bids", "asks")}

    def apply(self, event: dict[str, Any]) -> None:
        if event["u"] <= self.update_id:
            return
        if event["U"] > self.update_id + 1:
            raise Gap(f"{event['U']} after {self.update_id}")
        for side, levels in (("bids", event["b"]), ("asks", event["a"])):
            for price, quantity in levels:
                if Decimal(quantity):
                    self.sides[side][price] = quantity
                else:
                    self.sides[side].pop(price, None)
        self.update_id = event["u"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClientBook) and self.sides == other.sides


def snapshot(stage: Stage) -> ClientBook:
    return ClientBook(stage.get(market_data.depth, limit=5_000))


class Walk:
    """Trades at random, takes snapshots in between, and compares each with the book after a diff."""

    def __init__(self, stage: Stage, connection: FakeConnection) -> None:
        self.stage = stage
        self.connection = connection
        self.kept: list[ClientBook] = []
        self.open: list[Outcome] = []
        self.last = 0

    def step(self, action: tuple[str, int]) -> None:
        kind, number = action
        stage = self.stage
        book = stage.exchange.engine.book("BTCUSDT")
        if kind == "tick":
            stage.tick(number)
        elif kind == "snapshot":
            self.kept.append(snapshot(stage))
        elif kind == "wait":
            stage.now += number * 20
        elif kind == "cancel" and self.open:
            self._try(lambda: stage.cancel(self.open.pop(number % len(self.open))))
        elif kind in ("bid", "ask"):
            best = book.best_bid if kind == "bid" else book.best_ask
            away = Decimal(number * 37) / 100
            price = best - away if kind == "bid" else best + away
            placed = self._try(lambda: stage.order("BUY" if kind == "bid" else "SELL", "0.37", f"{price:.2f}"))
            if placed is not None:
                self.open.append(placed)
        elif kind == "market":
            self._try(lambda: stage.order("BUY" if number % 2 else "SELL", f"0.{number + 1:02}"))
        self.read()

    @staticmethod
    def _try(call: Any) -> Any:
        try:
            return call()
        except RequestRejected:
            return None

    def read(self) -> None:
        for event in self.connection.read_messages():
            assert event["e"] == "depthUpdate"
            assert self.last in (0, event["U"] - 1), "a gap"
            assert event["U"] <= event["u"]
            self.last = event["u"]
            for book in self.kept:
                book.apply(event)


ACTIONS = st.one_of(
    st.tuples(st.just("tick"), st.integers(1, 5)),
    st.tuples(st.just("snapshot"), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 6)),
    st.tuples(st.sampled_from(["bid", "ask", "market", "cancel"]), st.integers(0, 40)),
)


@pytest.mark.parametrize("name", ["btcusdt@depth", "btcusdt@depth@100ms"])
def test_diffs_rebuild_the_book_from_any_snapshot(name: str) -> None:
    stage = Stage()
    _, connection = stage.subscriber(name)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(ACTIONS, min_size=3, max_size=30))
    def check(actions: list[tuple[str, int]]) -> None:
        walk = Walk(stage, connection)
        for action in actions:
            walk.step(action)
        walk.kept.append(snapshot(walk.stage))
        # At the end of a second both streams have sent everything.
        walk.stage.tick(4 - walk.stage.exchange.market.tick % 4)
        walk.read()
        present = snapshot(walk.stage)
        assert all(book == present for book in walk.kept)

    check()


def test_best_prices_and_partial_books_agree_with_the_diffs() -> None:
    stage = Stage()
    _, connection = stage.subscriber(
        "btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@depth5@100ms", "btcusdt@depth20", combined=True
    )
    book, seen = snapshot(stage), set()
    for _ in range(12):
        stage.tick()
        tops = []
        for message in connection.read_messages():
            name, data = message["stream"], message["data"]
            seen.add(name)
            if name == "btcusdt@depth@100ms":
                book.apply(data)
            elif name == "btcusdt@bookTicker":
                assert set(data) == {"u", "s", "b", "B", "a", "A"}
                tops.append(data)
            else:
                levels = 5 if name.endswith("depth5@100ms") else 20
                assert len(data["bids"]) == len(data["asks"]) == levels
                assert data["lastUpdateId"] == book.update_id
                assert dict(data["asks"]).items() <= book.sides["asks"].items()
        for top in tops:
            assert top["u"] == book.update_id
            assert min(book.sides["asks"], key=Decimal) == top["a"]
            assert max(book.sides["bids"], key=Decimal) == top["b"]
            assert book.sides["bids"][top["b"]] == top["B"]
    assert len(seen) == 4


def test_an_order_that_becomes_the_best_price_is_sent_immediately() -> None:
    stage = Stage()
    _, connection = stage.subscriber("btcusdt@bookTicker", "btcusdt@depth@100ms")
    stage.tick()
    connection.read_messages()
    stage.now += 120
    book = stage.exchange.engine.book("BTCUSDT")
    best = book.best_bid + Decimal("0.01")
    assert best < book.best_ask, "the seed leaves room between bid and ask"
    stage.order("BUY", "0.5", f"{best:.2f}")
    messages = connection.read_messages()
    assert [message["b"] for message in messages if "B" in message] == [f"{best:.8f}"]
    diffs = [message for message in messages if message.get("e") == "depthUpdate"]
    assert [f"{best:.8f}", "0.50000000"] in diffs[0]["b"]
    assert len(diffs[0]["b"]) <= 2, "the new level, and the last one, which is beyond what depth shows now"
    assert diffs[0]["a"] == []


def test_a_slow_client_gets_only_the_newest_replaceable_messages() -> None:
    stage = Stage()
    subscriber, connection = stage.subscriber("btcusdt@bookTicker", "btcusdt@trade")
    connection.is_writable = False
    stage.tick(20)
    assert connection.read_messages() == []
    connection.is_writable = True
    subscriber.flush()
    messages = connection.read_messages()
    assert len(messages) == 21
    assert [message["t"] for message in messages if message.get("e") == "trade"] == list(
        range(stage.exchange.market.last_trade_id("BTCUSDT") - 19, stage.exchange.market.last_trade_id("BTCUSDT") + 1)
    )


def test_a_client_too_slow_for_a_gapless_stream_is_disconnected() -> None:
    stage = Stage()
    _, connection = stage.subscriber("btcusdt@trade", "btcusdt@aggTrade")
    connection.is_writable = False
    for _ in range(2_100):
        stage.tick()
        if connection.closed_with:
            break
    assert connection.closed_with is not None
    assert connection.closed_with[0] == 1008
