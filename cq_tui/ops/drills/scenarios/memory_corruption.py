"""A byte of the history changes."""

from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.waiting import check


async def _play(scene: Scene) -> None:
    field = scene.field
    scene.step("buys BTCUSDT")
    await field.enter("BTCUSDT")
    await field.until(lambda: field.data.events.exists() and len(_lines(scene)) > 5, "a history")
    field.services["memory"].kill()
    _damage(scene)
    scene.expected_faults = 1
    await field.start("memory")
    await scene.failure_is_there("memory was killed, and a byte of the history has changed")
    await field.until(lambda: field.memory.get("integrity_ok") is False, "memory aware of the damage")
    await field.blocked("memory")
    why = await field.refused("ETHUSDT")
    check(why.startswith("memory"), f"a buy with a damaged history was refused for {why}")
    check(field.exchange.covered("BTCUSDT"), "the stop is gone")
    scene.step("the damage is named and nothing is bought; a person accepts it")
    answer = await field.command("acknowledge_faults", "all", service="memory")
    check(answer.outcome == "done", f"the fault could not be accepted: {answer.message}")
    await field.able()
    scene.step("it buys ETHUSDT")
    await field.enter("ETHUSDT")


def _lines(scene: Scene) -> list[bytes]:
    return scene.field.data.events.read_bytes().splitlines(keepends=True)


def _damage(scene: Scene) -> None:
    """Change one letter in the payload of the second event."""
    lines = _lines(scene)
    place = sum(map(len, lines[:1])) + lines[1].index(b'"data":{"') + len(b'"data":{"')
    with scene.field.data.events.open("r+b") as file:
        file.seek(place)
        letter = file.read(1)
        file.seek(place)
        file.write(b"x" if letter != b"x" else b"y")


DRILL = Drill(
    "memory-corruption",
    "Memory dies, and one byte of the history changes. The damage is found and named, nothing is bought until a "
    "person accepts it, and the position stays protected.",
    _play,
)
