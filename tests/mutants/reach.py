"""Which test files call which functions, and which tests fail: a plugin of pytest that writes it to ``CQ_REACH``.

Functions are noted where ``CQ_REACH_CALLS`` is set: that takes time. Calls in threads that a test starts count too.
"""

import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

import pytest

#: By test file, relative to the tree: the functions as ``path:first line``, and the processor seconds of its tests.
_called: dict[str, set[str]] = defaultdict(set)
_seconds: dict[str, float] = defaultdict(float)
_failed: list[str] = []
_passed: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note what one test calls, with its fixtures."""
    if "CQ_REACH_CALLS" not in os.environ:
        return (yield)
    # By identity: a code's hash takes longer than the call.
    codes: dict[int, CodeType] = {}

    def note(frame: FrameType, _event: str, _argument: object) -> None:
        codes[id(frame.f_code)] = frame.f_code

    began = time.process_time()
    threading.settrace(note)
    sys.settrace(note)
    try:
        return (yield)
    finally:
        sys.settrace(None)
        threading.settrace(None)
        name = str(item.path.relative_to(item.config.rootpath))
        _seconds[name] += time.process_time() - began
        package = item.config.rootpath / "cq_tui"
        files = [(Path(code.co_filename), code.co_firstlineno) for code in codes.values()]
        _called[name] |= {
            f"{path.relative_to(item.config.rootpath)}:{line}" for path, line in files if path.is_relative_to(package)
        }


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note whether a test fails."""
    if report.failed:
        _failed.append(report.nodeid)
    elif report.when == "call":
        _passed.append(report.nodeid)


def pytest_sessionfinish() -> None:
    """Write it."""
    files = {name: [_seconds[name], sorted(functions)] for name, functions in _called.items()}
    Path(os.environ["CQ_REACH"]).write_text(json.dumps({"files": files, "failed": _failed, "passed": _passed}))
