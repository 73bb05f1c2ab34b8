"""Imports without what a service never uses: optional parts of libraries, and the search for garbage."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def modules_left_out(*names: str) -> Iterator[None]:
    """Let imports find these modules missing, except those already imported; afterwards they can be imported."""
    left_out = [name for name in names if name not in sys.modules]
    for name in left_out:
        sys.modules[name] = None  # type: ignore[assignment]  # the import system takes None for "missing"
    try:
        yield
    finally:
        for name in left_out:
            del sys.modules[name]


def stop_ignoring_garbage() -> None:
    """Collect garbage again, but never look for it in what was imported until now."""
    gc.freeze()
    gc.enable()
