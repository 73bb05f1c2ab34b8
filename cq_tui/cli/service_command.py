"""Sending a command to a running service."""

from typing import Any

import typer

from cq_tui.cli.errors import fail, report_errors
from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir


def require_services(data: DataDir) -> None:
    """End with an error if no service has ever run there, or the files are of another version."""
    from cq_tui.store.data_directory import require_usable_version

    with report_errors():
        require_usable_version(data)
    if not data.control.is_dir():
        fail(f"{data.root} has no services yet. Start them with `cq-tui up`", ExitCode.UNUSABLE)


def send_command(
    data: DataDir, command: str, service: str, target: str | None = None, arguments: dict[str, Any] | None = None
) -> None:
    """Send a command to a running service and print its answer. Exits if there is none, or a refusal."""
    import asyncio

    from cq_tui.store.control import issue_command, wait_for_answer

    require_services(data)
    with report_errors():
        issued = issue_command(data, command, service, issued_by="cli", target=target, arguments=arguments)
        answer = asyncio.run(wait_for_answer(data, issued))
    if answer.outcome != "done":
        fail(f"{answer.outcome}: {answer.message}", ExitCode.FAILED)
    typer.echo(answer.message or "done")
