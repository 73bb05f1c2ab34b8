"""The outbox of a client: bounded, ordered and never blocking."""

import asyncio

from cq_tui.simulator.connections.outbox import CAPACITY, Outbox


async def test_messages_come_in_order() -> None:
    outbox = Outbox()
    outbox.put("1")
    outbox.put("2")
    assert await outbox.drain() == ["1", "2"]


async def test_a_client_that_never_reads_has_a_bounded_queue() -> None:
    outbox = Outbox()
    for number in range(CAPACITY + 100):
        outbox.put(str(number))
    messages = await outbox.drain()
    assert (len(messages), messages[0], outbox.dropped) == (CAPACITY, "100", 100)


async def test_drain_waits_for_the_first_message() -> None:
    outbox = Outbox()
    taking = asyncio.create_task(outbox.drain())
    await asyncio.sleep(0)
    assert not taking.done()
    outbox.put("x")
    assert await asyncio.wait_for(taking, 1) == ["x"]
