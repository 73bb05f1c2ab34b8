"""The status bar: the mode as a colour block first, then everything that a first glance must tell."""

from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content
from textual.widget import Widget

from cq_tui.ops.words import GLYPHS, Level, clean, clock, number, percent

if TYPE_CHECKING:
    from cq_tui.contracts.mode import Mode
    from cq_tui.room.state import RoomState

_COLOURS: dict[Level, str] = {"good": "$success", "look": "$warning", "bad": "$error", "idle": "$muted"}
_NAMES: "dict[Mode, str]" = {"simulation": "SIMULATION", "paper": "PAPER", "testnet": "TESTNET", "live": "LIVE"}


class Piece(NamedTuple):
    """A few words in one style."""

    text: str
    style: str
    #: When the line is too short, the highest rank leaves first; 0 stays.
    rank: int = 0
    #: Further words of the same piece; the first to leave.
    more: str = ""


def mode_block(mode: "Mode") -> Piece:
    """Return the colour block of a mode, the same everywhere."""
    text_colour = "$mode-testnet-text" if mode == "testnet" else "$mode-text"
    return Piece(f"  {_NAMES[mode]}  ", f"bold {text_colour} on $mode-{mode}")


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
        self._shown: tuple[Piece, ...] = ()

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self.state = state
        self._attached = True

    def follow(self, now: float) -> None:
        """Repaint what changed. The clock and its dot are the room's own heartbeat: they stop when it does."""
        self._now = now
        pieces = (*self._left(), *self._right())
        if pieces != self._shown:
            self._shown = pieces
            self.set_class(self.state.mode.mode == "live", "-live")
            self.refresh()

    def render(self) -> Content:
        """Return the line or lines."""
        if not self._attached:
            return Content.styled("  OPENING  ", "bold reverse $muted")
        left, right = self._left(), self._right()
        width = self.size.width
        if self.size.height < 2:
            return _spread(left, right, width)
        split = 2 if len(left) > 2 else len(left)
        return Content("\n").join([_spread(left[:split], right[-1:], width), _spread(left[split:], right[:-1], width)])

    def _left(self) -> list[Piece]:
        return [mode_block(self.state.mode.mode), self._guardrails(), *self._trading(), self._health(), *self._memory()]

    def _right(self) -> list[Piece]:
        return [*self._equity(), self._clock()]

    def _guardrails(self) -> Piece:
        if self.state.guardrails:
            return Piece("guardrails on", "" if self._is_live else "$muted")
        return Piece(" GUARDRAILS OFF ", "bold reverse $warning")

    def _trading(self) -> list[Piece]:
        trading = self.state.settings.TRADING_STATE
        return [] if trading == "active" else [Piece(f" {trading.upper()} ", "bold reverse $error")]

    def _health(self) -> Piece:
        verdicts = self.state.verdicts(self._now)
        troubled = [verdict for verdict in verdicts.values() if verdict.overall != "ok"]
        if not troubled:
            return self._stated("good", "all services ok")
        level: Level = "bad" if self.state.overall(self._now) == "error" else "look"
        if len(troubled) == len(verdicts):
            words = {verdict.word for verdict in troubled}
            said = "no service reports" if words <= {"missing", "stale", "stopped"} else "no service is ok"
            return self._stated(level, said)
        first = max(troubled, key=lambda verdict: verdict.overall == "error")
        more = f" +{len(troubled) - 1}" if len(troubled) > 1 else ""
        return self._stated(level, f"{first.service} {first.word}{more}")

    def _memory(self) -> list[Piece]:
        """Integrity and completeness, side by side."""
        memory = self.state.memory
        if memory is None:
            return [self._stated("idle", "memory unknown")]
        missing = f"INCOMPLETE BY {memory.missing_count:,} " if memory.missing_count else ""
        if not memory.integrity_ok:
            more = f"· {missing}" if missing else ""
            return [Piece(f" {GLYPHS['bad']} HISTORY NOT INTACT ", "bold reverse $error", more=more)]
        if missing:
            return [Piece(f" {GLYPHS['bad']} HISTORY {missing}", "bold reverse $error")]
        if self.state.verdict("memory", self._now).overall == "error":
            return [self._stated("look", "memory not watched")]
        intact = self._stated("good", f"memory intact {number(memory.events_count)}")
        anchored = f"anchored {memory.anchored_count:,}" if memory.anchored_count else ""
        if memory.anchor_problem:
            return [intact, self._stated("look", anchored or "not anchored")]
        return [intact._replace(more=f" · {anchored}") if anchored else intact]

    def _equity(self) -> list[Piece]:
        account = self.state.account
        if account is None:
            return []
        pieces = [Piece(f"equity {number(account.equity, 2)} {clean(account.quote_asset, 8)} ", "bold", 1)]
        if account.equity_start:
            change = (account.equity / account.equity_start - 1) * 100
            colour = "" if self._is_live else "$success" if change > 0 else "$error" if change < 0 else "$muted"
            pieces.append(Piece(f"{percent(change)} ", colour, 2))
        return pieces

    def _clock(self) -> Piece:
        if self.frozen_at is not None:
            return Piece(f" FROZEN {clock(self.frozen_at)} · p goes on ", "bold reverse $accent")
        return Piece(f"{'·' if int(self._now) % 2 else ' '} {clock(self._now)} UTC ", "" if self._is_live else "$muted")

    @property
    def _is_live(self) -> bool:
        return self.state.mode.mode == "live"

    def _stated(self, level: Level, words: str) -> Piece:
        """Return glyph and words; on the red bar of live mode the glyph alone carries the state."""
        loud = "bold" if level in ("bad", "look") else ""
        return Piece(f"{GLYPHS[level]} {words}", loud if self._is_live else f"{loud} {_COLOURS[level]}".strip())


def _spread(left: list[Piece], right: list[Piece], width: int) -> Content:
    """Put pieces to both ends; when they do not fit, further words leave, then the right end loses pieces by rank."""
    start = _joined([piece._replace(text=piece.text + piece.more) for piece in left], "   ")
    if start.cell_length + _joined(right, " ").cell_length + 2 > width:
        start = _joined(left, "   ")
    right = list(right)
    while right and start.cell_length + _joined(right, " ").cell_length + 2 > width:
        leaving = max(right, key=lambda piece: piece.rank)
        if leaving.rank == 0:
            break
        right.remove(leaving)
    end = _joined(right, " ")
    gap = max(1, width - start.cell_length - end.cell_length)
    return Content.assemble(start, " " * gap, end)


def _joined(pieces: list[Piece], separator: str) -> Content:
    return Content(separator).join([Content.styled(piece.text, piece.style) for piece in pieces])
