"""The exchange bans this address."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check

_SECONDS = 6


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    exchange.fault("ban", seconds=_SECONDS, count=1)
    banned = exchange.time()
    asked = field.signal("ETHUSDT")
    await scene.failure_is_there(f"the address is banned for {_SECONDS} s (418)")
    why = await field.until(lambda: field.denial(asked), "the buy refused")
    check("ETHUSDT" not in field.held, f"a position from an order that was refused for {why}")
    await field.until(lambda: exchange.time() > banned + 1000 * _SECONDS, "the end of the ban")
    exchange.mend()
    check(exchange.covered("BTCUSDT"), "the stop is gone")
    scene.step("the ban is over: it buys ETHUSDT")
    await field.able()
    await field.enter("ETHUSDT")


DRILL = Drill(
    "ban",
    "The address is banned (418) while a position is held. The stop stands at the exchange through it, nothing is "
    "bought, and afterwards it buys again.",
    _play,
)
