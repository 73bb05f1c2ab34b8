"""The exact text of a fill."""

from decimal import Decimal

from cq_tui.trading.money.executed import executed_text

D = Decimal


def test_a_fill_is_told_to_the_last_digit() -> None:
    told = executed_text(77, D("0.00250000"), D("40000.10"), D("1E-8"), D("-0.000000000001"))
    assert told._asdict() == {
        "trade_id": "77",
        "size_text": "0.0025",
        "price_text": "40000.1",
        "commission_text": "0.00000001",
        "realized_text": "-0.000000000001",
    }
    assert executed_text(77, D(1), D(1), D(0), None).realized_text is None
