"""The look back of a room: the processes that run it, how far they are, and what came of the last one."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson

from cq_tui.ops.formatting import sanitize
from cq_tui.room.child_process import end_process, let_go
from cq_tui.room.controls import Controls
from cq_tui.room.look_back_choices import LookBackChoices, stored_klines

if TYPE_CHECKING:
    from cq_tui.contracts.trading_report import TradingReport

#: What ``--with-parent`` tells of how far a run is.
_PROGRESS = re.compile(r"(\d+) of (\d+)")
_MINUTE_MS = 60_000
Phase = Literal["idle", "running", "done", "failed", "ended"]


class CommandFailed(Exception):
    """A command gave no result; the message is its last line."""


class _Answer(NamedTuple):
    output: bytes
    last_line: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class LookBack:
    """The run that goes on, or the last one."""

    phase: Phase = "idle"
    #: What is done now, or why it failed.
    text: str = ""
    #: Klines played, and all.
    done: int = 0
    whole: int = 0
    report: "TradingReport | None" = None
    #: What ran live over the same hours; None if nothing did.
    live: "TradingReport | None" = None
    #: Why there is nothing, or not all of it.
    live_text: str = ""


class LookBackRunner:
    """Runs one look back at a time. ``on_change`` is called when something changed."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self.shown = LookBack()
        self.choices: LookBackChoices | None = None
        self.on_change: Callable[[], object] = lambda: None

    @property
    def is_running(self) -> bool:
        """Whether a run goes on."""
        return self.shown.phase == "running"

    async def load(self, *, has_traded: bool) -> None:
        """Read what can be chosen, in processes: strategies are anybody's code. Raises CommandFailed or OSError."""
        if self.choices is not None:
            return
        lists = await asyncio.gather(self._json("data", "list"), self._json("strategies", "show"))
        klines, strategies = stored_klines(lists[0]), [each["name"] for each in lists[1]["strategies"]]
        self.choices = LookBackChoices(klines, strategies, has_traded)
        self.on_change()

    async def run(self, account: str | None) -> None:
        """Run what is chosen, then read what ran live over the same hours. A cancellation ends the processes."""
        choices = self.choices
        if choices is None or not choices.klines or self.is_running:
            return
        self._show(LookBack("running", "reading the history"))
        try:
            live, why_not = await self._live(account)
            report = await self._look_back(choices, live)
            self._change(text="reading the history of these hours", report=report)
            same_hours, text = (None, why_not) if live is None else await self._same_hours(report, live)
            self._change(phase="done", text="", live=same_hours, live_text=text)
        except (CommandFailed, OSError) as error:
            self._change(phase="failed", text=str(error))
        finally:
            if self.shown.phase == "running":
                self._change(phase="ended", text="")

    async def _look_back(self, choices: LookBackChoices, live: "TradingReport | None") -> "TradingReport":
        words, data = choices.words(), str(self._controls.data_root)
        again: list[list[str]] = [words]
        if choices.since_traded and live is not None:
            cash = live.totals.start_equity
            words = [*words, *(["--cash", f"{cash:.2f}"] if cash else [])]
            # Where that is too early for the warm-up: as early as it can be.
            again = [[*words, "--from", str(live.header.from_ms)], words]
        self._change(text="reading klines")
        for number, each in enumerate(again):
            answer = await self._command("backtest", "--klines", data, *each, "--json", "--with-parent")
            if answer.output or number == len(again) - 1:
                return await _report(answer)
        raise AssertionError("the last one returns or raises")

    async def _live(self, account: str | None) -> "tuple[TradingReport | None, str]":
        """Return the report of the whole history, or why there is none."""
        try:
            return await self._history(account), ""
        except CommandFailed as error:
            return None, f"Live: {error}" if account else "Nothing ran live in this data directory."

    async def _history(self, account: str | None, *times: str) -> "TradingReport":
        chosen = ["--account", account] if account else []
        return await _report(await self._command("report", "--json", *chosen, *times))

    async def _same_hours(self, run: "TradingReport", live: "TradingReport") -> "tuple[TradingReport | None, str]":
        """Return what the history has of the hours of a run."""
        begin, end = run.header.from_ms, run.header.to_ms
        if live.header.to_ms <= begin or live.header.from_ms >= end:
            return None, "Nothing ran live in these hours."
        times = ("--since", f"{begin / 1000:.3f}", "--until", f"{end / 1000:.3f}")
        same_hours = await self._history(live.header.account, *times)
        late = live.header.from_ms - begin
        text = f"The history begins {late / 3_600_000:,.1f} h after the look back." if late > _MINUTE_MS else ""
        return same_hours, text

    # -- processes

    async def _json(self, *words: str) -> Any:
        answer = await self._command(*words, "--json")
        if not answer.output:
            raise CommandFailed(answer.last_line or f"exit code {answer.exit_code}")
        return await asyncio.to_thread(orjson.loads, answer.output)

    async def _command(self, *words: str) -> _Answer:
        """Run a command to its end."""
        process = await self._controls.start_reading(*words)
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            output, last_line = await asyncio.gather(process.stdout.read(), self._hear(process.stderr))
            return _Answer(output, last_line, await process.wait())
        finally:
            await end_process(process)
            await let_go(process)

    async def _hear(self, errors: asyncio.StreamReader) -> str:
        """Take what is told of the progress, and return the last line that is something else."""
        last_line = ""
        while line := await _read_line(errors):
            text = line.decode(errors="replace").strip()
            if match := _PROGRESS.fullmatch(text):
                self._change(text="playing klines", done=int(match[1]), whole=int(match[2]))
            elif text:
                last_line = text
        return sanitize(last_line.removeprefix("cq-tui: "), 600)

    def _show(self, shown: LookBack) -> None:
        self.shown = shown
        self.on_change()

    def _change(self, **changes: Any) -> None:
        self._show(replace(self.shown, **changes))


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """Return the next line, or the next part of one that is too long."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.readexactly(error.consumed)


async def _report(answer: _Answer) -> "TradingReport":
    """Return the report that a command printed, read in a thread: it may be long."""
    from pydantic import ValidationError

    from cq_tui.contracts.trading_report import TradingReport

    if not answer.output:
        raise CommandFailed(answer.last_line or f"ended with exit code {answer.exit_code}")
    try:
        return await asyncio.to_thread(TradingReport.model_validate_json, answer.output)
    except ValidationError:
        raise CommandFailed(answer.last_line or "its report cannot be read") from None
