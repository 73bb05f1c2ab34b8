"""A fake memory service, for commands that need one to sign."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cq_tui.contracts.layout import DataDir
from cq_tui.store.control import CommandInbox
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.lock import ProcessLock


@contextmanager
def memory_that_signs(data: DataDir, sign_now: Callable[[], None]) -> Iterator[list[str]]:
    """Hold memory's lock and sign when asked to; yield the commands that came."""
    prepare_data_directory(data)
    lock = ProcessLock(data.lock_of("memory"), "memory")
    lock.acquire()
    asked: list[str] = []
    ended = threading.Event()

    async def serve() -> None:
        inbox = CommandInbox(data, "memory")
        while not ended.is_set():
            for command in inbox.claim():
                asked.append(command.command)
                sign_now()
                inbox.answer(command, "done")
            await asyncio.sleep(0.005)

    service = threading.Thread(target=lambda: asyncio.run(serve()))
    service.start()
    try:
        yield asked
    finally:
        ended.set()
        service.join()
        lock.release()
