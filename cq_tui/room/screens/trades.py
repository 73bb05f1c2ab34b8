"""The trades of one day (UTC), from the books: exact amounts, fees, profit, and why each was sold."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

import orjson
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.formatting import format_clock, format_signed, pluralize, sanitize
from cq_tui.room.child_process import end_process, let_go
from cq_tui.room.controls import Controls
from cq_tui.room.detail_content import DetailContent
from cq_tui.room.screens.detail import Detail
from cq_tui.room.screens.own_screen import OwnScreen
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.key_line import KeyLine
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable

_COLUMNS = (
    Column("time", 8),
    Column("kind", 7),
    Column("symbol", 10),
    Column("quantity", 12, align_right=True),
    Column("price", 11, align_right=True),
    Column("fee", 16, align_right=True, drop_rank=1),
    Column("realized", 10, align_right=True),
    Column("why", 10, grows=True),
)
_DAY = timedelta(days=1)
_FOOTER_BINDINGS = [
    Binding("left,left_square_bracket", "move(-1)", "day before", id="trades.before", tooltip="The day before"),
    Binding("right,right_square_bracket", "move(1)", "next day", id="trades.next", tooltip="The next day"),
    Binding("escape,q,T", "back", "back", id="trades.back", key_display="esc", tooltip="Back to the room"),
]  # fmt: skip


class _Day(NamedTuple):
    """The rows of a day, or why there are none."""

    rows: dict[str, dict[str, Any]]
    problem: str = ""
    quote: str = ""


class TradesScreen(OwnScreen[None]):
    """Reads the books in a process of its own: they may be long."""

    AUTO_FOCUS = "LineTable"
    BINDINGS: ClassVar[list[BindingType]] = [*_FOOTER_BINDINGS]

    def __init__(self, controls: Controls, now: Callable[[], float]) -> None:
        super().__init__()
        self._controls = controls
        self._now = now
        self._day = datetime.fromtimestamp(now(), UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._shown = _Day({})
        self.table = LineTable(_COLUMNS, self._draw)
        self._title = Static(id="trades-title", markup=False)

    def compose(self) -> ComposeResult:
        """Yield title, rows and footer."""
        yield self._title
        yield self.table
        yield KeyLine([binding.id for binding in _FOOTER_BINDINGS if binding.id])

    def on_mount(self) -> None:
        """Read the day."""
        self._read()

    def _read(self) -> None:
        self._shown = _Day({})
        self.table.set_lines((), empty="Reading the books…")
        self._show_title("")
        self.run_worker(self._load(self._day), name="trades", group="trades", exclusive=True, exit_on_error=False)

    async def _load(self, day: datetime) -> None:
        found = await _read_day(self._controls, day)
        if not self.stays_open or day != self._day:
            return
        self._shown = found
        empty = found.problem or "Nothing was traded or moved on this day."
        self.table.set_lines(map(LineKey, found.rows), empty=sanitize(empty, 400))
        realized = [Decimal(row["realized"]) for row in found.rows.values() if row.get("realized")]
        won = sum(amount > 0 for amount in realized)
        earned = f"realized {format_signed(float(sum(realized)))} {found.quote}"
        counts = f"{pluralize(len(realized), 'sale')}, {won} with profit · {pluralize(len(found.rows), 'row')}"
        self._show_title(f"{earned} · {counts}" if found.rows else "")

    def _show_title(self, sums: str) -> None:
        today = datetime.fromtimestamp(self._now(), UTC).date()
        near = {0: ", today", 1: ", yesterday"}.get((today - self._day.date()).days, "")
        named = f" {self._day:%Y-%m-%d} UTC{near}"
        self._title.update(Content.assemble((" trades", "bold"), named, (f"   {sanitize(sums, 200)}", "$muted")))

    def _draw(self, key: LineKey) -> LineContent:
        record = self._shown.rows[key.row]
        row = {name: "" if value is None else sanitize(str(value), 80) for name, value in record.items()}
        realized = row.get("realized", "")
        level = "bad" if realized.startswith("-") else "good" if realized.strip("0.") else "muted"
        fee = f"{row.get('fee', '')} {row.get('fee_asset', '')}" if row.get("fee", "0") not in ("", "0") else ""
        return (
            Cell(format_clock(float(record["ms"]) / 1000), "muted"),
            Cell(row.get("kind", "")),
            Cell(row.get("symbol", "") or row.get("asset", ""), "strong"),
            Cell(row.get("quantity", "")),
            Cell(row.get("price", "")),
            Cell(fee, "muted"),
            Cell(format_signed(float(realized)) if realized else "", level),
            Cell(row.get("exit_reason", "") or row.get("note", ""), "muted"),
        )

    @on(LineTable.Opened)
    def _opened(self, event: LineTable.Opened) -> None:
        """Show all that the books know of a row, exact."""
        row = self._shown.rows[event.row]
        fields = [(name, sanitize(str(value))) for name, value in row.items() if value not in (None, "", [])]
        row_id = str(row.get("client_order_id") or row.get("trade_id") or "")
        content = DetailContent(f"trade {sanitize(str(row.get('symbol') or ''), 40)}", fields)
        self.app.push_screen(Detail(lambda: content, row_id))

    def action_move(self, step: int) -> None:
        """Show another day; none that is to come."""
        day = self._day + step * _DAY
        if day.timestamp() <= self._now():
            self._day = day
            self._read()

    def action_back(self) -> None:
        """Return to the room."""
        self.close()


async def _read_day(controls: Controls, day: datetime) -> _Day:
    since, until = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (day, day + _DAY))
    try:
        process = await controls.start_reading("trades", "--json", "--since", since, "--until", until)
    except OSError as error:
        return _Day({}, f"The books cannot be read: {error.strerror}")
    try:
        output, errors = await process.communicate()
    finally:
        # Another day may have been asked for meanwhile.
        await end_process(process)
        await let_go(process)
    try:
        found = await asyncio.to_thread(orjson.loads, output)
    except orjson.JSONDecodeError:
        said = errors.decode(errors="replace").strip().splitlines()
        return _Day({}, said[-1].removeprefix("cq-tui: ") if said else "The books cannot be read.")
    rows = {str(number): row for number, row in enumerate(reversed(found["rows"]))}
    return _Day(rows, quote=found.get("quote") or "")
