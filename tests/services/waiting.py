"""Waiting for a condition, with a limit: a test that would hang fails instead."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], T], seconds: float = 30.0) -> T:
    """Ask again and again until the condition holds; return what it returned."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not so within {seconds:.0f} s")
        await asyncio.sleep(0.01)
    return found
