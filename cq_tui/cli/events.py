"""Reading the history: ``events``."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_event_type, complete_symbol
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, read_data_dir
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.standard_streams import print_error

if TYPE_CHECKING:
    from pathlib import Path

    from cq_tui.ops.formatting import StatusLevel
    from cq_tui.store.reading.event_filter import EventFilter, HistoryEntry
    from cq_tui.store.reading.event_follower import EventFollower

#: Events shown without ``-n`` and ``--since``.
_DEFAULT_COUNT = 20
#: Events per write.
_BATCH_SIZE = 500

FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Stream new events until Ctrl-C.")]
TypesOption = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="TYPE", help="Only this type; may be repeated.", autocompletion=complete_event_type),
]
SymbolOption = Annotated[
    str | None,
    typer.Option("--symbol", metavar="SYMBOL", help="Only this symbol.", autocompletion=complete_symbol),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="WHEN", help="Only since then: 10m, 2h, 3d, 14:05, 2026-11-22 or 2026-11-22T14:05:00Z."
    ),
]
CountOption = Annotated[
    int | None,
    typer.Option(
        "-n", min=0, metavar="COUNT", help=f"Only the last COUNT (default: {_DEFAULT_COUNT}; all with --since)."
    ),
]
RawJsonOption = Annotated[bool, typer.Option("--json", help="Print the stored lines unchanged.")]


@app.command(short_help="List events; --follow streams new ones.", epilog=describe_results("events"))
def events(
    context: typer.Context,
    follow: FollowOption = False,
    types: TypesOption = None,
    symbol: SymbolOption = None,
    since: SinceOption = None,
    count: CountOption = None,
    as_json: RawJsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """List events from the history, oldest first; --follow streams new ones. Damaged lines are reported and skipped."""
    from cq_tui.ops.event_listing import explain_no_events
    from cq_tui.store.reading.event_follower import EventFollower
    from cq_tui.store.reading.events_file import open_events

    wanted = _parse_filter(types or [], symbol, since)
    path = read_data_dir(context, data_dir).events
    output = _Output(path, as_json=as_json)
    with report_errors():
        with open_events(path) as history:
            everything = count is None and since is not None
            output.write_all(
                history.all_entries(wanted)
                if everything
                else history.last_entries(_DEFAULT_COUNT if count is None else count, wanted)
            )
            follower = EventFollower(path, history, wanted) if follow else None
        if follower is not None:
            _follow_events(path, follower, output)
    if not output.written_count and count != 0 and not output.damage.count:
        print_error(explain_no_events(types or [], is_filtered=bool(types or symbol or since)))
    output.damage.report_remaining()
    raise typer.Exit(ExitCode.FAILED if output.damage.count else ExitCode.OK)


def _parse_filter(types: Sequence[str], symbol: str | None, since: str | None) -> "EventFilter":
    from cq_tui.ops.time_arguments import TimeArgumentError, parse_time
    from cq_tui.store.reading.event_filter import EventFilter

    try:
        return EventFilter(types, symbol, None if since is None else parse_time(since, time.time()))
    except TimeArgumentError as error:
        fail(f"--since {error}", ExitCode.ERROR)


def _follow_events(path: "Path", follower: "EventFollower", output: "_Output") -> None:
    import asyncio

    from cq_tui.ops.event_following import follow_events

    seen = follower.replacements

    def show(entries: "Sequence[HistoryEntry]") -> None:
        nonlocal seen
        if follower.replacements > seen:
            seen = follower.replacements
            print_error(f"{path.name} was truncated or replaced; continuing after the last event")
        output.write(entries)
        if _is_pipe_closed():
            raise BrokenPipeError

    asyncio.run(follow_events(path, follower, show))


def _is_pipe_closed() -> bool:
    """Whether the reader of our output is gone, though we have nothing to write."""
    import select

    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)
    return bool(pipe.poll(0))


class _Output:
    """Standard output: in color on a terminal, plain elsewhere, or the stored lines."""

    def __init__(self, path: "Path", *, as_json: bool) -> None:
        from cq_tui.ops.event_listing import DamageReport

        self._as_json = as_json
        self._is_terminal = sys.stdout.isatty()
        self._use_color = self._is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.damage = DamageReport(path, print_error)
        #: Events written so far.
        self.written_count = 0

    def write_all(self, entries: "Iterable[HistoryEntry]") -> None:
        """Write any number of entries, in batches."""
        left = iter(entries)
        while batch := list(islice(left, _BATCH_SIZE)):
            self.write(batch)

    def write(self, entries: "Sequence[HistoryEntry]") -> None:
        """Write entries at once; report damaged ones on standard error."""
        from cq_tui.ops.event_listing import escape_controls, format_event

        sound = self.damage.drop_damaged(entries)
        self.written_count += len(sound)
        if not sound:
            return
        if self._as_json:
            lines = [escape_controls(line) if self._is_terminal else line for line, _ in sound]
            typer.echo(b"\n".join([*lines, b""]), nl=False)
        else:
            now = time.time()
            typer.echo("\n".join(format_event(event, now, self._style) for _, event in sound))

    def _style(self, text: str, level: "StatusLevel | Literal['', 'muted']") -> str:
        return typer.style(text, **_STYLES[level]) if self._use_color and level in _STYLES else text


_STYLES: dict[str, dict[str, Any]] = {
    "good": {"fg": "green"},
    "look": {"fg": "yellow"},
    "bad": {"fg": "red", "bold": True},
    "muted": {"dim": True},
}
