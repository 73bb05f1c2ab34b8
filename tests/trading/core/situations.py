"""A core's situation in which all is well, to be changed by a test."""

from dataclasses import replace
from decimal import Decimal

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.types import Balance
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.inputs import Quote
from cq_tui.trading.core.knowing_rules import take_rules, take_settings
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.core.situation import Situation
from tests.trading.samples import RULES

D = Decimal
SYMBOL = "BTCUSDT"
NOW = 1_700_000_000.0
PLENTY = replace(
    RULES, oco_allowed=True, cancel_replace_allowed=True, min_price=D("0.01"), max_price=D("1000000"),
    order_types=frozenset({"LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"}),
)  # fmt: skip


def reconciled(rules: SymbolRules = PLENTY, *, free: str = "2", locked: str = "0", price: str = "40000") -> Situation:
    """A situation after a quiet reconciliation: so many coins, a fresh price, nothing open."""
    s = Situation(Book("simulated:7", "7k3qz"))
    s.moment = Moment(NOW, NOW)
    take_settings(s, TraderSettings(symbols=(SYMBOL,)))
    take_rules(s, (SYMBOL,), ExchangeInfo(0, (), {SYMBOL: rules}, {}))
    s.record(f.AccountOpened("USDT", D(1000), s.ms))
    s.balances = {"BTC": Balance("BTC", D(free), D(locked)), "USDT": Balance("USDT", D(1000), D(0))}
    s.is_reconciled = True
    s.lane(SYMBOL).quote = Quote(D(price), D(price) + D("0.01"), D(price), NOW)
    s.take_effects()
    return s
