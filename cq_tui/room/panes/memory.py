"""Pane 6: whether the history can be trusted, and what was added to it last."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.event_words import event_level, event_words
from cq_tui.ops.words import NOTHING, Level, age, bar, clean, clock, grouped
from cq_tui.room.changes import Changes, Part
from cq_tui.room.panes.pane import Pane, Summary
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import Drawn, LineKey, LineTable

if TYPE_CHECKING:
    from cq_tui.store.history.event import HistoryEvent

_COLUMNS = (
    Column("time", 8),
    Column("event", 21),
    Column("source", 10, rank=1),
    Column("", 20, grows=True),
)


class MemoryPane(Pane):
    """Root, length and last check over the last events, newest first."""

    number = 6
    label = "memory"
    subject = "event"
    has_ages = False
    feeds: ClassVar[frozenset[Part]] = frozenset({Part.EVENTS, Part.HISTORY, Part.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._events: dict[str, HistoryEvent] = {}
        self._facts = Static(classes="facts", markup=False)
        self._said = ""
        return LineTable(_COLUMNS, self._draw, heading=False)

    def compose(self) -> ComposeResult:
        """Summary, facts, table."""
        yield Summary(markup=False)
        yield self._facts
        yield self.table

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
        """Say whether it is intact and when that was last looked at."""
        problem = self.state.file_problems.get("events") or self.state.file_problems.get("chain")
        memory = self.state.memory
        if memory is not None and not memory.integrity_ok:
            return "NOT INTACT · " + clean("; ".join(memory.faults or ()) or memory.reason or "", 80), "bad"
        if problem:
            return clean(problem, 90), "bad"
        if memory is None:
            return "memory has not reported", "idle"
        if self.state.verdict("memory", self.now).overall == "error":
            return "not watched: memory does not report", "bad"
        checked = age(self.now - memory.last_integrity_check) + " ago" if memory.last_integrity_check else "not yet"
        return f"intact · {memory.events_count:,} events · checked {checked}", "good"

    def waiting(self) -> str:
        """Say what the first event is."""
        if self.filter_text and self.state.tail.events:
            return "No event matches the filter."
        return "Waits for memory/event_chain.ndjson: the first events are the services' own starts, within seconds."

    def _tell_facts(self) -> None:
        memory, chain = self.state.memory, self.state.chain
        root = chain.merkle_root if chain else memory.merkle_root if memory else ""
        blocks = chain.chain_length if chain else memory.chain_length if memory else None
        facts = [("root", grouped(root) or NOTHING), ("blocks", f"{blocks:,}" if blocks is not None else NOTHING)]
        if memory is not None:
            facts.append(("snapshots", f"{memory.snapshots_count:,}"))
            facts.append(("backlog", f"{memory.backlog:,}" if memory.backlog is not None else NOTHING))
            if memory.check_progress is not None:
                share = max(0.0, min(1.0, memory.check_progress))
                facts.append(("check", f"{bar(share, 10)} {share:.0%}"))
        said = "  ".join(f"{name} {value}" for name, value in facts)
        if said != self._said:
            self._said = said
            parts = [part for name, value in facts for part in ((f"{name} ", "$muted"), (f"{value}   ", ""))]
            self._facts.update(Content.assemble(*parts), layout=False)

    def _draw(self, key: LineKey) -> Drawn:
        event = self._events[key.row]
        level = event_level(event.event_type)
        return (
            Cell(clock(event.happened_at), "muted"),
            Cell(clean(event.event_type, 60), level),
            Cell(clean(event.source, 40), "muted"),
            Cell(event_words(event)),
        )
