"""The judge of a flatten finds each thing that must not be."""

from decimal import Decimal
from typing import Any

import pytest

from cq_tui.ops.drills.private_exchange import PrivateExchange
from tests.ops.flattening.faults import FAULTS, SYMBOLS, Fault
from tests.ops.flattening.stage import Answer
from tests.ops.flattening.verdict import Before, judge_answer, judge_exchange, sellable

D = Decimal
USUAL = FAULTS[0]
BEFORE = Before(dict.fromkeys(SYMBOLS, 2), {"BTCUSDT": D(60_000), "ETHUSDT": D(3_000)}, {"BTC": D(1)})
BOTH = "BTCUSDT sold\nETHUSDT sold\n"


class Account(PrivateExchange):
    """What an exchange says of an account, without an exchange: bought and sold but for dust."""

    def __init__(self) -> None:
        self.bitcoin = [_order(1, "BUY", "cq1"), _order(2, "SELL", "cq2"), _order(3, "SELL", "cq3")]
        self.fills = [_trade("1", is_buy=True), _trade("0.999", is_buy=False)]
        self.held = {"BTC": D("1.00005"), "ETH": D(0)}

    def orders(self, symbol: str, *types: str) -> list[dict[str, Any]]:
        return self.bitcoin if symbol == "BTCUSDT" else []

    def trades(self, symbol: str) -> list[dict[str, Any]]:
        return self.fills if symbol == "BTCUSDT" else []

    def balance(self, asset: str) -> Decimal:
        return self.held[asset]


def _order(number: int, side: str, name: str) -> dict[str, Any]:
    return {"orderId": number, "side": side, "clientOrderId": name}


def _trade(quantity: str, *, is_buy: bool) -> dict[str, Any]:
    commission = {"commission": "0.001", "commissionAsset": "BTC" if is_buy else "USDT"}
    return {"qty": quantity, "isBuyer": is_buy, **commission}


def test_what_is_right_passes_and_dust_is_not_sellable() -> None:
    account = Account()
    judge_exchange(account, BEFORE)
    assert sellable(account, BEFORE) == set()
    account.held["BTC"] += D("0.0001")
    assert sellable(account, BEFORE) == {"BTCUSDT"}


def test_what_was_opened_sold_twice_or_is_not_ours_is_found() -> None:
    account = Account()
    account.bitcoin.append(_order(4, "BUY", "cq4"))
    with pytest.raises(AssertionError, match="opened"):
        judge_exchange(account, BEFORE)
    account = Account()
    account.bitcoin.append(_order(4, "SELL", "cq3"))
    with pytest.raises(AssertionError, match="an id was used twice"):
        judge_exchange(account, BEFORE)
    account = Account()
    account.fills[1]["qty"] = "0.9991"
    with pytest.raises(AssertionError, match="more sold than held"):
        judge_exchange(account, BEFORE)
    account = Account()
    account.held["BTC"] = D("0.99")
    with pytest.raises(AssertionError, match="coins of others were sold"):
        judge_exchange(account, BEFORE)


@pytest.mark.parametrize(
    ("answer", "left", "fault"),
    [
        (Answer(0, BOTH, "", False), {"BTCUSDT"}, USUAL),
        (Answer(0, "BTCUSDT sold", "", False), set(), USUAL),
        (Answer(1, BOTH, "", True), set(), USUAL),
        (Answer(1, "ETHUSDT left", "", False), {"BTCUSDT"}, USUAL),
        (Answer(4, BOTH, "", False), {"BTCUSDT"}, USUAL),
        (Answer(0, BOTH, "", False), set(), next(fault for fault in FAULTS if fault.forbids)),
    ],
)
def test_a_wrong_exit_code_and_a_name_left_out_are_found(answer: Answer, left: set[str], fault: Fault) -> None:
    with pytest.raises(AssertionError):
        judge_answer(answer, left, fault)


def test_a_right_answer_passes() -> None:
    judge_answer(Answer(0, BOTH, "", True), set(), USUAL)
    judge_answer(Answer(1, "BTCUSDT left", "", True), {"BTCUSDT"}, USUAL)
    judge_answer(Answer(1, "BTCUSDT being sold", "", False), set(), USUAL)
