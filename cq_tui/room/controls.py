"""The one place where the room acts on anything outside itself. A room that only views refuses here."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cq_tui.contracts.layout import DataDir

if TYPE_CHECKING:
    from cq_tui.contracts.mode import Mode
    from cq_tui.ops.closings import ClosingAnswer
    from cq_tui.ops.signals import SignalAnswer
    from cq_tui.ops.trading_state import StateChange
    from cq_tui.store.settings_file import SettingChange
    from cq_tui.supervisor.process import ServiceProcess

#: Starts a supervisor's process; the second argument says whether it follows one that died.
StartSupervisor = Callable[[DataDir, bool], "ServiceProcess"]

#: Why a room only views that was asked to.
OPENED_TO_VIEW = "this room was opened with --view. Open it without --view to act"


#: Commands that change nothing.
_READING_COMMANDS = frozenset({"events", "report", "status", "strategies", "trades", "verify"})


class RequestRefused(Exception):
    """A request was refused; the message says why."""


class Controls:
    """Writes settings, commands and bundles, starts supervisors and stops the stack.

    ``view_only`` says in words why this room only views; None if it may act.
    """

    def __init__(
        self, data: DataDir, view_only: str | None = None, start_supervisor: StartSupervisor | None = None
    ) -> None:
        self._data = data
        self._view_only = view_only
        self._start_supervisor = start_supervisor

    @property
    def data_root(self) -> Path:
        """The data directory."""
        return self._data.root

    @property
    def refusal(self) -> str | None:
        """Why nothing may be changed from this room; None if it may act."""
        return f"View only: {self._view_only}" if self._view_only else None

    @property
    def was_asked_to_view(self) -> bool:
        """Whether this room only views because it was opened with --view."""
        return self._view_only == OPENED_TO_VIEW

    def check(self) -> None:
        """Raise RequestRefused in a room that only views."""
        if self.refusal:
            raise RequestRefused(self.refusal)

    @property
    def data(self) -> DataDir:
        """The data directory."""
        return self._data

    async def send_command(
        self, command: str, target: str | None, service: str = "supervisor", arguments: Mapping[str, str] | None = None
    ) -> str:
        """Send a command to a service and return its answer's message. Raises RequestRefused."""
        from cq_tui.store.control import issue_command, wait_for_answer
        from cq_tui.store.reserve import describe_error

        self.check()
        try:
            request = issue_command(self._data, command, service, target=target, issued_by="room", arguments=arguments)
        except OSError as error:
            raise RequestRefused(f"cannot write the command: {describe_error(error)}") from None
        answer = await wait_for_answer(self._data, request)
        if answer.outcome != "done":
            raise RequestRefused(f"{answer.outcome}: {answer.message}")
        return answer.message

    def start_supervisor(self, data: DataDir, follow: bool) -> "ServiceProcess":
        """Start a supervisor's process, with ``follow`` after one that died. Raises RequestRefused or OSError."""
        from cq_tui.supervisor.start import spawn_supervisor

        self.check()
        return (self._start_supervisor or spawn_supervisor)(data, follow)

    async def stop_stack(self) -> None:
        """Stop every service, then the supervisor, as ``cq-tui down``. Raises RequestRefused or OSError."""
        from cq_tui.ops.down import DownError, stop_stack

        self.check()
        try:
            # In a thread: it looks at every process of the machine.
            await asyncio.to_thread(lambda: asyncio.run(stop_stack(self._data, issued_by="room")))
        except DownError as error:
            raise RequestRefused(str(error)) from None

    async def change_settings(self, changes: Mapping[str, Any]) -> "tuple[SettingChange, ...]":
        """Write settings, in a thread. Raises RequestRefused, SettingsError, DataDirError or ModeChangeRefused."""
        from cq_tui.ops.settings import set_settings

        self.check()
        return await asyncio.to_thread(set_settings, self._data, changes, "room")

    async def change_mode(self, mode: "Mode") -> "tuple[SettingChange, ...]":
        """Set all that a mode takes, in a thread. Raises the same."""
        from cq_tui.ops.mode import change_mode

        self.check()
        return await asyncio.to_thread(change_mode, self._data, mode, "room")

    async def change_trading(self, request: str, why: str | None = None) -> "StateChange":
        """Halt, reduce or resume trading for a reason, in a thread. Raises RequestRefused, StopFailed or OSError."""
        from cq_tui.ops.trading_state import resume, stop

        self.check()
        if request == "resume":
            return await asyncio.to_thread(resume, self._data, "room", why)
        return await asyncio.to_thread(stop, self._data, request, "room", why)

    async def send_signal(self, fields: "dict[str, Any]", tell: Callable[[str], object]) -> "SignalAnswer":
        """Send a signal and wait for what becomes of it. Raises RequestRefused or OSError."""
        from cq_tui.ops.signals import send_signal
        from cq_tui.store.journal import JournalError

        self.check()
        try:
            return await send_signal(self._data, fields, tell)
        except JournalError as error:
            raise RequestRefused(str(error)) from None

    async def close_positions(
        self, kind: str, symbol: str | None, tell: Callable[[str], object], why: str | None = None
    ) -> "ClosingAnswer":
        """Flatten (halting first, without a symbol) or close; ``tell`` hears what happens meanwhile.

        What goes on when the room is closed: the trader, or the process that sells in its place. Raises RequestRefused
        or OSError.
        """
        self.check()
        close = await asyncio.to_thread(_begin_to_close, self._data, kind, symbol, why)
        return await close(tell)

    async def write_bundle(self) -> Path:
        """Write a debug bundle, in a thread, and return its path. Raises OSError or SettingsError.

        A room that only views leaves the data directory as it is: it writes to the working directory.
        """
        folder = _folder_outside(self._data) if self.refusal else None
        return await asyncio.to_thread(_export_bundle, self._data, folder)

    async def start_drill(self, name: str) -> asyncio.subprocess.Process:
        """Start a process that runs a drill, or all, and ends with this room. Raises RequestRefused or OSError."""
        from cq_tui.supervisor.process import build_command_line, safe_environment

        self.check()
        return await asyncio.create_subprocess_exec(
            *build_command_line(self._data, "drill", name, "--json", "--with-parent"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env=safe_environment(),
        )

    async def start_reading(self, *words: str) -> asyncio.subprocess.Process:
        """Start a command that only reads and computes, behind all else that wants the processor. Raises OSError."""
        from cq_tui.supervisor.process import build_command_line, safe_environment

        nice = shutil.which("nice")
        return await asyncio.create_subprocess_exec(
            *([nice, "-n", "10"] if nice else []),
            *build_command_line(self._data, *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=safe_environment(),
        )

    def run_command(self, *words: str) -> int:
        """Run a command of cq-tui in this terminal and return its exit code. Raises RequestRefused or OSError.

        In a room that only views, those alone that read.
        """
        import subprocess

        from cq_tui.supervisor.process import build_command_line, safe_environment

        if words[0] not in _READING_COMMANDS:
            self.check()
        command = build_command_line(self._data, *words)
        return subprocess.run(command, check=False, env=safe_environment()).returncode

    async def keep_copy(self, content: bytes) -> None:
        """Replace ``run/copied.txt``, in a thread. Raises RequestRefused or OSError."""
        from cq_tui.store.checkpoints.config_folder import replace_file

        self.check()
        await asyncio.to_thread(replace_file, self._data.copied, content)


def _begin_to_close(
    data: DataDir, kind: str, symbol: str | None, why: str | None
) -> Callable[[Callable[[str], object]], Awaitable["ClosingAnswer"]]:
    """Halt first, without a symbol, and return what does the rest."""
    # Imported in the thread, so that no key press waits for it.
    from cq_tui.ops.close_positions import close_positions, halt_first
    from cq_tui.ops.direct_process import close_in_process

    if (kind, symbol) == ("flatten", None):
        # What fails is told by who sells, and opens nothing.
        halt_first(data, "room", why, lambda _: None)
    return lambda tell: close_positions(data, kind, symbol, "room", why, tell, close_in_process)


def _export_bundle(data: DataDir, folder: Path | None) -> Path:
    # Imported in the thread, so that no key press waits for it.
    from cq_tui.ops.bundle import export_bundle

    return export_bundle(data, folder=folder)


def _folder_outside(data: DataDir) -> Path:
    """Return the working directory, or the temporary one if that is in the data directory or cannot be written."""
    temporary = Path(tempfile.gettempdir())
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return temporary
    is_usable = not here.is_relative_to(data.root.resolve()) and os.access(here, os.W_OK | os.X_OK)
    return here if is_usable else temporary
