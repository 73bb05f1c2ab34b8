"""Market time in the room: the change over 24 market hours, where a second of the simulated market is a minute."""

import orjson
import pytest

from cq_tui.contracts.market import Kline, lines_of_klines
from cq_tui.room.market_day import MarketDay
from cq_tui.room.state import RoomState
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import Stage

SYMBOL = "BTCUSDT"
#: By the clock, at 60 times its speed.
MARKET_DAY = 1_440


def hasten(stage: Stage, speed: float | None, *, seconds: int = 1_500, price: float) -> None:
    """Let the exchange say its speed, and record one-second klines that begin at ``price`` and end at twice that."""
    path = stage.data.health_of("exchange")
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | {"speed": speed}))
    begin = int(stage.now) - seconds
    klines = []
    for second in range(seconds):
        close = price if second < seconds - MARKET_DAY + 1 else 2 * price
        opened = (begin + second) * 1_000
        klines.append(Kline(opened, opened + 999, close, close, close, close, 1.0, close, 4))
    journal = stage.data.klines_of(SYMBOL, "1s")
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.write_bytes(lines_of_klines(klines))


def loaded(stage: Stage) -> RoomState:
    state = RoomState(stage.data, {}, lambda _: None)
    state.poll_files()
    state.poll_files()
    while state.seed_prices(8):
        pass
    return state


def test_the_change_is_that_of_24_market_hours(stage: Stage) -> None:
    price = loaded(stage).tickers[SYMBOL].price
    hasten(stage, 60, price=price / 2)
    state = loaded(stage)
    ticker = state.tickers[SYMBOL]
    assert state.change_percent(SYMBOL, ticker) == pytest.approx(100, abs=0.1)
    assert ticker.change_percent != pytest.approx(100, abs=1)


@pytest.mark.parametrize("speed", [None, 1])
def test_in_real_time_it_is_that_of_the_exchange(stage: Stage, speed: float | None) -> None:
    hasten(stage, speed, price=10.0)
    state = loaded(stage)
    assert state.change_percent(SYMBOL, state.tickers[SYMBOL]) == state.tickers[SYMBOL].change_percent


def test_it_is_unknown_until_24_market_hours_are(stage: Stage) -> None:
    hasten(stage, 60, seconds=MARKET_DAY - 120, price=10.0)
    state = loaded(stage)
    assert state.change_percent(SYMBOL, state.tickers[SYMBOL]) is None
    hasten(stage, 60, price=10.0)
    for _ in range(70):  # the feeder may still fill its journals when they are first read
        state.poll_files()
    while state.seed_prices(8):
        pass
    assert state.change_percent(SYMBOL, state.tickers[SYMBOL]) is not None


async def test_the_room_says_market_time(stage: Stage, make_room: MakeRoom) -> None:
    hasten(stage, 60, price=loaded(stage).tickers[SYMBOL].price / 2)
    async with make_room(stage.data).run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "market time ×60")
        await wait_for_text(pilot, "+100.0")
        assert f" {SYMBOL} " in screen_text(pilot)


def test_prices_are_kept_for_a_market_day_only() -> None:
    day = MarketDay(60)
    for second in range(10_000):
        day.add("A", second, 100.0 + second)
        day.add("B", second, 1.0)
    assert day.change_percent("A", 9_999, 10_099.0) == pytest.approx(
        (10_099 / (10_099 - MARKET_DAY) - 1) * 100, abs=0.1
    )
    day.retain(["A"])
    assert day.change_percent("B", 9_999, 1.0) is None
    assert day.change_percent("C", 9_999, 1.0) is None
