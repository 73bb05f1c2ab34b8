"""The language of filters, and the order of sorted lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.room.filtering import parse_filter
from cq_tui.room.sorting import number_in, sort_by_text
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import Stage

COLUMNS = ("symbol", "side", "profit", "state", "price")
ROW = {"symbol": "BTCUSDT", "side": "SELL", "profit": "−1.50", "state": "closed by stop", "price": "67,412.10"}
VALUES = ROW | {"": "\n".join(ROW.values())}


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("", True), ("btc", True), ("btc sell", True), ("btc buy", False), ("!btc", False), ("!eth", True),
        ("!eth !sell", False), ("side:sell", True), ("side:buy", False), ("!side:buy", True), ("SYMBOL:usdt", True),
        ("sym:btc", True), ("s:btc", False), ("profit:<0", True), ("profit:>0", False), ("profit:<-2", False),
        ("price:>67000", True), ("price:>67,500", False), ("state:<3", False), ("re:^btc", True), ("re:stop$", False),
        ("re:c.osed", True), ("!re:c.osed", False), ('"closed by"', True), ('"by closed"', False),
        ('state:"by stop"', True), ("trend:BTCUSDT", False), ("side:", True), ("!", True), ("re:", True),
    ],
)  # fmt: skip
def test_all_terms_must_hold(text: str, is_shown: bool) -> None:
    assert parse_filter(text, COLUMNS).matches(VALUES) is is_shown


def test_a_name_that_is_no_column_belongs_to_the_word() -> None:
    values = {"": "trend:BTCUSDT:1s:5:BUY"}
    assert parse_filter("trend:BTCUSDT", COLUMNS).matches(values)


def test_a_pattern_that_is_none_is_said_and_counts_as_a_word() -> None:
    found = parse_filter("re:a(b", COLUMNS)
    assert "re:a(b is no pattern" in found.problem
    assert found.matches({"": "xa(b"})
    assert not found.matches({"": "b"})


@given(st.text(max_size=30))
def test_any_text_is_a_filter(text: str) -> None:
    parse_filter(text, COLUMNS).matches(VALUES)


@pytest.mark.parametrize(
    ("text", "number"),
    [("67,412.10", 67412.1), ("−0.41 %", -0.41), ("+3.91 %", 3.91), ("250 ms", 0.25), ("3 min", 180.0),
     ("2 h", 7200.0), ("BTC", None), ("", None), ("14:22:01", None), ("64.0 kB", 64000.0)],
)  # fmt: skip
def test_numbers_are_read_with_their_units(text: str, number: float | None) -> None:
    assert number_in(text) == number


def test_what_has_no_value_stays_last_in_either_order() -> None:
    texts = ["—", "10 s", "2 min", "9.5 s", ""]
    assert sort_by_text(texts, str, reverse=False) == ["9.5 s", "10 s", "2 min", "—", ""]
    assert sort_by_text(texts, str, reverse=True) == ["2 min", "10 s", "9.5 s", "—", ""]
    assert sort_by_text(["b", "A", "c"], str, reverse=False) == ["A", "b", "c"]


async def test_a_list_is_sorted_by_key_and_by_a_click_and_the_selection_stays(
    stage: Stage, make_room: MakeRoom
) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "NEARUSDT")
        table = app.room.panes[1].table
        await pilot.press("down")
        assert table.selected == "ETHUSDT"
        await pilot.press("o", "o")
        await wait_for_text(pilot, "price ▲")
        assert list(table.rows)[:3] == ["DOGEUSDT", "TRXUSDT", "ADAUSDT"]
        assert table.selected == "ETHUSDT"
        await pilot.press("O")
        await wait_for_text(pilot, "price ▼")
        assert list(table.rows)[:2] == ["BTCUSDT", "ETHUSDT"]
        await pilot.press("end", "space")
        assert table.rows[0] == "DOGEUSDT", "what is pinned stays at the top"
        await pilot.click(table, offset=(3, 0))
        await wait_for_text(pilot, "symbol ▲")
        assert list(table.rows)[1:3] == ["ADAUSDT", "ATOMUSDT"]


async def test_orders_stay_with_their_entry(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "ADAUSDT")
        table = app.room.panes[3].table
        await pilot.press("4", "o", "O")
        await wait_for_text(pilot, "time ▼")
        assert list(table.rows)[:3] == ["cq-btc-entry", "cq-btc-stop", "cq-btc-target"]
        await pilot.press("o")
        await wait_for_text(pilot, "symbol ▲")
        assert list(table.rows) == ["cq-ada", "cq-btc-entry", "cq-btc-stop", "cq-btc-target", "cq-old-entry"]


async def test_a_filter_names_columns(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(120, 35)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "ADAUSDT")
        await pilot.press("4", "slash", *"leg:stop", "enter")
        await wait_until(pilot, lambda: list(app.room.panes[3].table.rows) == ["cq-btc-stop"])
        await pilot.press("slash", *"!side:sell !reason:balance", "enter")
        await wait_until(pilot, lambda: list(app.room.panes[3].table.rows) == ["cq-btc-entry", "cq-old-entry"])
        await pilot.press("2", "slash", *"24:>2", "enter")
        await wait_until(pilot, lambda: list(app.room.panes[1].table.rows) == ["SOLUSDT", "NEARUSDT"])
        assert "filter: 24:>2" in screen_text(pilot)
        await pilot.press("3", "slash", "up", "up", "up", "down", "enter")
        await wait_until(pilot, lambda: app.room.active.filter_text == "!side:sell !reason:balance")
