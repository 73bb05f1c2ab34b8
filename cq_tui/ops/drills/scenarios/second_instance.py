"""A second data directory on the same account."""

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.field import field_on
from cq_tui.ops.drills.waiting import check


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    data = DataDir(scene.folder / "second")
    async with field_on(data, exchange, scene.run, "BTCUSDT", "ETHUSDT") as second:
        await second.start("memory", "feeder", "trader")
        if scene.sabotage is not None:
            second.services["trader"].kill()
        await scene.failure_is_there("a second data directory, with the same key")
        second.patience = field.patience
        await second.until(
            lambda: "trades; stop that process" in str(second.trader.get("reason")), "the second trader waiting"
        )
        second.services["trader"].kill()
        await second.start("trader", CQ_CONFIG_DIR=str(scene.folder / "another-machine"))
        scene.step("it waits for the first; now as if it were on another machine")
        await second.ready("trader")
        await second.until(lambda: "owner" in str(second.trader.get("doubts")), "the other owner named")
        why = await second.refused("ETHUSDT")
        check(why == "account_in_doubt", f"the second trader's buy was refused for {why}")
        check(not exchange.orders("ETHUSDT"), "the second trader has bought")
        check(second.trader.get("active_positions") == 0, "the second trader has taken the position over")
        for service in second.services.values():
            service.kill()
    check(exchange.covered("BTCUSDT"), "the stop is gone")
    scene.step("it opens nothing, and names the first; it is gone")


DRILL = Drill(
    "second-instance",
    "A second data directory trades with the same key. On this machine it waits, naming the first; on another machine "
    "it opens nothing. Nothing is bought twice, and the first keeps its position.",
    _play,
)
