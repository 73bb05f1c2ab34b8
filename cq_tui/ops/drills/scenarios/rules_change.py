"""The rules of a symbol change while it is held."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check

#: More than any position here is worth.
_TOO_MUCH = "1000.00000000"


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    scene.step("buys BTCUSDT and ETHUSDT")
    await field.enter("BTCUSDT", "ETHUSDT")
    covered, held = exchange.covered("BTCUSDT"), exchange.balance("ETH")
    minimum = exchange.filters("BTCUSDT", NOTIONAL={"minNotional": _TOO_MUCH})
    field.ask_to_close("BTCUSDT")
    await scene.failure_is_there("the least that may be sold of BTCUSDT is now more than is held; it should be sold")
    await field.until(lambda: "BTCUSDT" in (field.trader.get("unsellable") or {}), "BTCUSDT named as unsellable")
    check(exchange.covered("BTCUSDT") == covered, "protection removed for what cannot be sold")
    check("BTCUSDT" in field.held, "the position was written off")
    most = f"{held / 3:.4f}"
    largest = exchange.filters("ETHUSDT", MARKET_LOT_SIZE={"maxQty": most})
    scene.step("kept and named; the largest order of ETHUSDT is now a third of what is held")
    await field.leave("ETHUSDT")
    check(exchange.balance("ETH") < held / 100, "ETHUSDT was called closed while held")
    exchange.mend(minimum, largest)
    scene.step("the old rules are back: BTCUSDT is sold")
    await field.closed("BTCUSDT")
    await field.able()


DRILL = Drill(
    "rules-change",
    "While positions are held, the least and the largest order change. What may not be sold is kept, protected and "
    "named; what must be sold in parts is; nothing is written off.",
    _play,
)
