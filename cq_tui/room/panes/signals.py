"""Pane 3: what ARES proposed, newest first, and what became of it."""

from typing import TYPE_CHECKING, ClassVar

from cq_tui.ops.words import NOTHING, Level, age, clean, clock, plural, price
from cq_tui.room.changes import Changes, Part
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import Drawn, LineKey, LineTable, Under

if TYPE_CHECKING:
    from cq_tui.room.trades import Signal

_COLUMNS = (
    Column("time", 8),
    Column("symbol", 10),
    Column("side", 4),
    Column("entry", 11, right=True),
    Column("conf", 4, right=True, rank=1),
    Column("stop", 12, right=True, rank=4),
    Column("target", 12, right=True, rank=3),
    Column("strategy", 17, rank=2, grows=True),
)
_STOP, _TARGET, _STRATEGY = 5, 6, 7


class SignalsPane(Pane):
    """The signals with their stops, targets and outcomes."""

    number = 3
    label = "signals"
    subject = "signal"
    has_ages = False
    feeds: ClassVar[frozenset[Part]] = frozenset({Part.EVENTS, Part.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._signals: dict[str, Signal] = {}
        return LineTable(_COLUMNS, self._draw)

    def fill(self, changes: Changes) -> None:
        """List the signals anew: they come a few a minute."""
        self._signals = dict(self.state.trades.signals)
        keys = [LineKey(key, line) for key in reversed(self._signals) for line in (0, 1)]
        self.table.show(self.shown(keys, self._texts()), empty=self.waiting())
        if Part.EVENTS in changes.parts:
            self.table.mark_all()

    def summary(self) -> tuple[str, Level]:
        """Say how many there were and when the last one came."""
        ares = self.state.ares
        if ares is None:
            return "ares has not reported", "idle"
        last = f" · last {age(self.now - ares.last_signal_time)} ago" if ares.last_signal_time else ""
        blocked: Level = "good" if ares.feeder_health_ok else "look"
        held = "" if ares.feeder_health_ok else " · blocked by the feeder"
        return f"ares · {ares.signal_count:,} sent{last}{held}", blocked

    def waiting(self) -> str:
        """Say what the first signal needs."""
        if self.filter_text and self.state.trades.signals:
            return "No signal matches the filter."
        ares = self.state.ares
        if ares is not None and ares.warming:
            warming = clean(next(iter(ares.warming.values())), 80)
            return f"ARES warms up: {plural(len(ares.warming), 'symbol')} not ready yet ({warming})."
        return (
            "Waits for signal_generated in the history: a strategy must find a trade on a closed kline. "
            "In simulation usually within a minute; on real markets minutes to hours."
        )

    def _texts(self) -> dict[str, str]:
        return {
            key: f"{signal.symbol} {signal.side} {signal.strategy} {signal.outcome}"
            for key, signal in self._signals.items()
        }

    def _draw(self, key: LineKey) -> Drawn:
        signal = self._signals[key.row]
        if key.line:
            return Under(self._under(signal), signal.level if signal.level in ("look", "bad") else "muted")
        decimals = self._decimals(signal.symbol)
        confidence = f"{signal.confidence:.2f}" if signal.confidence is not None else NOTHING
        return (
            Cell(clock(signal.timestamp), "muted"),
            Cell(clean(signal.symbol, 40), "strong"),
            Cell(clean(signal.side, 8), "good" if signal.side == "BUY" else "bad"),
            Cell(price(signal.entry, decimals)),
            Cell(confidence),
            Cell(price(signal.stop, decimals)),
            Cell(price(signal.target, decimals)),
            Cell(clean(signal.strategy, 40), "muted"),
        )

    def _under(self, signal: "Signal") -> str:
        """Say what became of it, and what the columns have no room for."""
        decimals = self._decimals(signal.symbol)
        words = [signal.outcome or "no outcome yet"]
        if not self.table.width_of(_STRATEGY):
            words.append(signal.strategy)
        if not self.table.width_of(_STOP):
            words.append(f"stop {price(signal.stop, decimals)}")
        if not self.table.width_of(_TARGET):
            words.append(f"target {price(signal.target, decimals)}")
        return clean(" · ".join(words))

    def _decimals(self, symbol: str) -> int | None:
        ticker = self.state.tickers.get(symbol)
        return ticker.decimals if ticker else None
