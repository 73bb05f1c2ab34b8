"""What is bought, and what it is worth: units, wrong figures, refused protection, lost answers, commissions."""

import asyncio
import time
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.document import write_document
from cq_tui.store.settings_file import change_settings
from tests.services.processes import report
from tests.stack.cases.field import Field, field, trading, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
D = Decimal
_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOTUSDT", "LINKUSDT", "BNBUSDT", "CAKEBNB")


async def test_entries_and_money(tmp_path: Path) -> None:
    async with field(tmp_path, *_SYMBOLS, TRADER_MAX_POSITIONS=20, TRADER_EXIT_ANY_STRATEGY=True) as around:
        # Without OCO: nothing can be protected. Without order lists: market, and an OCO of its own.
        around.exchange.fault("rules", symbol="ADAUSDT", rules={"ocoAllowed": False})
        for symbol in ("DOTUSDT", "XRPUSDT"):
            around.exchange.fault("rules", symbol=symbol, rules={"otoAllowed": False, "opoAllowed": False})
        around.exchange.admin("account", deposit={"BNB": "1"})
        await trading(around)
        await another_quote_asset(around)
        await figures_out_of_bounds(around)
        await a_book_too_thin_for_an_entry(around)
        await protection_that_is_not_allowed(around)
        await protection_refused(around)
        await one_slow_answer_stops_no_other_symbol(around)
        await not_found_is_not_believed(around)
        await exits_are_taken_late_and_behind_many_entries(around)
        await commission_in_bnb(around)
        await remainders_are_no_loss(around)
        await a_price_ten_times_too_low(around)
        around.nothing_twice("ETHUSDT", "SOLUSDT", "XRPUSDT", "DOTUSDT")


async def another_quote_asset(around: Field) -> None:
    """A symbol priced in BNB is refused by name: an amount of USDT is none of BNB."""
    await around.refused("CAKEBNB", "quote_asset")
    assert around.exchange.balance("BNB") == 1
    assert around.exchange.orders("CAKEBNB") == []


async def a_book_too_thin_for_an_entry(around: Field) -> None:
    """Entries that the book cannot fill in full expire: chances missed, and no failures of the symbol."""
    large = {"TRADER_ORDER_QUOTE": 4_000_000.0, "TRADER_MAX_EXPOSURE": 1.0, "TRADER_SLIPPAGE_CAP": 0.000_01}
    usual = {"TRADER_ORDER_QUOTE": 100.0, "TRADER_MAX_EXPOSURE": 0.5, "TRADER_SLIPPAGE_CAP": 0.002}
    change_settings(around.data.settings, large)
    around.exchange.admin("account", deposit={"USDT": "20000000"})
    await until(lambda: D(around.account["balances"]["USDT"]["free"]) > 20_000_000)
    for _ in range(4):
        strategy = around.signal("BTCUSDT")
        await until(partial(around.in_vain, strategy))
        assert around.denial(strategy) is None
    left = [event for event in around.events("position_changed") if event["after"] == "closed"]
    assert all(str(event["reason"]).startswith("its entry bought nothing") for event in left)
    assert around.events("symbol_quarantined") == []
    assert around.exchange.bought("BTCUSDT") == 0
    around.exchange.admin("account", withdraw={"USDT": "20000000"})
    change_settings(around.data.settings, usual)


async def figures_out_of_bounds(around: Field) -> None:
    """Confidence, trail and entry price that cannot be."""
    ticker = around.ticker("BTCUSDT")
    assert ticker is not None
    await around.refused("BTCUSDT", "signal_implausible", confidence=0.0)
    await around.refused("BTCUSDT", "signal_implausible", trail=-1e6)
    price = ticker.ask
    far = {"entry_price": price * 100, "stop_loss": price * 90, "take_profit": price * 110}
    await around.refused("BTCUSDT", "price_gap", **far)
    assert around.exchange.orders("BTCUSDT") == []


async def protection_that_is_not_allowed(around: Field) -> None:
    """What takes no OCO is not bought."""
    await around.refused("ADAUSDT", "protection_impossible")
    assert around.exchange.orders("ADAUSDT") == []


async def protection_refused(around: Field) -> None:
    """Each refused OCO counts, whatever its rescue sells: three, and the symbol is quarantined."""
    refuses = around.exchange.fault(
        "error", code=-2010, http_status=400, msg="Too many algo orders for this symbol.", before=True,
        method="POST", path="/api/v3/orderList/oco", symbol="DOTUSDT",
    )  # fmt: skip
    while not around.events("symbol_quarantined"):
        strategy = around.signal("DOTUSDT")
        await until(partial(around.in_vain, strategy))
    assert around.events("symbol_quarantined")[-1]["symbol"] == "DOTUSDT"
    for _ in range(3):
        await around.refused("DOTUSDT", "quarantined")
    assert 1 <= around.exchange.bought("DOTUSDT") <= 3
    around.exchange.mend(refuses)


async def one_slow_answer_stops_no_other_symbol(around: Field) -> None:
    """One answer takes twelve seconds: meanwhile another symbol is bought, protected and sold."""
    around.exchange.fault("delay", delay_ms=12_000, method="POST", symbol="ETHUSDT", count=1)
    strategy = await around.buy("ETHUSDT", lambda: around.events("order_submitted")[-1]["symbol"] == "ETHUSDT")
    began = time.monotonic()
    await around.enter("SOLUSDT")
    await around.leave("SOLUSDT")
    assert time.monotonic() - began < 12
    await until(lambda: around.holds("ETHUSDT") or around.in_vain(strategy))
    await around.leave("ETHUSDT")
    # The next entry in that symbol would wait for the slow answer.
    await until(lambda: time.monotonic() > began + 13)


async def not_found_is_not_believed(around: Field) -> None:
    """Bought, and the answer lost; queries find nothing, the stream is silent: its trades know better, at once."""
    exchange = around.exchange
    exchange.fault("error", code=-1007, method="POST", path="/api/v3/order", symbol="XRPUSDT", count=1)
    blind = (
        exchange.fault("silence", stream="userData"),
        exchange.fault(
            "error", code=-2013, http_status=400, msg="Order does not exist.", method="GET", path="/api/v3/order",
            symbol="XRPUSDT", before=True,
        ),
    )  # fmt: skip
    strategy = await around.buy("XRPUSDT", lambda: exchange.balance("XRP"))
    await until(lambda: exchange.covered("XRPUSDT"))
    assert around.denial(strategy) is None, "an order that was executed was taken to have never arrived"
    await around.refused("XRPUSDT")
    exchange.mend(*blind)
    await until(lambda: "XRPUSDT" in around.held and not around.trader.get("doubts"))
    await around.leave("XRPUSDT")
    assert around.denial(strategy) is None
    assert exchange.bought("XRPUSDT") == 1


async def exits_are_taken_late_and_behind_many_entries(around: Field) -> None:
    """A SELL of twelve seconds ago, behind 2,500 entries: what reduces risk is never too late."""
    change_settings(around.data.settings, {"ARES_FRESHNESS_THRESHOLD": 10.0})
    await around.enter("ETHUSDT")
    opened = time.time()
    await asyncio.sleep(0)
    for _ in range(2_500):
        around.signal("ETHUSDT")
    await until(lambda: time.time() > opened + 1.0)
    around.ask_to_close("ETHUSDT", bar_close_time=int(opened * 1000) - 12_000, frame="15s")
    await around.closed("ETHUSDT")
    change_settings(around.data.settings, {"ARES_FRESHNESS_THRESHOLD": 60.0})
    await until(lambda: around.services["memory"].health.get("backlog") == 0)


async def commission_in_bnb(around: Field) -> None:
    """Commission in BNB is a cost in USDT, to what BNB is worth."""
    exchange, before = around.exchange, around.account["realized_pnl"]
    exchange.admin("commission", standard={"maker": "0.001", "taker": "0.001"}, discount="0.75")
    await around.enter("LINKUSDT")
    await around.leave("LINKUSDT")
    trades = exchange.ask("myTrades", symbol="LINKUSDT")
    assert {trade["commissionAsset"] for trade in trades} == {"BNB"}
    assert exchange.balance("LINK") == 0
    bnb = around.ticker("BNBUSDT")
    assert bnb is not None
    cash = sum(float(trade["quoteQty"]) * (-1 if trade["isBuyer"] else 1) for trade in trades)
    paid = sum(float(trade["commission"]) for trade in trades) * bnb.price
    await until(lambda: around.account["realized_pnl"] != before)
    assert around.account["realized_pnl"] - before == pytest.approx(cash - paid, abs=paid / 5)
    exchange.admin("commission", standard={"maker": "0.001", "taker": "0.001"})


async def remainders_are_no_loss(around: Field) -> None:
    """What is left below a step is owned: no loss at each round trip, and money adds up to the last digit."""
    exchange, before = around.exchange, around.account["realized_pnl"]
    await around.enter("BTCUSDT")
    await around.leave("BTCUSDT")
    left = exchange.balance("BTC")
    trades = exchange.ask("myTrades", symbol="BTCUSDT")
    bought, sold = ([trade for trade in trades if trade["isBuyer"] is side] for side in (True, False))
    received = sum(D(trade["qty"]) - D(trade["commission"]) for trade in bought)
    spent = sum(D(trade["quoteQty"]) for trade in bought)
    proceeds = sum(D(trade["quoteQty"]) - D(trade["commission"]) for trade in sold)
    assert left > 0, "not the case: nothing is left"
    await until(lambda: around.account["realized_pnl"] != before)
    profit = proceeds - spent * (received - left) / received
    assert around.account["realized_pnl"] - before == pytest.approx(float(profit), abs=1e-6)
    await until(lambda: D(around.account["remainders"]["BTCUSDT"]["quantity"]) == left)
    account = around.account
    assert account["realized_pnl"] + account["unrealized_pnl"] == pytest.approx(
        account["equity"] - account["equity_start"], abs=1e-6
    )


async def a_price_ten_times_too_low(around: Field) -> None:
    """Feeder and signal agree on a tenth of the price: nothing is bought for ten times the amount."""
    around.services["feeder"].kill()
    ticker, bought = around.ticker("SOLUSDT"), around.exchange.bought("SOLUSDT")
    assert ticker is not None
    low = ticker.price / 10
    strategy = ""
    for _ in range(2):
        now = time.time()
        report(around.data, "feeder", mode="testnet", symbols=list(_SYMBOLS))
        wrong = {"SOLUSDT": Ticker(low, 0.0, low - 0.01, low + 0.01, 1.0, now, 2)}
        write_document(around.data.tickers, tickers_to_bytes(now, wrong), durable=False)
        strategy = strategy or around.signal("SOLUSDT")
    await until(lambda: around.denial(strategy))
    assert around.exchange.bought("SOLUSDT") == bought
    assert "SOLUSDT" not in around.held
