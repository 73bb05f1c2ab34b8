from cq_tui.contracts.trading_report import TradingReport
from cq_tui.ops.trading_reports.compare import Difference, compare, comparison_lines
from tests.ops.trading_reports.samples import example, report


def test_a_report_equals_itself() -> None:
    comparison = compare(report(), report())
    assert comparison.is_same
    assert comparison_lines(comparison) == [
        f"Both are the same: every figure and all {len(report().trades)} positions."
    ]


def test_other_inputs_and_their_effects_are_named() -> None:
    document = example(fee="0.002", data={"BTCUSDT-1m": "ab" * 32})
    document["trades"][0]["entry_price"] = "1.5"
    document["totals"]["win_rate"] = 0.25
    comparison = compare(report(), TradingReport.model_validate(document))
    assert Difference("fee", "0.001", "0.002") in comparison.inputs
    assert [one.name for one in comparison.inputs] == ["fee", "bars BTCUSDT-1m"]
    assert comparison.results == [Difference("won", "50.0 %", "25.0 %")]
    assert (len(comparison.only_first), len(comparison.only_second)) == (1, 1)
    assert comparison.same_trades == len(report().trades) - 1
    text = "\n".join(comparison_lines(comparison))
    assert "1 only in the second:" in text
    assert "at 1.5" in text
