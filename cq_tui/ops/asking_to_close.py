"""Asking the trader to flatten or close, and noticing when nobody will answer."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cq_tui.contracts.commands import Command, CommandOutcome
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.ops.closings import ClosingAnswer, answer_of
from cq_tui.store.control import issue_command
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.lock import find_holder
from cq_tui.store.reserve import Reserve, describe_error
from cq_tui.supervisor.desired_state import read_desired_state
from cq_tui.supervisor.managed_service import read_report
from cq_tui.supervisor.silence import Silence

#: Seconds in which a trader that runs takes a command, or one that was ended is followed by another.
_UNCLAIMED = 10.0
#: Seconds without a report of a trader that took it: it reports every two.
_SILENCE = 20.0
#: Seconds for all: the trader answers before.
_PATIENCE = 660.0
#: How often the same is asked again of a trader that followed one which died over it.
_ATTEMPTS = 3
_POLL = 0.1


class NoAnswer(Exception):
    """No trader carries out what was asked; the message says why."""


async def ask_to_close(
    data: DataDir, kind: str, symbol: str | None, asked_by: str, arguments: Mapping[str, Any]
) -> ClosingAnswer:
    """Have the trader flatten or close.

    Raises NoAnswer if there is none that does; then nothing of it waits any more for a trader that comes later.
    """
    for _ in range(_ATTEMPTS):
        watch = _TraderWatch(data)
        watch.look()
        try:
            command = issue_command(data, kind, "trader", issued_by=asked_by, target=symbol, arguments=arguments)
        except OSError as error:
            raise NoAnswer(f"the trader cannot be asked: {describe_error(error)}") from None
        answer = await _answer(data, command, watch)
        if answer.outcome != "interrupted":
            return answer_of(answer.outcome, answer.message, answer.closings)
    raise NoAnswer("the trader ends over it again and again")


async def _answer(data: DataDir, command: Command, watch: "_TraderWatch") -> CommandOutcome:
    """Wait for the answer; withdraw the command if none will come. Raises NoAnswer."""
    answer, waiting = (folder / f"{command.command_id}.json" for folder in (data.control_done, data.control))
    while True:
        with suppress(DocumentError):
            return read_document(answer, CommandOutcome)
        try:
            watch.is_claimed = not waiting.exists()
            await asyncio.to_thread(watch.look)
        except NoAnswer:
            with suppress(DocumentError):
                return read_document(answer, CommandOutcome)
            # Unlinking and claiming (a rename) exclude each other: only one of them can succeed.
            if not watch.is_claimed and not _unlink(waiting):
                continue
            raise
        await asyncio.sleep(_POLL)


class _TraderWatch:
    """Tells from lock and reports whether a trader will answer. Times are those in which this process was awake."""

    def __init__(self, data: DataDir) -> None:
        self._data, self._reserve = data, Reserve(data)
        self.is_claimed = False
        self._began = time.monotonic()
        self._holder: LockHolder | None = None
        #: Since when it is the holder, or there is none.
        self._since = self._began
        self._silence = Silence(self._began)

    def look(self) -> None:
        """Raise NoAnswer if nobody will answer."""
        now, holder = time.monotonic(), find_holder(self._data.lock_of("trader"))
        if (holder and holder.pid) != (self._holder and self._holder.pid):
            self._holder, self._since, self._silence = holder, now, Silence(now)
        if now - self._began > _PATIENCE:
            raise NoAnswer(f"{self._name} has not answered")
        if holder is None:
            if not _is_supervised(self._data):
                raise NoAnswer("no trader runs, and no supervisor starts one")
            if now - self._since > _UNCLAIMED:
                raise NoAnswer("no trader runs, and the supervisor has not started one")
        elif not self.is_claimed:
            if now - self._since > _UNCLAIMED or now - self._began > 3 * _UNCLAIMED:
                raise NoAnswer(f"{self._name} does not answer")
        elif self._is_silent(holder, now):
            raise NoAnswer(f"{self._name} has taken it, and is silent since")

    @property
    def _name(self) -> str:
        return "the trader" if self._holder is None else f"the trader (process {self._holder.pid})"

    def _is_silent(self, holder: LockHolder, now: float) -> bool:
        report = read_report(self._data, "trader")
        self._silence.observe(report.identity if report.is_from(holder.pid) else None, now)
        if report.is_unreadable or self._reserve.is_full:
            # Nobody could report.
            self._silence.forgive(now)
        return self._silence.seconds > _SILENCE


def _is_supervised(data: DataDir) -> bool:
    """Whether a supervisor runs that is to keep a trader running."""
    return find_holder(data.lock_of("supervisor")) is not None and read_desired_state(data, "trader") == "running"


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
