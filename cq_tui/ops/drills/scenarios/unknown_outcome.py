"""Answers of the exchange that never arrive."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check

#: What opens a position, by what the symbol allows.
_ENTRIES = ("order", "orderList/oto", "orderList/otoco", "orderList/opo", "orderList/opoco")


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    lost = [exchange.fault("drop", method="POST", path=f"/api/v3/{path}", symbol="BTCUSDT") for path in _ENTRIES]
    # One that expires buys nothing, and the next one follows.
    asked = await field.buy("BTCUSDT", lambda: exchange.bought("BTCUSDT"))
    await scene.failure_is_there("the exchange buys BTCUSDT, and its answer is lost")
    await field.until(lambda: "BTCUSDT" in field.held, "the position known")
    check(field.denial(asked) is None, "what was bought was called refused")
    exchange.mend(*lost)
    check(exchange.bought("BTCUSDT") == 1, "it was bought twice")
    await field.protected("BTCUSDT")
    scene.step("found by its id, and protected; now an order is lost on its way")
    never = [
        exchange.fault("drop", method="POST", path=f"/api/v3/{path}", symbol="ETHUSDT", before=True)
        for path in _ENTRIES
    ]  # fmt: skip
    sent = len(field.events("order_submitted"))
    field.signal("ETHUSDT")
    await field.until(lambda: len(field.events("order_submitted")) > sent, "the order written down")
    await field.until(lambda: not field.trader.get("doubts") and not _open(scene), "the order known to have failed")
    exchange.mend(*never)
    check(not exchange.orders("ETHUSDT"), "an order that was lost was sent again")
    await field.able()
    scene.step("it never arrived, and was not sent again; the next signal buys")
    await field.enter("ETHUSDT")


def _open(scene: Scene) -> bool:
    """Whether an order in ETHUSDT is open in the trader's book."""
    orders = scene.field.account.get("orders", ())
    return any(order["symbol"] == "ETHUSDT" and order["status"] in _UNENDED for order in orders) or not any(
        order["symbol"] == "ETHUSDT" for order in orders
    )


_UNENDED = ("pending", "submitted", "unknown", "new", "partially_filled")
DRILL = Drill(
    "unknown-outcome",
    "The answer to an order is lost after the exchange has carried it out, then an order is lost before. Each is asked "
    "for by its id and never sent again.",
    _play,
)
