"""A symbol is delisted while it is held."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    since, held = exchange.time(), exchange.balance("BTC")
    delisted = exchange.fault("delist", symbol="BTCUSDT")
    check(not exchange.covered("BTCUSDT"), "the exchange did not expire the orders")
    await scene.failure_is_there("BTCUSDT is delisted: its orders expire")
    await field.until(lambda: "BTCUSDT" in str(field.trader.get("reason")), "the symbol named in the trader's health")
    check(exchange.balance("BTC") == held, "coins are gone")
    check("BTCUSDT" in field.held, "the position was written off")
    scene.step("kept and named; the other symbol is traded")
    await field.enter("ETHUSDT")
    exchange.mend(delisted)
    scene.excuse_since(since)
    scene.step("BTCUSDT is listed again")
    await field.until(lambda: exchange.covered("BTCUSDT") or "BTCUSDT" not in field.held, "BTCUSDT protected or sold")
    await field.able()


DRILL = Drill(
    "delisting",
    "A symbol is delisted while it is held, and its orders expire. The position is kept and named, other symbols are "
    "traded; listed again, it is protected or sold.",
    _play,
    most_naked=60.0,
)
