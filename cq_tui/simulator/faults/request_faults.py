"""Request faults of both APIs: decides which responses are sent, how often and when."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from cq_tui.simulator.access.rate_limits import RateLimits
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.faults.fault_spec import FaultSpec

T = TypeVar("T")
_BAN_SECONDS = 120


async def responses_with_faults(
    faults: list[FaultSpec],
    answer: Callable[[], T],
    refuse: Callable[[RequestRejected], T],
    limits: RateLimits,
    clock: Callable[[], int],
) -> list[T]:
    """Return the responses to send: none if dropped, the same one twice if duplicated."""
    for fault in faults:
        if fault.action == "ban":
            limits.ban(int((fault.seconds or _BAN_SECONDS) * 1_000), clock())
        elif fault.before:
            if fault.action == "drop":
                return []
            if fault.action == "error":
                return [refuse(_error(fault))]
            await _pause(fault)
    response, copies = answer(), 1
    for fault in faults:
        if fault.before:
            continue
        await _pause(fault)
        if fault.action == "drop":
            return []
        if fault.action == "error":
            response = refuse(_error(fault))
        elif fault.action == "duplicate":
            copies = 2
    return [response] * copies


async def _pause(fault: FaultSpec) -> None:
    if fault.action == "delay":
        await asyncio.sleep(fault.delay_ms / 1_000)


def _error(fault: FaultSpec) -> RequestRejected:
    return RequestRejected(fault.code, fault.error_message, fault.error_status, fault.retry_after)
