"""The disk of the world: what it refuses waits in the process, in order, and dies with it."""

from decimal import Decimal

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.effects import Record
from tests.trading.world.storage import Storage


def moved(amount: int) -> f.FundsMoved:
    return f.FundsMoved("USDT", Decimal(amount), "deposit", 0)


def amounts(storage: Storage) -> list[int]:
    return [int(fact.change) for fact in storage.facts if isinstance(fact, f.FundsMoved)]


def test_what_was_refused_is_written_before_what_follows() -> None:
    storage = Storage("simulated:1", "me001", is_full=True)
    assert not storage.record(Record((moved(1),), durable=False))
    assert amounts(storage) == []
    storage.is_full = False
    assert storage.record(Record((moved(2),), durable=True))
    assert (amounts(storage), storage.synced) == ([1, 2], 2)


def test_what_was_refused_dies_with_the_process() -> None:
    storage = Storage("simulated:1", "me001")
    storage.record(Record((f.AccountOpened("USDT", Decimal(9), 0),), durable=True))
    storage.is_full = True
    storage.record(Record((moved(1),), durable=True))
    storage.is_full = False
    assert storage.open_book().money == storage.open_book("old").money
    storage.record(Record((moved(2),), durable=True))
    assert amounts(storage) == [2]
