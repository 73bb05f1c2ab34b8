"""``signal`` where something is missing: nothing is recorded, and it is said what to do."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops import signals
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.lock import ProcessLock
from tests.cli.conftest import CommandResult
from tests.services.ares.outside.stage import Stage, write_ticker
from tests.services.waiting import until

Cq = Callable[..., CommandResult]
BUY = ("signal", "BUY", "BTCUSDT", "--stop", "94000", "--target", "99000")


@contextmanager
def held(data: DataDir, name: str = "ares") -> Iterator[None]:
    prepare_data_directory(data)
    lock = ProcessLock(data.lock_of(name), name)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def left(data: DataDir) -> list[str]:
    return [path.name for path in data.signals.rglob("*.json")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (BUY[:3], "stop is missing: a BUY needs the prices of its stop and its target"),
        ((*BUY[:4], "94,000"), "stop is '94,000': write a plain number such as 95000.5"),
        ((*BUY, "--size", "0"), "size is '0'"),
        ((*BUY, "--id", "a b"), "id is 'a b': use at most 64 of A-Z"),
        ((*BUY, "--strategy", "My own"), "strategy is 'My own': use at most 40 of a-z"),
        ((*BUY, "--confidence", "2"), "confidence is '2'"),
        ((*BUY, "--until", "23:59"), "limit_until: give limit_price, too"),
        ((*BUY, "--limit", "95000", "--until", "18:00", "--for", "1h"), "--until, --for: give one of them"),
        (("signal", "SELL", "BTCUSDT", "--limit", "95000"), "limit_price: a SELL has none"),
        (("signal", "SELL", "btcusdt"), "symbols are written in capitals, such as BTCUSDT"),
        (("signal", "LONG", "BTCUSDT"), "'LONG' is not one of"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_wrong_usage_is_named_and_nothing_is_recorded(cq: Cq, data: DataDir, words: tuple[str, ...], told: str) -> None:
    with held(data):
        assert told in cq(*words, code=2).err
    assert left(data) == []


def test_a_directory_without_services_is_named(cq: Cq, data: DataDir) -> None:
    assert "does not exist" in cq(*BUY, code=4).err
    data.root.mkdir()
    assert "has no services yet" in cq(*BUY, code=4).err


def test_without_ares_nothing_waits_for_it(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    assert "ARES is not running, so nothing was recorded. Run `cq-tui up`" in cq(*BUY, code=4).err
    assert left(data) == []


def test_what_a_hung_ares_does_not_take_is_withdrawn(cq: Cq, data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_TO_TAKE", 0.3)
    with held(data):
        told = cq(*BUY, code=4)
    assert "ARES did not take it within 0.3 s. It was withdrawn: nothing was recorded." in told.err
    assert left(data) == []


def test_without_a_trader_it_says_so_and_that_the_signal_is_recorded(
    cq: Cq, data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "_TO_JUDGE", 0.3)
    prepare_data_directory(data)
    write_ticker(data)
    ended, began = threading.Event(), threading.Event()

    def take() -> None:
        stage = Stage(data)
        began.set()
        while not ended.is_set():
            stage.look()
            time.sleep(0.01)
        stage.close()

    ares = threading.Thread(target=take)
    ares.start()
    try:
        assert began.wait(20)
        told = cq(*BUY, "--id", "mine", code=1)
        again = cq(*BUY, "--id", "mine", code=1)
    finally:
        ended.set()
        ares.join()
    assert "recorded for the trader, but it is not running; run `cq-tui up`" in told.err
    assert told.out == ""
    assert "duplicate: its id was taken at" in again.err


async def test_ctrl_c_withdraws_what_was_not_taken(data: DataDir) -> None:
    with held(data):
        fields = {"id": "1", "side": "SELL", "symbol": "BTCUSDT", "strategy": "manual"}
        sending = asyncio.create_task(signals.send_signal(data, fields, lambda _: None))
        await until(lambda: left(data))
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert left(data) == []
