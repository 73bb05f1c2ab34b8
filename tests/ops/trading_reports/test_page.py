import re

import numpy as np

from cq_tui.contracts.trading_report import TradingReport
from cq_tui.lookback.columns import KlineColumns
from cq_tui.ops.trading_reports.candles import candles_of
from cq_tui.ops.trading_reports.page import page
from tests.ops.trading_reports.samples import example, report

MINUTE = 60_000
START = 1_793_491_200_000


def columns(count: int, hole: range = range(0)) -> KlineColumns:
    kept = np.array([number for number in range(count) if number not in hole])
    close = 100 + np.sin(kept / 50)
    return KlineColumns(
        "BTCUSDT", MINUTE, START + kept * MINUTE, close, close + 1, close - 1, close + 0.5, np.ones(len(kept))
    )


def own_part(text: str) -> str:
    """Return a page without the library."""
    return re.sub(r"<script>/\*\*.*?</script>", "", text, flags=re.DOTALL)


def test_the_same_report_gives_the_same_bytes_and_nothing_is_loaded() -> None:
    candles = {"BTCUSDT": candles_of(columns(500), START, START + 500 * MINUTE)}
    text = page(report(), candles)
    assert text == page(report(), candles)
    own = own_part(text)
    assert len(own) < 300_000 < len(text), "the library is in the page"
    assert "default-src 'none'" in own
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?:""", own)
    assert own.count("Plotly.newPlot") == 2


def test_nothing_in_a_report_becomes_markup() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    document = example(symbols=["BTCUSDT", evil], strategies={evil: {evil: evil}})
    document["words"] = [evil]
    document["denials"] = {evil: 1}
    for row in (document["trades"][0], document["by_exit"][0], document["by_strategy"][0]):
        row |= {key: evil for key in ("name", "strategy", "symbol", "exit_reason") if key in row}
    candles = candles_of(columns(50), START, START + 50 * MINUTE)
    own = own_part(page(TradingReport.model_validate(document), {"BTCUSDT": candles, evil: candles}))
    assert "<img" not in own
    assert own.count("</script>") == own.count("<script>")


def test_candles_hold_all_bars_once_and_holes_stay_holes() -> None:
    bars = columns(10_000, hole=range(3_000, 3_400))
    shown = candles_of(bars, START, START + 10_000 * MINUTE, most=100)
    assert shown.bars == 100
    assert len(shown) == 96
    assert shown.high.max() == bars.high.max()
    assert shown.low.min() == bars.low.min()
    assert shown.open[0] == bars.open[0]
    assert shown.close[-1] == bars.close[-1]
    assert np.diff(shown.open_time).max() == 500 * MINUTE
    whole = candles_of(bars, START, START + 10_000 * MINUTE, most=20_000)
    assert (whole.bars, len(whole)) == (1, 9_600)
    assert len(candles_of(bars, START - 10 * MINUTE, START)) == 0
