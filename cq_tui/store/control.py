"""Commands: one document each in ``control/``, claimed by rename, answered in ``control/done/``."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cq_tui.contracts.commands import (
    COMMAND_EXPIRY,
    REDUCING_COMMANDS,
    Command,
    CommandOutcome,
    Outcome,
    SymbolClosing,
)
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, parse_document, read_document, read_with_owner, write_document
from cq_tui.store.lock import read_holder
from cq_tui.store.owner import foreign_owner, user_name
from cq_tui.store.person import person_here
from cq_tui.store.regular_file import open_regular
from cq_tui.store.reserve import Reserve

#: Answers older than this (seconds) are deleted; the history keeps them forever.
_ANSWER_KEPT = 24 * 3600.0


def issue_command(
    data: DataDir,
    command: str,
    service: str,
    *,
    issued_by: str,
    target: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    expiry: float = COMMAND_EXPIRY,
) -> Command:
    """Write a command for a service and return it. Raises OSError if the directory is not writable."""
    request = make_command(command, service, issued_by=issued_by, target=target, arguments=arguments, expiry=expiry)
    # What root issues in another user's directory must be readable for that user's processes.
    is_root_elsewhere = os.geteuid() == 0 != data.control.stat().st_uid
    path, mode = data.control / f"{request.command_id}.json", 0o644 if is_root_elsewhere else 0o600
    Reserve(data).spend(lambda: write_document(path, request, mode=mode), protects=command in REDUCING_COMMANDS)
    return request


def make_command(
    command: str,
    service: str,
    *,
    issued_by: str,
    target: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    expiry: float = COMMAND_EXPIRY,
) -> Command:
    """Return a command of the person here, with an id of its own."""
    now = time.time()
    return Command(
        command_id=f"{int(now * 1000)}-{secrets.token_hex(4)}",
        command=command,
        service=service,
        target=target,
        arguments=dict(arguments or {}),
        issued_by=issued_by,
        person=person_here(),
        issued_ts=now,
        expires_ts=now + expiry,
    )


class CommandInbox:
    """The commands for one service. Each is claimed before it runs, so it runs at most once."""

    def __init__(
        self, data: DataDir, service: str, record: Callable[[Command, Outcome, str], object] = lambda *_: None
    ) -> None:
        """``record`` is called for each command that is refused because of its owner."""
        self._data = data
        self._service = service
        self._record = record

    def answer_interrupted(self) -> Iterator[Command]:
        """Answer the commands that an earlier process of this service claimed and never finished."""
        for path in sorted(self._data.control.glob(f"*.{self._service}.claimed")):
            try:
                command, _ = _read_command(path)
            except DocumentError:
                _quarantine(self._data, path)
                continue
            self.answer(command, "interrupted", "the service stopped while running it")
            yield command

    def claim(self, now: float | None = None) -> Iterator[Command]:
        """Claim every pending command for this service; expired and refused ones are answered and not yielded.

        A command of another owner is refused unless it only stops or reduces. A file that is not a command is moved
        to quarantine, after the commands, so that it is reported once. Raises OSError.
        """
        moment = time.time() if now is None else now
        rubbish: list[Path] = []
        for path in sorted(self._data.control.glob("*.json")):
            try:
                command, owner = _read_command(path)
            except DocumentError:
                rubbish.append(path)
                continue
            if command.service != self._service or path.stem != command.command_id:
                continue
            try:
                os.rename(path, self._claimed(command))
            except FileNotFoundError:
                continue
            if (self._data.control_done / path.name).exists():
                # Already answered: this is a copy, or its claim could not be deleted then.
                self._claimed(command).unlink(missing_ok=True)
            elif moment > command.expires_ts:
                self.answer(command, "expired", "it expired before the service claimed it")
            elif not command.only_reduces and (foreign := foreign_owner(owner, self._data.control)):
                why = f"its file belongs to {foreign}: only {user_name(os.geteuid())} and root may give this command"
                self.answer(command, "refused", why)
                self._record(command, "refused", why)
            else:
                yield command
        # Only one process quarantines bad files, so that there is no race for them.
        for path in rubbish if self._service == "supervisor" else ():
            _quarantine(self._data, path)

    def answer(
        self, command: Command, outcome: Outcome, message: str = "", closings: list[SymbolClosing] | None = None
    ) -> None:
        """Write the outcome and delete the claim."""
        done = _make_outcome(command, outcome, message).model_copy(update={"closings": closings})
        Reserve(self._data).spend(lambda: write_document(self._data.control_done / f"{command.command_id}.json", done))
        self._claimed(command).unlink(missing_ok=True)

    def _claimed(self, command: Command) -> Path:
        return self._data.control / f"{command.command_id}.{self._service}.claimed"


def _read_command(path: Path) -> tuple[Command, int]:
    """Return a command and the user id that owns its file, both of the opened file. Raises DocumentError."""
    content, owner = read_with_owner(path, opener=open_regular)
    return parse_document(path, content, Command), owner


def withdraw_commands(data: DataDir, command: str, service: str, target: str | None) -> None:
    """Withdraw what was asked of a service and not claimed yet. Raises OSError."""
    for path in data.control.glob("*.json"):
        try:
            asked, _ = _read_command(path)
        except DocumentError:
            continue
        if (asked.command, asked.service, asked.target) == (command, service, target):
            path.unlink(missing_ok=True)


def sweep_commands(data: DataDir, now: float) -> None:
    """Answer commands that nobody claimed in time and delete old answers. Called by the supervisor."""
    for path in data.control.glob("*.json"):
        try:
            command, _ = _read_command(path)
        except DocumentError:
            continue
        if now > command.expires_ts + 1.0:
            done = _make_outcome(command, "expired", f"{command.service} did not claim it in time")
            write_document(data.control_done / path.name, done)
            path.unlink(missing_ok=True)
    for path in data.control_done.glob("*.json"):
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime > _ANSWER_KEPT:
                path.unlink()


def _quarantine(data: DataDir, path: Path) -> None:
    """Move a file that is not a command to quarantine, under a unique name."""
    with contextlib.suppress(FileNotFoundError):
        path.rename(data.quarantine / f"{path.name}.{time.time_ns()}")


async def wait_for_answer(
    data: DataDir, command: Command, poll: float = 0.05, patience: float = 60.0
) -> CommandOutcome:
    """Wait until a command is answered; withdraw it if nobody claims it before it expires.

    After that, the wait also ends when the process that claimed it has ended, or after ``patience`` seconds.
    """
    answer = data.control_done / f"{command.command_id}.json"
    waiting = data.control / f"{command.command_id}.json"
    while True:
        try:
            return read_document(answer, CommandOutcome)
        except DocumentError:
            pass
        now = time.time()
        if now > command.expires_ts:
            # Unlinking and claiming (a rename) exclude each other: only one of them can succeed.
            with contextlib.suppress(FileNotFoundError):
                waiting.unlink()
                return _make_outcome(command, "expired", f"{command.service} did not answer; is it running?")
            if read_holder(data.lock_of(command.service)) is None and not answer.exists():
                return _make_outcome(command, "interrupted", f"{command.service} stopped while running it")
            if now > command.expires_ts + patience:
                return _make_outcome(command, "failed", f"{command.service} claimed it but has not answered")
        await asyncio.sleep(poll)


def _make_outcome(command: Command, outcome: Outcome, message: str) -> CommandOutcome:
    return CommandOutcome(**command.model_dump(), outcome=outcome, message=message, finished_ts=time.time())
