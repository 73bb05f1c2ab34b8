"""Commission rates: read for every symbol that trades, one after another, and again each hour."""

from cq_tui.binance.commission import CommissionRates, SideRates
from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.trading.core.effects import FetchCommission, FetchRules
from tests.trading.core.stage import SYMBOL, CoreStage, D

RATES, NONE = SideRates(D("0.002"), D("0.002")), SideRates()


def commissions(stage: CoreStage) -> list[str]:
    return [request.symbol for request in stage.all(FetchCommission)]


def test_rules_that_come_after_the_account_delay_no_commission() -> None:
    stage = CoreStage(rules_at_once=False)
    assert not commissions(stage)
    stage.answer(stage.one(FetchRules), ExchangeInfo(0, (), {SYMBOL: stage.rules}, {}))
    assert commissions(stage) == [SYMBOL]
    stage.answer(stage.one(FetchCommission), CommissionRates(SYMBOL, RATES, NONE, NONE))
    assert stage.core.situation.lane(SYMBOL).commission == D("0.002")
    stage.wait(60.0)
    assert not commissions(stage)
    stage.wait(3_600.0)
    assert commissions(stage) == [SYMBOL]


def test_a_symbol_whose_commission_cannot_be_read_delays_no_other() -> None:
    stage = CoreStage(rules_at_once=False, symbols=(SYMBOL, "ETHUSDT"))
    rules = {name: stage.rules_of(name) for name in (SYMBOL, "ETHUSDT")}
    stage.answer(stage.one(FetchRules), ExchangeInfo(0, (), rules, {}))
    stage.refuse(stage.one(FetchCommission), -1121, "Invalid symbol.")
    for _ in range(3):
        stage.wait(5.0)
    assert commissions(stage) == ["ETHUSDT"]
