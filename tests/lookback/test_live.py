"""A core that decides again: equal to the history, or the first difference is named with its input and the book."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from cq_tui.lookback.live import DecidedAgain, RecordedPart, decide_again, differing_fields
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.codec import to_event
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import Effect, Record
from cq_tui.trading.core.input_codec import LineWriter, beginning_line
from cq_tui.trading.core.inputs import Input
from cq_tui.trading.core.moment import Moment
from tests.trading.world.happenings import Plan
from tests.trading.world.seeds import make_plan
from tests.trading.world.shrink import run


@dataclass(frozen=True)
class Event:
    seq: int
    event_type: str
    data: dict[str, Any]
    metadata: dict[str, Any]


class Recorded:
    """The events and the parts of a trader's lives, several parts a life."""

    def __init__(self, plan: Plan, inputs_a_part: int) -> None:
        self.events: list[Event] = []
        self.parts: list[RecordedPart] = []
        self._lines: list[bytes] = []
        self._lives = 0
        self._inputs_a_part = inputs_a_part
        recorded = self

        class RecordedCore(Core):
            def __init__(self, book: Book) -> None:
                super().__init__(book)
                recorded.begin(self, is_new=True)

            def step(self, event: Input, moment: Moment) -> list[Effect]:
                if len(recorded._lines) >= recorded._inputs_a_part:
                    recorded.begin(self)
                recorded._lines.append(recorded._writer.line(event, moment))
                effects = super().step(event, moment)
                recorded.take(effects, self)
                return effects

        run(plan, make_core=RecordedCore)

    def begin(self, core: Core, *, is_new: bool = False) -> None:
        self._lives += is_new
        account = core.book.account
        as_core = Core(core.book)
        vars(as_core).update(vars(core))
        first = beginning_line(as_core, "1", account, str(self._lives), len(self.events))
        lines = self._lines = []
        self._writer = LineWriter()
        self.parts.append(RecordedPart(f"{len(self.parts) + 1}.ndjson", first, lambda: lines))

    def take(self, effects: list[Effect], core: Core) -> None:
        for effect in effects:
            for fact in effect.facts if isinstance(effect, Record) else ():
                event_type, data = to_event(fact, core.book.orders)
                stored = orjson.loads(orjson.dumps(data))
                about = {"account": core.book.account}
                self.events.append(Event(len(self.events) + 1, event_type, stored, about))

    def again(self, parts: list[RecordedPart] | None = None, events: list[Event] | None = None) -> DecidedAgain:
        told = self.events if events is None else events

        def after(seq: int) -> Iterator[Event]:
            return (event for event in told if event.seq > seq)

        return decide_again(self.parts if parts is None else parts, after)


def without_rest(part: RecordedPart, kept: int) -> RecordedPart:
    return part._replace(rest=lambda: [*part.rest()][:kept])


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    found = Recorded(make_plan(9), 40)
    assert len(found.parts) > 4
    assert len(found.events) > 20
    return found


def test_the_same_is_decided_again(recorded: Recorded) -> None:
    again = recorded.again()
    assert (again.facts, again.not_covered, again.differences) == (len(recorded.events), 0, [])
    assert again.inputs == sum(len([*part.rest()]) for part in recorded.parts)


def test_a_recording_that_begins_later_is_compared_from_there(recorded: Recorded) -> None:
    again = recorded.again(recorded.parts[2:])
    assert again.differences == []
    assert 0 < again.facts < len(recorded.events)


def test_another_fact_is_named_with_its_input_and_the_book(recorded: Recorded) -> None:
    index, event = next((i, one) for i, one in enumerate(recorded.events) if one.event_type == "order_submitted")
    changed = replace(event, data=event.data | {"size_text": "5"})
    again = recorded.again(events=[*recorded.events[:index], changed, *recorded.events[index + 1 :]])
    [(part, found)] = again.differences
    assert (differing_fields(found), found.seq) == (["size_text"], event.seq)
    line = [*recorded.parts[int(part.name.partition(".")[0]) - 1].rest()][found.line - 2]
    plain = orjson.loads(line)
    assert found.told == plain.get("told", found.told)
    assert found.at == plain["exchange_ts"]
    # The next parts are compared all the same.
    assert again.facts > index


def test_a_fact_too_many_and_one_too_few_are_named(recorded: Recorded) -> None:
    last = recorded.events[-1]
    again = recorded.again(events=recorded.events[:-1])
    [(_, found)] = again.differences
    assert (found.expected, found.got, found.why) == (
        None, (last.event_type, last.data), "the history does not have it",
    )  # fmt: skip
    seq = orjson.loads(recorded.parts[1].first)["seq"]
    more = [replace(one, seq=one.seq + (one.seq > seq)) for one in recorded.events]
    more.insert(seq, replace(recorded.events[seq - 1], seq=seq + 1))
    assert recorded.again(events=more).differences != []


def test_what_led_to_facts_at_the_end_of_a_process_may_be_lost_with_it(recorded: Recorded) -> None:
    sessions = [orjson.loads(part.first)["session"] for part in recorded.parts]
    ends = [index for index, one in enumerate(sessions) if sessions[index + 1 : index + 2] != [one]]
    last = ends[-1]
    kept = [*recorded.parts[:last], without_rest(recorded.parts[last], 0)]
    again = recorded.again(kept)
    assert again.differences == []
    assert again.facts + again.not_covered == len(recorded.events)
    # Between two parts of one process nothing may be missing.
    seqs = [orjson.loads(part.first)["seq"] for part in recorded.parts]
    within = next(i for i in range(len(sessions) - 1) if i not in ends and seqs[i + 1] > seqs[i])
    parts = [*recorded.parts]
    parts[within] = without_rest(parts[within], 0)
    [(part, found)] = recorded.again(parts).differences
    assert (part.name, found.line, found.got) == (parts[within].name, 0, None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"format":2,"version":"9.0"}', "its first line was written by cq-tui 9.0, in a form that"),
        (b'{"told":{}}', "its first line is not the first line of a part"),
        (b"\xff", "its first line is damaged"),
        (b"", "has no whole line"),
        (b'{"format":1,"version":"1","core":{"is":"core.Gone"}}', "cannot be read: not of this version"),
    ],
)
def test_a_part_that_cannot_be_read_is_left_out_in_words(recorded: Recorded, line: bytes, words: str) -> None:
    again = recorded.again([recorded.parts[0]._replace(first=line), *recorded.parts[1:]])
    assert words in again.parts[0].left_out
    assert again.differences == []
    assert again.facts > 0


def test_the_facts_of_a_part_that_cannot_be_read_are_not_missed_in_the_one_before(recorded: Recorded) -> None:
    sessions = [orjson.loads(part.first)["session"] for part in recorded.parts]
    seqs = [orjson.loads(part.first)["seq"] for part in recorded.parts]
    places = range(1, len(sessions) - 1)
    middle = next(i for i in places if len({*sessions[i - 1 : i + 2]}) == 1 and seqs[i + 1] > seqs[i])
    again = recorded.again([one._replace(first=b"") if i == middle else one for i, one in enumerate(recorded.parts)])
    assert again.differences == []
    assert again.parts[middle].left_out


def test_after_a_damaged_line_the_rest_of_its_part_is_left_out(recorded: Recorded) -> None:
    part = recorded.parts[0]
    damaged = part._replace(rest=lambda: [*[*part.rest()][:3], b"?", *[*part.rest()][4:]])
    again = recorded.again([damaged, *recorded.parts[1:]])
    assert again.parts[0].left_out == "line 5 is damaged; the rest was left out"
    assert again.differences == []
    assert again.facts + again.not_covered == len(recorded.events)


def test_a_core_that_raises_is_a_difference(recorded: Recorded) -> None:
    part = recorded.parts[0]
    wrong = orjson.dumps({"local_ts": 1.0, "exchange_ts": 1.0, "told": "Tick"})
    [(_, found)] = recorded.again([part._replace(rest=lambda: [wrong])]).differences
    assert found.why.startswith("the core raises KeyError")


def test_parts_of_a_history_that_an_older_one_replaced_are_left_out(recorded: Recorded) -> None:
    seqs = [orjson.loads(part.first)["seq"] for part in recorded.parts]
    back = next(index for index in range(1, len(seqs)) if seqs[index + 1] > seqs[index] > seqs[index - 1])
    # The events after this part are gone, and other ones have their numbers.
    older = recorded.parts[back]._replace(name="later", rest=list)
    again = recorded.again([*recorded.parts, older], recorded.events[: seqs[back]])
    assert [bool(part.left_out) for part in again.parts] == [index >= back for index in range(len(seqs))] + [False]
    assert (again.facts, again.differences) == (seqs[back], [])
