"""All processes are killed at once."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    covered, bought = exchange.covered("BTCUSDT"), exchange.bought("BTCUSDT")
    asked = field.signal("ETHUSDT")
    await scene.kill_everything()
    await scene.failure_is_there("supervisor and services are killed at once, while ETHUSDT should be bought")
    check(exchange.covered("BTCUSDT") == covered, "the stop is gone")
    if scene.sabotage is None:
        await scene.supervise()
    await field.ready("memory", "feeder", "trader")
    scene.step("all are back")
    check(field.trader.get("active_positions", 0) >= 1, "the position is forgotten")
    await field.until(lambda: field.in_vain(asked) or field.holds("ETHUSDT"), "the signal answered")
    check(exchange.bought("BTCUSDT") == bought, "BTCUSDT was bought again")
    check(exchange.bought("ETHUSDT") <= 1, "ETHUSDT was bought twice")
    field.remember("ETHUSDT", asked)
    await field.able()


async def _leave_everything_dead(scene: Scene) -> None:
    """Nobody starts a supervisor again: there is nothing else to do."""


DRILL = Drill(
    "kill-everything",
    "Supervisor and services are killed at once, in the middle of an entry. The stop stands at the exchange; started "
    "again, they know their position, and nothing is bought twice.",
    _play,
    is_supervised=True,
    sabotage=_leave_everything_dead,
)
