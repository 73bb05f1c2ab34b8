"""The outbox of a client: conflated, bounded, in order, and never in the way of the others."""

import asyncio

from cq_tui.simulator.connections.outbox import CAPACITY, Outbox


async def test_messages_come_in_order_and_only_the_newest_of_a_kind() -> None:
    outbox = Outbox()
    outbox.put("quote 1", "quote")
    outbox.put("trade 1")
    outbox.put("quote 2", "quote")
    outbox.put("trade 2")
    assert await outbox.drain() == ["trade 1", "quote 2", "trade 2"]


async def test_a_client_that_never_reads_costs_a_bounded_amount() -> None:
    outbox = Outbox()
    for number in range(CAPACITY + 100):
        outbox.put(str(number))
    messages = await outbox.drain()
    assert (len(messages), messages[0], outbox.dropped) == (CAPACITY, "100", 100)


async def test_take_waits_for_the_first_message() -> None:
    outbox = Outbox()
    taking = asyncio.create_task(outbox.drain())
    await asyncio.sleep(0)
    assert not taking.done()
    outbox.put("x")
    assert await asyncio.wait_for(taking, 1) == ["x"]
