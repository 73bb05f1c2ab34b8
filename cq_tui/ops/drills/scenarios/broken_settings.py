"""A settings file that cannot be read."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check
from cq_tui.store.document import write_document


async def _play(scene: Scene) -> None:
    field = scene.field
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    good = field.data.settings.read_bytes()
    field.data.settings.write_bytes(good.rstrip()[:-1] + b",}")
    await scene.failure_is_there("a comma too many in the settings")
    await field.blocked("env.json")
    why = await field.refused("ETHUSDT")
    check(why == "trading_reducing", f"a buy with broken settings was refused for {why}")
    await field.restart("trader")
    await field.ready("trader")
    scene.step("the trader starts again with broken settings")
    check(field.trader.get("mode") == "testnet", f"the trader changed to {field.trader.get('mode')}")
    check(field.trader.get("active_positions") == 1, "the trader left its position alone")
    check(field.exchange.covered("BTCUSDT"), "the stop is gone")
    write_document(field.data.settings, good)
    scene.step("the settings are whole: it buys ETHUSDT")
    await field.able()
    await field.enter("ETHUSDT")


DRILL = Drill(
    "broken-settings",
    "The settings become unreadable while a position is held, and the trader starts again. Nothing is bought, the "
    "mode stays, the position is watched.",
    _play,
)
