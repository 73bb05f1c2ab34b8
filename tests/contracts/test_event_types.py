"""The contract names no event that nobody emits."""

from pathlib import Path

import pytest

import cq_tui
from cq_tui.contracts.events import PAYLOADS

_PRODUCERS = ("services", "supervisor", "ops", "room", "store", "trading")


@pytest.fixture(scope="module")
def code() -> str:
    root = Path(cq_tui.__file__).parent
    files = [path for folder in _PRODUCERS for path in (root / folder).rglob("*.py")]
    return "".join(path.read_text() for path in files if path.name != "event_summary.py")


@pytest.mark.parametrize("event_type", sorted(PAYLOADS))
def test_every_type_has_a_producer(code: str, event_type: str) -> None:
    assert f'"{event_type}"' in code
