"""The chart: candles, marks and levels in their places, at any size; holes stay holes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.content import Content
from textual.strip import Strip

from cq_tui.contracts.market import Kline
from cq_tui.room.candles import Bar, bars_of, frame_name, frames_of
from cq_tui.room.chart import FALLING, RISING, Chart, ChartLevel, ChartMark, draw_chart
from cq_tui.room.details import describe
from cq_tui.room.panes.chart_pane import ChartView
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import NOW, Stage


def bar(number: int, opened: float, closed: float, wick: float = 0.0, volume: float = 1.0) -> Bar:
    return Bar(number * 60.0, opened, max(opened, closed) + wick, min(opened, closed) - wick, closed, volume)


def kline(second: int, price: float, volume: float = 2.0) -> Kline:
    return Kline(second * 1000, second * 1000 + 999, price, price + 1, price - 1, price + 0.5, volume, price, 1)


RISING_BARS = [bar(number, 100.0 + number, 101.0 + number) for number in range(20)]


def text(chart: Chart | None) -> list[str]:
    assert chart is not None
    return ["".join(cell.text for cell in row) for row in chart.rows]


def test_rising_bars_rise_and_the_last_is_at_the_right() -> None:
    chart = draw_chart(RISING_BARS, [], [], 30, 10)
    rows = text(chart)
    assert rows[0][29] in "█▀▄"
    assert rows[-1][10] in "█▀▄"
    assert {row[:10] for row in rows} == {" " * 10}, "there are only twenty"
    assert chart is not None
    assert (chart.high, chart.low) == (120.0, 100.0)


def test_a_candle_is_a_body_between_wicks_in_its_color() -> None:
    chart = draw_chart([bar(0, 100.0, 110.0, wick=10.0), bar(1, 110.0, 100.0, wick=10.0)], [], [], 2, 12)
    assert chart is not None
    columns = ["".join(row[column].text for row in chart.rows) for column in (0, 1)]
    assert columns[0] == columns[1]
    assert columns[0].strip("│╵╷") == "█" * len(columns[0].strip("│╵╷"))
    assert columns[0][0] == columns[0][-1] == "│"
    assert [{row[column].style for row in chart.rows} for column in (0, 1)] == [{RISING}, {FALLING}]


def test_what_was_not_recorded_is_a_hole() -> None:
    rows = text(draw_chart([bar(0, 1.0, 2.0), None, bar(2, 2.0, 3.0)], [], [], 3, 4))
    assert {row[1] for row in rows} == {" "}


def test_marks_stand_below_or_above_their_candle() -> None:
    bars = [bar(number, 100.0, 102.0) for number in range(9)]
    bars[0] = bar(0, 90.0, 112.0)
    marks = [ChartMark(5 * 60 + 30.0, "▲", "$accent", True), ChartMark(7 * 60.0, "▼", "$accent", False),
             ChartMark(-60.0, "x", "", True)]  # fmt: skip
    chart = draw_chart(bars, marks, [], 9, 11)
    rows = text(chart)
    body = next(number for number, row in enumerate(rows) if row[5] != " ")
    assert [row[5] for row in rows if row[5] not in " █▀▄"] == ["▲"]
    assert rows[body - 1][7] == "▼"
    assert "x" not in "".join(rows)


def test_near_levels_have_a_line_and_far_ones_an_arrow() -> None:
    levels = [ChartLevel(125.0, "target", "$accent"), ChartLevel(10.0, "stop", "$accent")]
    chart = draw_chart(RISING_BARS, [], levels, 30, 8)
    assert chart is not None
    assert (chart.high, chart.low) == (125.0, 100.0)
    assert "┄" in text(chart)[0]
    assert (chart.labels[0].text, chart.labels[-1].text) == ("target", "↓ stop")


def test_labels_of_one_row_stand_below_each_other() -> None:
    levels = [ChartLevel(110.0, f"level {number}", "") for number in range(3)]
    chart = draw_chart(RISING_BARS, [], levels, 30, 8)
    assert chart is not None
    assert sorted(label.text for label in chart.labels if label.text) == ["level 0", "level 1", "level 2"]


@pytest.mark.parametrize(
    ("bars", "size"), [([], (10, 5)), ([None], (10, 5)), (RISING_BARS, (1, 5)), (RISING_BARS, (5, 0))]
)
def test_too_little_to_draw(bars: list[Bar | None], size: tuple[int, int]) -> None:
    assert draw_chart(bars, [], [], *size) is None


PRICE = st.floats(1e-9, 1e9)


@given(
    st.lists(
        st.none() | st.builds(bar, st.integers(0, 99), PRICE, PRICE, st.just(0.0), st.floats(0, 1e9)), max_size=80
    ),
    st.integers(2, 60),
    st.integers(2, 20),
)
@example([bar(0, 1.0, 1.0)], 2, 2)
def test_any_bars_fit_into_their_cells(bars: list[Bar | None], width: int, height: int) -> None:
    marks = [ChartMark(60.0, "▲", "", True)]
    chart = draw_chart(bars, marks, [ChartLevel(1.0, "one", "")], width, height)
    if any(bars[-width:]):
        assert chart is not None
        assert [len(row) for row in text(chart)] == [width] * height
        assert len(chart.labels) == height
        assert max(len(chart.volume), len(chart.times)) <= width


def test_klines_become_longer_bars_and_the_price_of_now_goes_on() -> None:
    bars = bars_of([kline(second, 100.0 + second) for second in range(8)], 5_000, 10, now=(12.0, 200.0))
    assert bars == [
        Bar(0.0, 100.0, 105.0, 99.0, 104.5, 10.0),
        Bar(5.0, 105.0, 108.0, 104.0, 107.5, 6.0),
        Bar(10.0, 200.0, 200.0, 200.0, 200.0, 0.0),
    ]
    holed = bars_of([kline(0, 1.0), kline(15, 1.0)], 5_000, 10)
    assert [each is None for each in holed] == [False, True, True, False]
    assert bars_of([], 5_000, 10, now=(1.0, 1.0)) == []


def test_a_chart_offers_frames_from_that_of_the_klines_on() -> None:
    assert [frame_name(frame) for frame in frames_of("1s")] == ["1 s", "5 s", "15 s", "1 m", "5 m"]
    assert [frame_name(frame) for frame in frames_of("5m")] == ["5 m", "15 m", "1 h", "4 h", "1 d"]


async def test_chart_and_positions_stand_beside_the_lists(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(120, 35)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "BTCUSDT · bars of 5 s · held +0.42")
        text = screen_text(pilot)
        for words in ("7 positions · 1 of 5 · +0.42", "stop −0.64 % ━━", "━━ target +0.95 %", "+0.42 %"):
            assert words in text, words
        # At the bid, commissions of the entry included; the details say the same.
        profit = 0.00148 * 67412.09 - 99.35
        assert f"{profit:+.2f}" in text
        assert app.state is not None
        assert dict(describe(app.state, "symbol", "BTCUSDT", NOW).fields)["unrealized PnL"] == f"{profit:+.2f}"
        await pilot.press("down")
        await wait_for_text(pilot, "ETHUSDT · bars of 5 s")
        await pilot.press("z")
        await wait_until(pilot, lambda: "7 positions" not in screen_text(pilot))
        await pilot.press("8")
        await wait_for_text(pilot, "8 chart")
        assert "2 feeder" not in screen_text(pilot)


def test_a_little_volume_is_drawn_as_a_little_one() -> None:
    bars = [bar(number, 1.0, 2.0, volume=volume) for number, volume in enumerate((30.0, 50.0, 100.0))]
    chart = draw_chart(bars, [], [], 3, 4)
    assert chart is not None
    assert chart.volume == "▃▅█"


class PaintedRows(App[None]):
    """A chart view alone, which notes the rows that it paints."""

    def compose(self) -> ComposeResult:
        self.painted: list[int] = []
        painted = self.painted

        class Noting(ChartView):
            def render_line(self, y: int) -> Strip:
                painted.append(y)
                return super().render_line(y)

        self.view = Noting()
        yield self.view


async def test_only_rows_that_changed_are_painted_again() -> None:
    app = PaintedRows()
    async with app.run_test(size=(10, 4)) as pilot:
        app.view.show([Content(text) for text in ("one", "two", "three", "four")])
        await pilot.pause()
        app.painted.clear()
        app.view.show([Content(text) for text in ("one", "TWO", "three")])
        await pilot.pause()
        assert set(app.painted) == {1, 3}
        assert [app.view.render_line(row).text.strip() for row in range(4)] == ["one", "TWO", "three", ""]


async def test_keys_change_frame_and_time(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "BTCUSDT · bars of 5 s")
        await wait_for_text(pilot, "target 68,055.00 +0.95 %")
        await pilot.press("plus")
        await wait_for_text(pilot, "bars of 15 s")
        await pilot.press("minus", "minus", "minus")
        await wait_for_text(pilot, "bars of 1 s")
        await pilot.press("comma")
        await wait_for_text(pilot, "earlier, end: now")
        await pilot.press("full_stop")
        await wait_until(pilot, lambda: "earlier" not in screen_text(pilot))
        await pilot.press("down")
        await wait_for_text(pilot, "ETHUSDT · bars of")


async def test_the_strategy_s_own_lines_have_labels(stage: Stage, make_room: MakeRoom) -> None:
    signal = stage.signal("BTCUSDT", "BUY", 67410.0, 66980.0, 68055.0, 0.85, "trend_multi_tf", 3)
    values = {"ema_fast": 67400.5, "adx": 31.0, "bb_upper": 90_000.0, "bad": "x"}
    stage.history([(3, "signal_generated", "ares", signal | {"values": values})])
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "ema_fast 67,400.50")
        assert "adx" not in screen_text(pilot)
        assert "bb_upper" not in screen_text(pilot)
