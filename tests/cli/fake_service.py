"""A fake service, for commands that wait for an answer."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.layout import DataDir
from cq_tui.store.control import CommandInbox
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.lock import ProcessLock


@contextmanager
def service_that_answers(
    data: DataDir, name: str, answer: Callable[[Command], tuple[Any, ...]]
) -> Iterator[list[Command]]:
    """Hold a service's lock and answer the commands for it; yield those that came."""
    prepare_data_directory(data)
    lock = ProcessLock(data.lock_of(name), name)
    lock.acquire()
    asked: list[Command] = []
    ended = threading.Event()

    async def serve() -> None:
        inbox = CommandInbox(data, name)
        while not ended.is_set():
            for command in inbox.claim():
                asked.append(command)
                inbox.answer(command, *answer(command))
            await asyncio.sleep(0.005)

    service = threading.Thread(target=lambda: asyncio.run(serve()))
    service.start()
    try:
        yield asked
    finally:
        ended.set()
        service.join()
        lock.release()


@contextmanager
def memory_that_signs(data: DataDir, sign_now: Callable[[], None]) -> Iterator[list[str]]:
    """Sign when memory is asked to; yield the names of the commands that came."""
    asked: list[str] = []

    def sign(command: Command) -> tuple[Outcome, str]:
        asked.append(command.command)
        sign_now()
        return "done", ""

    with service_that_answers(data, "memory", sign):
        yield asked
