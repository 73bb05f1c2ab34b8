from cq_tui.contracts.trading_report import TradingReport
from cq_tui.ops.trading_reports.text import report_lines
from tests.ops.trading_reports.samples import example, report


def test_costs_come_before_results_and_results_stand_side_by_side() -> None:
    lines = report_lines(report())
    costs = next(number for number, line in enumerate(lines) if line.startswith("costs"))
    net = next(number for number, line in enumerate(lines) if line.startswith("net"))
    assert "fee 0.1 % a side; slippage 1 bp BTCUSDT" in lines[costs]
    assert costs < net
    assert lines[net].split() == ["net", "+21.00", "+2.10", "%", "1.5", "%"]
    assert lines[net + 1].startswith("before costs")
    assert lines[net + 2].startswith("buy and hold")


def test_no_line_is_wider_than_the_terminal_and_the_curves_fill_it() -> None:
    for width in (60, 80, 120):
        lines = report_lines(report(), width)
        assert max(map(len, lines)) <= max(width, 78), max(lines, key=len)
        chart = [line for line in lines if "┤" in line]
        assert len(chart) == 8 + 3
        assert max(map(len, chart)) == width
        assert any(ord("\u2800") < ord(sign) <= ord("\u28ff") for line in chart for sign in line)


def test_a_report_without_a_curve_or_trades_still_says_what_was_done() -> None:
    document = example()
    document |= {"equity": None, "trades": [], "denials": {}, "by_strategy": [], "by_symbol": [], "by_exit": []}
    document["totals"] = {"profit": "0", "fees": "0", "volume": "0", "trades": 0, "open_trades": 0}
    document["lines"] = [{"name": "net", "profit": 0.0}]
    document["words"] = ["No position was opened."]
    lines = report_lines(TradingReport.model_validate(document))
    assert "No position was opened." in lines
    assert not [line for line in lines if "None" in line or "nan" in line]


def test_names_from_elsewhere_cannot_drive_the_terminal() -> None:
    document = example(symbols=["BAD\x1b[2J"])
    document["words"] = ["ended \x1b]0;title\x07 here"]
    document["by_strategy"][0]["name"] = "evil\x1b[31m"
    assert "\x1b" not in "".join(report_lines(TradingReport.model_validate(document)))
