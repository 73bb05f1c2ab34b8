"""How long a position was without a stop, from orders and trades."""

from typing import Any

import pytest

from cq_tui.ops.drills.naked_time import NEVER, Span, longest_naked

NOW = 10_000


def stop(since: int, until: int | None = None, quantity: str = "1", status: str = "CANCELED") -> dict[str, Any]:
    return {
        "type": "STOP_LOSS", "side": "SELL", "time": since, "origQty": quantity,
        "updateTime": since if until is None else until, "status": "NEW" if until is None else status,
    }  # fmt: skip


def trade(time: int, is_buyer: bool, quantity: str = "1", commission: str = "0") -> dict[str, Any]:
    return {
        "time": time, "isBuyer": is_buyer, "qty": quantity, "price": "100", "commission": commission,
        "commissionAsset": "BTC",
    }  # fmt: skip


BOUGHT = trade(1_000, is_buyer=True)


@pytest.mark.parametrize(
    ("orders", "trades", "longest"),
    [
        ([], [], 0),
        ([stop(1_000)], [BOUGHT], 0),
        ([], [BOUGHT], 9_000),
        ([stop(1_400)], [BOUGHT], 400),
        # Moved: canceled, and placed again later.
        ([stop(1_000, 3_000), stop(3_250)], [BOUGHT], 250),
        # An exit that followed its cancel.
        ([stop(1_000, 3_000)], [BOUGHT, trade(3_070, is_buyer=False)], 70),
        # The stop itself sold.
        ([stop(1_000, 3_000, status="FILLED")], [BOUGHT, trade(3_000, is_buyer=False)], 0),
        # Too little is covered; what the commission took needs no stop.
        ([stop(1_000, quantity="0.5")], [BOUGHT], 9_000),
        ([stop(1_000, quantity="0.99")], [trade(1_000, is_buyer=True, commission="0.01")], 0),
        # A remainder that could not be sold.
        ([], [trade(1_000, is_buyer=True, quantity="0.01")], 0),
        # Two spells: the longer one counts.
        ([stop(1_100, 3_000), stop(3_250)], [BOUGHT], 250),
    ],
)
def test_longest_naked(orders: list[dict[str, Any]], trades: list[dict[str, Any]], longest: int) -> None:
    assert longest_naked(orders, trades, "BTC", NOW, NEVER) == longest


def test_what_could_not_be_protected_is_excused() -> None:
    orders = [stop(1_000, 2_000), stop(6_000)]
    assert longest_naked(orders, [BOUGHT], "BTC", NOW, NEVER) == 4_000
    assert longest_naked(orders, [BOUGHT], "BTC", NOW, Span(2_000, 5_000)) == 1_000
