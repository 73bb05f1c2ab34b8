"""The report: figures by hand, rows that add up to the last digit, and words for what the figures do not show."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.books.ledger import Ledger, keep_ledger
from cq_tui.books.metrics import curve
from cq_tui.books.report import MOST_POINTS, Surroundings, make_report
from cq_tui.contracts.trading_report import ReportBars, ReportHeader, ReportRow, TradingReport
from cq_tui.trading.core import facts as f
from tests.books.samples import DAY, START, Account, D, five_trades


def header(days: int = 4, source: str = "live") -> ReportHeader:
    return ReportHeader.model_validate(
        {"source": source, "quote": "USDT", "from_ms": START, "to_ms": START + days * DAY}
    )


def rows(table: list[ReportRow]) -> dict[str, str]:
    return {row.name: row.profit for row in table}


def test_the_five_trades_by_hand() -> None:
    equity = curve([START, START + DAY, START + 2 * DAY, START + 3 * DAY], [1000, 1020, 1010, 1019.8])
    held = curve([START, START + 3 * DAY], [1000, 900])
    report = make_report(keep_ledger(five_trades().facts), header(), Surroundings(equity, held, interval_ms=60_000))
    totals = report.totals
    assert (totals.profit, totals.fees, totals.trades, totals.open_trades) == ("19.8", "0.2", 4, 1)
    assert (totals.win_rate, totals.best_trade, totals.worst_trade) == (0.5, 0.2, -0.1)
    assert totals.profit_factor == pytest.approx(2.98)
    assert (totals.average_duration_ms, totals.max_duration_ms) == (210_000, 600_000)
    assert totals.return_share == pytest.approx(0.0198)
    assert totals.annual_return is totals.sharpe is None
    assert totals.max_drawdown is not None
    assert (totals.max_drawdown.amount, totals.max_drawdown.end_ms) == (10, None)
    assert totals.max_drawdown.duration_ms == 3 * DAY
    assert [(line.name, line.profit) for line in report.lines] == [
        ("net", pytest.approx(19.8)), ("gross", 20.0), ("buy_and_hold", -100.0),
    ]  # fmt: skip
    assert rows(report.by_strategy) == {"bands": "9.8", "trend": "10"}
    assert rows(report.by_symbol) == {"BTCUSDT": "29.8", "ETHUSDT": "-10"}
    assert rows(report.by_exit) == {"": "0", "signal": "0", "stop": "-10", "target": "20", "time stop": "9.8"}
    assert list(rows(report.by_day)) == ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"]
    assert [trade.bars for trade in report.trades] == [1, 2, 10, 1, None]
    assert report.words[0] == "Trading earned 19.80 USDT after costs."
    assert "That is 119.80 USDT more than holding the symbols would have brought." in report.words


def test_a_loss_is_said_in_words_and_what_costs_took() -> None:
    account = Account().open()
    key = account.buy("BTCUSDT", "1", "100", START, "5")
    account.sell(key, "1", "101", START + 1, "5")
    words = make_report(keep_ledger(account.facts), header()).words
    assert words[:2] == [
        "Trading lost 9.00 USDT after costs.", "Before costs it earned 1.00 USDT: the costs took more than that.",
    ]  # fmt: skip
    assert "1 position is closed: too few to tell skill from luck." in words


@pytest.mark.parametrize("account", [Account(), Account().open("0")], ids=["nothing known", "nothing there"])
def test_a_period_without_trades_has_no_figures_and_no_error(account: Account) -> None:
    report = make_report(keep_ledger(account.facts), header())
    assert report.words[0] == "No position was opened."
    assert (report.totals.profit, report.totals.trades, report.totals.win_rate) == ("0", 0, None)
    assert (report.by_day, report.trades) == ([], [])


def test_one_bar_and_an_equity_below_zero() -> None:
    around = Surroundings(curve([START], [1000.0]), bars=ReportBars(bars=1))
    assert make_report(Ledger(), header(), around).totals.return_share == 0
    sunk = Surroundings(curve([START, START + 1], [0.0, -5.0]))
    totals = make_report(Ledger(), header(), sunk).totals
    assert (totals.return_share, totals.max_drawdown_share, totals.final_equity) == (None, None, -5)


def test_what_was_open_at_the_end_of_a_period_counts_as_open_though_it_was_sold_later() -> None:
    account = Account().open()
    key = account.buy("BTCUSDT", "1", "100", START + DAY // 2)
    account.sell(key, "1", "150", START + 3 * DAY)
    totals = make_report(keep_ledger(account.facts), header(1)).totals
    assert (totals.trades, totals.open_trades, totals.exposure, totals.profit) == (0, 1, 0.5, "0")
    later = make_report(keep_ledger(account.facts), header(4)).totals
    assert (later.trades, later.open_trades, later.exposure) == (1, 0, 2.5 / 4)


def test_deposits_are_no_profit() -> None:
    account = Account().open("1000")
    account.tell(f.EquityMarked(D(1000), 0, START + 1))
    account.tell(f.FundsMoved("USDT", D(500), "deposit", START + 2))
    account.tell(f.EquityMarked(D(1510), 0, START + 3))
    report = make_report(keep_ledger(account.facts), header())
    assert (report.totals.start_equity, report.totals.final_equity) == (1000, 1010)
    assert [move.kind for move in keep_ledger(account.facts).movements] == ["opening", "deposit"]


def test_the_equity_begins_when_the_account_is_opened_though_marks_come_in_any_order() -> None:
    account = five_trades()
    report = make_report(keep_ledger(account.facts), header())
    assert (report.totals.start_equity, report.totals.final_equity) == (1000, 1019.8)
    assert report.totals.return_share == pytest.approx(0.0198)
    account.tell(f.EquityMarked(D(1011), 0, START + DAY))
    account.tell(f.EquityMarked(D(1009), 0, START + DAY - 1))
    late = make_report(keep_ledger(account.facts), header()).equity
    assert late is not None
    assert late.net == [1000, 1009, 1011, 1019.8]


def test_signals_that_were_denied_are_counted_in_their_period() -> None:
    ledger = Ledger()
    for ms in (START, START + 1, START + 9 * DAY, None):
        ledger.take(f.SignalDenied("k", "BTCUSDT", "BUY", "trend", "exposure", "too much"), ms)
    assert make_report(ledger, header()).denials == {"exposure": 3}


def test_a_long_curve_is_thinned_and_the_same_report_has_the_same_bytes() -> None:
    equity = curve(range(START, START + 5_000), [1000.0 + one % 7 for one in range(5_000)])
    ledger = keep_ledger(five_trades().facts)
    report = make_report(ledger, header(), Surroundings(equity, equity))
    assert report.equity is not None
    assert len(report.equity.ms) <= MOST_POINTS
    assert report.equity.buy_and_hold == report.equity.net
    again = make_report(keep_ledger(five_trades().facts), header(), Surroundings(equity, equity))
    assert again.model_dump_json() == report.model_dump_json()
    assert TradingReport.model_validate(orjson.loads(report.model_dump_json())) == report


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5 * DAY), st.sampled_from(["0.1", "0.33333333", "7"]), st.sampled_from(["10.01", "99.99"]),
            st.sampled_from(["100.03", "0.07"]), st.sampled_from([("0.00000001", "USDT"), ("0.0001", "BTC")]),
            st.sampled_from(["trend", "bands"]),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_days_add_up_to_the_total_to_the_last_digit(trades: list[tuple[Any, ...]]) -> None:
    account = Account().open()
    ms = START
    for later, quantity, bought, sold, (fee, asset), strategy in trades:
        key = account.buy("BTCUSDT", quantity, bought, ms, fee, asset, strategy=strategy)
        ms += later + 1
        account.sell(key, f"{account.book.quantity('BTCUSDT'):f}", sold, ms, ends=True)
    report = make_report(keep_ledger(account.facts), header(60))
    assert account.book.money is not None
    assert Decimal(report.totals.profit) == account.book.money.realized
    for each in (report.by_day, report.by_month, report.by_symbol, report.by_strategy, report.by_exit):
        for name in ("profit", "fees", "volume"):
            assert sum(Decimal(getattr(row, name)) for row in each) == Decimal(getattr(report.totals, name)), name
        assert sum(row.trades for row in each) == report.totals.trades
    assert sum((Decimal(trade.net) for trade in report.trades), D(0)) == Decimal(report.totals.profit)
