"""Reading the history: ``events``."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cq_tui.cli.application import app
from cq_tui.cli.ending import Exit, errors_told, fail, tell
from cq_tui.cli.options import DataOption, existing_data_directory

if TYPE_CHECKING:
    from pathlib import Path

    from cq_tui.ops.words import Level
    from cq_tui.store.reading.event_filter import Entry, EventFilter
    from cq_tui.store.reading.following import EventFollower

#: Shown when neither ``-n`` nor ``--since`` says how many.
_SHOWN = 20
#: Written at once.
_BATCH = 500

FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on as events come, until Ctrl-C.")]
TypesOption = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Only this type, or one of several that are named.")
]
SymbolOption = Annotated[str | None, typer.Option("--symbol", metavar="SYMBOL", help="Only this symbol.")]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="Such as 10m, 2h, 3d, 14:05, 2026-11-22, 2026-11-22T14:05:00Z."),
]
CountOption = Annotated[
    int | None, typer.Option("-n", min=0, metavar="COUNT", help=f"The last so many: {_SHOWN}; with --since all.")
]
StoredOption = Annotated[bool, typer.Option("--json", help="Print the lines as they are stored.")]


@app.command(short_help="Show what happened, and what happens.")
def events(
    context: typer.Context,
    follow: FollowOption = False,
    types: TypesOption = None,
    symbol: SymbolOption = None,
    since: SinceOption = None,
    count: CountOption = None,
    as_json: StoredOption = False,
    data_dir: DataOption = None,
) -> None:
    """Show what happened, from the history, oldest first; with --follow also what happens.

    Damaged lines are named and left out; the exit code is 1 then.
    """
    from cq_tui.ops.event_listing import nothing_found
    from cq_tui.store.reading.following import EventFollower
    from cq_tui.store.reading.reading import open_events

    wanted = _filter(types or [], symbol, since)
    path = existing_data_directory(context, data_dir).events
    output = _Output(path, as_json=as_json)
    with errors_told():
        with open_events(path) as history:
            everything = count is None and since is not None
            output.show_all(
                history.all(wanted) if everything else history.last(_SHOWN if count is None else count, wanted)
            )
            follower = EventFollower.behind(path, history, wanted) if follow else None
        if follower is not None:
            _follow(path, follower, output)
    if not output.shown and count != 0 and not output.damage.count:
        tell(nothing_found(types or [], is_filtered=bool(types or symbol or since)))
    output.damage.conclude()
    raise typer.Exit(Exit.FAILED if output.damage.count else Exit.OK)


def _filter(types: Sequence[str], symbol: str | None, since: str | None) -> "EventFilter":
    from cq_tui.ops.moments import MomentError, moment
    from cq_tui.store.reading.event_filter import EventFilter

    try:
        return EventFilter(types, symbol, None if since is None else moment(since, time.time()))
    except MomentError as error:
        fail(f"--since {error}", Exit.ERROR)


def _follow(path: "Path", follower: "EventFollower", output: "_Output") -> None:
    import asyncio

    from cq_tui.ops.event_following import follow

    seen = follower.replacements

    def show(entries: "Sequence[Entry]") -> None:
        nonlocal seen
        if follower.replacements > seen:
            seen = follower.replacements
            tell(f"{path.name} was cut or replaced: going on behind the last event that was seen")
        output.show(entries)
        if _reader_is_gone():
            raise BrokenPipeError

    asyncio.run(follow(path, follower, show))


def _reader_is_gone() -> bool:
    """Whether nobody reads the pipe any more into which we would write when something comes."""
    import select

    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)
    return bool(pipe.poll(0))


class _Output:
    """Standard output: words in colour on a terminal, plain words elsewhere, or the stored lines."""

    def __init__(self, path: "Path", *, as_json: bool) -> None:
        from cq_tui.ops.event_listing import DamageReport

        self._as_json = as_json
        self._is_terminal = sys.stdout.isatty()
        self._is_coloured = self._is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.damage = DamageReport(path, tell)
        #: Events that were shown.
        self.shown = 0

    def show_all(self, entries: "Iterable[Entry]") -> None:
        """Write some entries after the other, however many."""
        left = iter(entries)
        while batch := list(islice(left, _BATCH)):
            self.show(batch)

    def show(self, entries: "Sequence[Entry]") -> None:
        """Write entries at once; damaged ones are named on standard error."""
        from cq_tui.ops.event_listing import event_line, harmless_json

        sound = self.damage.sift(entries)
        self.shown += len(sound)
        if not sound:
            return
        if self._as_json:
            lines = [harmless_json(line) if self._is_terminal else line for line, _ in sound]
            typer.echo(b"\n".join([*lines, b""]), nl=False)
        else:
            now = time.time()
            typer.echo("\n".join(event_line(event, now, self._style) for _, event in sound))

    def _style(self, text: str, level: "Level | Literal['', 'muted']") -> str:
        return typer.style(text, **_LOOKS[level]) if self._is_coloured and level in _LOOKS else text


_LOOKS: dict[str, dict[str, Any]] = {
    "good": {"fg": "green"},
    "look": {"fg": "yellow"},
    "bad": {"fg": "red", "bold": True},
    "muted": {"dim": True},
}
