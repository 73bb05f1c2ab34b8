"""Services that tests start: none stays behind when the tests are ended from outside."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.services import waiting

_TESTS = """
import os, sys, time
from tests.services.zygote import Request, Zygote

zygote = Zygote(dict(os.environ))
print(zygote.start(Request("memory", sys.argv[1], {}, sys.argv[1] + "/code")), flush=True)
time.sleep(600)
"""


@pytest.mark.stack
@pytest.mark.skipif(sys.platform != "linux", reason="no other system ends children with their parent")
async def test_they_end_with_tests_that_are_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _TESTS, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as tests:
        assert tests.stdout is not None
        service = psutil.Process(int(tests.stdout.readline()))
        await waiting.until(lambda: (tmp_path / "health" / "memory.json").exists())
        tests.kill()
    await waiting.until(lambda: not service.is_running() or service.status() == psutil.STATUS_ZOMBIE)
    assert not os.path.exists(tmp_path / "code"), "it did not end by itself"
