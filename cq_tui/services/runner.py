"""Runs one service in the foreground, from its name to the exit code."""

import asyncio
import contextlib
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.garbage import resume_collection
from cq_tui.lean_import import modules_left_out
from cq_tui.store.journal import JournalError

if TYPE_CHECKING:
    from cq_tui.services.runtime import Service, ServiceRuntime

#: Module and class of each service, imported only when it runs: each loads its own libraries.
_SERVICE_CLASSES: dict[str, tuple[str, str]] = {
    "exchange": ("cq_tui.services.exchange", "ExchangeService"),
    "memory": ("cq_tui.services.memory.service", "MemoryService"),
    "feeder": ("cq_tui.services.feeder", "FeederService"),
    "ares": ("cq_tui.services.ares.service", "AresService"),
    "trader": ("cq_tui.services.trader", "TraderService"),
}
assert tuple(_SERVICE_CLASSES) == SERVICES


#: httpx and structlog load rich to print in color, uvicorn loads its watcher to reload code: longer than all the rest.
_UNUSED = ("rich", "httpx._main", "uvicorn.supervisors.watchfilesreload")


def load_service(name: str) -> type["Service"]:
    """Return the class of a service."""
    module, attribute = _SERVICE_CLASSES[name]
    with modules_left_out(*_UNUSED):
        found: type[Service] = getattr(importlib.import_module(module), attribute)
    resume_collection()
    return found


def run_service(name: str, data: DataDir) -> int:
    """Run one service until it ends; return the exit code.

    Raises LockHeld, DataDirError and SettingsError before it starts. A later error is logged with its traceback,
    becomes an event, and ends the process with code 1.
    """
    kind = load_service(name)
    return asyncio.run(_run(kind, name, data))


async def _run(kind: type["Service"], name: str, data: DataDir) -> int:
    from cq_tui.services.runtime import ServiceRuntime

    return 0 if await serve_to_end(ServiceRuntime(name, data), kind) is None else 1


async def serve_to_end(runtime: "ServiceRuntime", kind: Callable[["ServiceRuntime"], "Service"]) -> Exception | None:
    """Make a service and run it until it ends; return the error that it failed with, which is logged and recorded.

    Raises JournalError and OSError if it cannot even be made.
    """
    from cq_tui.services.runtime import serve, stopped_event

    error: Exception | None = None
    service: Service | None = None
    try:
        service = kind(runtime)
        await serve(runtime, service)
    except Exception as broken:  # the outermost handler: whatever it was, it leaves evidence
        if service is None and isinstance(broken, (JournalError, OSError)):
            # It has not started: the caller reports it in one line.
            runtime.log.error("cannot start", problem=str(broken))
            runtime.close()
            raise
        error = broken
        runtime.log.error("crashed", exc_info=broken)
    with contextlib.suppress(JournalError):
        # A broken spool may have ended it; the log already says so.
        runtime.emit("service_stopped", stopped_event(runtime, error))
    runtime.log.info("stopped", clean=error is None)
    runtime.close()
    return error
