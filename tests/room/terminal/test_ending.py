"""The room ends once, with the code of whoever asked first; by force when it cannot end by itself."""

import os
import signal
import threading
import time

import pytest

from cq_tui.room.terminal.ending import Ending


class Ends:
    """Notes what an ending does."""

    def __init__(self, limit: float = 0.01) -> None:
        self.done: list[str] = []
        self.terminated = threading.Event()
        self.ending = Ending(
            lambda code: self.done.append(f"leave {code}"), self._restore, terminate=self._terminate, limit=limit
        )

    def _restore(self) -> None:
        self.done.append("restore")

    def _terminate(self, code: int) -> None:
        self.done.append(f"terminate {code}")
        self.terminated.set()


def test_the_first_that_asks_decides() -> None:
    ends = Ends()
    ends.ending.begin(130)
    ends.ending.begin(0)
    assert ends.terminated.wait(60)
    assert ends.done == ["leave 130", "restore", "terminate 130"]


def test_a_terminal_that_cannot_be_given_back_holds_nothing_up() -> None:
    ends, forever = Ends(), threading.Event()

    def restore() -> None:
        forever.wait()

    ending = Ending(lambda _: None, restore, terminate=ends._terminate, limit=0.01)
    ending.begin(0)
    assert ends.terminated.wait(60)
    forever.set()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)])
def test_signals_end_it_while_listened_to(number: signal.Signals, code: int) -> None:
    ends, before = Ends(limit=60.0), signal.getsignal(number)
    with ends.ending.on_signals():
        os.kill(os.getpid(), number)
        deadline = time.monotonic() + 60
        while not ends.done:
            assert time.monotonic() < deadline
    assert ends.done == [f"leave {code}"]
    assert signal.getsignal(number) is before
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ends = Ends()
        with ends.ending.on_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
        assert ends.done == []
    finally:
        signal.signal(signal.SIGHUP, before)
