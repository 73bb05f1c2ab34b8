"""The history screen: one event's stored line, block and proof, with navigation from block to block."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content

from cq_tui.ops.formatting import sanitize
from cq_tui.room.evidence_lines import block_lines, event_lines, proof_lines, stored_lines, verdict_lines
from cq_tui.room.messages import CopyRequested
from cq_tui.room.screens.own_screen import OwnScreen
from cq_tui.room.screens.refusing import RefusingScreen
from cq_tui.room.widgets.key_line import KeyLine
from cq_tui.room.widgets.sheet import Sheet

if TYPE_CHECKING:
    from cq_tui.contracts.layout import DataDir
    from cq_tui.room.evidence import EventEvidence
    from cq_tui.room.state import RoomState

#: Seconds between checks whether the chain or a checkpoint has reached the event.
_RELOAD_INTERVAL = 1.0

#: Fewest columns for two sheets side by side.
_SIDE_BY_SIDE_FROM = 150

_FOOTER_BINDINGS = [
    Binding("left_square_bracket,left", "step(-1)", "previous", id="history.before", tooltip="Previous block"),
    Binding("right_square_bracket,right", "step(1)", "next", id="history.next", tooltip="Next block"),
    Binding("home", "edge('first')", "first", id="history.first", tooltip="First or last block"),
    Binding("end", "edge('last')", "last", id="history.last", tooltip="First or last block"),
    Binding("c", "copy_checkpoint", "copy checkpoint", id="history.copy", tooltip="Copy the latest signed checkpoint"),
    Binding("y", "copy_proof", "proof", id="history.proof", tooltip="Copy the proof, or else the event's line"),
    Binding("escape,enter,q", "back", "back", id="history.back", key_display="esc", tooltip="Back to the room"),
]  # fmt: skip
_HIDDEN_BINDINGS = [
    Binding("question_mark", "help", "help", show=False, id="history.help", key_display="?", tooltip="Keys and icons"),
    Binding("up,k", "scroll('up')", "up", show=False, id="history.up", tooltip="Scroll"),
    Binding("down,j", "scroll('down')", "down", show=False, id="history.down", tooltip="Scroll"),
    Binding("pageup", "scroll('page_up')", "page up", show=False, id="history.page_up", tooltip="Scroll"),
    Binding("pagedown", "scroll('page_down')", "page down", show=False, id="history.page_down", tooltip="Scroll"),
]


class Sheets(VerticalScroll, can_focus=False):
    """Takes no keys itself: left, right, home and end move between blocks."""


class HistoryScreen(OwnScreen[None], RefusingScreen[None]):
    """Shows the evidence for one block at a time. Files are read in a thread; the latest request wins."""

    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [*_FOOTER_BINDINGS, *_HIDDEN_BINDINGS]

    def __init__(self, state: "RoomState", event_id: str) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_SIDE_BY_SIDE_FROM, "-broad")]
        self._state = state
        #: Event id or block index to load next.
        self._requested: str | int | None = event_id
        self._evidence_loading = False
        #: The block being loaded: further steps count from it.
        self._target_index: int | None = None
        #: What is shown.
        self.evidence: EventEvidence | None = None
        self._loaded_extent: object = None
        self._verdict, self._stored, self._proved = Sheet("verdict"), Sheet("stored"), Sheet("proved")
        self._sheets = Sheets(self._stored, self._proved, id="sheets")
        self._key_line = KeyLine([binding.id for binding in _FOOTER_BINDINGS if binding.id])
        self._box = Container(self._verdict, self._sheets, id="box")

    def compose(self) -> ComposeResult:
        """Yield two sheets, side by side if there is room, and the footer."""
        yield self._box
        yield self._key_line

    def on_mount(self) -> None:
        """Load the event, and reload while more evidence may appear."""
        self._verdict.set_lines(lambda width: [Content.styled("Reading the history…", "$muted")])
        self._start_loading()
        self.set_interval(_RELOAD_INTERVAL, self._reload_if_grown)

    # -- loading

    def _start_loading(self) -> None:
        if not self._evidence_loading:
            self._evidence_loading = True
            self.run_worker(self._load_requested(), name="history", exit_on_error=False)

    async def _load_requested(self) -> None:
        try:
            while (target := self._requested) is not None:
                self._requested = None
                self._loaded_extent = self._history_extent
                evidence = await asyncio.to_thread(_gather_evidence, self._state.data, target)
                if self.stays_open:
                    self._show_evidence(evidence)
        finally:
            self._evidence_loading = False

    def _reload_if_grown(self) -> None:
        """Reload an event that was not chained or anchored, if the history has grown."""
        shown = self.evidence
        if (
            shown is not None
            and not shown.is_final
            and self._history_extent != self._loaded_extent
            and not self._evidence_loading
        ):
            self._requested = shown.index if shown.event_id is None else shown.event_id
            self._start_loading()

    @property
    def _history_extent(self) -> object:
        """How far the chain and the checkpoints reach."""
        chain, memory = self._state.chain, self._state.memory
        return chain and chain.chain_length, memory and memory.checkpoint

    def _show_evidence(self, evidence: "EventEvidence") -> None:
        self.evidence = evidence
        if self._requested is None:
            self._target_index = None
        self._box.border_title = _title(evidence)
        self._verdict.set_lines(lambda width: verdict_lines(evidence, width))
        self._stored.set_lines(lambda width: self._left_sheet(evidence, width))
        self._proved.set_lines(lambda width: self._right_sheet(evidence, width))
        self._key_line.update_keys()

    def _left_sheet(self, evidence: "EventEvidence", width: int) -> list[Content]:
        """Return the event, followed by its stored line if the sheets are side by side."""
        lines = event_lines(evidence, width)
        return _join_sections(lines, stored_lines(evidence, width)) if self._is_side_by_side else lines

    def _right_sheet(self, evidence: "EventEvidence", width: int) -> list[Content]:
        """Return the block and the proof; in a narrow terminal the long stored line comes last."""
        lines = _join_sections(block_lines(evidence, width), proof_lines(evidence, width))
        return lines if self._is_side_by_side else _join_sections(lines, stored_lines(evidence, width))

    @property
    def _is_side_by_side(self) -> bool:
        return self.size.width >= _SIDE_BY_SIDE_FROM

    # -- keys

    def action_step(self, step: int) -> None:
        """Go to the next or previous block."""
        shown = self.evidence
        if shown is None:
            return
        start = shown.index if self._target_index is None else self._target_index
        if start is None:
            # The event is not in the chain: start from the chain's end.
            start = (shown.last_index or 0) - step if step < 0 else shown.last_index or 0
        self._go_to(start + step)

    def action_edge(self, where: str) -> None:
        """Go to the first or the last block."""
        if self.evidence is not None:
            last = self._state.chain.chain_length - 1 if self._state.chain else self.evidence.last_index
            self._go_to(0 if where == "first" else last or 0)

    def _go_to(self, index: int) -> None:
        last = self.evidence.last_index if self.evidence else None
        index = max(0, index)
        if last is not None and self._state.chain is not None:
            index = min(index, max(last, self._state.chain.chain_length - 1))
        if self._target_index is None and self.evidence is not None and index == self.evidence.index:
            return
        self._requested = self._target_index = index
        self._start_loading()

    def action_scroll(self, where: str) -> None:
        """Scroll the sheets."""
        sheets = self._sheets
        move = {
            "up": sheets.scroll_up, "down": sheets.scroll_down,
            "page_up": sheets.scroll_page_up, "page_down": sheets.scroll_page_down,
        }  # fmt: skip
        move[where](animate=False)

    def refusal(self, action: str, parameters: tuple[object, ...]) -> str | None:
        """Return why nothing can be copied; every other action can always be done."""
        shown = self.evidence
        if action == "copy_checkpoint" and (shown is None or shown.checkpoint is None):
            return "No signed checkpoint yet"
        if action == "copy_proof" and (shown is None or (shown.proof is None and shown.line is None)):
            return "Nothing to copy"
        return None

    def action_copy_checkpoint(self) -> None:
        """Copy the signed note, so that it can be kept where nobody else can write."""
        if self.evidence is not None and (signed := self.evidence.checkpoint) is not None:
            self.post_message(CopyRequested(signed.text, f"the checkpoint of {signed.checkpoint.size:,} events"))

    def action_copy_proof(self) -> None:
        """Copy the proof document, or the event's line without one."""
        shown = self.evidence
        if shown is not None and shown.proof is not None:
            proof = shown.proof.model_dump_json(indent=2)
            self.post_message(CopyRequested(proof, "the proof, for `cq-tui check-proof`"))
        elif shown is not None and shown.line is not None:
            line = shown.line.decode(errors="surrogateescape")
            self.post_message(CopyRequested(line, "the event's line", "Not proved yet."))

    def action_help(self) -> None:
        """Show keys and icons."""
        from cq_tui.room.screens.help import Help

        self.app.push_screen(Help(self))

    def action_back(self) -> None:
        """Return to the room."""
        self.close()


def _gather_evidence(data: "DataDir", target: str | int) -> "EventEvidence":
    # Proof modules are imported here, in the thread, so that no key press waits for them.
    from cq_tui.room.evidence import gather_evidence

    return gather_evidence(data, target)


def _join_sections(*parts: list[Content]) -> list[Content]:
    """Join non-empty sections with a blank line between them."""
    first, *others = [part for part in parts if part]
    return [*first, *(line for part in others for line in (Content(""), *part))]


def _title(evidence: "EventEvidence") -> Content:
    if evidence.index is None:
        place = "event outside the chain"
    elif evidence.index == 0:
        place = "genesis block"
    else:
        of = f" of {evidence.last_index:,}" if evidence.last_index is not None else ""
        place = f"event {evidence.index:,}{of}"
    event = evidence.event
    kind = f" · {sanitize(event.event_type, 40)} · {sanitize(event.source, 20)}" if event else ""
    return Content.assemble((place, "bold"), (kind, "$muted"))
