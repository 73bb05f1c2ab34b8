"""The third line: the last thing that mattered, and what happened while nobody was there."""

from cq_tui.room.last_word import last_word, since_person
from cq_tui.room.state import RoomState
from tests.room.stage import NOW, Stage


def loaded(stage: Stage) -> RoomState:
    state = RoomState(stage.data, {})
    state.poll_files()
    return state


def test_the_last_trade_is_said_with_its_stop(stage: Stage) -> None:
    assert last_word(loaded(stage), NOW) == "14:22 bought 0.00148 BTCUSDT at 67,412.10, stop −0.64 %"


def test_before_the_first_trade_it_says_what_to_wait_for(stage: Stage) -> None:
    empty = Stage(stage.data.root.parent / "other")
    assert last_word(loaded(empty), NOW).startswith("No trade yet.")


def test_a_person_who_comes_back_hears_what_happened(stage: Stage) -> None:
    state = loaded(stage)
    assert since_person(state, NOW) == "", "nobody was there yet"
    state.note_person(NOW - 600)
    assert since_person(state, NOW) == "since 14:12, your last key: 1 bought"
    state.note_person(NOW)
    assert since_person(state, NOW + 30) == ""
    assert since_person(state, NOW + 600) == "since 14:22, your last key: no trade"
