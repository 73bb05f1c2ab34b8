"""Waiting for what has to happen, with a limit: what never comes is a failed drill."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds within which something has to happen, on a machine that is busy with other work.
PATIENCE = 60.0


class DrillFailed(Exception):
    """Something did not happen, or should not have; the message says what."""


def check(condition: object, problem: str) -> None:
    """Raise DrillFailed unless the condition holds."""
    if not condition:
        raise DrillFailed(problem)


async def until(condition: Callable[[], T], what: str = "this", patience: float = PATIENCE) -> T:
    """Ask again and again until the condition holds; return what it returned. Raises DrillFailed."""
    end = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > end:
            raise DrillFailed(f"not so within {patience:.0f} s: {what}")
        # Asking the exchange costs it time.
        await asyncio.sleep(0.05)
    return found
