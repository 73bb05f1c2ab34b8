"""The bounded queue: order is kept, tickers conflate, nothing else is lost, writers slow down."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.conflating_queue import ConflatingQueue

Item = tuple[str, int]


def conflating(limit: int) -> ConflatingQueue[Item]:
    """Capital letters are never dropped."""
    return ConflatingQueue(limit, lambda item: None if item[0].isupper() else item[0])


async def drained(queue: ConflatingQueue[Item]) -> list[Item]:
    return [await queue.get() for _ in range(len(queue))]


async def test_order_is_kept() -> None:
    queue = conflating(10)
    items = [("a", 1), ("a", 2), ("B", 3)]
    assert all(map(queue.put, items))
    assert await drained(queue) == items
    assert queue.dropped == 0


async def test_only_the_newest_of_a_key_survives_an_overflow() -> None:
    queue = conflating(5)
    for number in range(3):
        queue.put(("a", number))
        queue.put(("B", number))
    assert await drained(queue) == [("B", 0), ("B", 1), ("a", 2), ("B", 2)]
    assert queue.dropped == 2


async def test_a_waiting_reader_is_woken() -> None:
    queue = conflating(5)
    reader = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(("a", 1))
    queue.put(("a", 2))
    assert await reader == ("a", 1)
    assert await queue.get() == ("a", 2)


async def test_a_canceled_reader_loses_no_item() -> None:
    queue = conflating(5)
    reader = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(("a", 1))
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert await queue.get() == ("a", 1)


async def test_writers_wait_when_nothing_can_be_dropped() -> None:
    queue = conflating(4)
    assert [queue.put(("B", number)) for number in range(5)] == [True, True, True, True, False]
    writer = asyncio.create_task(queue.wait_for_room())
    await queue.get()
    await queue.get()
    await asyncio.sleep(0)
    assert not writer.done()
    await queue.get()
    await asyncio.wait_for(writer, 1)
    assert await drained(queue) == [("B", 3), ("B", 4)]


async def test_a_failure_comes_after_the_items_before_it() -> None:
    queue = conflating(4)
    queue.put(("a", 1))
    queue.fail(RuntimeError("defect"))
    assert await queue.get() == ("a", 1)
    with pytest.raises(RuntimeError, match="defect"):
        await queue.get()


async def test_a_failure_wakes_the_reader() -> None:
    queue = conflating(4)
    reader = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.fail(RuntimeError("defect"))
    with pytest.raises(RuntimeError, match="defect"):
        await reader


@given(st.lists(st.sampled_from("abcXY"), max_size=200), st.integers(2, 20))
def test_items_without_a_key_are_never_dropped(letters: list[str], limit: int) -> None:
    items = [(letter, number) for number, letter in enumerate(letters)]

    async def run() -> list[Item]:
        queue = conflating(limit)
        for item in items:
            queue.put(item)
        read = await drained(queue)
        assert len(read) + queue.dropped == len(items)
        return read

    read = asyncio.run(run())
    assert [item for item in read if item[0].isupper()] == [item for item in items if item[0].isupper()]
    assert read == sorted(read, key=lambda item: item[1])
    for letter in "abc":
        newest = [item for item in items if item[0] == letter][-1:]
        assert [item for item in read if item[0] == letter][-1:] == newest
