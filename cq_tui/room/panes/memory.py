"""Pane 6: the state of the history, and what happened that the other panes do not show."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.event_summary import event_level, summarize_event
from cq_tui.ops.formatting import (
    GLYPHS,
    Alert,
    StatusLevel,
    format_ago,
    format_bar,
    format_clock,
    sanitize,
)
from cq_tui.ops.history_alerts import fault_alerts
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.panes.pane import Pane
from cq_tui.room.themes import LEVEL_COLORS
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable

if TYPE_CHECKING:
    from cq_tui.contracts.health import MemoryHealth
    from cq_tui.store.reading.event import HistoryEvent

_COLUMNS = (
    Column("time", 8),
    Column("event", 22, drop_rank=1),
    Column("source", 10, drop_rank=2),
    Column("text", 20, grows=True),
)
_EVENT = 1
_COLORS: dict[StatusLevel, str] = {**LEVEL_COLORS, "good": ""}
#: Events that other panes show: as signals, orders, positions and sums of money.
_SHOWN_ELSEWHERE = frozenset(
    {
        "signal_generated", "entry_waits", "order_sent", "order_submitted", "order_accepted", "order_unknown",
        "order_executed", "order_rejected", "order_canceled", "exit_requested", "part_exit_requested",
        "part_exit_ended", "position_changed", "stop_moved", "equity_marked", "commission_valued",
    }
)  # fmt: skip
_GAP = 3
#: Cells of the title before the summary: glyph, number, name.
_TITLE_PREFIX_CELLS = 14
#: Lines per alert; the remedy is at its end.
_MAX_ALERT_LINES = 4
#: From this width on, the progress bar is longer.
_WIDE_PROGRESS_FROM = 90
#: More spooled bytes than this are shown as a warning.
_LARGE_BACKLOG_BYTES = 1_000_000


class Metric(NamedTuple):
    """A name, a value and its level."""

    name: str
    value: str
    level: StatusLevel = "good"


class MemoryPane(Pane):
    """Verdicts and metrics above events, newest first: those that no other pane shows, or every one."""

    number = 6
    label = "memory"
    service = "memory"
    subject = "event"
    has_ages = False
    key_ids: ClassVar[tuple[str, ...]] = ("room.every_event",)
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.EVENTS, Topic.HISTORY, Topic.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._events: dict[str, HistoryEvent] = {}
        self._shows_every = False
        self._metrics_widget = Static(classes="metrics", markup=False)
        self._metrics_shown: list[Content] = []
        return LineTable(_COLUMNS, self._draw, heading=False)

    def compose(self) -> ComposeResult:
        """Yield summary, metrics and table."""
        yield self._summary_line
        yield self._metrics_widget
        yield self.table

    def apply_changes(self, changes: Changes, now: float) -> None:
        """Show what changed; ages change every second."""
        super().apply_changes(changes, now)
        if Topic.TIME in changes.topics:
            self._update_metrics()

    def update_rows(self, changes: Changes) -> None:
        """Update the metrics; rebuild the list of events if there are new ones."""
        self._update_metrics()
        if changes.topics & {Topic.EVENTS, Topic.FOCUS} or not self.table.rows:
            self._events = {
                event.event_id: event
                for event in reversed(self.state.event_tail.events)
                if self._shows_every or event.event_type not in _SHOWN_ELSEWHERE
            }
            self.table.set_lines(self.apply_filter(map(LineKey, self._events)), empty=self.no_rows_text())

    def symbol_of(self, row: str) -> str | None:
        """Return the symbol that an event names."""
        event = self._events.get(row)
        return event.text_field("symbol") if event else None

    def toggle_every(self) -> None:
        """Show every event, or again only what the other panes do not show."""
        self._shows_every = not self._shows_every
        self.update_rows(Changes({Topic.EVENTS}))

    def summary(self) -> tuple[str, StatusLevel]:
        """Return integrity, completeness and age, as far as they fit."""
        problem = self.state.file_problems.get("events") or self.state.file_problems.get("chain")
        history = self.state.history(self.now)
        if problem and (history is None or history.integrity.level != "bad"):
            return sanitize(problem, 90), "bad"
        if history is None:
            return "no report yet", "idle"
        service = self.state.verdict("memory", self.now)
        prefix = _TITLE_PREFIX_CELLS + (0 if service.level == "good" else len(f"{service.word} · "))
        width = (self.content_size.width or 200) - prefix
        *wider, shortest = history.lines()
        return next((line for line in wider if len(line) <= width), shortest), history.level

    def empty_text(self) -> str:
        """Return what the first event will be."""
        if self.filter_text and self.state.event_tail.events:
            return "No event matches the filter."
        if self.state.event_tail.events:
            return "Nothing but signals and orders yet; e shows every event."
        return "Waiting for memory/event_chain.ndjson. The first events, service starts, arrive within seconds."

    def on_resize(self) -> None:
        """Refit the title to the new width."""
        super().on_resize()
        if self.attached:
            self.update_title()

    @property
    def _is_stale(self) -> bool:
        """Whether memory is not reporting; its last values are then shown in gray."""
        return not self.state.verdict("memory", self.now).is_current

    def _update_metrics(self) -> None:
        """Repaint the lines above the table if they changed."""
        width = self.content_size.width or 76
        rows = (self._tree_metrics(), self._check_metrics(width))
        lines = [_metrics_line(metrics, width) for metrics in rows if metrics]
        memory, history = self.state.memory, self.state.history(self.now)
        for alert in fault_alerts(memory, history) if memory and history else ():
            lines += self._alert_lines(alert)
        if lines != self._metrics_shown:
            lines_changed = len(lines) != len(self._metrics_shown)
            self._metrics_shown = lines
            self._metrics_widget.update(Content("\n").join(lines), layout=lines_changed)

    def _tree_metrics(self) -> list[Metric]:
        memory, chain = self.state.memory, self.state.chain
        blocks = chain.chain_length if chain else memory.chain_length if memory else None
        metrics = [Metric("events", "every one" if self._shows_every else "what else happened")]
        if blocks is not None:
            metrics.append(Metric("blocks", f"{blocks:,}"))
        if memory is not None:
            old = self._is_stale
            metrics.append(Metric("snapshots", f"{memory.snapshots_count:,}", "idle" if old else "good"))
            if (waits := _backlog(memory)) is not None:
                metrics.append(waits._replace(level="idle") if old else waits)
        return metrics

    def _check_metrics(self, width: int) -> list[Metric]:
        memory = self.state.memory
        if memory is None:
            return []
        metrics = []
        if memory.check_progress is not None:
            share = max(0.0, min(1.0, memory.check_progress))
            metrics.append(
                Metric(
                    "check",
                    f"{format_bar(share, 10 if width >= _WIDE_PROGRESS_FROM else 5)} {share:.0%}".replace("%", " %"),
                )
            )
        if memory.last_full_check is not None:
            metrics.append(Metric("full check", format_ago(memory.last_full_check, self.now)))
        if memory.last_anchor_ts:
            metrics.append(Metric("last anchor", format_ago(memory.last_anchor_ts, self.now)))
        if self._is_stale:
            metrics = [metric._replace(level="idle") for metric in metrics]
        return metrics

    def _alert_lines(self, alert: Alert) -> list[Content]:
        """Wrap an alert, in at most four lines."""
        start = f"{GLYPHS[alert.level]} " if alert.level != "idle" else "  "
        lines = self.wrap_text(alert.text, 2, _MAX_ALERT_LINES)
        first = Content.assemble((start, LEVEL_COLORS[alert.level]), (lines[0], _COLORS[alert.level]))
        return [first, *(Content.styled(f"  {line}", _COLORS[alert.level]) for line in lines[1:])]

    def _draw(self, key: LineKey) -> LineContent:
        event = self._events[key.row]
        level, name = event_level(event.event_type), sanitize(event.event_type, 60)
        # Without a column of its own, the name is said in words.
        before = "" if self.table.column_width(_EVENT) else f"{name.replace('_', ' ')}: "
        return (
            Cell(format_clock(event.happened_at), "muted"),
            Cell(name, level),
            Cell(sanitize(event.source, 40), "muted"),
            Cell(before + summarize_event(event), level if before else ""),
        )


def _backlog(memory: "MemoryHealth") -> Metric | None:
    """Return the events not yet appended, with their size if large; None if memory does not report it."""
    if memory.backlog is None and memory.backlog_bytes is None:
        return None
    size, text = memory.backlog_bytes or 0, f"{memory.backlog or 0:,}"
    is_large = size > _LARGE_BACKLOG_BYTES
    return Metric("backlog", f"{text} ({size / 1e6:,.1f} MB)", "look") if is_large else Metric("backlog", text)


def _metrics_line(metrics: list[Metric], width: int) -> Content:
    """Join as many metrics as fit; the first always stays."""
    parts: list[tuple[str, str]] = []
    used = 0
    for metric in metrics:
        used += len(metric.name) + 1 + len(metric.value) + (_GAP if parts else 0)
        if parts and used > width:
            break
        gap = " " * _GAP if parts else ""
        parts += [(gap, ""), (f"{metric.name} ", "$muted"), (metric.value, _COLORS[metric.level])]
    return Content.assemble(*parts)
