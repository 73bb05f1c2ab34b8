"""The whole stack on data directories of versions 1.0 to 1.2: it runs, and nothing of theirs is taken for its own."""

from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from cq_tui.ops.migrate.run import migrate
from cq_tui.ops.verify import verify_history
from cq_tui.store.document import read_json, write_document
from tests.ops.migrate.earlier_versions import earlier
from tests.ops.validate.folders import rules_of, validated
from tests.services.processes import running
from tests.services.waiting import until

_SERVICES = ("exchange", "memory", "feeder", "ares", "trader")


@pytest.mark.parametrize("version", ["1.0", "1.2"])
async def test_the_stack_runs_on_it_with_books_of_its_own(
    tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    data = earlier(tmp_path / "data", version)
    lines = data.events.read_bytes()
    # What is traded of its own has other symbols than the old events.
    data.settings.parent.mkdir(mode=0o700)
    write_document(data.settings, {"SYMBOLS": ["BNBUSDT"]})
    migrate(data)
    async with AsyncExitStack() as stack:
        services = {name: await stack.enter_async_context(running(name, data)) for name in _SERVICES}
        await until(lambda: services["trader"].health.get("ready"), 60)
        await until(lambda: services["memory"].health.get("anchored_count", 0) > lines.count(b"\n"), 60)
        assert services["memory"].health["integrity_ok"] is True
        for name in reversed(_SERVICES):
            assert await services[name].stop() == 0
    assert set(read_json(data.account)["positions"]) <= {"BNBUSDT"}
    content = data.events.read_bytes()
    assert content.startswith(lines), "no line was rewritten"
    new = [orjson.loads(line) for line in content[len(lines) :].splitlines()]
    assert not [event for event in new if event["data"].get("symbol") in ("BTCUSDT", "ETHUSDT")]
    assert "doubt_raised" not in {event["event_type"] for event in new}
    assert verify_history(data).exit_code == 0
    assert rules_of(validated(data.root)).keys().isdisjoint(("memory/event_chain.ndjson", "memory/hash_chain.json"))
