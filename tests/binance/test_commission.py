"""Commission rates of a symbol, and the most that a trade can cost."""

from decimal import Decimal
from typing import Any

import pytest

from cq_tui.binance.commission import parse_commission_rates
from cq_tui.binance.errors import MalformedMessage
from tests.binance.test_rest import Exchange, client, ok


def rates(maker: str, taker: str, buyer: str, seller: str) -> dict[str, str]:
    return {"maker": maker, "taker": taker, "buyer": buyer, "seller": seller}


COMMISSION: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "standardCommission": rates("0.0010", "0.0020", "0.0001", "0.0002"),
    "specialCommission": rates("0.0500", "0.0100", "0.0003", "0.0004"),
    "taxCommission": rates("0.0003", "0.0007", "0.0005", "0.0006"),
    "discount": {
        "enabledForAccount": True,
        "enabledForSymbol": False,
        "discountAsset": "BNB",
        "discount": "0.75000000",
    },
}


async def test_the_worst_case_adds_all_kinds_of_one_role() -> None:
    exchange = Exchange(ok(COMMISSION))
    async with client(exchange) as rest:
        found = await rest.commission("BTCUSDT")
    assert exchange.query["symbol"] == "BTCUSDT"
    # The maker's kinds add up to more than the taker's: 0.0513 to 0.0127.
    assert found.worst_buy == Decimal("0.0513") + Decimal("0.0009")
    assert found.worst_sell == Decimal("0.0513") + Decimal("0.0012")
    assert (found.discount_enabled, found.discount_asset) == (False, "BNB")
    assert found.standard.taker == Decimal("0.002")


@pytest.mark.parametrize("missing", ["standardCommission", "specialCommission", "taxCommission", "discount"])
def test_a_missing_kind_is_no_zero(missing: str) -> None:
    with pytest.raises(MalformedMessage, match=missing):
        parse_commission_rates({name: value for name, value in COMMISSION.items() if name != missing})
