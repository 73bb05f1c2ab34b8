"""No prices any more."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check


async def _play(scene: Scene) -> None:
    field = scene.field
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    field.services["feeder"].kill()
    await scene.failure_is_there("the feeder is killed")
    await field.blocked("feeder")
    why = await field.refused("ETHUSDT")
    check(why.startswith("feeder"), f"a buy without prices was refused for {why}")
    check(field.exchange.covered("BTCUSDT"), "the stop is gone")
    scene.step("no buy without prices; now it sells")
    await field.leave("BTCUSDT")
    await field.start("feeder")
    scene.step("the feeder is back: it buys ETHUSDT")
    await field.able()
    await field.enter("ETHUSDT")


DRILL = Drill(
    "feeder-outage",
    "The feeder dies while a position is held. Nothing is bought without prices; the stop stays at the exchange, and "
    "the position can be sold. With prices, it buys again.",
    _play,
    settings={"ARES_FRESHNESS_THRESHOLD": 6.0},
)
