"""This computer's clock and the exchange's differ."""

import time

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check

_LITTLE, _MUCH = 8_000, 90_000


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    shift = exchange.fault("offset", offset_ms=_LITTLE)
    await field.restart("trader")
    await scene.failure_is_there(f"the exchange's clock is {_LITTLE // 1000} s ahead; the trader starts again")
    await field.until(lambda: abs(field.trader.get("clock_offset_ms") or 0) > _LITTLE / 2, "the difference measured")
    await field.able()
    await field.enter("ETHUSDT", bar_close_time=_now(_LITTLE))
    exchange.mend(shift)
    shift = exchange.fault("offset", offset_ms=_MUCH)
    await field.restart("trader")
    scene.step(f"{_MUCH // 1000} s ahead")
    await field.blocked("clock")
    why = await field.refused("SOLUSDT", bar_close_time=_now(_MUCH))
    check(why == "clock_skew", f"a buy with a wrong clock was refused for {why}")
    check(exchange.covered("BTCUSDT"), "the stop is gone")
    await field.leave("BTCUSDT", "ETHUSDT", bar_close_time=_now(_MUCH))
    exchange.mend(shift)
    await field.restart("trader")
    scene.step("the clocks agree")
    await field.able()


def _now(offset: int) -> int:
    return int(time.time() * 1000) + offset - 1


DRILL = Drill(
    "clock-skew",
    "The exchange's clock is some seconds ahead: it trades on. It is more than a minute ahead: nothing is bought and "
    "the clock is named, alone; positions can be sold.",
    _play,
    symbols=("BTCUSDT", "ETHUSDT", "SOLUSDT"),
)
