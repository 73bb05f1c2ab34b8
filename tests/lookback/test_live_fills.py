"""Live fills beside the prices of a look back: by hand, one order of each leg."""

from decimal import Decimal
from typing import Any

import pytest

from cq_tui.contracts.market import Kline
from cq_tui.lookback.costs import Costs
from cq_tui.lookback.live_fills import Candles, FillCompared, compare_fills, summarize

MINUTE = 60_000
COSTS = Costs(slippage=Decimal("0.0005"), slippage_of={})
#: Candle n opens at 100 + n.
CANDLES = {
    "ADAUSDT": Candles([Kline(n * MINUTE, n * MINUTE + MINUTE - 1, 100.0 + n, 120, 80, 101, 1, 1, 1) for n in range(5)])
}


def order(leg: str, side: str, ms: int, **prices: str) -> tuple[str, dict[str, Any]]:
    return "order_submitted", {
        "client_order_id": leg, "symbol": "ADAUSDT", "side": side, "leg": leg, "ms": ms,
        "signal_key": f"a:ADAUSDT:1m:{2 * MINUTE - 1}:BUY", **prices,
    }  # fmt: skip


def trade(leg: str, ms: int, price: str, size: str = "1") -> tuple[str, dict[str, Any]]:
    return "order_executed", {"client_order_id": leg, "ms": ms, "price_text": price, "size_text": size}


def compared(*events: tuple[str, dict[str, Any]]) -> FillCompared:
    [one], left_out = compare_fills(events, CANDLES, COSTS)
    assert left_out == 0
    return one


def test_an_entry_is_filled_at_the_open_after_its_bar() -> None:
    sent = 2 * MINUTE + 300
    one = compared(
        order("entry", "BUY", sent), trade("entry", sent + 50, "102.10"), trade("entry", sent + 60, "102.30")
    )
    assert (one.model, one.live, one.quantity, one.ms) == (Decimal("102.051"), Decimal("102.20"), Decimal(2), sent + 50)
    assert one.worse_bp == pytest.approx((102.20 / 102.051 - 1) * 1e4)
    assert one.cause == "the price moved in the 350 ms since the candle opened; 5 bp of slippage assumed"


@pytest.mark.parametrize(
    ("leg", "prices", "filled", "model", "cause"),
    [
        ("exit", {}, "103", "102.9485", "the price moved in the 900 ms"),
        ("stop", {"stop_price_text": "99"}, "98.9", "98.9505", "live slippage, 5 bp assumed"),
        ("stop", {"stop_price_text": "104"}, "102.9", "102.9485", "its candle opened beyond the stop"),
        ("target", {"price_text": "110"}, "110", "110", "the target's price"),
    ],
)
def test_a_sale_is_filled_as_a_look_back_fills_its_leg(
    leg: str, prices: dict[str, str], filled: str, model: str, cause: str
) -> None:
    at = 3 * MINUTE + 500
    one = compared(order(leg, "SELL", at, **prices), trade(leg, at + 400, filled))
    assert (one.model, cause in one.cause) == (Decimal(model), True)
    assert one.worse_bp == pytest.approx(float((Decimal(model) - Decimal(filled)) / Decimal(model)) * 1e4)


def test_what_has_no_candle_is_counted_and_what_was_not_filled_is_not() -> None:
    late = 50 * MINUTE
    events = [order("exit", "SELL", late), trade("exit", late, "100"), order("stop", "SELL", 1, stop_price_text="90")]
    assert compare_fills(events, CANDLES, COSTS) == ([], 1)


def test_legs_are_summed_up_by_amount() -> None:
    ones = [
        FillCompared(str(n), "ADAUSDT", "SELL", "exit", 1, Decimal(size), Decimal(1), Decimal(100), bp, "")
        for n, (size, bp) in enumerate([(1, 10.0), (3, 2.0)])
    ]
    [leg] = summarize(ones)
    assert (leg.leg, leg.orders, leg.worse_bp, leg.worst) == ("exit", 2, 4.0, ones[0])
