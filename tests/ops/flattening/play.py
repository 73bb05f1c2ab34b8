"""One flatten in one state of death under one fault, from open positions to the verdict."""

from pathlib import Path

from cq_tui.store.lock import find_holder
from tests.ops.flattening.faults import SYMBOLS, Fault
from tests.ops.flattening.stage import Stage, staged
from tests.ops.flattening.states import State, full_disk
from tests.ops.flattening.verdict import Before, judge_answer, judge_exchange, judge_history, look, sellable


async def play(folder: Path, state: State, fault: Fault, *words: str) -> None:
    """Flatten, with these words on the command line, and judge what came of it."""
    folder.mkdir()
    async with staged(folder, on_small_disk=state is full_disk) as stage:
        await stage.open_positions()
        before = look(stage, fault)
        async with state(stage):
            fault.begin(stage.exchange)
            answer = await stage.flatten(fault, *words)
            print(f"{state.__name__}, {fault.name}: exit code {answer.code}\n{answer.out}{answer.err}")
            judge_answer(answer, sellable(stage.exchange, before), fault)
        stage.end_faults()
        await _come_to_rest(stage, before, fault)
        judge_exchange(stage.exchange, before)
        if not fault.forgets:
            stage.field.nothing_twice(*SYMBOLS)
        await judge_history(stage)


async def _come_to_rest(stage: Stage, before: Before, fault: Fault) -> None:
    """Start what is dead: what was not sold is sold then, and nothing is opened."""
    field = stage.field
    for name in ("memory", "feeder", "trader"):
        if find_holder(field.data.lock_of(name)) is None:
            await field.start(name)
    await field.until(lambda: not sellable(stage.exchange, before), "everything sold")
    if not fault.forgets:
        await field.closed(*SYMBOLS)
    await field.until(lambda: field.trader.get("trading_state") == "halted", "a trader that is halted")
    await field.refused("BTCUSDT", "trading_halted")
