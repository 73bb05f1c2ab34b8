"""Lives of the trader decided again from what it was told: the same effects, to the byte, from its beginning and from
any later moment.
"""

import os
from collections.abc import Callable

import pytest

from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import Effect
from cq_tui.trading.core.input_codec import LineReader, LineWriter, Told, beginning_line, read_beginning
from cq_tui.trading.core.inputs import Input, Tick
from cq_tui.trading.core.moment import Moment
from tests.trading.world.happenings import Plan
from tests.trading.world.rare_seeds import make_rare_plan
from tests.trading.world.seeds import make_plan, make_tight_plan
from tests.trading.world.shrink import run

_SEEDS = 1_000 if "CQ_HEAVY_TESTS" in os.environ else 20
#: A core is written down and read back before each of so many inputs.
_WRITTEN_EVERY = 29


class RecordedCore(Core):
    """A core that remembers what it was told and did. Lives of it are collected in ``lives``."""

    lives: "list[RecordedCore]"

    def __init__(self, book: Book) -> None:
        super().__init__(book)
        self.first = beginning_line(Core(book), "1", book.account, "", 0)
        self.told: list[Told] = []
        self.done: list[list[Effect]] = []
        self.idle: list[bool] = []
        type(self).lives.append(self)

    def step(self, event: Input, moment: Moment) -> list[Effect]:
        self.idle.append(type(event) is Tick and self._stepped_at <= moment.exchange < self.next_due)
        effects = super().step(event, moment)
        self.told.append(Told(event, moment))
        self.done.append(effects)
        return effects


def replayed(life: RecordedCore, rewritten_every: int = 0) -> None:
    """Let a core decide again from lines written after the life was over; ticks that do nothing are left out."""
    core, writer, reader = read_beginning(life.first).core, LineWriter(), LineReader()
    for number, (one, done, idle) in enumerate(zip(life.told, life.done, life.idle, strict=True)):
        line = writer.line(*one)
        told = reader.read(line)
        assert told == one
        if idle and _is_left_out(life, number):
            assert done == []
            continue
        if rewritten_every and number % rewritten_every == rewritten_every - 1:
            core = read_beginning(beginning_line(core, "1", "", "", 0)).core
        assert repr(core.step(*told)) == repr(done), f"input {number}: {one}"


def _is_left_out(life: RecordedCore, number: int) -> bool:
    """Whether the clock is not set back after a tick: otherwise that tick is how it is seen."""
    later = life.told[number + 1].moment.exchange if number + 1 < len(life.told) else float("inf")
    return later >= life.told[number].moment.exchange


@pytest.mark.parametrize("make", [make_plan, make_rare_plan, make_tight_plan])
def test_a_core_decides_again_what_it_decided(make: Callable[[int], Plan]) -> None:
    for seed in range(3_000, 3_000 + _SEEDS):
        RecordedCore.lives = []
        run(make(seed), make_core=RecordedCore)
        for life in RecordedCore.lives:
            replayed(life)
            replayed(life, _WRITTEN_EVERY)
