"""The status bar: the mode as a color block, then what a first glance must show."""

from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content
from textual.widget import Widget

from cq_tui.ops.formatting import (
    GLYPHS,
    StatusLevel,
    format_clock,
    zone_name,
)
from cq_tui.room.themes import LEVEL_COLORS

if TYPE_CHECKING:
    from cq_tui.contracts.mode import Mode
    from cq_tui.room.state import RoomState

_MODE_LABELS: "dict[Mode, str]" = {"simulation": "SIMULATION", "paper": "PAPER", "testnet": "TESTNET", "live": "LIVE"}


#: Fewest columns for one line.
_ONE_LINE_FROM = 60
#: From this rank on, an item is a verdict, and stands on the second line.
_VERDICT = 2


class StatusItem(NamedTuple):
    """A short text in one style."""

    text: str
    style: str
    #: When space is short, the highest rank is dropped first; 0 stays.
    rank: int = 0
    #: The same in fewer words, each shorter than the one before; the shortest is used before another item is dropped.
    shorter: tuple[str, ...] = ()

    def shortened(self, steps: int) -> "StatusItem":
        """Return the item so many steps shorter, or as short as it gets."""
        texts = (self.text, *self.shorter)
        return self._replace(text=texts[min(steps, len(texts) - 1)])


def mode_block(mode: "Mode") -> StatusItem:
    """Return the color block of a mode, the same everywhere."""
    text_color = "$mode-testnet-text" if mode == "testnet" else "$mode-text"
    return StatusItem(f"  {_MODE_LABELS[mode]}  ", f"bold {text_color} on $mode-{mode}")


class StatusBar(Widget):
    """One line; two where what must be seen needs them. In live mode the whole bar is red."""

    #: Set by ``attach``.
    state: "RoomState"

    def __init__(self, *, view_only: bool = False) -> None:
        super().__init__()
        self._view_only = view_only
        #: Unix time at which the display was frozen.
        self.frozen_at: float | None = None
        self._now = 0.0
        #: What is shown at the left and at the right.
        self._shown: tuple[list[StatusItem], list[StatusItem]] | None = None

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self.state = state

    def update_status(self, now: float) -> None:
        """Repaint if anything changed. The clock and its dot are the room's own heartbeat: they stop when it does."""
        self._now = now
        items = (self._left_items(), self._right_items())
        if items != self._shown:
            self._shown = items
            self.set_class(self.state.mode.mode == "live", "-live")
            self._fit()
            self.refresh()

    def _fit(self) -> None:
        """Take a second line where one cannot hold what must be seen."""
        if self._shown is not None and self.size.width:
            left, right = (_fewest(items) for items in self._shown)
            needed = _join_items(left, "   ").cell_length + _join_items(right, " ").cell_length + 2
            self.set_class(needed > self.size.width or self.size.width < _ONE_LINE_FROM, "-two")

    def on_resize(self) -> None:
        """Fit the bar to the new width."""
        self._fit()

    def render(self) -> Content:
        """Return the line."""
        if self._shown is None:
            opening = StatusItem("  OPENING  ", "bold reverse $muted")
            return _join_items([opening, *self._viewing()], "   ")
        left, right = self._shown
        if self.has_class("-two"):
            split = next(number for number, item in enumerate(left) if item.rank >= _VERDICT or number == len(left) - 2)
            lines = (_justify(left[:split], [], self.size.width), _justify(left[split:], right, self.size.width))
            return Content("\n").join(lines)
        return _justify(left, right, self.size.width)

    def _left_items(self) -> list[StatusItem]:
        mode = mode_block(self.state.mode.mode)
        return [mode, *self._viewing(), self._guardrails(), *self._trading(), self._health(), *self._memory()]

    def _right_items(self) -> list[StatusItem]:
        return [self._clock()]

    def _viewing(self) -> list[StatusItem]:
        return [StatusItem(" VIEW ONLY ", "bold reverse $accent", shorter=("VIEW ONLY",))] if self._view_only else []

    def _guardrails(self) -> StatusItem:
        if self.state.guardrails:
            return StatusItem("guardrails on", "" if self._is_live else "$muted", 1)
        return StatusItem(" GUARDRAILS OFF ", "bold reverse $warning")

    def _trading(self) -> list[StatusItem]:
        trading = self.state.settings.TRADING_STATE
        return [] if trading == "active" else [StatusItem(f" {trading.upper()} ", "bold reverse $error")]

    def _health(self) -> StatusItem:
        from cq_tui.ops.verdict import summarize

        verdicts = self.state.verdicts(self._now)
        level, text = summarize(verdicts.values())
        # Where all is well, their number says as much; where it is not, the third line says the rest.
        count = f"{len(verdicts)} " if level == "good" else ""
        item = self._status_item(level, text)
        return item._replace(shorter=(f"{GLYPHS[level]} {count}services",), rank=2 if level == "good" else 0)

    def _memory(self) -> list[StatusItem]:
        """The three verdicts on the history, as far as they fit; what is not good always stays."""
        history = self.state.history(self._now)
        if history is None:
            return [self._status_item("idle", "history unknown")]
        items = [self._status_item(history.level, f"history {line}") for line in history.lines()]
        if history.level == "bad":
            items = [StatusItem(f" {item.text} ", "bold reverse $error") for item in items]
        shorter = [item.text for item in items[1:]]
        if history.level == "good":
            shorter.append(f"{GLYPHS['good']} history")
        return [items[0]._replace(shorter=tuple(shorter), rank=3 if history.level == "good" else 0)]

    def _clock(self) -> StatusItem:
        if self.frozen_at is not None:
            return StatusItem(f" FROZEN {format_clock(self.frozen_at)} · p resumes ", "bold reverse $accent")
        beat = "·" if int(self._now) % 2 else " "
        clock = f"{beat} {format_clock(self._now)} {zone_name(self._now)} "
        return StatusItem(clock, "" if self._is_live else "$muted", 4)

    @property
    def _is_live(self) -> bool:
        return self.state.mode.mode == "live"

    def _status_item(self, level: StatusLevel, text: str) -> StatusItem:
        """Return glyph and text; on the red bar of live mode the glyph alone shows the level."""
        weight = "bold" if level in ("bad", "look") else ""
        style = weight if self._is_live else f"{weight} {LEVEL_COLORS[level]}".strip()
        return StatusItem(f"{GLYPHS[level]} {text}", style)


def _fewest(items: list[StatusItem]) -> list[StatusItem]:
    """Return what stays where space is shortest."""
    return [item.shortened(len(item.shorter)) for item in items if item.rank == 0]


def _justify(left: list[StatusItem], right: list[StatusItem], width: int) -> Content:
    """Align items to both ends. If they do not fit, shorten those on the left, then drop some by rank."""
    most = max((len(item.shorter) for item in left), default=0)
    for steps in range(most + 1):
        start = _join_items([item.shortened(steps) for item in left], "   ")
        if start.cell_length + _join_items(right, " ").cell_length + 2 <= width:
            break
    left, right = [item.shortened(steps) for item in left], list(right)
    while start.cell_length + _join_items(right, " ").cell_length + 2 > width:
        dropped = max([*left, *right], key=lambda item: item.rank, default=None)
        if dropped is None or dropped.rank == 0:
            break
        (left if dropped in left else right).remove(dropped)
        start = _join_items(left, "   ")
    end = _join_items(right, " ")
    gap = max(1, width - start.cell_length - end.cell_length)
    return Content.assemble(start, " " * gap, end)


def _join_items(items: list[StatusItem], separator: str) -> Content:
    return Content(separator).join([Content.styled(item.text, item.style) for item in items])
