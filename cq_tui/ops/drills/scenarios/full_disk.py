"""The disk is full."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check
from cq_tui.store.reserve import RESERVE_BYTES

#: Room that is not ample: the reserve is not made again.
_SOME = 8 * 2**20


async def _play(scene: Scene) -> None:
    field, exchange = scene.field, scene.field.exchange
    await field.until(lambda: _reserve(scene) >= RESERVE_BYTES, "the reserve made")
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    if scene.disk is None:
        await _play_without_disk(scene)
        return
    scene.disk.fill()
    for order_list in exchange.ask("openOrderList"):
        exchange.ask("orderList", "DELETE", symbol="BTCUSDT", orderListId=order_list["orderListId"])
    await scene.failure_is_there("the disk is full (a small file system), and somebody cancels the stop")
    await field.protected("BTCUSDT")
    await field.blocked("disk is full")
    check(_reserve(scene) < RESERVE_BYTES, "the reserve was not used")
    scene.step("protected again from the reserve; it should sell on the full disk")
    scene.disk.make_room(_SOME)
    why = await field.refused("ETHUSDT")
    check(why == "disk_full", f"a buy on a full disk was refused for {why}")
    scene.disk.fill()
    # A signal has to wait for memory; a person's command does not.
    await field.command("flatten", "BTCUSDT")
    await field.closed("BTCUSDT")
    scene.disk.make_room()
    scene.step("there is room again: it buys ETHUSDT")
    await field.able()
    await field.enter("ETHUSDT")


async def _play_without_disk(scene: Scene) -> None:
    """Where no file system may be mounted: a reserve that cannot be whole is what a full disk leaves behind."""
    field, exchange = scene.field, scene.field.exchange
    reserve = field.data.reserve
    reserve.unlink()
    reserve.mkdir()
    await scene.failure_is_there("the reserve cannot be made (no file system may be mounted here)")
    await field.blocked("disk is full")
    why = await field.refused("ETHUSDT")
    check(why == "disk_full", f"a buy without the reserve was refused for {why}")
    check(exchange.covered("BTCUSDT"), "the stop is gone")
    await field.leave("BTCUSDT")
    reserve.rmdir()
    scene.step("the reserve can be made again: it buys ETHUSDT")
    await field.able()
    await field.enter("ETHUSDT")


def _reserve(scene: Scene) -> int:
    path = scene.field.data.reserve
    return path.stat().st_size if path.exists() else 0


DRILL = Drill(
    "full-disk",
    "The disk is full while a position is held, and its stop is canceled. The reserve lets it be protected and sold "
    "again; nothing is bought. Where no small file system may be mounted, only the reserve is taken away.",
    _play,
    most_naked=30.0,
    needs_small_disk=True,
)
