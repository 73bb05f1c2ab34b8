"""Tests and the processes they start have a configuration folder of their own, never the user's."""

import os
import signal
import tempfile

import pytest
from hypothesis import HealthCheck, settings

# Set before any test module is imported; with xdist each worker has its own.
_folder = tempfile.TemporaryDirectory(prefix="cq-tui-config-")
os.environ["CQ_CONFIG_DIR"] = _folder.name

# A shell has its background commands ignore Ctrl-C, and every process they start inherits that: tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# On a busy machine an example may take any time, and is no less right for it.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole stacks: they mostly wait, and other workers take over what stands behind them."""
    items.sort(key=lambda item: item.get_closest_marker("stack") is None)


def pytest_unconfigure(config: pytest.Config) -> None:
    _folder.cleanup()
