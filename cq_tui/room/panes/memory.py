"""Pane 6: whether the history can be trusted, and what was added to it last."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.event_words import event_level, event_words
from cq_tui.ops.words import GLYPHS, NOTHING, Level, News, bar, clean, clock, grouped
from cq_tui.room import history_verdicts as verdicts
from cq_tui.room.changes import Changes, Part
from cq_tui.room.panes.pane import Pane, Summary
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import Drawn, LineKey, LineTable

if TYPE_CHECKING:
    from cq_tui.contracts.health import MemoryHealth
    from cq_tui.store.reading.event import HistoryEvent

_COLUMNS = (
    Column("time", 8),
    Column("event", 22),
    Column("source", 10, rank=1),
    Column("", 20, grows=True),
)
_COLOURS: dict[Level, str] = {"good": "", "look": "$warning", "bad": "$error", "idle": "$muted"}
_GLYPH_COLOURS: dict[Level, str] = {**_COLOURS, "good": "$success"}
_GAP = 3
#: Cells of the title before what ``summary`` says: glyph, number, name.
_TITLE_START = 14
#: Fewest characters of a problem in the title.
_LEAST_OF_A_PROBLEM = 24
#: Lines for what is wrong: what to do about it stands at its end.
_NOTICE_LINES = 4
#: From this width on the progress bar is longer.
_ROOMY = 90


class Fact(NamedTuple):
    """A name and a value, and how things are."""

    name: str
    value: str
    level: Level = "good"


class MemoryPane(Pane):
    """The verdicts and facts over the last events, newest first."""

    number = 6
    label = "memory"
    subject = "event"
    has_ages = False
    feeds: ClassVar[frozenset[Part]] = frozenset({Part.EVENTS, Part.HISTORY, Part.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._events: dict[str, HistoryEvent] = {}
        self._facts = Static(classes="facts", markup=False)
        self._said: list[Content] = []
        return LineTable(_COLUMNS, self._draw, heading=False)

    def compose(self) -> ComposeResult:
        """Summary, facts, table."""
        yield Summary(markup=False)
        yield self._facts
        yield self.table

    def follow(self, changes: Changes, now: float) -> None:
        """Show what changed; ages move each second."""
        super().follow(changes, now)
        if Part.TIME in changes.parts:
            self._tell_facts()

    def fill(self, changes: Changes) -> None:
        """Repaint facts; list events anew when some came."""
        self._tell_facts()
        if Part.EVENTS in changes.parts or not self.table.rows:
            self._events = {event.event_id: event for event in reversed(self.state.tail.events)}
            texts = (
                {key: f"{event.event_type} {event.source} {event_words(event)}" for key, event in self._events.items()}
                if self.filter_text
                else None
            )
            self.table.show(self.shown((LineKey(key) for key in self._events), texts), empty=self.waiting())

    def summary(self) -> tuple[str, Level]:
        """Say integrity, completeness and age, as far as they fit."""
        problem = self.state.file_problems.get("events") or self.state.file_problems.get("chain")
        memory = self.state.memory
        if memory is not None and not memory.integrity_ok:
            return self._verdicts(memory)
        if problem:
            return clean(problem, 90), "bad"
        if memory is None:
            return "memory has not reported", "idle"
        if self._is_old:
            return "not watched: memory does not report", "bad"
        return self._verdicts(memory)

    def waiting(self) -> str:
        """Say what the first event is."""
        if self.filter_text and self.state.tail.events:
            return "No event matches the filter."
        return "Waits for memory/event_chain.ndjson: the first events are the services' own starts, within seconds."

    def on_resize(self) -> None:
        """What fits changes with the width."""
        super().on_resize()
        if self.attached:
            self.retitle()

    @property
    def _is_old(self) -> bool:
        """Whether memory does not report: what it said last is shown, but in grey."""
        return self.state.verdict("memory", self.now).word in ("stale", "missing", "unreadable", "stopped")

    def _verdicts(self, memory: "MemoryHealth") -> tuple[str, Level]:
        intact, whole = verdicts.integrity(memory), verdicts.completeness(memory)
        checked = verdicts.last_check(memory, self.now)
        since = f"{whole.since:,} not yet anchored" if whole.since and memory.anchored_count else ""
        level: Level = "good"
        for one in (intact.level, whole.level):
            level = one if one == "bad" or (one == "look" and level != "bad") else level
        width = max(0, (self.content_size.width or 200) - _TITLE_START)
        full = " · ".join(filter(None, (intact.text, whole.text, since, checked)))
        if len(full) <= width:
            return full, level
        # Words from elsewhere give way before a verdict does.
        rest = len(checked) + 6
        found = verdicts.integrity(memory, width - rest - min(len(whole.text), 40)).text
        complete = clean(whole.text, max(_LEAST_OF_A_PROBLEM, width - rest - len(found)))
        return " · ".join((found, complete, checked)), level

    def _tell_facts(self) -> None:
        """Repaint the lines over the table when they changed."""
        width = self.content_size.width or 76
        told = [_line(facts, width) for facts in (self._tree_facts(), self._age_facts(width)) if facts]
        for news in verdicts.standing_faults(self.state.memory) if self.state.memory else ():
            told += self._notice(news)
        if told != self._said:
            lines_changed = len(told) != len(self._said)
            self._said = told
            self._facts.update(Content("\n").join(told), layout=lines_changed)

    def _tree_facts(self) -> list[Fact]:
        memory, chain = self.state.memory, self.state.chain
        root = chain.merkle_root if chain else memory.merkle_root if memory else ""
        blocks = chain.chain_length if chain else memory.chain_length if memory else None
        facts = [Fact("root", grouped(root) or NOTHING), Fact("blocks", NOTHING if blocks is None else f"{blocks:,}")]
        if memory is not None:
            old = self._is_old
            facts.append(Fact("snapshots", f"{memory.snapshots_count:,}", "idle" if old else "good"))
            waits = verdicts.backlog(memory)
            if waits is not None:
                facts.append(Fact("backlog", waits.text, "idle" if old else waits.level))
        return facts

    def _age_facts(self, width: int) -> list[Fact]:
        memory = self.state.memory
        if memory is None:
            return []
        facts = []
        if memory.check_progress is not None:
            share = max(0.0, min(1.0, memory.check_progress))
            facts.append(Fact("check", f"{bar(share, 10 if width >= _ROOMY else 5)} {share:.0%}".replace("%", " %")))
        if (full := verdicts.last_full_check(memory, self.now)) is not None:
            facts.append(Fact("full check", full))
        interval = self.state.settings.MEMORY_CHECKPOINT_INTERVAL
        if (anchor := verdicts.last_anchor(memory, self.now, interval)) is not None:
            facts.append(Fact("last anchor", anchor.text, anchor.level))
        if self._is_old:
            facts = [fact._replace(level="idle") for fact in facts]
        return facts

    def _notice(self, news: News) -> list[Content]:
        """Return as many lines as the words need, up to four."""
        start = f"{GLYPHS[news.level]} " if news.level != "idle" else "  "
        lines = self.wrapped(news.text, 2, _NOTICE_LINES)
        first = Content.assemble((start, _GLYPH_COLOURS[news.level]), (lines[0], _COLOURS[news.level]))
        return [first, *(Content.styled(f"  {line}", _COLOURS[news.level]) for line in lines[1:])]

    def _draw(self, key: LineKey) -> Drawn:
        event = self._events[key.row]
        level = event_level(event.event_type)
        return (
            Cell(clock(event.happened_at), "muted"),
            Cell(clean(event.event_type, 60), level),
            Cell(clean(event.source, 40), "muted"),
            Cell(event_words(event)),
        )


def _line(facts: list[Fact], width: int) -> Content:
    """Join as many facts as fit; the first always stays."""
    parts: list[tuple[str, str]] = []
    used = 0
    for fact in facts:
        used += len(fact.name) + 1 + len(fact.value) + (_GAP if parts else 0)
        if parts and used > width:
            break
        parts += [(" " * _GAP if parts else "", ""), (f"{fact.name} ", "$muted"), (fact.value, _COLOURS[fact.level])]
    return Content.assemble(*parts)
