"""Imports without the optional parts of libraries that we never use."""

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
