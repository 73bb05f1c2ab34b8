"""One event of the history: what is stored, its block, and its proof; and from there from block to block."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import Screen

from cq_tui.ops.words import clean
from cq_tui.room.evidence_lines import block_lines, event_lines, proof_lines, stored_lines, verdict_lines
from cq_tui.room.widgets.key_line import KeyLine
from cq_tui.room.widgets.sheet import Sheet

if TYPE_CHECKING:
    from cq_tui.contracts.layout import DataDir
    from cq_tui.room.evidence import Evidence
    from cq_tui.room.state import RoomState

#: Seconds between two looks whether chain or checkpoint have reached the event by now.
_INTERVAL = 1.0

#: Fewest columns for two sheets side by side.
_BROAD = 150

_KEYS = [
    Binding("left_square_bracket,left", "walk(-1)", "before", id="history.before", tooltip="The block before"),
    Binding("right_square_bracket,right", "walk(1)", "next", id="history.next", tooltip="The next block"),
    Binding("home", "edge('first')", "first", id="history.first", tooltip="The first or the last block"),
    Binding("end", "edge('last')", "last", id="history.last", tooltip="The first or the last block"),
    Binding("c", "copy_checkpoint", "copy checkpoint", id="history.copy", tooltip="Copy the last signed checkpoint"),
    Binding("y", "copy_proof", "proof", id="history.proof", tooltip="Copy the proof, or else the event's line"),
    Binding("escape,enter,q", "back", "back", id="history.back", key_display="esc", tooltip="Back to the room"),
]  # fmt: skip
_OTHER_KEYS = [
    Binding("question_mark", "help", "help", show=False, id="history.help", key_display="?", tooltip="Keys and signs"),
    Binding("up,k", "scroll('up')", "up", show=False, id="history.up", tooltip="Scroll"),
    Binding("down,j", "scroll('down')", "down", show=False, id="history.down", tooltip="Scroll"),
    Binding("pageup", "scroll('page_up')", "page up", show=False, id="history.page_up", tooltip="Scroll"),
    Binding("pagedown", "scroll('page_down')", "page down", show=False, id="history.page_down", tooltip="Scroll"),
]


class Sheets(VerticalScroll, can_focus=False):
    """Takes no keys for itself: left, right, home and end are for walking."""


class HistoryScreen(Screen[None]):
    """Shows the evidence for one block at a time. Files are read in a thread; the last one asked for wins."""

    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [*_KEYS, *_OTHER_KEYS]

    def __init__(self, state: "RoomState", event_id: str) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_BROAD, "-broad")]
        self._state = state
        #: Event id or block index to look at next.
        self._wanted: str | int | None = event_id
        self._looking = False
        #: The block gone to, while it is not shown yet: further steps count from it.
        self._heading_for: int | None = None
        #: What is shown.
        self.evidence: Evidence | None = None
        self._looked_at: object = None

    def compose(self) -> ComposeResult:
        """A box of two sheets, side by side where there is room; keys."""
        with Container(id="box"):
            yield Sheet("verdict")
            with Sheets(id="sheets"):
                yield Sheet("stored")
                yield Sheet("proved")
        yield KeyLine([binding.id for binding in _KEYS if binding.id])

    def on_mount(self) -> None:
        """Look, and look again while there may be more to see."""
        self.query_one("#verdict", Sheet).tell(lambda width: [Content.styled("Reads the history.", "$muted")])
        self._look()
        self.set_interval(_INTERVAL, self._look_again)

    # -- looking

    def _look(self) -> None:
        if not self._looking:
            self._looking = True
            self.run_worker(self._look_while_wanted(), name="history", exit_on_error=False)

    async def _look_while_wanted(self) -> None:
        try:
            while (wanted := self._wanted) is not None:
                self._wanted = None
                self._looked_at = self._grown_to
                self._show(await asyncio.to_thread(_look, self._state.data, wanted))
        finally:
            self._looking = False

    def _look_again(self) -> None:
        """What was not chained or not anchored may be by now."""
        shown = self.evidence
        if shown is not None and not shown.is_settled and self._grown_to != self._looked_at and not self._looking:
            self._wanted = shown.index if shown.event_id is None else shown.event_id
            self._look()

    @property
    def _grown_to(self) -> object:
        """What says how far chain and checkpoints reach."""
        chain, memory = self._state.chain, self._state.memory
        return chain and chain.chain_length, memory and memory.checkpoint

    def _show(self, evidence: "Evidence") -> None:
        self.evidence = evidence
        if self._wanted is None:
            self._heading_for = None
        self.query_one("#box").border_title = _title(evidence)
        self.query_one("#verdict", Sheet).tell(lambda width: verdict_lines(evidence, width))
        self.query_one("#stored", Sheet).tell(lambda width: self._left(evidence, width))
        self.query_one("#proved", Sheet).tell(lambda width: self._right(evidence, width))

    def _left(self, evidence: "Evidence", width: int) -> list[Content]:
        """The event; below it its line, unless the proof stands there."""
        lines = event_lines(evidence, width)
        return _joined(lines, stored_lines(evidence, width)) if self._is_broad else lines

    def _right(self, evidence: "Evidence", width: int) -> list[Content]:
        """The block and the proof; in a narrow terminal the line, which is long, comes last."""
        lines = _joined(block_lines(evidence, width), proof_lines(evidence, width))
        return lines if self._is_broad else _joined(lines, stored_lines(evidence, width))

    @property
    def _is_broad(self) -> bool:
        return self.size.width >= _BROAD

    # -- keys

    def action_walk(self, step: int) -> None:
        """Go to a neighbouring block."""
        shown = self.evidence
        if shown is None:
            return
        start = shown.index if self._heading_for is None else self._heading_for
        if start is None:
            # It has no place in the chain: the chain's end is the nearest.
            start = (shown.last or 0) - step if step < 0 else shown.last or 0
        self._go_to(start + step)

    def action_edge(self, where: str) -> None:
        """Go to the first or the last block."""
        if self.evidence is not None:
            last = self._state.chain.chain_length - 1 if self._state.chain else self.evidence.last
            self._go_to(0 if where == "first" else last or 0)

    def _go_to(self, index: int) -> None:
        last = self.evidence.last if self.evidence else None
        index = max(0, index)
        if last is not None and self._state.chain is not None:
            index = min(index, max(last, self._state.chain.chain_length - 1))
        if self._heading_for is None and self.evidence is not None and index == self.evidence.index:
            return
        self._wanted = self._heading_for = index
        self._look()

    def action_scroll(self, where: str) -> None:
        """Move within what is shown."""
        sheets = self.query_one(Sheets)
        move = {
            "up": sheets.scroll_up, "down": sheets.scroll_down,
            "page_up": sheets.scroll_page_up, "page_down": sheets.scroll_page_down,
        }  # fmt: skip
        move[where](animate=False)

    def action_copy_checkpoint(self) -> None:
        """Copy the signed note, for keeping where no one else writes."""
        shown = self.evidence
        if shown is None or shown.checkpoint is None:
            self.notify("there is no signed checkpoint yet", severity="warning", markup=False)
            return
        self.app.copy_to_clipboard(shown.checkpoint.text)
        self.notify(f"copied the checkpoint of {shown.checkpoint.checkpoint.size:,} events", markup=False)

    def action_copy_proof(self) -> None:
        """Copy the proof document; where there is no proof, the line."""
        shown = self.evidence
        if shown is not None and shown.proof is not None:
            self.app.copy_to_clipboard(shown.proof.model_dump_json(indent=2))
            self.notify("copied the proof; `cq-tui check-proof` checks it anywhere", markup=False)
        elif shown is not None and shown.line is not None:
            self.app.copy_to_clipboard(shown.line.decode(errors="replace"))
            self.notify("not proved yet: copied the event's line", markup=False)
        else:
            self.notify("there is nothing to copy", severity="warning", markup=False)

    def action_help(self) -> None:
        """Explain keys and signs."""
        from cq_tui.room.screens.help import Help

        self.app.push_screen(Help(self))

    def action_back(self) -> None:
        """Back to the room."""
        self.dismiss(None)


def _look(data: "DataDir", wanted: str | int) -> "Evidence":
    # What proofs need is imported here, in the thread: no key waits for it.
    from cq_tui.room.evidence import look

    return look(data, wanted)


def _joined(*parts: list[Content]) -> list[Content]:
    """Put an empty line between parts that say something."""
    first, *others = [part for part in parts if part]
    return [*first, *(line for part in others for line in (Content(""), *part))]


def _title(evidence: "Evidence") -> Content:
    if evidence.index is None:
        place = "event outside the chain"
    elif evidence.index == 0:
        place = "genesis block"
    else:
        of = f" of {evidence.last:,}" if evidence.last is not None else ""
        place = f"event {evidence.index:,}{of}"
    event = evidence.event
    kind = f" · {clean(event.event_type, 40)} · {clean(event.source, 20)}" if event else ""
    return Content.assemble((place, "bold"), (kind, "$muted"))
