"""Tests and the processes they start have a configuration folder of their own, never the user's."""

import gc
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings


def _folder_in_memory() -> str | None:
    """Return /dev/shm where it has room: tests write thousands of files, and each would wait for the disk."""
    if "TMPDIR" in os.environ or sys.platform != "linux" or not os.access("/dev/shm", os.W_OK | os.X_OK):
        return None
    system = os.statvfs("/dev/shm")
    has_room = system.f_bavail * system.f_frsize >= 1024**3
    return "/dev/shm" if has_room and not system.f_flag & os.ST_NOEXEC else None


# Set before any test module is imported and any temporary folder is made.
if memory := _folder_in_memory():
    os.environ["TMPDIR"] = tempfile.tempdir = memory
# With xdist each worker has its own.
_folder = tempfile.TemporaryDirectory(prefix="cq-tui-config-")
os.environ["CQ_CONFIG_DIR"] = _folder.name

# A shell has its background commands ignore Ctrl-C, and every process they start inherits that: tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: What services and supervisors ignore, and a test that is one of them.
_IGNORED = (signal.SIGHUP, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN)

# On a busy machine an example may take any time, and is no less right for it.
# Examples are other ones in each run; make torture tries ten times as many.
settings.register_profile(
    "unhurried",
    deadline=None,
    max_examples=400 if "CQ_HEAVY_TESTS" in os.environ else 40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unhurried")

# Collecting makes a million objects that all stay: looking for garbage among them is a tenth of its time.
gc.disable()

#: Recorded prices of which the project holds no copy.
SHARED = Path(__file__).resolve().parents[1] / "../shared"

#: When --budget is spent, in seconds since the epoch: the workers of xdist inherit it.
_DEADLINE = "CQ_TESTS_DEADLINE"
_NO_TIME = "no time left"


@pytest.fixture(autouse=True)
def _handlers_of_signals_are_kept() -> Iterator[None]:
    before = [signal.getsignal(number) for number in _IGNORED]
    yield
    for number, handler in zip(_IGNORED, before, strict=True):
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--budget", type=float, help="Seconds after which no test starts; what is named first runs first.")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--budget") is not None and not hasattr(config, "workerinput"):
        os.environ[_DEADLINE] = str(time.time() + config.getoption("--budget"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with whole stacks, half of them in each of two workers: they mostly wait, and the others use the processor.

    The longest come first, so that none is left for the end: what may take longer than other tests says so.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    stacks = sorted((item for item in items if item.get_closest_marker("stack")), key=_seconds_allowed, reverse=True)
    others = [item for item in items if not item.get_closest_marker("stack")]
    streams = 1 if workers == 1 else 2
    # --dist worksteal gives each worker as many tests in a row, and those at the end to others that have none left.
    head = others[: max(0, len(items) // workers - len(stacks[::streams]))]
    items[:] = [*stacks[::streams], *head, *(stacks[1::2] if streams == 2 else ()), *others[len(head) :]]
    if config.getoption("--budget") is not None:
        named = [config.rootpath / each for each in config.args]
        items.sort(key=lambda item: [not item.path.is_relative_to(each) for each in named])


def _seconds_allowed(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return 0.0 if marker is None else float(marker.args[0])


def pytest_collection_finish() -> None:
    """Keep the tests out of later looks for garbage."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.config.getoption("--budget") is not None and time.time() > float(os.environ[_DEADLINE]):
        pytest.skip(_NO_TIME)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = sum(_NO_TIME in str(report.longrepr) for report in terminalreporter.getreports("skipped"))
    if skipped:
        terminalreporter.write_line(f"{skipped} tests did not start within --budget: make test runs them all")


def pytest_unconfigure(config: pytest.Config) -> None:
    _folder.cleanup()


@pytest.fixture
def shared() -> Path:
    """Return the folder of recorded prices beside the project."""
    if not SHARED.is_dir():
        pytest.skip(f"no recorded data at {SHARED.resolve()}")
    return SHARED
