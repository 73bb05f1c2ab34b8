"""Commands to a supervisor, and its events."""

from typing import Any

import orjson

from cq_tui.contracts.commands import CommandOutcome
from cq_tui.store.control import issue_command, wait_for_answer
from tests.supervisor.stage import Stage


def events(stage: Stage, event_type: str) -> list[dict[str, Any]]:
    spool = stage.data.spool / "supervisor.ndjson"
    lines = map(orjson.loads, spool.read_bytes().splitlines()) if spool.exists() else []
    return [line["data"] for line in lines if line["event_type"] == event_type]


async def send_command(stage: Stage, command: str, target: str | None = None) -> CommandOutcome:
    """Send a command through a file, as a viewer does."""
    return await wait_for_answer(
        stage.data, issue_command(stage.data, command, "supervisor", issued_by="room", target=target)
    )
