"""Too little money on the account."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    taken = exchange.balance("USDT") - 20
    exchange.admin("account", withdraw={"USDT": f"{taken:.8f}"})
    await field.until(lambda: field.account.get("available_balance", 0) < 30, "the balance without what was taken")
    await scene.failure_is_there("all but 20 USDT are withdrawn")
    why = await field.refused("ETHUSDT")
    check(why in ("balance", "exposure"), f"a buy without money was refused for {why}")
    check(not exchange.orders("ETHUSDT"), "an order was sent that the account cannot pay")
    check(exchange.covered("BTCUSDT"), "the stop is gone")
    exchange.admin("account", deposit={"USDT": f"{taken:.8f}"})
    scene.step("the money is back: it buys ETHUSDT")
    await field.until(lambda: field.account.get("available_balance", 0) > 1_000, "the balance with what was deposited")
    await field.able()
    await field.enter("ETHUSDT")


DRILL = Drill(
    "insufficient-balance",
    "Nearly all money leaves the account while a position is held. No order is sent that cannot be paid; the stop "
    "stays. Withdrawal and deposit are no loss and no profit.",
    _play,
)
