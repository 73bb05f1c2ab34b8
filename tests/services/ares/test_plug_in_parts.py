"""The parts between ARES and the host of plug-ins: messages, the running call, blame, printed lines, turns."""

import os
import warnings
from collections import Counter, deque
from typing import Any

import pytest

from cq_tui.services.ares.plug_ins.blame import Blame
from cq_tui.services.ares.plug_ins.guarded_calls import GuardedCalls
from cq_tui.services.ares.plug_ins.printed import PrintedLines
from cq_tui.services.ares.plug_ins.running_call import Call, RunningCall, new_page
from cq_tui.services.ares.plug_ins.told_state import PlugInState, known_others
from cq_tui.services.ares.plug_ins.turns import Turns
from cq_tui.services.ares.plug_ins.wire import Unpacker, WireError, pack


@pytest.mark.parametrize("size", [1, 3, 7, 1_000_000])
def test_messages_arrive_whole_in_pieces_of_any_size(size: int) -> None:
    messages: list[dict[str, Any]] = [{}, {"do": "bar", "kline": [1, 2.5, 0.1 + 0.2]}, {"text": "ü" * 1000}]
    sent, unpacker = b"".join(map(pack, messages)), Unpacker()
    pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
    assert [message for piece in pieces for message in unpacker.feed(piece)] == messages


@pytest.mark.parametrize("sent", [b"\xff\xff\xff\xff", b"\x02\0\0\0[]", b"\x01\0\0\0{"])
def test_what_is_no_message_is_refused(sent: bytes) -> None:
    with pytest.raises(WireError):
        list(Unpacker().feed(sent))


def test_the_running_call_is_seen_through_the_page() -> None:
    descriptor = new_page()
    ours, theirs = RunningCall(os.dup(descriptor)), RunningCall(descriptor)
    assert ours.read().what == ""
    theirs.enter("bar", "mine", "BTCUSDT")
    call = ours.read()
    assert (call.what, call.plug_in, call.symbol, str(call)) == ("bar", "mine", "BTCUSDT", "bar of BTCUSDT")
    theirs.enter("bar", "mine", "BTCUSDT")
    assert ours.read().number > call.number, "the same call again is another one"
    theirs.enter("import", "币" * 40)
    assert ours.read().plug_in.startswith("币")
    theirs.leave()
    assert (ours.read().what, ours.read().plug_in) == ("", "")
    ours.close()
    theirs.close()


def test_a_process_that_a_plug_in_forked_ends_with_its_call() -> None:
    page = RunningCall(new_page())
    calls = GuardedCalls(page)
    calls.enter("bar", "mine")
    with warnings.catch_warnings():
        # From Python 3.12 on it warns of threads, which are pytest's.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        calls.leave()
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert page.read().plug_in == "mine", "the child did not end the call of its parent"
    calls.leave()
    page.close()


CALL = Call(7, "bar", "mine", "BTCUSDT")
IDLE = Call(8, "", "", "")


def test_one_that_hangs_is_left_out_at_once() -> None:
    blame = Blame()
    assert blame.hung(CALL, 5.0) == "mine stopped: it hangs, bar of BTCUSDT took more than 5 s"
    assert list(blame.left_out) == ["mine"]
    blame.forget(["other"])
    assert blame.left_out
    blame.forget(["mine"])
    assert not blame.left_out


def test_one_that_ran_when_the_process_ended_is_left_out_the_second_time() -> None:
    blame = Blame()
    reason = blame.ended(CALL, "exit code 3", 1.0)
    assert reason == "mine stopped: it ended its process (exit code 3) in bar of BTCUSDT"
    assert not blame.left_out
    blame.ended(CALL._replace(plug_in="other"), "exit code 3", 2.0)
    assert not blame.left_out
    blame.ended(CALL, "exit code 3", 3.0)
    assert list(blame.left_out) == ["mine"]


def test_killed_from_outside_again_and_again_it_is_hardly_to_blame() -> None:
    blame = Blame()
    for second in range(5):
        blame.ended(CALL, "signal SIGKILL", 1.0 * second)
        assert not blame.left_out
    blame.ended(CALL, "signal SIGKILL", 6.0)
    assert list(blame.left_out) == ["mine"], "it may use up the memory"


def test_ends_of_nobody_slow_the_next_start_and_five_within_a_minute_are_the_last() -> None:
    blame, delays = Blame(), []
    for second in range(4):
        blame.ended(IDLE, "exit code 1", 100.0 * second)
        delays.append(blame.delay)
    assert delays == sorted(set(delays))
    for second in range(4):
        assert not blame.given_up
        blame.ended(IDLE, "exit code 1", 1_000.0 + second)
    blame.ended(IDLE, "exit code 1", 1_004.0)
    assert blame.given_up == "the process of plug-ins ended 5 times within a minute (exit code 1)"
    blame.forget()
    assert not blame.given_up


def test_printed_lines_are_cut_and_counted() -> None:
    printed = PrintedLines()
    assert list(printed.feed(b"one\n\ntwo, un", 0.0)) == ["one"]
    assert list(printed.feed(b"finished\r\n" + b"x" * 900 + b"\n\xff\n", 1.0)) == [
        "two, unfinished", "x" * 500, "\ufffd",
    ]  # fmt: skip
    assert len(list(printed.feed(b"line\n" * 1_000, 2.0))) == 96
    assert list(printed.feed(b"line\n", 3.0)) == []
    assert list(printed.feed(b"again\n", 70.0)) == ["905 more lines", "again"]
    assert len(list(printed.feed(b"y" * 100_000, 71.0))) == 1, "a line without an end"


class Pretend:
    """Takes the place of a plug-in; each of its calls takes the same time."""

    def __init__(self, name: str, seconds: float, calls: int, order: list[str]) -> None:
        self.spent, self._work = 0.0, deque([seconds] * calls)
        self._name, self._order = name, order

    @property
    def has_work(self) -> bool:
        return bool(self._work)

    def step(self) -> None:
        self.spent += self._work.popleft()
        self._order.append(self._name)


def test_a_slow_one_waits_for_those_that_are_quick() -> None:
    order: list[str] = []
    turns = Turns([Pretend("slow", 0.05, 3, order), Pretend("quick", 0.001, 60, order)])  # type: ignore[list-item]
    while turns.has_work:
        turns.take()
    assert order.index("slow") == 0
    assert order[1:51] == ["quick"] * 50
    assert Counter(order) == {"slow": 3, "quick": 60}


def test_who_was_idle_has_saved_no_time_up() -> None:
    order: list[str] = []
    busy, idle = Pretend("busy", 0.05, 10, order), Pretend("idle", 0.05, 0, order)
    turns = Turns([busy, idle])  # type: ignore[list-item]
    for _ in range(8):
        turns.take()
    idle._work.extend([0.05] * 4)
    turns.take()
    turns.take()
    turns.take()
    assert sorted(order[8:]) == ["busy", "idle", "idle"]


def told_state(others: Any) -> PlugInState:
    figures: dict[str, Any] = {
        "p50": None,
        "slowest": 0.0,
        "behind": 0.0,
        "warming": [],
        "enabled": True,
        "faults": [],
        "good": None,
    }
    return PlugInState.of(figures | {"others": others})


def test_other_symbols_stay_known_while_a_host_starts() -> None:
    known = known_others({}, {"pair": told_state(["ETHUSDT"]), "lone": told_state([])})
    assert known == {"pair": ("ETHUSDT",)}
    assert known_others(known, {"pair": told_state(None)}) == known
    assert known_others(known, {"pair": told_state([])}) == {}
    assert len(told_state([f"A{number}" for number in range(500)]).others or ()) == 100


@pytest.mark.parametrize("others", [["../../etc"], [5], "ETHUSDT", {"ETHUSDT": 1}, 7])
def test_what_can_be_no_symbols_is_no_message_of_the_host(others: Any) -> None:
    with pytest.raises((TypeError, ValueError, LookupError)):
        told_state(others)
