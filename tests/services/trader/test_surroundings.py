"""What the trader reads around itself: the highest high that a trailing stop follows, and whether the disk is full."""

from decimal import Decimal

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.surroundings import highest_high, look_around
from cq_tui.store.klines import KlineJournalWriter
from cq_tui.store.reserve import RESERVE_BYTES
from tests.services.scripted_market import bar


def test_the_highest_high_is_that_of_the_newest_bars_only(data: DataDir) -> None:
    assert highest_high(data, "BTCUSDT", "1s", 3) is None
    writer = KlineJournalWriter(data, "BTCUSDT", "1s")
    bars = [bar(i * 1_000, price) for i, price in enumerate([900.0, 100.0, 120.5, 110.0])]
    writer.append(bars)
    writer.close()
    assert highest_high(data, "BTCUSDT", "1s", 3) == Decimal(str(bars[2].high))
    assert highest_high(data, "BTCUSDT", "1s", 4) == Decimal(str(bars[0].high))


def test_a_disk_that_was_full_is_seen_until_its_reserve_is_whole(data: DataDir) -> None:
    assert look_around(data).disk_problem is None
    data.reserve.write_bytes(bytes(RESERVE_BYTES - 1))
    assert "the disk is full" in str(look_around(data).disk_problem)
    data.reserve.write_bytes(bytes(RESERVE_BYTES))
    assert look_around(data).disk_problem is None
