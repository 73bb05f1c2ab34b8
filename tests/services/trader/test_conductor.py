"""The inbox: inputs in order, nothing sent whose record failed, ticks when they are due."""

import asyncio
from collections.abc import Callable

import pytest

from cq_tui.services.trader.conductor import Conductor
from cq_tui.services.trader.recorder import NotRecorded
from cq_tui.trading.core import inputs
from cq_tui.trading.core.effects import Effect, FetchAccount, Record, Request, Urgency
from cq_tui.trading.core.moment import Moment
from tests.services.waiting import until


def request(number: int) -> FetchAccount:
    return FetchAccount(number=number, symbol="", urgency=Urgency.ROUTINE)


class Scripted:
    """A core that does what the test says for each input."""

    def __init__(self) -> None:
        self.next_due = float("inf")
        self.told: list[inputs.Input] = []
        self.does: Callable[[inputs.Input], list[Effect]] = lambda _: []

    def step(self, told: inputs.Input, moment: Moment) -> list[Effect]:
        self.told.append(told)
        return self.does(told)


class Stage:
    def __init__(self) -> None:
        self.core = Scripted()
        self.log: list[str] = []
        self.full = False
        self.withheld: list[inputs.Input] = []
        self.now = 100.0
        self.conductor = Conductor(self.core, lambda: Moment(0.0, self.now), self.record, self.submit, self.start)

    def record(self, record: Record) -> None:
        if self.full and record.needed_by is not None:
            raise NotRecorded("the disk is full")
        self.log.append(f"record {len(record.facts)}")

    def submit(self, request: Request) -> None:
        self.log.append(f"send {request.number}")

    def start(self) -> None:
        self.log.append("start")
        self.conductor.feed(*self.withheld)
        self.withheld = []


def test_inputs_that_come_meanwhile_are_handled_after_those_before() -> None:
    stage = Stage()

    def answer(told: inputs.Input) -> list[Effect]:
        if told == inputs.Started(1):
            stage.conductor.feed(inputs.Started(3))
            stage.log.append("still the first")
            return [request(1)]
        return []

    stage.core.does = answer
    stage.conductor.feed(inputs.Started(1), inputs.Started(2))
    assert stage.core.told == [inputs.Started(1), inputs.Started(2), inputs.Started(3)]
    assert stage.log == ["still the first", "send 1", "start"]


@pytest.mark.parametrize("full", [False, True])
def test_a_request_whose_record_failed_is_not_sent(full: bool) -> None:
    stage = Stage()
    stage.full = full
    effects: list[Effect] = [Record((), durable=True, needed_by=1), request(1), Record((), durable=True), request(2)]
    stage.core.does = lambda told: effects if isinstance(told, inputs.StreamUp) else []
    stage.conductor.feed(inputs.StreamUp())
    if full:
        assert stage.log == ["record 0", "send 2", "start"]
        assert stage.core.told[1:] == [inputs.NotStored(1, "the disk is full")]
    else:
        assert stage.log == ["record 0", "send 1", "record 0", "send 2", "start"]


def test_requests_start_together_after_all_inputs_and_what_is_withheld_is_told() -> None:
    stage = Stage()
    numbers = iter((1, 2))
    stage.core.does = lambda told: [] if isinstance(told, inputs.NotSent) else [request(next(numbers))]
    stage.withheld = [inputs.NotSent(2, "the request budget is exhausted", 1.0)]
    stage.conductor.feed(inputs.StreamUp(), inputs.Tick())
    assert stage.log == ["send 1", "send 2", "start"]
    withheld = inputs.NotSent(2, "the request budget is exhausted", 1.0)
    assert stage.core.told == [inputs.StreamUp(), inputs.Tick(), withheld]


def test_nothing_is_fed_after_an_error() -> None:
    stage = Stage()

    def fail(_: inputs.Input) -> list[Effect]:
        raise ZeroDivisionError

    stage.core.does = fail
    with pytest.raises(ZeroDivisionError):
        stage.conductor.feed(inputs.StreamUp())
    stage.conductor.feed(inputs.StreamUp())
    assert len(stage.core.told) == 1


async def test_ticks_come_when_they_are_due() -> None:
    stage = Stage()
    ticking = asyncio.create_task(stage.conductor.tick())
    try:
        # Without a wish a tick comes each second; a wish brings it forward.
        stage.core.does = lambda told: []
        stage.core.next_due = stage.now + 0.01
        stage.conductor.feed(inputs.StreamUp())
        await until(lambda: inputs.Tick() in stage.core.told)
        stage.core.next_due = float("inf")
        seen = len(stage.core.told)
        await until(lambda: len(stage.core.told) > seen)
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
