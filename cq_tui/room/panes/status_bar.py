"""The status bar: the mode as a colour block first, then everything that a first glance must tell."""

from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content
from textual.widget import Widget

from cq_tui.ops.formatting import (
    GLYPHS,
    StatusLevel,
    format_age,
    format_clock,
    format_number,
    format_percent,
    sanitize,
)

if TYPE_CHECKING:
    from cq_tui.contracts.mode import Mode
    from cq_tui.room.state import RoomState

_COLOURS: dict[StatusLevel, str] = {"good": "$success", "look": "$warning", "bad": "$error", "idle": "$muted"}
_MODE_LABELS: "dict[Mode, str]" = {"simulation": "SIMULATION", "paper": "PAPER", "testnet": "TESTNET", "live": "LIVE"}


class StatusItem(NamedTuple):
    """A few words in one style."""

    text: str
    style: str
    #: When the line is too short, the highest rank leaves first; 0 stays.
    rank: int = 0
    #: Further words of the same piece; the first to leave.
    extra: str = ""


def mode_block(mode: "Mode") -> StatusItem:
    """Return the colour block of a mode, the same everywhere."""
    text_colour = "$mode-testnet-text" if mode == "testnet" else "$mode-text"
    return StatusItem(f"  {_MODE_LABELS[mode]}  ", f"bold {text_colour} on $mode-{mode}")


class StatusBar(Widget):
    """One line; two when narrow. In live mode the whole bar is red."""

    #: Given by ``attach``.
    state: "RoomState"

    def __init__(self) -> None:
        super().__init__()
        self._attached = False
        #: Unix time at which the display was frozen.
        self.frozen_at: float | None = None
        self._now = 0.0
        self._shown: tuple[StatusItem, ...] = ()

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self.state = state
        self._attached = True

    def update_status(self, now: float) -> None:
        """Repaint what changed. The clock and its dot are the room's own heartbeat: they stop when it does."""
        self._now = now
        pieces = (*self._left_items(), *self._right_items())
        if pieces != self._shown:
            self._shown = pieces
            self.set_class(self.state.mode.mode == "live", "-live")
            self.refresh()

    def render(self) -> Content:
        """Return the line or lines."""
        if not self._attached:
            return Content.styled("  OPENING  ", "bold reverse $muted")
        left, right = self._left_items(), self._right_items()
        width = self.size.width
        if self.size.height < 2:
            return _justify(left, right, width)
        split = 2 if len(left) > 2 else len(left)
        return Content("\n").join(
            [_justify(left[:split], right[-1:], width), _justify(left[split:], right[:-1], width)]
        )

    def _left_items(self) -> list[StatusItem]:
        return [mode_block(self.state.mode.mode), self._guardrails(), *self._trading(), self._health(), *self._memory()]

    def _right_items(self) -> list[StatusItem]:
        return [*self._equity(), self._clock()]

    def _guardrails(self) -> StatusItem:
        if self.state.guardrails:
            return StatusItem("guardrails on", "" if self._is_live else "$muted")
        return StatusItem(" GUARDRAILS OFF ", "bold reverse $warning")

    def _trading(self) -> list[StatusItem]:
        trading = self.state.settings.TRADING_STATE
        return [] if trading == "active" else [StatusItem(f" {trading.upper()} ", "bold reverse $error")]

    def _health(self) -> StatusItem:
        from cq_tui.ops.verdict import summarize

        return self._status_item(*summarize(self.state.verdicts(self._now).values()))

    def _memory(self) -> list[StatusItem]:
        """Integrity and completeness, side by side."""
        memory = self.state.memory
        if memory is None:
            return [self._status_item("idle", "memory unknown")]
        missing = f"INCOMPLETE BY {memory.missing_count:,} " if memory.missing_count else ""
        if not memory.integrity_ok:
            more = f"· {missing}" if missing else ""
            return [StatusItem(f" {GLYPHS['bad']} HISTORY NOT INTACT ", "bold reverse $error", extra=more)]
        if missing:
            return [StatusItem(f" {GLYPHS['bad']} HISTORY {missing}", "bold reverse $error")]
        if not self.state.verdict("memory", self._now).is_current:
            return [self._status_item("look", "history not watched")]
        intact = self._status_item("good", f"memory intact {format_number(memory.events_count)}")
        anchored = f"anchored {memory.anchored_count:,}" if memory.anchored_count else ""
        if memory.anchor_problem:
            return [intact, self._status_item("look", anchored or "not anchored")]
        return [intact._replace(extra=f" · {anchored}") if anchored else intact]

    def _equity(self) -> list[StatusItem]:
        account = self.state.account
        if account is None:
            return []
        equity = f"equity {format_number(account.equity, 2)} {sanitize(account.quote_asset, 8)} "
        if not self.state.verdict("trader", self._now).is_current:
            return [StatusItem(f"{equity}{format_age(self._now - account.timestamp)} ago ", "$muted", 1)]
        pieces = [StatusItem(equity, "bold", 1)]
        if account.equity_start:
            change = (account.equity / account.equity_start - 1) * 100
            colour = "" if self._is_live else "$success" if change > 0 else "$error" if change < 0 else "$muted"
            pieces.append(StatusItem(f"{format_percent(change)} ", colour, 2))
        return pieces

    def _clock(self) -> StatusItem:
        if self.frozen_at is not None:
            return StatusItem(f" FROZEN {format_clock(self.frozen_at)} · p goes on ", "bold reverse $accent")
        return StatusItem(
            f"{'·' if int(self._now) % 2 else ' '} {format_clock(self._now)} UTC ", "" if self._is_live else "$muted"
        )

    @property
    def _is_live(self) -> bool:
        return self.state.mode.mode == "live"

    def _status_item(self, level: StatusLevel, words: str) -> StatusItem:
        """Return glyph and words; on the red bar of live mode the glyph alone carries the state."""
        loud = "bold" if level in ("bad", "look") else ""
        return StatusItem(f"{GLYPHS[level]} {words}", loud if self._is_live else f"{loud} {_COLOURS[level]}".strip())


def _justify(left: list[StatusItem], right: list[StatusItem], width: int) -> Content:
    """Put pieces to both ends; when they do not fit, further words leave, then the right end loses pieces by rank."""
    start = _join_items([piece._replace(text=piece.text + piece.extra) for piece in left], "   ")
    if start.cell_length + _join_items(right, " ").cell_length + 2 > width:
        start = _join_items(left, "   ")
    right = list(right)
    while right and start.cell_length + _join_items(right, " ").cell_length + 2 > width:
        leaving = max(right, key=lambda piece: piece.rank)
        if leaving.rank == 0:
            break
        right.remove(leaving)
    end = _join_items(right, " ")
    gap = max(1, width - start.cell_length - end.cell_length)
    return Content.assemble(start, " " * gap, end)


def _join_items(pieces: list[StatusItem], separator: str) -> Content:
    return Content(separator).join([Content.styled(piece.text, piece.style) for piece in pieces])
