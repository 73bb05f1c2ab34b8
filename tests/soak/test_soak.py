"""A short soak. `make soak` is the long one."""

import os
from pathlib import Path

import pytest

from tests.soak.soak import Soak

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.stack,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not os.environ.get("CQ_HEAVY_TESTS"), reason="takes minutes: CQ_HEAVY_TESTS=1"),
]


def test_a_minute_of_random_hands_and_kills(tmp_path: Path) -> None:
    findings = Soak(tmp_path, 1, print).run(60)
    print(findings.text)
    assert findings.problems == []
