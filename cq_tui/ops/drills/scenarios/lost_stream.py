"""The account's stream is lost, and the protection with it."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    silent = exchange.fault("silence", stream="userData")
    for order_list in exchange.ask("openOrderList"):
        exchange.ask("orderList", "DELETE", symbol="BTCUSDT", orderListId=order_list["orderListId"])
    check(not exchange.covered("BTCUSDT"), "the drill could not take the stop away")
    await scene.failure_is_there("the account's stream is silent, and somebody cancels the stop")
    exchange.admin("shutdown", delay_ms=0)
    exchange.mend(silent)
    scene.step("every connection breaks, and can be made again")
    await field.protected("BTCUSDT")
    scene.step("protected again; it buys ETHUSDT")
    await field.able()
    await field.enter("ETHUSDT")


DRILL = Drill(
    "lost-stream",
    "The account's stream falls silent and breaks, and meanwhile the stop is canceled. The trader finds out by asking "
    "and protects the position again.",
    _play,
    most_naked=20.0,
)
