"""What the trader reads around itself: the highest high that a trailing stop follows."""

from decimal import Decimal

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.surroundings import highest_high
from cq_tui.store.klines import KlineJournalWriter
from tests.services.scripted_market import bar


def test_the_highest_high_is_that_of_the_newest_bars_only(data: DataDir) -> None:
    assert highest_high(data, "BTCUSDT", "1s", 3) is None
    writer = KlineJournalWriter(data, "BTCUSDT", "1s")
    bars = [bar(i * 1_000, price) for i, price in enumerate([900.0, 100.0, 120.5, 110.0])]
    writer.append(bars)
    writer.close()
    assert highest_high(data, "BTCUSDT", "1s", 3) == Decimal(str(bars[2].high))
    assert highest_high(data, "BTCUSDT", "1s", 4) == Decimal(str(bars[0].high))
