"""Why there was no trade: what became of the signals of the last hour, by reason, with what to do about each."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.formatting import GLYPHS, sanitize
from cq_tui.room.screens.own_screen import OwnModal
from cq_tui.room.themes import LEVEL_COLORS
from cq_tui.room.wrapping import wrap_text

if TYPE_CHECKING:
    from cq_tui.room.outcomes import ReasonCount
    from cq_tui.room.state import RoomState

_MOST_SYMBOLS = 12
_INDENT = 6


class WhyNot(OwnModal[None]):
    """Counts by reason; above them what blocks every entry now, and the last word on the symbol in focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,w", "close", "close", id="why_not.close", tooltip="Back to the room")
    ]

    def __init__(self, state: "RoomState", symbol: str | None, now: Callable[[], float]) -> None:
        super().__init__()
        self._state = state
        self._symbol = symbol
        self._now = now
        self._body = Static(id="fields", markup=False)
        self._box = VerticalScroll(self._body, id="box")

    def compose(self) -> ComposeResult:
        """Yield a scrolling box."""
        yield self._box

    def on_mount(self) -> None:
        """Show the reasons and refresh them every second."""
        self._box.border_subtitle = Content.assemble(("esc", "$accent"), " back")
        self._refresh()
        self.call_after_refresh(self._refresh)
        self.set_interval(1.0, self._refresh)

    def _refresh(self) -> None:
        from cq_tui.room.outcomes import hour_of

        width = self._body.content_size.width or 76
        _, when = hour_of(self._state.known_since, self._now())
        self._box.border_title = Content.assemble(("why no trade", "bold"), (f" · {when}", "$muted"))
        lines = [*self._blocked(width), *self._last_word(width), *self._by_reason(width)]
        self._body.update(Content("\n").join(lines))

    def _blocked(self, width: int) -> list[Content]:
        """Return what blocks every entry now."""
        trader = self._state.trader
        blocked = (trader.blocked_by or []) if trader else ["the trader has not reported yet"]
        if not blocked:
            return [Content.assemble(("● ", "$success"), "Nothing blocks new entries now."), Content("")]
        lines = [Content.assemble(("✖ ", "$error"), "Every entry is blocked now:")]
        lines += [Content(f"  {line}") for text in blocked for line in wrap_text(sanitize(text), width - 2)]
        return [*lines, Content("")]

    def _last_word(self, width: int) -> list[Content]:
        """Return what became of the last signal of the symbol in focus."""
        signals = [one for one in self._state.trades.signals.values() if one.symbol == self._symbol]
        if not signals or self._symbol is None:
            return []
        words = sanitize(f"{self._symbol}, last signal: {signals[-1].side}. {signals[-1].outcome or 'No outcome yet'}")
        return [*(Content(line) for line in wrap_text(words, width)), Content("")]

    def _by_reason(self, width: int) -> list[Content]:
        from cq_tui.room.outcomes import count_reasons, hour_of, orders_by_signal

        trades = self._state.trades
        since, when = hour_of(self._state.known_since, self._now())
        reasons = count_reasons(trades.signals.values(), orders_by_signal(trades.orders.values()), since)
        if not reasons:
            return [Content.styled(f"No signal, {when}. Strategies decide on closed klines.", "$muted")]
        return [line for reason in reasons for line in _reason_lines(reason, width)]

    def action_close(self) -> None:
        """Close the screen."""
        self.close()


def _reason_lines(reason: "ReasonCount", width: int) -> list[Content]:
    from cq_tui.ops.denial_words import known_denial

    glyph = (f"{GLYPHS[reason.level]} ", LEVEL_COLORS[reason.level])
    lines = [Content.assemble(f"{reason.count:>3} ", glyph, (sanitize(reason.words), "bold"))]
    symbols = [f"{symbol}{f' ×{count}' if count > 1 else ''}" for symbol, count in reason.symbols.most_common()]
    more = f" and {len(symbols) - _MOST_SYMBOLS} more" if len(symbols) > _MOST_SYMBOLS else ""
    denial = known_denial(reason.code)
    texts = [f"{denial.sentence} {denial.remedy}"] if denial else []
    texts.append(sanitize(", ".join(symbols[:_MOST_SYMBOLS]) + more))
    for text in texts:
        lines += [Content.styled(" " * _INDENT + line, "$muted") for line in wrap_text(text, width - _INDENT)]
    return lines
