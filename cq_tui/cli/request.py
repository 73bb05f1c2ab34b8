"""Asking a running service for something."""

from typing import Any

import typer

from cq_tui.cli.ending import Exit, errors_told, fail
from cq_tui.contracts.layout import DataDir


def request(
    data: DataDir, command: str, service: str, target: str | None = None, arguments: dict[str, Any] | None = None
) -> None:
    """Ask a running service for something and print its answer; a refusal ends the command."""
    import asyncio

    from cq_tui.store.control import issue, wait_for_answer

    with errors_told():
        asked = issue(data, command, service, issued_by="cli", target=target, arguments=arguments)
        answer = asyncio.run(wait_for_answer(data, asked))
    if answer.outcome != "done":
        fail(f"{answer.outcome}: {answer.message}", Exit.FAILED)
    typer.echo(answer.message or "done")
