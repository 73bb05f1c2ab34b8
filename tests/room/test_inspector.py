"""The inspector: a signal's or order's whole life beside the lists, or on the whole screen."""

from cq_tui.ops.guardrail_steps import STEPS, Passed, check_list
from cq_tui.room.details import describe
from cq_tui.room.screens.detail import Detail
from cq_tui.room.screens.history import HistoryScreen
from cq_tui.trading.denial import DenialReason
from cq_tui.trading.limits.table import LIMITS
from tests.room.conftest import MakeRoom, screen_text, state_of, toasts, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import NOW, Stage

#: What a SELL alone is refused for, which is asked nothing else.
OF_SELLS = {DenialReason.NOTHING_HELD, DenialReason.PART_TOO_SMALL}


def test_each_reason_belongs_to_one_step() -> None:
    named = [reason for _, reasons in STEPS for reason in reasons]
    assert len(named) == len(set(named))
    assert set(named) | OF_SELLS == set(DenialReason)


def test_the_steps_are_in_the_order_of_the_limits() -> None:
    places = [next(n for n, (_, reasons) in enumerate(STEPS) if limit.reason in reasons) for limit in LIMITS]
    assert places == sorted(places)


def test_a_denied_entry_passed_what_was_asked_before() -> None:
    found = dict(check_list("cooldown"))
    assert found["trading allowed"] is Passed.YES
    assert found["pauses and rates"] is Passed.NO
    assert found["levels and size"] is Passed.NOT_ASKED
    assert {passed for _, passed in check_list("")} == {Passed.YES}
    assert check_list("of a later version") == check_list("nothing_held") == []


async def test_enter_opens_it_beside_the_lists_and_it_follows(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("3", "enter")
        await wait_for_text(pilot, "signal BUY BTCUSDT")
        text = screen_text(pilot)
        for words in ("guardrails", "● levels and size", "its life", "14:22:01.000", "reward / risk", "2 feeder"):
            assert words in text, words
        await pilot.press("down")
        await wait_for_text(pilot, "signal SELL ETHUSDT")
        assert "only closes a" in screen_text(pilot)
        await pilot.press("4")
        await wait_for_text(pilot, "order BUY BTCUSDT")
        assert "cq-btc-entry" in screen_text(pilot)
        await pilot.press("escape")
        await wait_until(pilot, lambda: "order BUY BTCUSDT" not in screen_text(pilot))
        await pilot.press("enter", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, Detail))


async def test_a_terminal_that_shrinks_closes_it(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("3", "enter")
        await wait_for_text(pilot, "signal BUY BTCUSDT")
        await pilot.resize_terminal(120, 35)
        await wait_until(pilot, lambda: "signal BUY BTCUSDT" not in screen_text(pilot))
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, Detail))


async def test_v_shows_the_proof_of_an_order(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(120, 35)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("4", "v")
        await wait_until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await wait_for_text(pilot, "order_submitted")


async def test_without_an_event_no_proof_is_shown(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(120, 35)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("v")
        await wait_until(pilot, lambda: toasts(app) == ["No event that this room has read tells of this row"])


async def test_each_row_can_be_described(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        for pane in app.room.panes:
            for row in pane.table.rows:
                content = describe(state_of(app), pane.subject, row, NOW)
                assert len(content.fields) > 2, (pane.subject, row)
            assert describe(state_of(app), pane.subject, "gone", NOW).fields == [("", "No longer available.")]
