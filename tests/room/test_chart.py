"""The chart: lines, levels and markers in their places, at any size."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cq_tui.room.chart import Chart, ChartLevel, ChartMarker, draw_chart
from cq_tui.room.details import describe
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import NOW, Stage

LINE = [(float(second), 100.0 + second) for second in range(21)]


def text(chart: Chart | None) -> list[str]:
    assert chart is not None
    return ["".join(glyph.text for glyph in row) for row in chart.rows]


def test_a_rising_line_rises() -> None:
    chart = draw_chart(LINE, [], [], 10, 5)
    rows = text(chart)
    assert rows[0][-1] != " "
    assert rows[-1][0] != " "
    assert rows[0][0] == rows[-1][-1] == " "
    assert chart is not None
    assert (chart.high, chart.low) == (120.0, 100.0)


def test_markers_are_drawn_at_their_time_and_price() -> None:
    marks = [
        ChartMarker(10.0, 110.0, "▲", "$warning"),
        ChartMarker(-5.0, 110.0, "x", ""),
        ChartMarker(10.0, 500.0, "x", ""),
    ]
    rows = text(draw_chart(LINE, marks, [], 21, 5))
    assert rows[2][10] == "▲"
    assert "x" not in "".join(rows)


def test_near_levels_are_drawn_and_far_ones_do_not_flatten_the_line() -> None:
    chart = draw_chart(LINE, [], [ChartLevel(125.0, "$success"), ChartLevel(900.0, "$error")], 10, 6)
    assert chart is not None
    assert chart.high == 125.0
    assert "┄" in text(chart)[0]


@pytest.mark.parametrize(("line", "size"), [([], (10, 5)), (LINE[:1], (10, 5)), (LINE, (1, 5)), (LINE, (5, 0))])
def test_too_little_to_draw(line: list[tuple[float, float]], size: tuple[int, int]) -> None:
    assert draw_chart(line, [], [], *size) is None


@given(
    st.lists(st.tuples(st.floats(0, 1e10), st.floats(1e-9, 1e9)), min_size=2, max_size=80),
    st.integers(2, 60),
    st.integers(2, 20),
)
@example([(0.0, 1.0), (1e-310, 1.0)], 2, 2)
def test_any_line_fits_into_its_cells(line: list[tuple[float, float]], width: int, height: int) -> None:
    rows = text(draw_chart(sorted(line), [ChartMarker(5.0, 1.0, "▲", "")], [ChartLevel(1.0, "")], width, height))
    assert [len(row) for row in rows] == [width] * height


async def test_wide_terminals_show_chart_and_positions(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(200, 55)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "BTCUSDT · 90 klines")
        assert "positions · 1" in screen_text(pilot)
        assert "working" in screen_text(pilot)
        # At the bid, commissions of the entry included; the details say the same.
        profit = 0.00148 * 67412.09 - 99.35
        assert f"{profit:+.2f}" in screen_text(pilot)
        assert app.state is not None
        assert dict(describe(app.state, "symbol", "BTCUSDT", NOW).fields)["unrealized PnL"] == f"{profit:+.2f}"
        await pilot.press("down")
        await wait_for_text(pilot, "ETHUSDT · 90 klines")
        await pilot.press("z")
        assert "positions" not in screen_text(pilot)
        await pilot.resize_terminal(160, 45)
        await pilot.press("z")
        assert "90 klines" not in screen_text(pilot)
