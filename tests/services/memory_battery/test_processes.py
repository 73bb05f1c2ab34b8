"""Some mutations again with the real process, and the commands that people use."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from cq_tui.cli import app
from tests.services.memory_battery.edits import edit_events, edit_line, put_aside
from tests.services.memory_battery.forgery import forge
from tests.services.memory_battery.of_whole import another, grown_apart, put_back
from tests.services.memory_battery.site import Site, built_site
from tests.services.memory_process import ready
from tests.services.processes import running
from tests.services.waiting import until

pytestmark = pytest.mark.stack

CHANGES: dict[str, tuple[Callable[[Site], Any], int, str]] = {
    "nothing": (lambda site: None, 0, "intact"),
    "an event": (lambda site: edit_events(site.data, edit_line(0.5, another)), 2, "DAMAGED"),
    "put back": (put_back(2, "data"), 1, "INCOMPLETE by 20"),
    "grown apart": (grown_apart(0.5), 2, "CONTRADICTS its checkpoints"),
    "rewritten": (lambda site: forge(site.data, edit_line(0.3, another)), 2, "CONTRADICTS its checkpoints"),
    "the log": (lambda site: put_aside(site.data.checkpoints), 2, "checkpoints.log"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with built_site(tmp_path_factory.mktemp("processes"), 60) as site:
        yield site


def said(site: Site, *words: str) -> tuple[int, dict[str, Any]]:
    """Run a command with ``--json``, and return its exit code and what it printed."""
    result = CliRunner().invoke(app, ["--data-dir", str(site.data.root), *words, "--json"], catch_exceptions=False)
    return result.exit_code, orjson.loads(result.stdout)


@pytest.mark.parametrize("name", CHANGES)
async def test_commands_and_the_real_process_say_the_same(built: Site, name: str) -> None:
    built.restore()
    change, code, word = CHANGES[name]
    change(built)
    before, report = said(built, "verify", "--workers", "1")
    assert before == code
    assert word in report["integrity"]["word"] + report["completeness"]["word"]
    kept = built.copy.read_bytes()
    async with running("memory", built.data, CQ_CONFIG_DIR=str(built.config)) as memory:
        await ready(memory)
        await until(lambda: memory.health.get("full_check_progress") is None and memory.health.get("last_full_check"))
        _, status = said(built, "status")
        assert word in status["history"]["integrity"]["word"] + status["history"]["completeness"]["word"]
        live, report = said(built, "verify", "--workers", "1")
        assert live == code
        assert report["integrity"]["word"] == status["history"]["integrity"]["word"]
        assert await memory.stop() == 0
    _, status = said(built, "status")
    _, report = said(built, "verify", "--workers", "1")
    assert report["integrity"]["word"] == status["history"]["integrity"]["word"]
    assert status["history"]["age"]["word"].startswith("last reported")
    assert code == 0 or built.copy.read_bytes() == kept
